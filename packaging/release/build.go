package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// windowTags: pictures of emoji are 4 MB that nothing shows.
const windowTags = "no_emoji"

// build makes the programs, stage/bin/OS_ARCH/{dmgcmd,dmgateway}. The window needs C libraries of its system: it is built
// for the system that this runs on, and for Windows taken from where `make windows` has put it.
func (r *release) build(ctx context.Context) error {
	flags, err := r.stamp()
	if err != nil {
		return err
	}
	for _, system := range r.systems {
		goos, arch, ok := strings.Cut(system, "/")
		if !ok {
			return fmt.Errorf("%q is no system like linux/amd64", system)
		}
		dir := r.programs(system)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		env := []string{"GOOS=" + goos, "GOARCH=" + arch, "CGO_ENABLED=0"}
		common := []string{"build", "-trimpath", "-buildvcs=true", "-ldflags", flags}
		if _, err := output(ctx, env, "go", append(common, "-o", filepath.Join(dir, "dmgcmd"+suffix(goos)), "./app/dmgcmd")...); err != nil {
			return err
		}
		switch {
		case !r.window:
		case goos == runtime.GOOS && arch == runtime.GOARCH:
			env[2] = "CGO_ENABLED=1"
			args := append(common, "-tags", windowTags, "-o", filepath.Join(dir, "dmgateway"+suffix(goos)), "./app")
			if _, err := output(ctx, env, "go", args...); err != nil {
				return err
			}
		case system == "windows/amd64":
			if err := r.windowsPrograms(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// windowsPrograms takes both programs of `make windows`, so that the archive has the same bytes as the installer.
func (r *release) windowsPrograms(dir string) error {
	from := filepath.Join(r.out, "windows")
	if _, err := os.Stat(filepath.Join(from, "dmgateway.exe")); err != nil {
		fmt.Fprintln(os.Stderr, "release: the archive for Windows has no window, because `make windows` was not run before")
		return nil
	}
	for _, name := range []string{"dmgateway.exe", "dmgcmd.exe"} {
		program, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), program, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) programs(system string) string {
	return filepath.Join(r.stage, "bin", strings.ReplaceAll(system, "/", "_"))
}

func suffix(goos string) string {
	if goos == "windows" {
		return ".exe"
	}
	return ""
}
