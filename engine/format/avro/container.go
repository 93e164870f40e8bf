package avro

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

const (
	magic = "Obj\x01"
	// maxHeader is how long a file's header may be.
	maxHeader = 64 << 20
)

// head is what stands before the first block.
type head struct {
	schema *node
	codec  string
	sync   [16]byte
	size   int64
}

// blocks reads a file's blocks, one after the other.
type blocks struct {
	ctx    context.Context //nolint:containedctx // replaced by each Next: io.Reader has no other way
	name   string
	body   io.ReadCloser
	in     *bufio.Reader
	head   head
	unpack *unpacker
	at     int64 // where in is in the file
	stop   int64 // blocks behind a marker that begins at this byte or later belong to another part; < 0 = none

	size         int64 // of the file; < 0 = not known
	packed, data []byte
	failed       error // what the store said when it could not be read
}

// open reads the header.
func open(ctx context.Context, in format.Input) (*blocks, error) {
	b, err := openAt(ctx, in, 0)
	if err != nil {
		return nil, err
	}
	if err := b.header(); err != nil {
		b.close()
		return nil, b.damaged(err)
	}
	return b, nil
}

func openAt(ctx context.Context, in format.Input, offset int64) (*blocks, error) {
	rc, err := in.Open(ctx, offset, -1)
	if err != nil {
		return nil, err
	}
	b := &blocks{ctx: ctx, name: in.Name, body: rc, at: offset, stop: -1, size: in.Size}
	b.in = bufio.NewReaderSize(checked{b}, 64<<10)
	return b, nil
}

// checked reads the file while nobody has cancelled.
type checked struct{ b *blocks }

func (c checked) Read(p []byte) (int, error) {
	if err := c.b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.b.failed = err
	}
	return n, err
}

func (b *blocks) close() error {
	if b.unpack != nil {
		b.unpack.close()
	}
	return b.body.Close()
}

// damaged makes a BadData error of what the file's content is to blame for; what the store or the caller is to blame
// for stays as it is.
func (b *blocks) damaged(err error) error {
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if b.failed != nil {
		return b.failed
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	var own wrong
	if !errors.As(err, &own) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends too early")
	}
	return fault.New(fault.BadData, "the Avro file is damaged or cut short at byte %d", b.at).At(b.name).Because(err).
		Try("Check that the file is whole and really an Avro object container file.")
}

// wrong is something in the file that cannot be right.
type wrong struct{ error }

func (w wrong) Unwrap() error { return w.error }

func (b *blocks) header() error {
	first := make([]byte, len(magic))
	if err := b.full(first); err != nil {
		return err
	}
	if string(first) != magic {
		return wrong{errors.New("the file does not begin as Avro object container files do")}
	}
	meta, err := b.metadata()
	if err != nil {
		return err
	}
	if err := b.full(b.head.sync[:]); err != nil {
		return err
	}
	b.head.size = b.at
	b.head.codec = string(meta["avro.codec"])
	if b.head.schema, err = parseSchema(meta["avro.schema"]); err != nil {
		return wrong{fmt.Errorf("the schema cannot be read: %w", err)}
	}
	if b.unpack, err = newUnpacker(b.head.codec); err != nil {
		return fault.New(fault.Unsupported, "the file cannot be decompressed").At(b.name).Because(err)
	}
	return nil
}

func (b *blocks) metadata() (map[string][]byte, error) {
	meta := map[string][]byte{}
	for {
		n, err := b.long()
		if err != nil || n == 0 {
			return meta, err
		}
		if n < 0 {
			if _, err := b.long(); err != nil {
				return nil, err
			}
			n = -n
		}
		for ; n != 0; n-- {
			key, err := b.bytes()
			if err != nil {
				return nil, err
			}
			if meta[string(key)], err = b.bytes(); err != nil {
				return nil, err
			}
			if b.at > maxHeader {
				return nil, wrong{errors.New("the header is too long")}
			}
		}
	}
}

func (b *blocks) bytes() ([]byte, error) {
	n, err := b.long()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > maxHeader {
		return nil, wrong{errors.New("the header is too long")}
	}
	return b.read(nil, n)
}

// long reads a number from the file; io.EOF only where there is not even its first byte.
func (b *blocks) long() (int64, error) {
	v, err := binary.ReadUvarint(counted{b})
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && b.ctx.Err() == nil {
		err = wrong{err}
	}
	return int64(v>>1) ^ -int64(v&1), err
}

type counted struct{ b *blocks }

func (c counted) ReadByte() (byte, error) {
	v, err := c.b.in.ReadByte()
	if err == nil {
		c.b.at++
	}
	return v, err
}

func (b *blocks) full(p []byte) error {
	n, err := io.ReadFull(b.in, p)
	b.at += int64(n)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// read appends n bytes to dst. It takes memory only as they come, whatever n says.
func (b *blocks) read(dst []byte, n int64) ([]byte, error) {
	for n > 0 {
		step := int(min(n, 1<<20))
		start := len(dst)
		if cap(dst)-start < step {
			dst = append(dst, make([]byte, step)...)
		}
		dst = dst[:start+step]
		if err := b.full(dst[start:]); err != nil {
			return nil, err
		}
		n -= int64(step)
	}
	return dst, nil
}

// next gives the next block's rows and their data, valid until the next call; io.EOF after the last block.
func (b *blocks) next() (rows int64, data []byte, err error) {
	if b.stop >= 0 && b.at-int64(len(b.head.sync)) >= b.stop {
		return 0, nil, io.EOF
	}
	rows, err = b.long()
	if errors.Is(err, io.EOF) {
		return 0, nil, io.EOF
	}
	if err == nil {
		data, err = b.block(rows)
	}
	if err != nil {
		return 0, nil, b.damaged(err)
	}
	return rows, data, nil
}

func (b *blocks) block(rows int64) ([]byte, error) {
	size, err := b.long()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch {
	case rows < 0 || size < 0:
		return nil, wrong{errors.New("a block has a negative length")}
	case size > maxBlock:
		return nil, wrong{errTooLong}
	}
	b.release()
	if size >= batch.Giant && size <= b.size-b.at {
		b.packed = make([]byte, size)
		err = b.full(b.packed)
	} else {
		b.packed, err = b.read(b.packed[:0], size)
	}
	if err != nil {
		return nil, err
	}
	var sync [16]byte
	if err := b.full(sync[:]); err != nil {
		return nil, err
	}
	if sync != b.head.sync {
		return nil, wrong{errors.New("a block does not end with the file's marker")}
	}
	data, err := b.unpack.unpack(b.data, b.packed)
	if err != nil {
		return nil, wrong{fmt.Errorf("a block cannot be decompressed: %w", err)}
	}
	if b.unpack.codec != "null" {
		b.data = data
		if len(b.packed) >= batch.Giant {
			b.packed = nil
			batch.Dropped(int(size))
		}
	}
	return data, nil
}

// release lets go of giant buffers, whose values columns may have taken over.
func (b *blocks) release() {
	if cap(b.packed) >= batch.Giant {
		b.packed = nil
	}
	if cap(b.data) >= batch.Giant {
		b.data = nil
	}
}

// seek goes behind the first marker that begins at or behind the place where b was opened; io.EOF where there is none.
func (b *blocks) seek() error {
	for {
		window, err := b.in.Peek(b.in.Size())
		if i := bytes.Index(window, b.head.sync[:]); i >= 0 {
			n, err := b.in.Discard(i + len(b.head.sync))
			b.at += int64(n)
			return err
		}
		if err != nil {
			return err
		}
		n, err := b.in.Discard(len(window) - len(b.head.sync) + 1)
		b.at += int64(n)
		if err != nil {
			return err
		}
	}
}
