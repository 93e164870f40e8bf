package json

import (
	"bytes"
	"context"
	"errors"
	"io"

	"golang.org/x/text/transform"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

const (
	chunk = 512 << 10
	// maxValue is how long one object may be, and so the memory that reading takes at most.
	maxValue = batch.MaxRow
)

// source is a file's text in a buffer that always has room for a whole value.
type source struct {
	ctx  context.Context //nolint:containedctx // replaced by each Next: io.Reader has no other way
	name string
	body io.Closer
	text io.Reader // UTF-8

	buf      []byte
	pos, end int
	last     bool  // buf[pos:end] is the rest
	from     int64 // where buf[0] is in the text
	lines    int64 // line ends before buf[0]
	decoded  bool  // not UTF-8 in the file
	frozen   bool  // only what is in the buffer counts
	limit    int
}

// open begins to read a file's text at a byte; encoding and byte order mark matter at byte 0 only.
func open(ctx context.Context, in format.Input, set *settings, offset int64) (*source, error) {
	rc, err := in.Open(ctx, offset, -1)
	if err != nil {
		return nil, err
	}
	s := &source{ctx: ctx, name: in.Name, body: rc, text: rc, buf: make([]byte, chunk), from: offset, limit: maxValue}
	if offset == 0 {
		if err := s.decode(set); err != nil {
			rc.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close ends reading.
func (s *source) Close() error {
	size := len(s.buf)
	s.buf, s.pos, s.end, s.last = nil, 0, 0, true
	batch.Dropped(size)
	return s.body.Close()
}

// decode finds the encoding: the byte order mark's where it does not contradict the name. The mark is skipped.
func (s *source) decode(set *settings) error {
	c := set.charset
	for s.end < 4 && !s.last {
		if err := s.fill(); err != nil {
			return err
		}
	}
	m, n := marked(s.buf[:min(s.end, 4)])
	switch {
	case n == 0:
	case set.guess || c.kin(m):
		c, s.pos = m, n
	case c == utf16LE && m == utf32LE: // a mark and a NUL
		s.pos = 2
	}
	if c == nil {
		return nil
	}
	s.decoded = true
	rest := append([]byte(nil), s.buf[s.pos:s.end]...)
	s.from, s.pos, s.end, s.last = 0, 0, 0, false
	s.text = transform.NewReader(io.MultiReader(bytes.NewReader(rest), s.text), c.enc.NewDecoder())
	return nil
}

// fill reads more text behind what is left in the buffer, which it moves to the front, or enlarges when it is full.
func (s *source) fill() error {
	if s.frozen {
		return errFrozen
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if s.pos > 0 {
		s.shift()
	}
	if s.end == len(s.buf) {
		if !batch.Grow(&s.buf, s.limit) {
			return fault.New(fault.BadData, "a value that begins in line %d is longer than %d MiB", s.lines+1, s.limit>>20).At(s.name).
				Try("Check that brackets and quotes are closed. Where the rows are in an array inside one large object, name that array in jsonNodeReference or collectionReference.")
		}
	}
	for range 100 {
		n, err := s.text.Read(s.buf[s.end:min(len(s.buf), s.end+batch.GiantStep)])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.last = true
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// errFrozen ends a look at the beginning of a file.
var errFrozen = errors.New("json: the sample ends here")

var newline = []byte{'\n'}

// shift moves what is left in the buffer to its front. After a giant value the buffer becomes a usual one again.
func (s *source) shift() {
	rest := s.buf[s.pos:s.end]
	if len(s.buf) >= batch.Giant && len(rest) < batch.Giant {
		s.surrender()
		return
	}
	s.lines += int64(bytes.Count(s.buf[:s.pos], newline))
	s.from += int64(s.pos)
	s.pos, s.end = 0, copy(s.buf, rest)
}

// surrender gives up the buffer, with all that was read before pos, and takes another for the rest.
func (s *source) surrender() {
	s.lines += int64(bytes.Count(s.buf[:s.pos], newline))
	s.from += int64(s.pos)
	rest := s.buf[s.pos:s.end]
	size := chunk
	for size < len(rest) {
		size *= 2
	}
	old := len(s.buf)
	s.buf = make([]byte, size)
	s.pos, s.end = 0, copy(s.buf, rest)
	batch.Dropped(old)
}

// more reads as much again as the buffer holds, or a good piece, so that looking at a long value again and again stays cheap.
func (s *source) more() error {
	have := s.end - s.pos
	for need := min(2*have+1, have+batch.GiantStep); s.end-s.pos < need && !s.last; {
		if err := s.fill(); err != nil {
			return err
		}
	}
	return nil
}

// space skips white space and says whether a line ended on the way at or behind the byte stop (< 0 = nowhere).
// At the end of the text it returns io.EOF.
func (s *source) space(stop int64) (stopped bool, err error) {
	for {
		for s.pos < s.end {
			switch s.buf[s.pos] {
			case '\n':
				if stop >= 0 && s.from+int64(s.pos)+1 >= stop {
					return true, nil
				}
			case ' ', '\r', '\t':
			default:
				return false, nil
			}
			s.pos++
		}
		if s.last {
			return false, io.EOF
		}
		if err := s.fill(); err != nil {
			return false, err
		}
	}
}

// line goes to the beginning of the next line; io.EOF where there is none.
func (s *source) line() error {
	for {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); i >= 0 {
			s.pos += i + 1
			return nil
		}
		s.pos = s.end
		if s.last {
			return io.EOF
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// lineAt is the number of the line that a place in the buffer is in, from 1.
func (s *source) lineAt(i int) int64 {
	return s.lines + int64(bytes.Count(s.buf[:min(i, s.end)], newline)) + 1
}
