package main

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is one file of an archive. An empty from makes a folder.
type entry struct {
	name, from string
	mode       fs.FileMode
	owner      int // user and group, by number
}

// archives packs for each system its programs, at the top, and the papers.
func (r *release) archives(context.Context) error {
	for _, system := range r.systems {
		goos, _, _ := strings.Cut(system, "/")
		var list []entry
		for _, name := range []string{"dmgateway", "dmgcmd"} {
			from := filepath.Join(r.programs(system), name+suffix(goos))
			if _, err := os.Stat(from); err == nil {
				list = append(list, entry{name: name + suffix(goos), from: from, mode: 0o755})
			}
		}
		papers, err := tree(r.paper(""), "")
		if err != nil {
			return err
		}
		list = append(list, papers...)
		if goos == "linux" {
			share, err := tree(filepath.Join(r.stage, "linux"), "share")
			if err != nil {
				return err
			}
			list = append(list, share...)
		}
		write, end := writeTarGz, ".tar.gz"
		if goos == "windows" {
			write, end = writeZip, ".zip"
		}
		if err := write(r.file(system, end), list, r.at); err != nil {
			return err
		}
	}
	return nil
}

// tree lists the files below a folder, under a name in the archive.
func tree(dir, under string) ([]entry, error) {
	var list []entry
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		list = append(list, entry{name: path.Join(under, filepath.ToSlash(rel)), from: name, mode: 0o644 | info.Mode()&0o111})
		return nil
	})
	return list, err
}

// writeTarGz writes an archive whose bytes depend on nothing but the entries and the time.
func writeTarGz(file string, list []entry, at time.Time) error {
	return create(file, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		return errors.Join(writeTar(z, list, at), z.Close())
	})
}

func writeTar(w io.Writer, list []entry, at time.Time) error {
	t := tar.NewWriter(w)
	for _, e := range sorted(list) {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode), ModTime: at, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Uid: e.owner, Gid: e.owner}
		if e.from == "" {
			h.Typeflag = tar.TypeDir
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			continue
		}
		info, err := os.Stat(e.from)
		if err != nil {
			return err
		}
		h.Size = info.Size()
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if err := copyFrom(t, e.from); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeZip(file string, list []entry, at time.Time) error {
	return create(file, func(w io.Writer) error {
		z := zip.NewWriter(w)
		z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
		for _, e := range sorted(list) {
			h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at}
			h.SetMode(e.mode)
			f, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			if err := copyFrom(f, e.from); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

func sorted(list []entry) []entry {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return list
}

// create writes a file whole or not at all.
func create(file string, write func(io.Writer) error) error {
	f, err := os.Create(file + ".part")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), file)
}

func copyFrom(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
