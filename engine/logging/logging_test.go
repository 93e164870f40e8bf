package logging

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/secret"
)

const crashIn = "LOGGING_TEST_CRASH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashIn); dir != "" {
		if _, _, err := CatchCrash(dir, time.Now()); err != nil {
			panic(err)
		}
		panic("connect with password=cr4sh-secret; failed")
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, edit ...func(*Options)) (*Log, string) {
	t.Helper()
	o := Options{Dir: filepath.Join(t.TempDir(), Folder), Level: slog.LevelDebug}
	for _, e := range edit {
		e(&o)
	}
	l := Open(o)
	t.Cleanup(func() { l.Close() })
	return l, o.Dir
}

func lines(t *testing.T, dir string, q Query) []Line {
	t.Helper()
	var list []Line
	if err := Read(t.Context(), dir, q, func(l Line) error {
		l.Raw = bytes.Clone(l.Raw)
		list = append(list, l)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func messages(list []Line) string {
	var all []string
	for _, l := range list {
		all = append(all, l.Message)
	}
	return strings.Join(all, ",")
}

type odd struct {
	Name   string
	Secret string
}

type panics struct{}

func (*panics) Error() string { panic("pwd=in-a-panic;") }

func TestWhateverIsSecretInALineIsMasked(t *testing.T) {
	t.Parallel()
	var also bytes.Buffer
	l, dir := open(t, func(o *Options) { o.Also = slog.NewTextHandler(&also, nil) })
	held := secret.New(`held "by" this process`)
	log := l.With("connectionString", "Password=with-1;x", "password", "with-2", "fine", "kept-1").WithGroup("g")
	log.Info("message pwd=msg-3", Key, Starting, "error", fmt.Errorf("driver: %w", errors.New("AccountKey=err-4;rest")),
		"any", odd{"kept-2", "any-5"}, "map", map[string]any{"url": "https://u:map-6@h/"}, slog.Group("inner", "token", "grp-7"),
		"nested", slog.GroupValue(slog.String("a", "Bearer nested-8888")), "known", "driver says: "+held.Reveal(), "secret", held,
		"bad", (*panics)(nil), "nil", nil, "bytes", []byte("kept"), "n", 5, "d", time.Second)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, Current))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"the file": string(data), "the other handler": also.String()} {
		for _, s := range []string{"with-1", "with-2", "msg-3", "err-4", "any-5", "map-6", "grp-7", "nested-8888", "in-a-panic", "this process"} {
			if strings.Contains(text, s) {
				t.Errorf("%s holds %s: %s", where, s, text)
			}
		}
		for _, s := range []string{"kept-1", "kept-2", "rest"} {
			if !strings.Contains(text, s) {
				t.Errorf("%s lacks %s: %s", where, s, text)
			}
		}
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil || v["connectionString"] != "Password=******;x" {
		t.Errorf("%v: %s", err, data)
	}
}

func TestEachRunHasItsLinesInAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	l, dir := open(t)
	l.Info("taken", "run", "r-1")
	log := l.With("run", "r-2", "attempt", 1)
	log.Info("of two")
	log.WithGroup("g").Info("of two in a group", "run", "r-9")
	l.Info("of nobody")
	l.Info("of a bad name", "run", "../../etc/x")
	for run, want := range map[string]string{"r-1": "taken", "r-2": "of two,of two in a group"} {
		if got := messages(lines(t, dir, Query{Run: run})); got != want {
			t.Errorf("run %s has %s", run, got)
		}
	}
	if got := messages(lines(t, dir, Query{})); got != "taken,of two,of two in a group,of nobody,of a bad name" {
		t.Errorf("the whole log has %s", got)
	}
	entries, err := os.ReadDir(filepath.Join(dir, JobsFolder))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestTheLogOfARunIsBoundedAndPruned(t *testing.T) {
	t.Parallel()
	l, dir := open(t)
	long := strings.Repeat("x", 100_000)
	for range 20 {
		l.Info(long, "run", "big")
	}
	l.Info("a", "run", "small")
	info, err := os.Stat(JobFile(dir, "big"))
	if err != nil || info.Size() > maxJobLog+1000 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if list := lines(t, dir, Query{Run: "big"}); !strings.Contains(list[len(list)-1].Message, "full") {
		t.Errorf("it ends with %s", list[len(list)-1].Message)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(JobFile(dir, "small"), old, old); err != nil {
		t.Fatal(err)
	}
	l.PruneJobs(time.Now().Add(-time.Minute), 10)
	if _, err := os.Stat(JobFile(dir, "small")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an old one: %v", err)
	}
	l.PruneJobs(time.Time{}, 0)
	if _, err := os.Stat(JobFile(dir, "big")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one too many: %v", err)
	}
}

func TestRotatingLosesNoLineAndBoundsTheTotal(t *testing.T) {
	t.Parallel()
	l, dir := open(t, func(o *Options) { o.Limits = Limits{Size: 10_000, Total: 1 << 20} })
	for i := range 1000 {
		l.Info("line", "n", i, "filler", strings.Repeat("y", 50))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	list := lines(t, dir, Query{})
	if len(list) != 1000 {
		t.Fatalf("%d lines", len(list))
	}
	for i, line := range list {
		if line.Attrs[0].Value != fmt.Sprint(i) {
			t.Fatalf("line %d is %s", i, line.Raw)
		}
	}
	if names := earlier(dir); len(names) < 5 || !strings.HasSuffix(names[0], ".gz") {
		t.Errorf("files %v", names)
	}
	// The same folder with little room: the oldest go.
	l = Open(Options{Dir: dir, Limits: Limits{Size: 500, Total: 1000}})
	l.Info("last")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, name := range earlier(dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 500 {
		t.Errorf("%d bytes are left", total)
	}
}

func TestFilesThatAreTooOldAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := filepath.Join(dir, "gateway-2020-01-01T00-00-00.000.log.gz")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-31 * 24 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if err := Open(Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still there")
	}
}

func TestALineThatACrashCutOffDoesNotSpoilTheNext(t *testing.T) {
	t.Parallel()
	l, dir := open(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, Current), []byte(`{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"cut`), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Info("whole")
	list := lines(t, dir, Query{})
	if len(list) != 2 || list[1].Message != "whole" || !strings.Contains(list[0].Message, "cut") {
		t.Errorf("%+v", list)
	}
}

func TestAFileThatWasMovedAwayIsBegunAnew(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l, dir := open(t, func(o *Options) { o.now = func() time.Time { return now } })
	l.Info("before")
	if err := os.Rename(filepath.Join(dir, Current), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	l.Info("after")
	if got := messages(lines(t, dir, Query{})); got != "after" {
		t.Error(got)
	}
}

// full is a disk on which nothing, or half a line, can be written.
type full struct {
	output
	half, none *bool
}

func (f full) Write(p []byte) (int, error) {
	switch {
	case *f.none:
		return 0, syscall.ENOSPC
	case *f.half:
		n, _ := f.output.Write(p[:len(p)/2])
		return n, syscall.ENOSPC
	}
	return f.output.Write(p)
}

func TestAFullDiskLosesLinesAndSaysHowMany(t *testing.T) {
	t.Parallel()
	l, dir := open(t)
	var half, none bool
	l.core.file.open = func(path string) (output, error) {
		f, err := openAppend(path)
		return full{f, &half, &none}, err
	}
	l.Info("one")
	half = true
	l.Info("two")
	half, none = false, true
	l.Info("three")
	l.Info("four")
	none = false
	l.Info("five")
	list := lines(t, dir, Query{})
	if n := len(list); n != 4 || list[0].Message != "one" || list[2].Event != LinesLost || list[2].Attrs[0].Value != "3" || list[3].Message != "five" {
		t.Errorf("%+v", list)
	}
}

func TestAFolderThatCannotBeMadeStopsNobody(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var also bytes.Buffer
	l := Open(Options{Dir: filepath.Join(file, Folder), Also: slog.NewTextHandler(&also, nil)})
	l.Info("hello", "run", "r-1")
	if err := l.Close(); err != nil || !strings.Contains(also.String(), "hello") {
		t.Errorf("%v, %s", err, also.String())
	}
}

func TestDamagedFilesAreReadAsFarAsTheyGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for i := range 20_000 {
		fmt.Fprintf(z, `{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"packed","n":%d}`+"\n", i*7919)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"gateway-2026-01-01T00-00-00.000.log.gz": packed.Bytes()[:packed.Len()/2],
		"gateway-2026-01-02T00-00-00.000.log.gz": []byte("no gzip at all"),
		"gateway-2026-01-03T00-00-00.000.log":    []byte("garbage \xff\x00 here\n\n" + `{"msg":"half` + "\n" + `{"level":"WARN","msg":"good"}`),
		Current:                                  append(bytes.Repeat([]byte("z"), 3<<20), "\n{\"msg\":\"last\"}\n"...),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var problems []string
	list := lines(t, dir, Query{Problem: func(file string, err error) {
		problems = append(problems, filepath.Base(file)[:18])
	}})
	if len(list) < 1000 || list[0].Message != "packed" || list[len(list)-1].Message != "last" || list[len(list)-3].Message != "good" {
		t.Errorf("%d lines, the last %s", len(list), list[len(list)-1].Message)
	}
	if got := strings.Join(problems, " "); got != "gateway-2026-01-01 gateway-2026-01-02" {
		t.Errorf("problems %s", got)
	}
}

func TestLinesAreChosenByTimeAndLevel(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	text := `{"time":"2026-01-01T00:00:00Z","level":"ERROR","msg":"old"}` + "\ntrace of the old\n" +
		`{"time":"2026-01-01T02:00:00Z","level":"DEBUG","msg":"detail"}` + "\n" + `{"time":"2026-01-01T03:00:00+01:00","level":"WARN","msg":"new","event":401}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, Current), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := messages(lines(t, dir, Query{Since: now.Add(time.Hour), Level: slog.LevelDebug})); got != "detail,new" {
		t.Error(got)
	}
	if list := lines(t, dir, Query{Level: slog.LevelWarn}); messages(list) != "old,new" || list[1].Event != QueueUnreachable {
		t.Error(messages(list))
	}
	if got := messages(lines(t, t.TempDir(), Query{})); got != "" {
		t.Error(got)
	}
}

func TestFollowingSurvivesRotation(t *testing.T) {
	t.Parallel()
	l, dir := open(t, func(o *Options) { o.Limits = Limits{Size: 500} })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l.Info("line", "n", -1)
	seen := make(chan string)
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, dir, Query{}, func(line Line) error {
			select {
			case seen <- line.Attrs[0].Value:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for i := range 20 {
		if got := <-seen; got != fmt.Sprint(i-1) {
			t.Fatalf("got %s instead of %d", got, i-1)
		}
		l.Info("line", "n", i)
	}
	<-seen
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(earlier(dir)) == 0 {
		t.Error("nothing was rotated")
	}
}

// stuck is a log of the system that takes nothing.
type stuck struct{ release chan struct{} }

func (s stuck) Write(slog.Level, Event, string) error { <-s.release; return nil }
func (s stuck) Close() error                          { return nil }

func TestASystemsLogThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := stuck{make(chan struct{})}
	l, dir := open(t, func(o *Options) { o.System = s })
	for range 2 * maxQueued {
		l.Info("x", Key, Starting)
	}
	if n := len(lines(t, dir, Query{})); n != 2*maxQueued {
		t.Errorf("%d lines", n)
	}
	close(s.release)
}

func TestACrashIsKeptRedactedAndFoundOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashIn+"="+dir)
	if err := cmd.Run(); err == nil {
		t.Fatal("it did not crash")
	}
	found, err := keepCrash(filepath.Join(dir, crashPending), dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(found)
	if err != nil || !strings.Contains(string(text), "goroutine 1") || !strings.Contains(string(text), "password=******") || strings.Contains(string(text), "cr4sh-secret") {
		t.Errorf("%v: %s", err, text)
	}
	if list := Crashes(dir); len(list) != 1 || list[0] != found {
		t.Errorf("crashes %v", list)
	}
}

func TestKindsAreInOrderWholeAndWithinTheEventLogsNumbers(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	var last Event
	for _, k := range Kinds() {
		if k.Event <= last || k.Event > 1000 || k.Name == "" || !strings.HasSuffix(k.Text, ".") || names[k.Name] || k.Level >= slog.LevelWarn && k.Do == "" && k.Event != GatewayRemoved && k.Event != NodeEventForeign && k.Event != BusMessageNotGiven {
			t.Errorf("%+v", k)
		}
		last, names[k.Name] = k.Event, true
		if got, ok := KindOf(k.Event); !ok || got.Name != k.Name {
			t.Errorf("%d is not found", k.Event)
		}
	}
	if _, ok := KindOf(999); ok {
		t.Error("999 is found")
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-01T00:00:00Z","level":"WARN","msg":"x","event":25,"a":{"b":[1]}}`))
	f.Add([]byte(`{"msg`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if text := ParseLine(raw).Text(); strings.ContainsAny(text, "\n\r\x1b") {
			t.Errorf("%q", text)
		}
	})
}

func BenchmarkInfo(b *testing.B) {
	l := Open(Options{Dir: b.TempDir()})
	defer l.Close()
	for b.Loop() {
		l.Info("job ended", Key, JobEnded, "attempt", 1, "status", "Succeeded", "rows", 100, "error", nil)
	}
}
