package files

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

const (
	lookers  = 16   // files of a list that are asked for at once
	lookMost = 256  // and before the first of them is passed on
	longLine = 8192 // longer than any path
)

// listed passes on the files that a list names, in its order, each once.
func listed(ctx context.Context, files store.Files, sel *activity.FileSource, fn func(store.File) error) (err error) {
	at, err := files.Stat(ctx, sel.List)
	if err != nil {
		return err
	}
	r, err := OpenStream(ctx, files, at, 0, -1, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	seen := map[string]bool{}
	var paths []string
	lines := newListReader(r)
	for {
		name, err := lines.next()
		if errors.Is(err, io.EOF) {
			return lookUp(ctx, files, sel, paths, fn)
		}
		if err != nil {
			return inFile(err, sel.List)
		}
		p := Join(sel.Folder, name)
		if seen[p] {
			continue
		}
		seen[p] = true
		if paths = append(paths, p); len(paths) == lookMost {
			if err := lookUp(ctx, files, sel, paths, fn); err != nil {
				return err
			}
			paths = paths[:0]
		}
	}
}

// lookUp describes the files. One that is missing is passed on without description where the job lets missing files be
// skipped: copying it finds that out, counts and logs it.
func lookUp(ctx context.Context, files store.Files, sel *activity.FileSource, paths []string, fn func(store.File) error) error {
	found := make([]store.File, len(paths))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lookers)
	for i, p := range paths {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			found[i], err = files.Stat(gctx, p)
			if errors.Is(err, fs.ErrNotExist) && sel.Skip.Missing {
				found[i], err = store.File{Path: p}, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.NotFound, "a file of the list is not there").At(fault.As(err).Target).Because(fs.ErrNotExist).
				Try("Correct %s: each line is a path below %q; or let missing files be skipped (skipErrorFile).", sel.List, sel.Folder)
		}
		return err
	}
	for _, f := range found {
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

// listReader reads the names in a list.
type listReader struct {
	lines *bufio.Reader
	line  int64
}

func newListReader(r io.Reader) *listReader {
	return &listReader{lines: bufio.NewReaderSize(r, longLine)}
}

// next gives the next name, with "/" between its elements; io.EOF after the last.
func (l *listReader) next() (string, error) {
	for {
		raw, err := l.lines.ReadSlice('\n')
		l.line++
		if errors.Is(err, bufio.ErrBufferFull) {
			return "", fault.New(fault.BadData, "the list has a line that is no path").InRow(l.line, "", string(raw[:60])).
				Try("A list of files has one path a line.")
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(raw) == 0) {
			return "", err
		}
		text := string(raw)
		if l.line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		name := slashed(strings.Trim(text, "\r\n \t"))
		if name == "" {
			continue
		}
		if slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsRune(name, 0) {
			return "", fault.New(fault.BadData, "the list has a path that leaves its folder").InRow(l.line, "", name).
				Try("A list has paths below the dataset's folder.")
		}
		return name, nil
	}
}

// slashed is a path with "/" between its elements and without empty ones and ".".
func slashed(p string) string {
	var parts []string
	for part := range strings.FieldsFuncSeq(p, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part != "." {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}
