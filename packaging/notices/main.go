// Command notices writes assets/NOTICES.txt: the licences of every Go module that is linked into the programs, for all
// systems they are built for. With -check it fails when the file is not up to date.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
)

const target = "assets/NOTICES.txt"

// builds are the programs with the systems they are released for. Only imports are listed, nothing is compiled.
var builds = []struct{ pkg, os, arch string }{
	{"./app", "linux", "amd64"},
	{"./app", "windows", "amd64"},
	{"./app", "darwin", "arm64"},
	{"./app/dmgcmd", "linux", "amd64"},
	{"./app/dmgcmd", "windows", "amd64"},
	{"./app/dmgcmd", "darwin", "arm64"},
}

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

func main() {
	check := flag.Bool("check", false, "fail when "+target+" is not up to date")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	modules := map[string]module{}
	for _, b := range builds {
		if err := collect(modules, b.pkg, b.os, b.arch); err != nil {
			return err
		}
	}
	text, err := render(modules)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(target, text, 0o644)
	}
	old, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	if !bytes.Equal(old, text) {
		return errors.New(target + " is not up to date; run: make notices")
	}
	return nil
}

func collect(modules map[string]module, pkg, goos, arch string) error {
	cmd := exec.Command("go", "list", "-deps", "-json=Module", pkg)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list %s for %s: %w", pkg, goos, err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct{ Module *module }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read go list: %w", err)
		}
		if m := p.Module; m != nil && !m.Main {
			if m.Replace != nil {
				m = m.Replace
			}
			modules[m.Path] = *m
		}
	}
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicense)([-._].*)?$`)

func render(modules map[string]module) ([]byte, error) {
	paths := make([]string, 0, len(modules))
	for p := range modules {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Data Management Gateway contains the following software of others, each under its own licence.\n")
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	if err := section(&b, "The Go standard library and runtime", string(bytes.TrimSpace(goroot))); err != nil {
		return nil, err
	}
	for _, p := range paths {
		if err := section(&b, p+" "+modules[p].Version, modules[p].Dir); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func section(b *bytes.Buffer, title, dir string) error {
	fmt.Fprintf(b, "\n%s\n%s\n", bytes.Repeat([]byte("="), 100), title)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("licence of %s: %w", title, err)
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licenceName.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return fmt.Errorf("licence of %s: %w", title, err)
		}
		fmt.Fprintf(b, "%s\n\n%s\n", bytes.Repeat([]byte("-"), 100), bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
		found = true
	}
	if !found {
		return fmt.Errorf("%s has no licence file in %s", title, dir)
	}
	return nil
}
