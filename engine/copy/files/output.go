package files

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync/atomic"

	"dmgateway/engine/activity"
	"dmgateway/engine/format"
	"dmgateway/engine/store"
)

// bufferSize joins the format's small writes to ones that a store likes.
const bufferSize = 256 << 10

// output is one file on its way: rows, format, compression, buffer, store.
type output struct {
	rows       format.Writer
	compressor io.WriteCloser // nil once it is closed
	buffer     *bufio.Writer
	tap        *tap
	file       store.FileWriter
}

func (s *Sink) create(ctx context.Context, path string) (*output, error) {
	file, err := s.files.Create(ctx, path, store.CreateOptions{
		BlockSize: s.o.BlockSize, Direct: s.o.Direct, Timeout: s.o.Timeout, Metadata: metadata(s.o.Metadata),
	})
	if err != nil {
		return nil, err
	}
	o := &output{file: file, tap: &tap{to: file}}
	o.buffer = bufio.NewWriterSize(o.tap, bufferSize)
	if o.compressor, err = NewCompressor(s.o, path, o.buffer); err != nil {
		return nil, errors.Join(err, o.abort())
	}
	if o.rows, err = s.o.Format.Write(o.compressor, s.schema); err != nil {
		return nil, errors.Join(err, o.abort())
	}
	return o, nil
}

func metadata(list []activity.Metadata) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]string, len(list))
	for _, x := range list {
		m[x.Name] = x.Value
	}
	return m
}

// commit ends every layer in turn and gives the size of the file.
func (o *output) commit(ctx context.Context) (int64, error) {
	if err := o.rows.Close(); err != nil {
		return 0, err
	}
	if err := o.endCompression(); err != nil {
		return 0, err
	}
	if err := o.buffer.Flush(); err != nil {
		return 0, err
	}
	return o.tap.n, o.file.Commit(ctx)
}

func (o *output) endCompression() error {
	if o.compressor == nil {
		return nil
	}
	err := o.compressor.Close()
	o.compressor = nil
	return err
}

// abort drops the file. The compressor is closed first, because it may have goroutines; what it still has to say goes
// nowhere.
func (o *output) abort() error {
	o.tap.shut.Store(true)
	_ = o.endCompression()
	return o.file.Abort()
}

// tap counts what goes into a file until it is shut.
type tap struct {
	to   io.Writer
	n    int64
	shut atomic.Bool
}

// Write writes and counts.
func (t *tap) Write(b []byte) (int, error) {
	if t.shut.Load() {
		return len(b), nil
	}
	n, err := t.to.Write(b)
	t.n += int64(n)
	return n, err
}
