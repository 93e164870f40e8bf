package copy

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"time"

	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// strict reports whether the job wants both sides to be compared.
func (w *binaryWork) strict() bool {
	v := w.run.job.Verification
	return v.Required || v.Checksum
}

// unchanged makes sure, where the job wants that, that the source's files are still those that were read.
func (w *binaryWork) unchanged(ctx context.Context, list series) error {
	if !w.strict() {
		return nil
	}
	return list.each(ctx, func(f store.File) error {
		now, err := w.from.Stat(ctx, f.Path)
		if err != nil {
			return ofSource(err)
		}
		if now.Size != f.Size || now.ETag != f.ETag || !now.Modified.Equal(f.Modified) {
			return fault.New(Inconsistent, "the file changed while it was copied").At(f.Path).Try("Copy it when nobody writes to it.")
		}
		return nil
	})
}

// commitFile commits and makes sure that the store holds what it was given: as many bytes, and the same where the job
// wants that.
func (w *binaryWork) commitFile(ctx context.Context, to string, out *meteredFile, t *tally) error {
	start := time.Now()
	err := out.Commit(ctx)
	t.meter.writeBusy.Add(int64(time.Since(start)))
	if err != nil {
		return err
	}
	if out.sum == nil {
		w.unhashed.Store(true)
		if out.n < checkedFile {
			return nil
		}
	}
	f, err := w.to.Stat(ctx, to)
	if err != nil {
		return err
	}
	if f.Size != out.n {
		return fault.New(Inconsistent, "%d bytes were written, but the file has %d", out.n, f.Size).At(to).
			Try("Check whether something else writes to the file.")
	}
	if out.sum == nil {
		return nil
	}
	held := f.MD5
	if len(held) != md5.Size {
		if !w.run.job.Verification.Checksum {
			w.unhashed.Store(true)
			return nil
		}
		if held, err = w.readBack(ctx, f); err != nil {
			return err
		}
	}
	if !bytes.Equal(held, out.sum.Sum(nil)) {
		return fault.New(Inconsistent, "the file in the sink has another MD5 than what was written").At(to).
			Try("Check whether something else writes to the file, and the sink's disk.")
	}
	return nil
}

// readBack is the MD5 of a file of the sink whose store keeps none.
func (w *binaryWork) readBack(ctx context.Context, f store.File) ([]byte, error) {
	r, err := files.OpenStream(ctx, w.to, f, 0, -1, nil)
	if err != nil {
		return nil, err
	}
	sum := md5.New()
	_, err = io.CopyBuffer(onlyWriter{sum}, onlyReader{r}, make([]byte, smallCopy))
	return sum.Sum(nil), errors.Join(err, r.Close())
}
