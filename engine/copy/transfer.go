package copy

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"hash"
	"io"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// Sizes of a transfer, in bytes.
const (
	smallFile = 4 << 20   // up to here a file is read by one request, from there in blocks side by side
	smallCopy = 256 << 10 // buffer of a small file
	// checkedFile is the size from which the sink is asked for the size again after the commit: files that are written
	// by several requests.
	checkedFile = 8 << 20
	// largeNeed is what one large file takes at most, on both sides.
	largeNeed = ahead*readBlock + 32<<20 // and not less than lentBytes
)

// transfer copies the bytes of the files, one after the other, into one file of the sink.
func (w *binaryWork) transfer(ctx context.Context, list series, to string, t *tally) (err error) {
	size := list.size
	need := min(w.run.o.Memory, largeNeed)
	if size <= smallFile {
		need = min(need, smallCopy+size)
	}
	if err := w.memory.Acquire(ctx, need); err != nil {
		return err
	}
	defer w.memory.Release(need)

	out, err := w.create(ctx, list, to, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Abort()) }()
	src, sink := w.run.job.Source.Files.Compression, w.run.job.Sink.Files.Compression
	if src == sink {
		err = w.asIs(ctx, list, out, t)
	} else {
		err = w.recompress(ctx, list, to, out, t)
	}
	if err != nil {
		return err
	}
	if err := w.unchanged(ctx, list); err != nil {
		return err
	}
	return w.commitFile(ctx, to, out, t)
}

// meteredFile is a FileWriter that counts what goes into it, and hashes it where that is wanted.
type meteredFile struct {
	store.FileWriter
	t   *tally
	n   int64
	sum hash.Hash
}

// Write writes and counts.
func (f *meteredFile) Write(b []byte) (int, error) {
	start := time.Now()
	n, err := f.FileWriter.Write(b)
	f.wrote(b[:n])
	f.t.meter.writeBusy.Add(int64(time.Since(start)))
	return n, err
}

// wrote counts and hashes the next bytes of the file.
func (f *meteredFile) wrote(b []byte) {
	if f.sum != nil {
		_, _ = f.sum.Write(b) // never fails
	}
	f.count(int64(len(b)))
}

func (f *meteredFile) count(n int64) {
	f.n += n
	f.t.wrote(0, n)
}

func (w *binaryWork) create(ctx context.Context, list series, to string, t *tally) (*meteredFile, error) {
	sink := w.run.job.Sink.Files
	o := store.CreateOptions{
		BlockSize: sink.BlockSize, Direct: sink.Direct, Timeout: sink.Timeout, Checked: w.strict(),
		Parallel: w.share(sink.Connections),
	}
	if list.size <= smallFile {
		o.Parallel = 1
	}
	for _, m := range sink.Metadata {
		if o.Metadata == nil {
			o.Metadata = make(map[string]string, len(sink.Metadata))
		}
		o.Metadata[m.Name] = m.Value
		if m.Value == activity.LastModified {
			o.Metadata[m.Name] = list.latest.Format(time.RFC3339)
		}
	}
	f, err := w.to.Create(ctx, to, o)
	if err != nil {
		return nil, err
	}
	out := &meteredFile{FileWriter: f, t: t}
	if w.strict() {
		out.sum = md5.New()
	}
	return out, nil
}

// share is how many connections one file may use, of those that its side may have; 0 = as many as suit.
func (w *binaryWork) share(connections int) int {
	if connections <= 0 {
		return 0
	}
	return max(1, connections/max(1, w.run.parallel))
}

// asIs copies the same bytes and compares size and hash with what the source says of the file.
func (w *binaryWork) asIs(ctx context.Context, list series, out *meteredFile, t *tally) error {
	return list.each(ctx, func(f store.File) error {
		var sum hash.Hash
		if len(f.MD5) == md5.Size {
			sum = md5.New()
		}
		n, err := w.pour(ctx, f, out, sum, list.count == 1, t)
		if err != nil {
			return err
		}
		if n != f.Size {
			return ofSource(changed(f, n))
		}
		if sum != nil && !bytes.Equal(sum.Sum(nil), f.MD5) {
			return fault.New(Inconsistent, "the bytes that came do not have the MD5 that the store keeps for the file").
				At(f.Path).Try("Store the file again; it is damaged, or its MD5 is wrong.")
		}
		return nil
	})
}

// recompress copies the content when only the compression around it differs.
func (w *binaryWork) recompress(ctx context.Context, list series, to string, out io.Writer, t *tally) (err error) {
	c, err := files.NewCompressor(w.run.job.Sink.Files, to, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return list.each(ctx, func(f store.File) error {
		if w.merges() && compression.IsArchive(w.run.job.Source.Files.Compression) {
			return w.allMembers(ctx, f, c, t)
		}
		r, err := files.OpenContent(ctx, w.from, f, w.run.job.Source.Files.Compression, func(n int) { t.read(0, int64(n)) })
		if err != nil {
			return ofSource(err)
		}
		_, err = io.CopyBuffer(c, sourceReader{r}, make([]byte, smallCopy))
		return errors.Join(err, r.Close())
	})
}

// sourceReader says whose errors it gives.
type sourceReader struct{ io.Reader }

// Read reads.
func (r sourceReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	return n, ofSource(err)
}

// onlyReader hides everything but Read, so that io.CopyBuffer uses the buffer that it was given.
type onlyReader struct{ io.Reader }

type onlyWriter struct{ io.Writer }

// pour copies one file's bytes. sum takes them too, unless it is nil; alone tells that nothing else goes into out.
func (w *binaryWork) pour(ctx context.Context, f store.File, out *meteredFile, sum hash.Hash, alone bool, t *tally) (int64, error) {
	if f.Size > smallFile {
		return w.blocks(ctx, f, newBlockSink(f.Size, out, sum, alone), t)
	}
	start := time.Now()
	r, err := files.OpenStream(ctx, w.from, f, 0, -1, nil)
	if err != nil {
		return 0, ofSource(err)
	}
	to := io.Writer(onlyWriter{out})
	if sum != nil {
		to = io.MultiWriter(out, sum)
	}
	n, err := io.CopyBuffer(to, &meteredBytes{r, t}, make([]byte, min(smallCopy, f.Size+1)))
	t.meter.readBusy.Add(int64(time.Since(start)))
	return n, errors.Join(err, r.Close())
}

// meteredBytes counts what is read.
type meteredBytes struct {
	io.Reader
	t *tally
}

// Read reads and counts.
func (r *meteredBytes) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.t.read(0, int64(n))
	return n, ofSource(err)
}
