package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"dmgateway/engine/fault"
)

// allowPath is the operator's rule for jobs from a factory: local files only below the folders of the setting "folders"
// and the sample's own, links followed, and never the gateway's own data.
func (e *Engine) allowPath(path string, write bool) error {
	real, err := realPath(path)
	if err != nil {
		return fault.New(fault.FolderNotAllowed, "the path %s cannot be resolved", path).At(path).Because(err)
	}
	e.mu.Lock()
	allowed := slices.Clone(e.sampleFolders)
	e.mu.Unlock()
	for _, folder := range allowed {
		if below(real, folder) {
			return nil
		}
	}
	act := "read"
	if write {
		act = "write"
	}
	refused := fault.New(fault.FolderNotAllowed, "jobs may not %s %s", act, path).At(path)
	if data, err := realPath(e.data); err != nil || within(real, data) {
		return refused.Try("The gateway's own data is closed to jobs; use another folder.")
	}
	for _, folder := range filepath.SplitList(e.setting(SettingFolders)) {
		if below(real, folder) {
			return nil
		}
	}
	return refused.Try("If jobs should, the operator adds the folder to the setting %q: on the Settings page, or by `dmgcmd settings %s PATH`.", SettingFolders, SettingFolders)
}

// below reports whether a resolved path lies in a folder, whose links are followed first.
func below(real, folder string) bool {
	f, err := realPath(folder)
	return err == nil && within(real, f)
}

// within reports whether a path is a folder or lies in it; both are resolved.
func within(path, folder string) bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // file names without regard to case
		path, folder = strings.ToLower(path), strings.ToLower(folder)
	}
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) && !filepath.IsAbs(rel)
}

// realPath makes a path absolute and follows its links. Of a path that does not exist yet the part that does is
// followed; a link that leads nowhere is an error, because it could lead somewhere else later.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(abs)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if _, err := os.Lstat(abs); err == nil {
			return "", errors.New("a link on its way leads nowhere")
		}
		parent := filepath.Dir(abs)
		if parent == abs {
			return "", err
		}
		rest = filepath.Join(filepath.Base(abs), rest)
		abs = parent
	}
}
