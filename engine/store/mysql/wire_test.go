package mysql

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// conversation is a server that says what it was given and takes whatever comes.
type conversation struct {
	io.Reader
	net.Conn
}

func (c conversation) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c conversation) Write(p []byte) (int, error) { return len(p), nil }
func (c conversation) SetDeadline(time.Time) error { return nil }
func (c conversation) Close() error                { return nil }

func said(data []byte) *wire {
	return &wire{Conn: conversation{Reader: bytes.NewReader(data)}, buf: make([]byte, 64), capabilities: capDeprecateEOF}
}

// FuzzServer feeds any bytes as a server's answers: they end in errors, not in panics or endless loops.
func FuzzServer(f *testing.F) {
	f.Add([]byte("\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"))
	f.Add([]byte("\x01\x00\x00\x01\x01\x17\x00\x00\x02\x03def\x00\x00\x00\x011\x00\x0c\x3f\x00\x01\x00\x00\x00\x08\x81\x00\x00\x00\x00\x02\x00\x00\x03\x011\x07\x00\x00\x04\xfe\x00\x00\x02\x00\x00\x00"))
	f.Add([]byte("\x09\x00\x00\x01\xff\x10\x04#08004x"))
	f.Add([]byte("\x02\x00\x00\x01\xfb\x61\x00\x00\x00\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = said(data).results(func([]cell) {})
		_, _, _ = said(data).prepare("x")
		_, _ = said(data).execute(1)
		w := said(data)
		_, _ = w.packet()
		_, _ = newWire(conversation{Reader: bytes.NewReader(data)}, nil, false)
	})
}

// FuzzRow decodes any bytes as a row of every type.
func FuzzRow(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		for _, code := range []byte{codeTiny, codeShort, codeLong, codeFloat, codeDouble, codeTimestamp, codeLongLong, codeInt24, codeDate, codeTime, codeDatetime, codeYear, codeBit, codeJSON, codeNewDecimal, codeBlob, codeString} {
			for _, flags := range []uint16{0, flagUnsigned} {
				c := column{name: "c", code: code, flags: flags, length: 12, decimals: 3, charset: 45}
				typ := c.typ(valueOptions{})
				field := batch.Field{Name: "c", Type: typ}
				r := &reader{server: []column{c, c}, to: []int{0, -1}, decode: []decode{decoderOf(c, typ, valueOptions{}), nil}, schema: batch.Schema{field}}
				b := batch.New(r.schema, 0)
				if err := r.take(b, data); err != nil && b.Len() != 0 {
					t.Fatalf("%v, but %d rows", err, b.Len())
				} else if err != nil && fault.As(err).Hint == "" {
					t.Fatalf("no hint: %v", err)
				}
			}
		}
	})
}

func TestAServerThatAsksForAFileGetsNone(t *testing.T) {
	t.Parallel()
	w := said([]byte("\x0c\x00\x00\x01\xfb/etc/passwd\x07\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00"))
	if _, err := w.results(nil); !errors.Is(err, errLocalFile) {
		t.Errorf("%v", err)
	}
}
