package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const appID = "io.github.dmgateway.DataManagementGateway"

// papers lays out what is no program: stage/papers for every archive, stage/linux for Linux alone, as below /usr/share.
func (r *release) papers(ctx context.Context) error {
	for name, from := range map[string]string{
		"LICENSE": "LICENSE", "NOTICES.txt": "assets/NOTICES.txt", "PRIVACY.txt": "assets/PRIVACY.txt", "README.md": "README.md", "CHANGELOG.md": "CHANGELOG.md",
	} {
		if err := put(r.paper(name), from); err != nil {
			return err
		}
	}
	return errors.Join(r.linuxFiles(), r.written(ctx))
}

func (r *release) paper(name string) string { return filepath.Join(r.stage, "papers", name) }

func (r *release) share(name string) string { return filepath.Join(r.stage, "linux", name) }

func (r *release) linuxFiles() error {
	files := map[string]string{
		"applications/" + appID + ".desktop":            "packaging/linux/dmgateway.desktop",
		"icons/hicolor/scalable/apps/" + appID + ".svg": "assets/marks/app.svg",
		"systemd/system/dmgateway.service":              "packaging/linux/dmgateway.service",
		"systemd/user/dmgateway.service":                "packaging/linux/dmgateway-user.service",
		"sysusers.d/dmgateway.conf":                     "packaging/linux/sysusers.conf",
		"doc/dmgateway/copyright":                       "packaging/linux/copyright",
	}
	for _, size := range []string{"16", "24", "32", "48", "64", "128", "256", "512"} {
		files["icons/hicolor/"+size+"x"+size+"/apps/"+appID+".png"] = "assets/made/app/app-" + size + ".png"
	}
	for name, from := range files {
		if err := put(r.share(name), from); err != nil {
			return err
		}
	}
	return nil
}

// written are the files that depend on the version or on the program's own words.
func (r *release) written(ctx context.Context) error {
	program := filepath.Join(r.programs(runtime.GOOS+"/"+runtime.GOARCH), "dmgcmd"+suffix(runtime.GOOS))
	for name, args := range map[string][]string{
		"man/man1/dmgcmd.1":                     {"manual"},
		"bash-completion/completions/dmgcmd":    {"completion", "bash"},
		"zsh/vendor-completions/_dmgcmd":        {"completion", "zsh"},
		"fish/vendor_completions.d/dmgcmd.fish": {"completion", "fish"},
	} {
		text, err := output(ctx, nil, program, args...)
		if err != nil {
			return fmt.Errorf("%w (the system that this runs on has to be among -systems)", err)
		}
		if err := write(r.share(name), []byte(text+"\n")); err != nil {
			return err
		}
	}
	for name, from := range map[string]string{
		"man/man1/dmgateway.1":                "packaging/linux/dmgateway.1",
		"metainfo/" + appID + ".metainfo.xml": "packaging/linux/metainfo.xml",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		filled := strings.NewReplacer("@VERSION@", r.version, "@DATE@", r.at.Format("2006-01-02")).Replace(string(text))
		if err := write(r.share(name), []byte(filled)); err != nil {
			return err
		}
	}
	return nil
}

// compress writes a file's text with gzip, without name and time.
func compress(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		return err
	}
	return write(to, b.Bytes())
}

func put(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return write(to, text)
}

func write(to string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
