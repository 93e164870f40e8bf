package copy

import (
	"context"
	"errors"
	"io"
	"time"

	"dmgateway/engine/copy/files"
	"dmgateway/engine/store"
)

// series is files that become one, in order. They are not in memory all at once.
type series struct {
	count  int64
	size   int64     // of all
	latest time.Time // change of any
	each   func(ctx context.Context, fn func(store.File) error) error
}

// oneFile is the series of one file.
func oneFile(f store.File) series {
	return series{
		count: 1, size: f.Size, latest: f.Modified,
		each: func(_ context.Context, fn func(store.File) error) error { return fn(f) },
	}
}

// without is the series of a partition's files but those that are left out.
func (w *binaryWork) without(p store.Partition, out map[string]bool) series {
	var s series
	s.each = func(ctx context.Context, fn func(store.File) error) error {
		return w.eachPart(ctx, p, func(part files.Part) error {
			for _, f := range part.Files {
				if out[f.Path] {
					continue
				}
				if err := fn(f); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return s
}

// measure counts the files.
func (s *series) measure(ctx context.Context) error {
	return s.each(ctx, func(f store.File) error {
		s.count++
		s.size += f.Size
		if f.Modified.After(s.latest) {
			s.latest = f.Modified
		}
		return nil
	})
}

// merge copies all files into one. Only a file that is not there, or may not be read, can be left out: of any other,
// bytes have gone into the merged file already.
func (w *binaryWork) merge(ctx context.Context, p store.Partition, t *tally, c *PartitionCounts, log *partLog) error {
	to, err := w.merged(ctx, p)
	if err != nil {
		return err
	}
	all := w.without(p, nil)
	out := map[string]bool{}
	if skip := w.run.job.Source.Files.Skip; skip.Missing || skip.Forbidden {
		err := all.each(ctx, func(f store.File) error {
			err := w.probe(ctx, f)
			reason, ok := w.skips(ofSource(err), to)
			if !ok {
				return err
			}
			out[f.Path] = true
			c.Skipped = append(c.Skipped, f.Path)
			return log.skippedFile(f.Path, reason)
		})
		if err != nil {
			return err
		}
	}
	list := w.without(p, out)
	if err := list.measure(ctx); err != nil || list.count == 0 {
		return err
	}
	if err := w.transfer(ctx, list, to, t); err != nil {
		return err
	}
	c.FilesRead, c.Files = list.count, []string{to}
	return nil
}

// merged is the path of the one file that a partition becomes; its first file gives the extension.
func (w *binaryWork) merged(ctx context.Context, p store.Partition) (to string, err error) {
	err = w.eachPart(ctx, p, func(part files.Part) error {
		to = w.path(part, part.Files[0])
		return enoughError{}
	})
	if errors.Is(err, enoughError{}) {
		err = nil
	}
	return to, err
}

// probe reads a byte of a file, to see whether that is possible.
func (w *binaryWork) probe(ctx context.Context, f store.File) error {
	r, err := w.from.Open(ctx, f, 0, 1)
	if err != nil {
		return err
	}
	var one [1]byte
	if _, err = r.Read(one[:]); errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, r.Close())
}
