package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// packages makes the packages of Debian's and of Red Hat's kind from stage/root, which is laid out as they are installed.
func (r *release) packages(ctx context.Context) error {
	const system = "linux/amd64"
	if _, err := os.Stat(filepath.Join(r.programs(system), "dmgateway")); err != nil {
		fmt.Fprintln(os.Stderr, "release: no packages for Linux, because the window for", system, "was not built")
		return nil
	}
	root := filepath.Join(r.stage, "root")
	for _, name := range []string{"dmgateway", "dmgcmd"} {
		program, err := os.ReadFile(filepath.Join(r.programs(system), name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(root, "usr/bin", name), program); err != nil {
			return err
		}
	}
	share, err := tree(filepath.Join(r.stage, "linux"), "")
	if err != nil {
		return err
	}
	for _, e := range share {
		to := filepath.Join(root, "usr/share", e.name)
		switch {
		case strings.HasPrefix(e.name, "systemd/"), strings.HasPrefix(e.name, "sysusers.d/"):
			to = filepath.Join(root, "usr/lib", e.name)
		case strings.HasPrefix(e.name, "man/"):
			err = compress(to+".gz", e.from)
			to = ""
		}
		if to != "" {
			err = put(to, e.from)
		}
		if err != nil {
			return err
		}
	}
	for to, from := range map[string]string{"NEWS.gz": r.paper("CHANGELOG.md"), "NOTICES.txt.gz": r.paper("NOTICES.txt")} {
		if err := compress(filepath.Join(root, "usr/share/doc/dmgateway", to), from); err != nil {
			return err
		}
	}
	return r.nfpm(ctx, root)
}

// nfpm runs the packager, which reads relative names from where it runs.
func (r *release) nfpm(ctx context.Context, root string) error {
	config, err := filepath.Abs("packaging/linux/nfpm.yaml")
	if err != nil {
		return err
	}
	for _, name := range []string{"postinstall.sh", "preremove.sh", "postremove.sh"} {
		if err := put(filepath.Join(root, "scripts", name), filepath.Join("packaging/linux", name)); err != nil {
			return err
		}
	}
	epoch := "SOURCE_DATE_EPOCH=" + strconv.FormatInt(r.at.Unix(), 10)
	for _, kind := range []string{"deb", "rpm"} {
		file, err := filepath.Abs(r.file("linux/amd64", "."+kind))
		if err != nil {
			return err
		}
		env := []string{epoch, "VERSION=" + r.version, "GOARCH=amd64"}
		if _, err := outputIn(ctx, root, env, filepath.Join(r.tools, "nfpm"), "package", "--config", config, "--packager", kind, "--target", file); err != nil {
			return err
		}
	}
	return nil
}
