package avro

import (
	"crypto/rand"
	"errors"
	"io"
	"runtime"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// blockBytes is how much data a block gathers before it is compressed. A block of one row can be longer.
const blockBytes = 256 << 10

// writer encodes rows into blocks, which are compressed by several goroutines and written in their order.
type writer struct {
	f      *Format
	w      io.Writer
	sync   [16]byte
	schema batch.Schema
	cols   []*encoder

	block   *block   // being filled
	waiting []*block // being compressed, in the order of the file
	free    []*block
	limit   int // of waiting
	err     error
}

// block is a number of rows on its way to the file.
type block struct {
	rows   int64
	data   []byte
	buf    []byte
	out    []byte // in buf: number of rows, length, compressed data, marker
	packer *packer
	err    error
	done   chan struct{}
}

func newWriter(f *Format, w io.Writer, schema batch.Schema) (*writer, error) {
	kept, err := f.Types(schema)
	if err != nil {
		return nil, err
	}
	out := &writer{f: f, w: w, sync: [16]byte{}, schema: schema, limit: runtime.GOMAXPROCS(0)}
	for i, field := range schema {
		e := &encoder{name: field.Name, nullable: field.Nullable, typ: kept[i].Type}
		if !batch.Fits(field.Type, e.typ) {
			if e.convert, err = batch.NewConverter(field.Type, e.typ, batch.Options{}); err != nil {
				return nil, err
			}
			e.tmp.Type = e.typ
		}
		out.cols = append(out.cols, e)
	}
	text, err := f.schemaOf(schema, kept)
	if err != nil {
		return nil, err
	}
	if _, err := rand.Read(out.sync[:]); err != nil {
		return nil, err
	}
	_, err = w.Write(appendHeader(nil, text, f.codec, out.sync))
	return out, err
}

func appendHeader(dst, schema []byte, codec string, sync [16]byte) []byte {
	dst = append(dst, magic...)
	dst = appendLong(dst, 2)
	dst = appendBytes(dst, []byte("avro.schema"))
	dst = appendBytes(dst, schema)
	dst = appendBytes(dst, []byte("avro.codec"))
	dst = appendBytes(dst, []byte(codec))
	dst = append(dst, 0)
	return append(dst, sync[:]...)
}

// Write encodes the rows. b's buffers are not kept.
func (w *writer) Write(b *batch.Batch) error {
	if w.err == nil {
		w.err = w.write(b)
	}
	return w.err
}

func (w *writer) write(b *batch.Batch) error {
	for i, e := range w.cols {
		e.col = &b.Cols[i]
		if e.convert == nil {
			continue
		}
		e.tmp.Reset()
		if err := e.convert.Convert(&e.tmp, e.col, nil); err != nil {
			f := *fault.As(err)
			f.Column = e.name
			return &f
		}
		e.col = &e.tmp
	}
	large := b.Size() >= batch.Giant
	for row := range b.Len() {
		if large && w.giant(row) {
			if err := w.writeGiant(b, row); err != nil {
				return err
			}
			continue
		}
		if w.block == nil {
			if err := w.begin(); err != nil {
				return err
			}
		}
		data := w.block.data
		for i, e := range w.cols {
			var why string
			if data, why = e.append(data, row); why != "" {
				return w.refuse(&b.Cols[i], row, e.name, why)
			}
		}
		w.block.data = data
		w.block.rows++
		if len(data) >= blockBytes {
			if err := w.finish(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) refuse(c *batch.Column, row int, name, why string) error {
	text := ""
	if !c.IsNull(row) {
		text = string(batch.AppendText(nil, c, row))
	}
	return fault.New(fault.Conversion, "%s", why).InRow(int64(row)+1, name, text).Try("Correct the value, or leave the row out.")
}

// begin takes a block to fill.
func (w *writer) begin() error {
	if n := len(w.free); n > 0 {
		w.block, w.free = w.free[n-1], w.free[:n-1]
		return nil
	}
	p, err := w.f.newPacker()
	w.block = &block{packer: p}
	return err
}

// finish has the block compressed, and first waits for the oldest where enough are under way.
func (w *writer) finish() error {
	b := w.block
	w.block = nil
	b.done = make(chan struct{})
	work := func() {
		defer close(b.done)
		defer fault.Recover(&b.err)
		b.err = b.pack(w.f.codec, w.sync)
	}
	if w.f.codec == "null" {
		work()
	} else {
		go work()
	}
	w.waiting = append(w.waiting, b)
	if len(w.waiting) <= w.limit {
		return nil
	}
	return w.put()
}

// put writes the oldest block.
func (w *writer) put() error {
	b := w.waiting[0]
	w.waiting = append(w.waiting[:0], w.waiting[1:]...)
	<-b.done
	if b.err != nil {
		return b.err
	}
	_, err := w.w.Write(b.out)
	b.rows, b.data = 0, b.data[:0]
	w.free = append(w.free, b)
	return err
}

// pack makes the block's bytes in the file. The length, which is known afterwards, has room before the data.
func (b *block) pack(codec string, sync [16]byte) error {
	const room = 20
	if cap(b.buf) < room {
		b.buf = make([]byte, 0, room+blockBytes)
	}
	out, err := b.packer.pack(codec, b.buf[:room], b.data)
	if err != nil {
		return err
	}
	head := appendLong(make([]byte, 0, room), b.rows)
	head = appendLong(head, int64(len(out)-room))
	copy(out[room-len(head):], head)
	b.buf = append(out, sync[:]...)
	b.out = b.buf[room-len(head):]
	return nil
}

// Close writes the blocks that are left.
func (w *writer) Close() error {
	if w.err == nil && w.block != nil && w.block.rows > 0 {
		w.err = w.finish()
	}
	for len(w.waiting) > 0 && w.err == nil {
		w.err = w.put()
	}
	for _, b := range w.waiting {
		<-b.done
	}
	w.waiting, w.free, w.block = nil, nil, nil
	if w.err != nil {
		return w.err
	}
	w.err = errClosed
	return nil
}

var errClosed = errors.New("avro: the file is complete")
