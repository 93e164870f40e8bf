package amqp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Frame types.
const (
	FrameAMQP byte = 0
	FrameSASL byte = 1
)

// MinMaxFrameSize is the smallest max-frame-size that a peer may ask for.
const MinMaxFrameSize = 512

const frameHeader = 8

// Protocol headers that start each layer of a connection.
var (
	HeaderAMQP = [8]byte{'A', 'M', 'Q', 'P', 0, 1, 0, 0}
	HeaderSASL = [8]byte{'A', 'M', 'Q', 'P', 3, 1, 0, 0}
)

// FrameSizeError is a frame beyond the max-frame-size that was announced.
type FrameSizeError struct{ Size, Max uint32 }

// Error names both sizes.
func (e *FrameSizeError) Error() string {
	return fmt.Sprintf("amqp: a frame of %d bytes where %d is the limit", e.Size, e.Max)
}

// ReadFrame reads one frame of at most limit bytes into buf, which grows as needed. The body shares memory with the
// returned buffer and is valid until that is used again; an empty body is a heartbeat.
func ReadFrame(r io.Reader, buf []byte, limit uint32) (kind byte, channel uint16, body, grown []byte, err error) {
	var head [frameHeader]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, nil, buf, err
	}
	size, offset := binary.BigEndian.Uint32(head[:]), uint32(head[4])*4
	switch {
	case size > limit:
		return 0, 0, nil, buf, &FrameSizeError{size, limit}
	case offset < frameHeader || size < offset:
		return 0, 0, nil, buf, malformed("a frame of %d bytes with its data at %d", size, offset)
	}
	n := int(size - frameHeader)
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err = io.ReadFull(r, buf); err != nil {
		return 0, 0, nil, buf, err
	}
	return head[5], binary.BigEndian.Uint16(head[6:]), buf[offset-frameHeader:], buf, nil
}

// BeginFrame appends the header of a frame; the caller appends the body and then calls EndFrame with the length that b
// had before.
func BeginFrame(b []byte, kind byte, channel uint16) []byte {
	b = append(b, 0, 0, 0, 0, 2, kind)
	return binary.BigEndian.AppendUint16(b, channel)
}

// EndFrame writes the size into the frame that began at start.
func EndFrame(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// AppendFrame appends a frame with one performative and, for a transfer, its payload.
func AppendFrame(b []byte, kind byte, channel uint16, p Performative, payload []byte) []byte {
	start := len(b)
	b = BeginFrame(b, kind, channel)
	b = AppendPerformative(b, p)
	b = append(b, payload...)
	return EndFrame(b, start)
}

// AppendHeartbeat appends a frame without a body.
func AppendHeartbeat(b []byte) []byte {
	return EndFrame(BeginFrame(b, FrameAMQP, 0), len(b))
}
