package repository

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"dmgateway/engine/update/feed"
)

// Archive is a built program for one system.
type Archive struct {
	File, Name        string
	Version, OS, Arch string
}

var archiveName = regexp.MustCompile(`^dmgateway_(.+)_([a-z0-9]+)_([a-z0-9]+)\.(tar\.gz|zip)$`)

// Archives finds, in the folder dist, those whose names say system and version: dmgateway_1.3.0_linux_amd64.tar.gz.
// version "" = all. Names that say no release are said and left out.
func Archives(dist, version string, say func(format string, args ...any)) ([]Archive, error) {
	entries, err := os.ReadDir(dist)
	if err != nil {
		return nil, err
	}
	var out []Archive
	for _, e := range entries {
		m := archiveName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		a := Archive{File: filepath.Join(dist, e.Name()), Name: e.Name(), Version: m[1], OS: m[2], Arch: m[3]}
		if !feed.IsRelease(a.Version) {
			say("%s is left out: %s is no release such as 1.3.0", a.Name, a.Version)
			continue
		}
		if version == "" || version == a.Version {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no archive such as dmgateway_%s_linux_amd64.tar.gz is in %s", max(version, "1.3.0"), dist)
	}
	return out, nil
}

// check reads an archive to its end, so that only whole ones are signed, and gives its length and hash.
func (a Archive) check() (*metadata.TargetFiles, error) {
	if !feed.TargetName(a.Name) {
		return nil, fmt.Errorf("%q is no name of an archive", a.Name)
	}
	names, err := a.contents()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be unpacked: %w", a.File, err)
	}
	exe := ""
	if a.OS == "windows" {
		exe = ".exe"
	}
	if !names["dmgcmd"+exe] {
		return nil, fmt.Errorf("%s has no dmgcmd%s at its top", a.File, exe)
	}
	f, err := os.Open(a.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	return &metadata.TargetFiles{Length: n, Hashes: metadata.Hashes{"sha256": h.Sum(nil)}, Path: a.Name}, nil
}

// contents are the names of the regular files at the top of the archive.
func (a Archive) contents() (map[string]bool, error) {
	names := map[string]bool{}
	if strings.HasSuffix(a.Name, ".zip") {
		z, err := zip.OpenReader(a.File)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			_, err = io.Copy(io.Discard, r)
			if err = errors.Join(err, r.Close()); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			names[f.Name] = f.Mode().IsRegular()
		}
		return names, nil
	}
	f, err := os.Open(a.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	g, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(g)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		names[strings.TrimPrefix(h.Name, "./")] = h.Typeflag == tar.TypeReg
	}
	_, err = io.Copy(io.Discard, g) // to the checksum at its end
	return names, err
}
