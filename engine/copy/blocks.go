package copy

import (
	"context"
	"errors"
	"hash"
	"io"
	"time"

	"dmgateway/engine/copy/files"
	"dmgateway/engine/store"
)

// Sizes of a large file's way, in bytes.
const (
	readBlock = 4 << 20
	ahead     = 4 // blocks that are read before they are written
	// lentBytes bounds the blocks that are filled or that the sink still has, where it takes them without a copy.
	lentBytes = 40 << 20
	// strideBlock is what is read by one request where bytes go to their offset at once, and stride the buffer for that:
	// so small that the bytes are still in the processor's cache when they are written.
	strideBlock = 8 << 20
	stride      = 256 << 10
)

// blockSink is how the blocks of one large file reach the sink: side by side at their offsets, as buffers that the sink
// keeps until it has sent them, or one after the other by Write.
type blockSink struct {
	out    *meteredFile
	sum    hash.Hash // takes the bytes too; may be nil
	at     io.WriterAt
	lender store.BlockWriter

	length int64 // of a block
	buffer int64 // of its buffer; shorter where nobody looks at the bytes in their order
	most   int   // buffers
	made   int
	spare  chan []byte
}

func newBlockSink(size int64, out *meteredFile, sum hash.Hash, alone bool) *blockSink {
	s := &blockSink{out: out, sum: sum, length: readBlock, most: ahead}
	if alone {
		s.lender, _ = out.FileWriter.(store.BlockWriter)
		s.at, _ = out.FileWriter.(io.WriterAt)
	}
	if s.lender != nil {
		if n := s.lender.BlockLength(size); n > 0 && 2*n <= lentBytes {
			s.length, s.most, s.at = n, int(lentBytes/n), nil
		} else {
			s.lender = nil
		}
	}
	s.buffer = s.length
	if s.at != nil && !s.ordered() {
		s.length, s.buffer = strideBlock, stride
	}
	s.spare = make(chan []byte, s.most)
	return s
}

// ordered reports whether every byte is looked at in its order.
func (s *blockSink) ordered() bool { return s.sum != nil || s.out.sum != nil }

// get gives a buffer; nil where all are in use and wait is false.
func (s *blockSink) get(ctx context.Context, wait bool) ([]byte, error) {
	select {
	case b := <-s.spare:
		return b, nil
	default:
	}
	if s.made < s.most {
		s.made++
		return newBuffer(s.buffer), nil
	}
	if !wait {
		return nil, nil
	}
	select {
	case b := <-s.spare:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *blockSink) put(b []byte) { s.spare <- b[:cap(b)] }

// block is a part of a large file, on its way from the reader that fills it to the writer.
type block struct {
	offset, length int64
	data           []byte
	err            error
	done           chan struct{}
}

// write gives a block that was read to the sink, in the order of the file, and its buffer back.
func (s *blockSink) write(b *block) error {
	start := time.Now()
	if s.sum != nil {
		_, _ = s.sum.Write(b.data) // never fails
	}
	switch {
	case s.at != nil && s.ordered():
		s.out.wrote(b.data)
	case s.at != nil:
		s.out.count(b.length)
	case s.lender != nil:
		s.out.wrote(b.data)
		err := s.lender.WriteBlock(b.data, func() { s.put(b.data) })
		s.out.t.meter.writeBusy.Add(int64(time.Since(start)))
		return err
	default:
		if _, err := s.out.Write(b.data); err != nil {
			return err
		}
	}
	s.put(b.data)
	return nil
}

// blocks reads a large file in blocks side by side, and writes them in order, or where the sink can, each where it
// belongs: where distance makes each request slow, several are under way, and reading overlaps with writing.
func (w *binaryWork) blocks(ctx context.Context, f store.File, out *blockSink, t *tally) (written int64, err error) {
	ctx, stop := context.WithCancel(ctx)
	ahead := ahead
	if n := w.share(w.run.job.Source.Files.Connections); n > 0 {
		ahead = min(ahead, n)
	}
	queue := make(chan *block, ahead)
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
			data, err := out.get(ctx, len(queue) == 0)
			if err != nil {
				return written, err
			}
			if data == nil {
				break
			}
			b := &block{offset: next, length: min(out.length, f.Size-next), done: make(chan struct{})}
			b.data = data[:min(int64(len(data)), b.length)]
			queue <- b
			go w.fetch(ctx, f, b, out, t)
			next += b.length
		}
		b := <-queue
		<-b.done
		if b.err != nil {
			return written, b.err
		}
		if err := out.write(b); err != nil {
			return written, err
		}
		written += b.length
	}
	return written, nil
}

// fetch fills one block, and writes it where that can be done out of order.
func (w *binaryWork) fetch(ctx context.Context, f store.File, b *block, out *blockSink, t *tally) {
	defer close(b.done)
	b.err = guarded(w.run.log, func() error {
		start := time.Now()
		r, err := files.OpenStream(ctx, w.from, f, b.offset, b.length, nil)
		if err != nil {
			return ofSource(err)
		}
		var done, writing int64
		for done < b.length && err == nil {
			at := done % int64(len(b.data)) // 0 again and again where the buffer is shorter than the block
			part := b.data[at:min(at+stride, int64(len(b.data)), at+b.length-done)]
			var n int
			n, err = io.ReadFull(r, part)
			t.read(0, int64(n))
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = changed(f, b.offset+done+int64(n))
			}
			if err != nil {
				err = ofSource(err)
				break
			}
			if out.at != nil {
				from := time.Now()
				_, err = out.at.WriteAt(part, b.offset+done)
				writing += int64(time.Since(from))
			}
			done += int64(n)
		}
		t.meter.readBusy.Add(int64(time.Since(start)) - writing)
		t.meter.writeBusy.Add(writing)
		return errors.Join(err, ofSource(r.Close()))
	})
}
