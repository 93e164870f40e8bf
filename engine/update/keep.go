package update

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
)

// Download is where the archive of a version goes before it is kept.
func Download(data, name string) (string, error) {
	dir := filepath.Join(data, folder, "download")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", failed("make the folder of downloads", dir, err)
	}
	return filepath.Join(dir, filepath.Base(name)), nil
}

// Keep unpacks a version from its archive, whose hash is known to be right, makes sure that it runs on this machine and
// is the version that it should be, and keeps it. needs is the program that has to be in it. The archive is removed.
func Keep(ctx context.Context, data, version, archive, needs string) error {
	if !feed.IsRelease(version) {
		return fault.New(fault.BadInput, "%q is no version of a release", version)
	}
	dir := filepath.Join(data, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed("make the folder of kept programs", dir, err)
	}
	if err := secure(data); err != nil {
		return err
	}
	if err := tidy(data); err != nil {
		return err
	}
	fresh := filepath.Join(dir, version+newSuffix)
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return failed("unpack the new version", fresh, err)
	}
	files, err := unpack(ctx, archive, fresh)
	if err == nil {
		if _, ok := files[needs+exe]; !ok {
			err = errArchive("it has no %s", needs+exe)
		}
	}
	if err == nil {
		err = try(ctx, filepath.Join(fresh, Command+exe), version)
	}
	if err == nil {
		err = errors.Join(step("sync"), syncFolder(fresh))
	}
	if err == nil {
		err = place(data, version, fresh, files)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return removeIf(archive)
}

// newSuffix marks a folder that is not whole yet.
const newSuffix = ".new"

// place gives an unpacked version its name and writes it down.
func place(data, version, fresh string, files map[string]File) error {
	dir := filepath.Join(data, folder)
	final := filepath.Join(dir, version)
	if err := step("place"); err != nil {
		return failed("keep the new version", final, err)
	}
	// One of the same version lies here where it was damaged.
	if err := edit(data, func(s *State) error { delete(s.Kept, version); return nil }); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil {
		return failed("replace a kept version", final, err)
	}
	if err := os.Rename(fresh, final); err != nil {
		return failed("keep the new version", final, err)
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	return edit(data, func(s *State) error {
		if s.Kept == nil {
			s.Kept = map[string]Kept{}
		}
		s.Kept[version] = Kept{Files: files}
		return nil
	})
}

// tidy removes folders of versions that the state does not know: those that were not finished.
func tidy(data string) error {
	s, err := Load(data)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(data, folder))
	if err != nil {
		return failed("look at kept programs", data, err)
	}
	for _, e := range entries {
		name := e.Name()
		_, kept := s.Kept[name]
		if kept || !feed.IsRelease(strings.TrimSuffix(name, newSuffix)) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(data, folder, name)); err != nil {
			return failed("remove an unfinished version", name, err)
		}
	}
	return nil
}

// IsKept reports whether a version lies here whole, with a program.
func IsKept(data, version, program string) bool {
	s, err := Load(data)
	return err == nil && verify(data, s, version, program) == nil
}

// tryTime is how long a new program may take to say its version.
const tryTime = time.Minute

// try lets the command line of a new version say its version: that it runs on this machine at all, and is what the feed
// said.
func try(ctx context.Context, command, version string) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	var out, told bytes.Buffer
	c := exec.CommandContext(ctx, command, "version", "--json") //nolint:gosec // what the feed's signature is for
	c.Env = append(slices.DeleteFunc(os.Environ(), isMark), markEnv+"="+Mark{Version: version}.String())
	c.Stdout, c.Stderr, c.WaitDelay = &out, &told, time.Second
	if err := c.Run(); err != nil {
		return errArchive("it does not run on this machine").At(version).Because(fmt.Errorf("%w %s", err, strings.TrimSpace(shorten(told.String()))))
	}
	var v struct{ Version string }
	if err := json.Unmarshal(out.Bytes(), &v); err != nil || strings.TrimPrefix(v.Version, "v") != version {
		return errArchive("it says that it is version %q, not %s", shorten(v.Version), version)
	}
	return nil
}

func shorten(s string) string { return strings.ToValidUTF8(s[:min(len(s), 300)], "") }

// secure refuses folders in which somebody else could put a program.
func secure(data string) error {
	for _, path := range []string{data, filepath.Join(data, folder)} {
		info, err := os.Lstat(path)
		if path == data {
			info, err = os.Stat(path) // a data directory can be a link, its programs cannot
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", path)
		}
		if err == nil {
			err = ownAlone(path, info)
		}
		if err != nil {
			return notSafe(path, err)
		}
	}
	return nil
}

func notSafe(path string, err error) error {
	return fault.New(fault.Forbidden, "a kept program is not run, because somebody else could have changed it").At(path).Because(err).
		Try("Let the data directory belong to the user that runs the gateway, and nobody else write there; or remove its folder %q.", folder)
}

// verify makes sure that a kept version is what was kept, and nobody else's.
func verify(data string, s State, version, program string) error {
	kept, ok := s.Kept[version]
	if !ok {
		return fault.New(fault.NotFound, "version %s is not kept here", version).At(version)
	}
	if !feed.IsRelease(version) {
		return fault.New(fault.BadData, "%q is no version of a release", version)
	}
	if err := secure(data); err != nil {
		return err
	}
	if _, ok := kept.Files[program+exe]; !ok {
		return fault.New(fault.NotFound, "version %s has no %s", version, program).At(version)
	}
	dir := filepath.Join(data, folder, version)
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", dir)
	}
	if err == nil {
		err = ownAlone(dir, info)
	}
	if err != nil {
		return notSafe(dir, err)
	}
	return same(filepath.Join(dir, program+exe), kept.Files[program+exe]) // the other one is looked at when it is run
}

// same compares a program with what was kept.
func same(path string, want File) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", path)
	}
	if err == nil {
		err = ownAlone(path, info)
	}
	if err != nil {
		return notSafe(path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return notSafe(path, err)
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return notSafe(path, err)
	}
	if n != want.Size || hex.EncodeToString(hash.Sum(nil)) != want.SHA256 {
		return fault.New(fault.BadData, "a kept program is damaged").At(path).Try("Install the update again. The installed program runs until then.")
	}
	return nil
}
