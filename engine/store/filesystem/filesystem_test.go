package filesystem

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func linkedService(host string) string {
	b, _ := json.Marshal(map[string]string{"host": host})
	return string(b)
}

func TestFiles(t *testing.T) {
	storetest.RunFiles(t, storetest.FileStore{Definition: Definition(), LinkedService: linkedService(t.TempDir())})
}

func TestFilesWithRule(t *testing.T) {
	storetest.RunFiles(t, storetest.FileStore{Definition: withRule(Definition()), LinkedService: linkedService(t.TempDir())})
}

// withRule opens with a rule that allows everything, which takes the ways that follow links.
func withRule(d store.Definition) store.Definition {
	plain := d.Files.Open
	files := *d.Files
	files.Open = func(ls *props.Object) store.OpenFiles {
		opener := plain(ls)
		return func(ctx context.Context, env store.Env) (store.Files, error) {
			env.Allow = func(string, bool) error { return nil }
			return opener(ctx, env)
		}
	}
	d.Files = &files
	return d
}

// rule allows only what lies below its folders, and remembers what was asked.
type rule struct {
	folders []string
	asked   []string
}

func (r *rule) allow(p string, write bool) error {
	r.asked = append(r.asked, map[bool]string{true: "w ", false: "r "}[write]+p)
	for _, f := range r.folders {
		if p == f || strings.HasPrefix(p, f+string(filepath.Separator)) {
			return nil
		}
	}
	return fault.New(fault.FolderNotAllowed, "the folder is not allowed").At(p)
}

func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func opened(t *testing.T, root string, env store.Env) *files {
	t.Helper()
	f, err := open(root, env)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, f *files, p, content string) error {
	t.Helper()
	w, err := f.Create(t.Context(), p, store.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(content)); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Commit(t.Context())
}

func make1(t *testing.T, at, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, f *files, folder string) ([]string, error) {
	t.Helper()
	var paths []string
	err := f.List(t.Context(), folder, true, func(v store.File) error { paths = append(paths, v.Path); return nil })
	return paths, err
}

func TestLinkedServicesThatAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`{}`:                            "$.host",
		`{"host":"/srv","userid":"me"}`: "$.userid",
		`{"host":"/srv","strange":1}`:   "$.strange",
		`{"host":"/srv","password":{"type":"AzureKeyVaultSecret"}}`: "$.password.type",
	}
	for text, want := range cases {
		ls, err := props.Parse([]byte(text), "$")
		if err != nil {
			t.Fatal(err)
		}
		Definition().Files.Open(ls)
		if list := props.Problems(ls.Err()); len(list) == 0 || list[0].Target != want {
			t.Errorf("%s gives %v", text, ls.Err())
		}
	}
}

// A factory on another system reads the linked service too, so only opening it tells.
func TestAPathOfWindowsIsRefusedElsewhereWhenItIsOpened(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("it is none of another system there")
	}
	for _, host := range []string{`D:\data`, `\\server\share`} {
		ls, err := props.Parse([]byte(linkedService(host)), "$")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Definition().Files.Open(ls)(t.Context(), store.Env{}); fault.Code(err) != fault.BadInput || ls.Err() != nil {
			t.Errorf("%s: %v, %v", host, err, ls.Err())
		}
	}
}

func TestRootThatIsNoFolder(t *testing.T) {
	t.Parallel()
	dir := realDir(t)
	make1(t, filepath.Join(dir, "file"), "x")
	if _, err := open(filepath.Join(dir, "missing"), store.Env{}); fault.Code(err) != fault.NotFound || fault.As(err).Hint == "" {
		t.Errorf("got %v", err)
	}
	if _, err := open(filepath.Join(dir, "file"), store.Env{}); fault.Code(err) != fault.BadInput {
		t.Errorf("got %v", err)
	}
}

func TestPathsThatLeaveTheRoot(t *testing.T) {
	t.Parallel()
	dir := realDir(t)
	make1(t, filepath.Join(dir, "secret"), "x")
	root := filepath.Join(dir, "root")
	make1(t, filepath.Join(root, "in"), "x")
	for _, env := range []store.Env{{}, {Allow: func(string, bool) error { return nil }}} {
		f := opened(t, root, env)
		for _, p := range []string{"../secret", "a/../../secret", "..", "/etc/passwd", filepath.ToSlash(dir) + "/secret", "a/./b", "a//b", "a/", "nul\x00byte"} {
			if _, err := f.Stat(t.Context(), p); fault.Code(err) != fault.BadInput {
				t.Errorf("stat %q: %v", p, err)
			}
			if _, err := f.Open(t.Context(), store.File{Path: p}, 0, -1); fault.Code(err) != fault.BadInput {
				t.Errorf("open %q: %v", p, err)
			}
			if err := put(t, f, p, "x"); fault.Code(err) != fault.BadInput {
				t.Errorf("create %q: %v", p, err)
			}
			if err := f.Remove(t.Context(), p); fault.Code(err) != fault.BadInput {
				t.Errorf("remove %q: %v", p, err)
			}
			if _, err := list(t, f, p); fault.Code(err) != fault.BadInput {
				t.Errorf("list %q: %v", p, err)
			}
		}
	}
}

func TestEveryPathIsAskedFor(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	make1(t, filepath.Join(root, "in", "a.txt"), "x")
	r := &rule{folders: []string{root}}
	f := opened(t, root, store.Env{Allow: r.allow})
	ask := func(what string, do func() error, want ...string) {
		t.Helper()
		r.asked = nil
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for i := range want {
			want[i] = want[i][:2] + filepath.Join(root, filepath.FromSlash(want[i][2:]))
		}
		if !reflect.DeepEqual(r.asked, want) {
			t.Errorf("%s asked %q, want %q", what, r.asked, want)
		}
	}
	ask("stat", func() error { _, err := f.Stat(t.Context(), "in/a.txt"); return err }, "r in/a.txt")
	ask("list", func() error { _, err := list(t, f, ""); return err }, "r .", "r in", "r in/a.txt")
	ask("create", func() error { return put(t, f, "out/new/b.txt", "x") }, "w out/new/b.txt")
	ask("remove", func() error { return f.Remove(t.Context(), "out/new/b.txt") }, "w out/new", "w out/new/b.txt")
	ask("open", func() error {
		rc, err := f.Open(t.Context(), store.File{Path: "in/a.txt"}, 0, -1)
		if err == nil {
			err = rc.Close()
		}
		return err
	}, "r in/a.txt")
}

func TestRuleHoldsBelowTheRoot(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	make1(t, filepath.Join(root, "allowed", "a"), "x")
	make1(t, filepath.Join(root, "other", "b"), "x")
	f := opened(t, root, store.Env{Allow: (&rule{folders: []string{filepath.Join(root, "allowed")}}).allow})
	if _, err := f.Stat(t.Context(), "allowed/a"); err != nil {
		t.Error(err)
	}
	if got, err := list(t, f, "allowed"); err != nil || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
	for what, err := range map[string]error{
		"stat": func() error { _, err := f.Stat(t.Context(), "other/b"); return err }(), "create": put(t, f, "other/c", "x"),
		"remove": f.Remove(t.Context(), "other/b"), "list": func() error { _, err := list(t, f, ""); return err }(), "create beside": put(t, f, "allowed2/c", "x"),
	} {
		if fault.Code(err) != fault.FolderNotAllowed {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, p := range []string{"other/c", "allowed2"} {
		if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(p))); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was made", p)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "other", "b")); err != nil {
		t.Error("the file of another folder is gone")
	}
}

func symlink(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Skipf("no links here: %v", err)
	}
}

func TestLinksOutOfTheAllowedFolder(t *testing.T) {
	t.Parallel()
	dir := realDir(t)
	root, outside := filepath.Join(dir, "root"), filepath.Join(dir, "outside")
	make1(t, filepath.Join(outside, "secret"), "x")
	make1(t, filepath.Join(root, "a"), "x")
	symlink(t, outside, filepath.Join(root, "folder"))
	symlink(t, filepath.Join(outside, "secret"), filepath.Join(root, "file"))
	symlink(t, filepath.Join(outside, "new"), filepath.Join(root, "dangling"))
	var log bytes.Buffer
	f := opened(t, root, store.Env{Allow: (&rule{folders: []string{root}}).allow, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for what, err := range map[string]error{
		"stat": func() error { _, err := f.Stat(t.Context(), "file"); return err }(), "stat below": func() error { _, err := f.Stat(t.Context(), "folder/secret"); return err }(),
		"open":   func() error { _, err := f.Open(t.Context(), store.File{Path: "file"}, 0, -1); return err }(),
		"create": put(t, f, "folder/new", "x"), "create through a link": put(t, f, "file", "overwritten"),
		"list below": func() error { _, err := list(t, f, "folder"); return err }(), "remove below": f.Remove(t.Context(), "folder/secret"),
	} {
		if fault.Code(err) != fault.FolderNotAllowed {
			t.Errorf("%s: %v", what, err)
		}
	}
	// They do not disturb what else the folder holds.
	if err := put(t, f, "b", "x"); err != nil {
		t.Error(err)
	}
	if got, err := list(t, f, ""); err != nil || !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("listed are %q, %v", got, err)
	}
	if !strings.Contains(log.String(), "links=2 first=file") {
		t.Errorf("the log says %q", log.String())
	}
	if err := put(t, f, "dangling", "x"); err == nil {
		t.Error("a file was written through a link to nowhere")
	}
	if content, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(content) != "x" {
		t.Errorf("the file outside is %q, %v", content, err)
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 1 {
		t.Errorf("outside has %d files", len(entries))
	}
	// A link is removed itself: that changes nothing outside.
	if err := f.Remove(t.Context(), "file"); err != nil {
		t.Error(err)
	}
}

func TestLinksAreFollowedOnce(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	make1(t, filepath.Join(root, "a", "file"), "x")
	symlink(t, root, filepath.Join(root, "a", "up"))
	symlink(t, filepath.Join(root, "a", "file"), filepath.Join(root, "same"))
	symlink(t, filepath.Join(root, "nothing"), filepath.Join(root, "dangling"))
	symlink(t, filepath.Join(root, "circle"), filepath.Join(root, "circle"))
	symlink(t, filepath.Join(root, "a", "file", "below"), filepath.Join(root, "below a file"))
	for _, env := range []store.Env{{}, {Allow: (&rule{folders: []string{root}}).allow}} {
		got, err := list(t, opened(t, root, env), "")
		if err != nil || !reflect.DeepEqual(got, []string{"a/file", "same"}) {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestWholePathsWithLocalhost(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("paths have a drive there")
	}
	dir := realDir(t)
	f := opened(t, "LocalHost", store.Env{})
	p := strings.TrimPrefix(dir, "/") + "/file"
	if err := put(t, f, p, "x"); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(content) != "x" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestLeftoversOfDeadWriters(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	dead := filepath.Join(root, leftoverName("orders.csv"))
	make1(t, dead, "half a file")
	living, err := opened(t, root, store.Env{}).Create(t.Context(), "living.csv", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the dead writer's file is still there: %v", err)
	}
	if _, err := living.Write([]byte("living")); err != nil {
		t.Fatal(err)
	}
	// Another process's attempt cleans up as well, and must leave what is being written.
	if err := put(t, opened(t, root, store.Env{}), "orders.csv", "whole"); err != nil {
		t.Fatal(err)
	}
	if err := living.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := list(t, opened(t, root, store.Env{}), ""); err != nil || !reflect.DeepEqual(got, []string{"living.csv", "orders.csv"}) {
		t.Errorf("got %q, %v", got, err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 2 {
		t.Errorf("%d files lie there", len(entries))
	}
	f := opened(t, root, store.Env{})
	make1(t, filepath.Join(root, leftoverName("x")), "hidden")
	if _, err := f.Stat(t.Context(), filepath.Base(leftoverName("x"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := put(t, f, leftoverName("x"), "x"); fault.Code(err) != fault.BadInput {
		t.Errorf("a file can be named like a leftover: %v", err)
	}
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	f := opened(t, realDir(t), store.Env{})
	if err := put(t, f, strings.Repeat("ö", 127)+"x", "x"); err != nil { // 255 bytes, the most there is
		t.Error(err)
	}
	if err := put(t, f, strings.Repeat("x", 300), "x"); fault.Code(err) != fault.BadInput {
		t.Errorf("got %v", err)
	}
}

func TestFolderInTheWay(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	make1(t, filepath.Join(root, "folder", "file"), "x")
	f := opened(t, root, store.Env{})
	if err := put(t, f, "folder", "x"); fault.Code(err) != fault.Conflict {
		t.Errorf("a file over a folder: %v", err)
	}
	if err := put(t, f, "folder/file/below", "x"); err == nil {
		t.Error("a file became a folder")
	}
	if err := f.Remove(t.Context(), "folder"); fault.Code(err) != fault.Conflict {
		t.Errorf("a folder was removed: %v", err)
	}
}

func TestChangeWhileReading(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	at := filepath.Join(root, "file")
	make1(t, at, strings.Repeat("x", 100))
	f := opened(t, root, store.Env{})
	v, err := f.Stat(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Open(t.Context(), v, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	more, err := os.OpenFile(at, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := more.WriteString("appended"); err != nil {
		t.Fatal(err)
	}
	if err := more.Close(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	for err == nil {
		_, err = r.Read(buf)
	}
	if fault.Code(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

func TestNamesThatAreNoText(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	if err := os.WriteFile(filepath.Join(root, "bad\xff"), nil, 0o600); err != nil {
		t.Skip("the file system refuses such names")
	}
	if _, err := list(t, opened(t, root, store.Env{}), ""); fault.Code(err) != fault.BadData {
		t.Errorf("got %v", err)
	}
}

func TestBrowseShowsOneFolder(t *testing.T) {
	root := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "sub", "deep"), 0o755), os.Mkdir(filepath.Join(root, "closed"), 0o755),
		os.WriteFile(filepath.Join(root, "file.txt"), []byte("xyz"), 0o600), os.WriteFile(filepath.Join(root, ".f.00"+leftoverEnd), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ls, err := props.Parse([]byte(linkedService(root)), "$")
	if err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	env := store.Env{Allow: func(p string, _ bool) error {
		if p == filepath.Join(real, "closed") {
			return fault.New(fault.FolderNotAllowed, "no")
		}
		return nil
	}}
	look := Definition().Browse(ls)
	var got []string
	show := func(e store.Entry) error {
		got = append(got, fmt.Sprintf("%s %s %d", e.Kind, e.Path, e.Size))
		return nil
	}
	if err := look(t.Context(), env, "", show); err != nil || fmt.Sprint(got) != "[file file.txt 3 folder sub 0]" {
		t.Errorf("%q, %v", got, err)
	}
	got = nil
	if err := look(t.Context(), env, "sub", show); err != nil || fmt.Sprint(got) != "[folder sub/deep 0]" {
		t.Errorf("%q, %v", got, err)
	}
	if err := look(t.Context(), env, "../x", show); fault.Code(err) != fault.BadInput {
		t.Errorf("above the root: %v", err)
	}
	if err := look(t.Context(), env, "nowhere", show); fault.Code(err) != fault.NotFound {
		t.Errorf("a folder that is not there: %v", err)
	}
}
