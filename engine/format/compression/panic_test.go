package compression

import (
	"bytes"
	"io"
	"testing"

	"dmgateway/engine/fault"
)

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a defect in a decoder") }
func (panicking) Close() error             { return nil }

func TestADecoderThatPanicsEndsItsReadingAlone(t *testing.T) {
	t.Parallel()
	r := newAhead(panicking{})
	if _, err := io.ReadAll(r); !fault.Is(err, fault.Internal) {
		t.Errorf("reading ends with %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnEncoderThatPanicsEndsItsWritingAlone(t *testing.T) {
	t.Parallel()
	j := &job{blockText: blockText{}, done: make(chan struct{}, 1), encode: func(*bytes.Buffer, *blockText) error { panic("a defect in an encoder") }}
	j.run()
	if <-j.done; !fault.Is(j.err, fault.Internal) {
		t.Errorf("writing ends with %v", j.err)
	}
}
