package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// nobody is the user that a container runs as, by number: no system gives it to anyone.
const nobody = 65532

// container packs what is in the container's image: the static program, the authorities that browsers trust as the build
// machine has them, and two folders. The Containerfile beside it adds how it is started.
func (r *release) container(context.Context) error {
	dir := filepath.Join(r.stage, "container")
	users := "root:x:0:0:root:/:/\ndmgateway:x:65532:65532:Data Management Gateway:/data:/\n"
	groups := "root:x:0:\ndmgateway:x:65532:\n"
	if err := write(filepath.Join(dir, "passwd"), []byte(users)); err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "group"), []byte(groups)); err != nil {
		return err
	}
	if err := put(filepath.Join(r.out, "container", "Containerfile"), "packaging/container/Containerfile"); err != nil {
		return err
	}
	for _, system := range r.systems {
		arch, ok := strings.CutPrefix(system, "linux/")
		if !ok {
			continue
		}
		list := []entry{
			{name: "data/", mode: 0o700, owner: nobody},
			{name: "tmp/", mode: 0o1777},
			{name: "etc/", mode: 0o755},
			{name: "etc/passwd", from: filepath.Join(dir, "passwd"), mode: 0o644},
			{name: "etc/group", from: filepath.Join(dir, "group"), mode: 0o644},
			{name: "etc/ssl/certs/ca-certificates.crt", from: "/etc/ssl/certs/ca-certificates.crt", mode: 0o644},
			{name: "usr/bin/dmgcmd", from: filepath.Join(r.programs(system), "dmgcmd"), mode: 0o755},
			{name: "usr/share/doc/dmgateway/LICENSE", from: r.paper("LICENSE"), mode: 0o644},
			{name: "usr/share/doc/dmgateway/NOTICES.txt", from: r.paper("NOTICES.txt"), mode: 0o644},
		}
		f, err := os.Create(filepath.Join(r.out, "container", "root_"+arch+".tar"))
		if err != nil {
			return err
		}
		if err := writeTar(f, list, r.at); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
