package update

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dmgateway/engine/fault"
)

// Bounds of an archive, far above any release.
const (
	maxEntries  = 1000
	maxUnpacked = 1 << 30 // bytes of one program
)

// The programs of a release.
const (
	Desktop = "dmgateway"
	Command = "dmgcmd"
)

func errArchive(why string, args ...any) *fault.Error {
	return fault.New(fault.BadData, "the downloaded version cannot be used: "+why, args...).
		Try("Tell whoever publishes the updates. The present version goes on.")
}

// unpack takes the programs at the top of an archive (.tar.gz or .zip) into an empty folder. Other files are left out; an
// archive in which anything points elsewhere is refused as a whole.
func unpack(ctx context.Context, archive, dir string) (map[string]File, error) {
	u := unpacker{dir: dir, files: map[string]File{}}
	var err error
	if strings.HasSuffix(archive, ".zip") {
		err = u.zip(ctx, archive)
	} else {
		err = u.tar(ctx, archive)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := u.files[Command+exe]; !ok {
		return nil, errArchive("it has no %s", Command+exe)
	}
	return u.files, nil
}

type unpacker struct {
	dir     string
	entries int
	files   map[string]File
}

func (u *unpacker) tar(ctx context.Context, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return failed("read the downloaded version", archive, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return errArchive("it is no archive").At(archive).Because(err)
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errArchive("the archive is damaged").At(archive).Because(err)
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
			mode |= fs.ModeIrregular // a hard link looks like a file
		}
		if err := u.entry(ctx, h.Name, mode, r); err != nil {
			return err
		}
	}
}

func (u *unpacker) zip(ctx context.Context, archive string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return errArchive("the archive is damaged").At(archive).Because(err)
	}
	defer z.Close()
	for _, f := range z.File {
		err := func() error {
			r, err := f.Open()
			if err != nil {
				return errArchive("the archive is damaged").At(archive).Because(err)
			}
			defer r.Close()
			return u.entry(ctx, f.Name, f.Mode(), r)
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) entry(ctx context.Context, name string, mode fs.FileMode, r io.Reader) error {
	if u.entries++; u.entries > maxEntries {
		return errArchive("the archive has too many files")
	}
	if strings.Contains(name, "\\") || !filepath.IsLocal(strings.TrimSuffix(filepath.FromSlash(name), string(filepath.Separator))) {
		return errArchive("%q lies outside of the archive", name)
	}
	if !mode.IsRegular() && !mode.IsDir() {
		return errArchive("%q is neither a file nor a folder", name)
	}
	name = strings.TrimPrefix(name, "./")
	if mode.IsDir() || (name != Desktop+exe && name != Command+exe) {
		return nil
	}
	if _, twice := u.files[name]; twice {
		return errArchive("%q is there twice", name)
	}
	file, err := u.write(ctx, name, r)
	if err != nil {
		return err
	}
	u.files[name] = file
	return nil
}

func (u *unpacker) write(ctx context.Context, name string, r io.Reader) (File, error) {
	path := filepath.Join(u.dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700) //nolint:gosec // it is a program
	if err != nil {
		return File{}, failed("unpack the new version", path, err)
	}
	if err = step("unpack " + name); err != nil {
		return File{}, failed("unpack the new version", path, errors.Join(err, f.Close()))
	}
	hash := sha256.New()
	source := &reading{ctx: ctx, r: io.LimitReader(r, maxUnpacked+1)}
	n, err := io.Copy(io.MultiWriter(f, hash), source)
	err = errors.Join(err, f.Sync(), f.Close())
	switch {
	case source.err != nil && ctx.Err() != nil:
		return File{}, fault.New(fault.Cancelled, "unpack the new version").Because(context.Cause(ctx))
	case source.err != nil:
		return File{}, errArchive("the archive is damaged").At(name).Because(source.err)
	case err != nil:
		return File{}, failed("unpack the new version", path, err)
	case n > maxUnpacked:
		return File{}, errArchive("%s is larger than any program", name)
	}
	return File{Size: n, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// reading tells errors of the source from those of the target, and ends with its context.
type reading struct {
	ctx context.Context //nolint:containedctx // of one copy
	r   io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	if r.err = r.ctx.Err(); r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
