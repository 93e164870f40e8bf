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
	"dmgateway/engine/store"
)

// Sizes of a transfer, in bytes.
const (
	smallFile = 4 << 20   // up to here a file is read by one request, from there in blocks side by side
	smallCopy = 256 << 10 // buffer of a small file
	readBlock = 4 << 20
	ahead     = 4 // blocks that are read before they are written
	// checkedFile is the size from which the sink is asked for the size again after the commit: files that are written
	// by several requests.
	checkedFile = 8 << 20
	// largeNeed is what one large file takes at most, on both sides.
	largeNeed = ahead*readBlock + 32<<20
)

// transfer copies the bytes of the files, one after the other, into one file of the sink.
func (w *binaryWork) transfer(ctx context.Context, list []store.File, to string, t *tally) (err error) {
	var size int64
	for _, f := range list {
		size += f.Size
	}
	need := min(w.run.o.Memory, largeNeed)
	if size <= smallFile {
		need = min(need, smallCopy+size)
	}
	if err := w.memory.Acquire(ctx, need); err != nil {
		return err
	}
	defer w.memory.Release(need)

	out, err := w.create(ctx, list, to, size, t)
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
	f.n += int64(n)
	if f.sum != nil {
		_, _ = f.sum.Write(b[:n]) // never fails
	}
	f.t.meter.writeBusy.Add(int64(time.Since(start)))
	f.t.wrote(0, int64(n))
	return n, err
}

func (w *binaryWork) create(ctx context.Context, list []store.File, to string, size int64, t *tally) (*meteredFile, error) {
	sink := w.run.job.Sink.Files
	o := store.CreateOptions{
		BlockSize: sink.BlockSize, Direct: sink.Direct, Timeout: sink.Timeout, Checked: w.strict(),
		Parallel: w.share(sink.Connections),
	}
	if size <= smallFile {
		o.Parallel = 1
	}
	for _, m := range sink.Metadata {
		if o.Metadata == nil {
			o.Metadata = make(map[string]string, len(sink.Metadata))
		}
		o.Metadata[m.Name] = m.Value
		if m.Value == activity.LastModified {
			o.Metadata[m.Name] = latest(list).Format(time.RFC3339)
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

func latest(list []store.File) (t time.Time) {
	for _, f := range list {
		if f.Modified.After(t) {
			t = f.Modified
		}
	}
	return t
}

// share is how many connections one file may use, of those that its side may have; 0 = as many as suit.
func (w *binaryWork) share(connections int) int {
	if connections <= 0 {
		return 0
	}
	return max(1, connections/max(1, w.run.parallel))
}

// asIs copies the same bytes and compares size and hash with what the source says of the file.
func (w *binaryWork) asIs(ctx context.Context, list []store.File, out io.Writer, t *tally) error {
	for _, f := range list {
		var sum hash.Hash
		to := out
		if len(f.MD5) == md5.Size {
			sum = md5.New()
			to = io.MultiWriter(out, sum)
		}
		n, err := w.pour(ctx, f, to, t)
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
	}
	return nil
}

// recompress copies the content when only the compression around it differs.
func (w *binaryWork) recompress(ctx context.Context, list []store.File, to string, out io.Writer, t *tally) (err error) {
	c, err := files.NewCompressor(w.run.job.Sink.Files, to, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, f := range list {
		r, err := files.OpenContent(ctx, w.from, f, w.run.job.Source.Files.Compression, func(n int) { t.read(0, int64(n)) })
		if err != nil {
			return ofSource(err)
		}
		_, err = io.CopyBuffer(c, sourceReader{r}, make([]byte, smallCopy))
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
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

// pour copies one file's bytes.
func (w *binaryWork) pour(ctx context.Context, f store.File, out io.Writer, t *tally) (int64, error) {
	if f.Size > smallFile {
		return w.blocks(ctx, f, out, t)
	}
	start := time.Now()
	r, err := files.OpenStream(ctx, w.from, f, 0, -1, nil)
	if err != nil {
		return 0, ofSource(err)
	}
	n, err := io.CopyBuffer(onlyWriter{out}, &meteredBytes{r, t}, make([]byte, min(smallCopy, f.Size+1)))
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

// block is a part of a large file, on its way from the reader that fills it to the writer.
type block struct {
	data []byte
	err  error
	done chan struct{}
}

// blocks reads a large file in blocks side by side, and writes them in order: where distance makes each request slow,
// several are under way, and reading overlaps with writing.
func (w *binaryWork) blocks(ctx context.Context, f store.File, out io.Writer, t *tally) (written int64, err error) {
	ctx, stop := context.WithCancel(ctx)
	ahead := ahead
	if n := w.share(w.run.job.Source.Files.Connections); n > 0 {
		ahead = min(ahead, n)
	}
	queue := make(chan *block, ahead)
	var free [][]byte
	defer func() {
		stop()
		close(queue)
		for b := range queue {
			<-b.done // every reader ends before its buffer goes
		}
	}()
	var next int64
	for written < f.Size {
		for len(queue) < ahead && next < f.Size {
			b := &block{done: make(chan struct{})}
			size := min(readBlock, f.Size-next)
			if n := len(free); n > 0 {
				b.data, free = free[n-1][:size], free[:n-1]
			} else {
				b.data = make([]byte, size)
			}
			queue <- b
			go w.fetch(ctx, f, next, b, t)
			next += size
		}
		b := <-queue
		<-b.done
		if b.err != nil {
			return written, b.err
		}
		n, err := out.Write(b.data)
		written += int64(n)
		if err != nil {
			return written, err
		}
		free = append(free, b.data[:cap(b.data)])
	}
	return written, nil
}

// fetch fills one block.
func (w *binaryWork) fetch(ctx context.Context, f store.File, offset int64, b *block, t *tally) {
	defer close(b.done)
	start := time.Now()
	b.err = ofSource(guarded(w.run.log, func() error {
		r, err := files.OpenStream(ctx, w.from, f, offset, int64(len(b.data)), nil)
		if err != nil {
			return err
		}
		n, err := io.ReadFull(r, b.data)
		t.read(0, int64(n))
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = changed(f, offset+int64(n))
		}
		return errors.Join(err, r.Close())
	}))
	t.meter.readBusy.Add(int64(time.Since(start)))
}
