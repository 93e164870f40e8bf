package text

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/transform"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

const (
	chunk = 256 << 10
	// maxRow is how many bytes one row may have: long before that, it is more likely that a quote is not closed.
	maxRow = batch.MaxRow
)

// errTooLong is a row of more than the limit.
var errTooLong = errors.New("text: the row is too long")

// source is a file's text in a buffer that always holds whole rows.
type source struct {
	ctx  context.Context //nolint:containedctx // replaced by each Next: io.Reader has no other way
	name string
	body io.Closer
	text io.Reader // UTF-8
	scan *scanner

	buf      []byte
	pos, end int
	limit    int   // bytes of a row
	last     bool  // buf[pos:end] is the rest
	from     int64 // where buf[0] is in the text, for parts and messages
	begin    int64 // where the row looked at last begins, for messages
	lines    int64 // line ends before buf[0]; of a part, since it began
	part     bool  // the text began in the middle of the file
	decoded  bool  // not UTF-8 in the file
	legacy   bool  // decoded from an encoding that cannot hold U+FFFD
}

func newSource(ctx context.Context, name string, body io.ReadCloser, scan *scanner) *source {
	return &source{ctx: ctx, name: name, body: body, text: body, scan: scan, buf: make([]byte, chunk), limit: maxRow}
}

// Close ends reading.
func (s *source) Close() error {
	size := len(s.buf)
	s.buf, s.pos, s.end, s.last = nil, 0, 0, true
	batch.Dropped(size)
	return s.body.Close()
}

// decode finds the encoding: the byte order mark's where none was named. The mark is skipped.
func (s *source) decode(set *settings, start bool) error {
	c := set.charset
	if start {
		for s.end < 4 && !s.last {
			if err := s.fill(); err != nil {
				return err
			}
		}
		m, n := marked(s.buf[:min(s.end, 4)])
		switch {
		case n == 0:
		case set.guess || c.follows(m):
			c, s.pos = m, n
		case c == utf16LE && m == utf32LE: // a mark and a NUL
			s.pos = 2
		}
	}
	if c == nil {
		return nil
	}
	s.decoded = true
	s.legacy = c.bom == "" && !strings.EqualFold(c.name, "gb18030")
	rest := append([]byte(nil), s.buf[s.pos:s.end]...)
	s.from, s.pos, s.end, s.last = 0, 0, 0, false
	s.text = transform.NewReader(io.MultiReader(bytes.NewReader(rest), s.text), c.enc.NewDecoder())
	return nil
}

// fill reads more text behind what is left in the buffer, which it moves to the front or enlarges when it is full.
func (s *source) fill() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if s.pos > 0 {
		s.shift()
	}
	if s.end == len(s.buf) && !batch.Grow(&s.buf, s.limit) {
		return errTooLong
	}
	for range 100 {
		n, err := s.text.Read(s.buf[s.end:min(len(s.buf), s.end+batch.GiantStep)])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.last = true
			return nil
		}
		if err != nil {
			switch {
			case errors.Is(err, errNotASCII):
				return fault.New(fault.BadData, "the text is not US-ASCII").At(s.name).Because(err).Try("Correct encodingName.")
			case errors.Is(err, errHalf):
				return fault.New(fault.BadData, "the text is not UTF-16").At(s.name).Because(err).
					Try("The file may be cut short; otherwise correct encodingName.")
			}
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// shift moves what is left in the buffer to its front. After a giant row the buffer becomes a usual one again.
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

var newline = []byte{'\n'}

// more reads on until there is twice the text that a row did not end in, or a good piece more, so that long rows are not
// looked through again for every piece that comes.
func (s *source) more(have int) error {
	want := min(2*have, have+batch.GiantStep, s.limit)
	for {
		if err := s.fill(); err != nil {
			return err
		}
		if s.last || s.end-s.pos >= want {
			return nil
		}
	}
}

// next finds the cells of the next row and gives its text; io.EOF after the last. The row counts as read.
func (s *source) next() ([]byte, error) {
	for {
		row := s.buf[s.pos:s.end]
		if len(row) == 0 {
			if s.last {
				return nil, io.EOF
			}
			if err := s.fill(); err != nil {
				return nil, err
			}
			continue
		}
		s.begin = s.offset()
		n, err := s.scan.next(row, s.last)
		if err == nil {
			s.pos += n
			return row[:n], nil
		}
		if errors.Is(err, errMore) {
			if err := s.more(len(row)); err != nil {
				return nil, err
			}
			continue
		}
		s.pos += n
		return row[:n], err
	}
}

// offset is where the next row begins in the text.
func (s *source) offset() int64 { return s.from + int64(s.pos) }

// peekCells is the number of cells of the next row that is not empty, which stays unread; blank when there are only
// empty lines, which are the rows of a file with one column.
func (s *source) peekCells() (n int, blank bool, err error) {
	at := 0
	for {
		rest := s.buf[s.pos+at : s.end]
		if len(rest) > 0 {
			s.begin = s.offset() + int64(at)
			n, err := s.scan.next(rest, s.last)
			switch {
			case err == nil && !s.blank():
				return len(s.scan.cells), false, nil
			case err == nil:
				at += n
				continue
			case !errors.Is(err, errMore):
				return 0, false, s.explain(err, 1)
			}
		} else if s.last {
			if at > 0 {
				return 1, true, nil
			}
			return 0, false, io.EOF
		}
		if err := s.more(len(rest)); err != nil {
			return 0, false, s.explain(err, 1)
		}
	}
}

// blank reports whether the row just found is an empty line.
func (s *source) blank() bool {
	return len(s.scan.cells) == 1 && s.scan.cells[0].start == s.scan.cells[0].end && !s.scan.cells[0].quoted
}

// header reads the names in the next row that is not empty.
func (s *source) header() ([]string, error) {
	for {
		row, err := s.next()
		if err != nil {
			return nil, s.explain(err, 0)
		}
		if s.blank() {
			continue
		}
		names := make([]string, len(s.scan.cells))
		for i, c := range s.scan.cells {
			v, _ := s.scan.value(row, c, nil)
			names[i] = string(v)
		}
		return names, nil
	}
}

// explain turns a scanner's error into one for people; row 0 is the header, a row below that any line.
func (s *source) explain(err error, row int64) error {
	name := fmt.Sprintf("row %d", row)
	switch {
	case row == 0:
		name = "the header"
	case row < 0:
		name = "a line"
	}
	switch {
	case errors.Is(err, errAfterQuote):
		return fault.New(fault.BadData, "the row cannot be read").At(s.name).Because(err).InRow(row, "", "").
			Try("Check quoteChar and escapeChar.")
	case errors.Is(err, errOpenQuote):
		return fault.New(fault.BadData, "the file ends within a quoted value that begins in %s%s", name, s.opened()).At(s.name).
			Because(err).Try("The file may be cut short; otherwise check quoteChar and escapeChar.")
	case errors.Is(err, errTooLong):
		e := fault.New(fault.BadData, "%s is longer than %d MiB", name, s.limit>>20).At(s.name).
			Try("Check that every quote is closed, and that rowDelimiter and escapeChar are right.")
		if _, err := s.scan.next(s.buf[s.pos:s.end], true); errors.Is(err, errOpenQuote) {
			e.Message += ": it has a quote that is not closed" + s.opened()
		}
		return e
	}
	return err
}

// opened tells where the scanner's last quote opened.
func (s *source) opened() string {
	where := fmt.Sprintf(" (column %d", len(s.scan.cells)+1)
	if !s.part {
		at := min(int(s.begin-s.from)+s.scan.open, s.end)
		where += fmt.Sprintf(", line %d", s.lines+int64(bytes.Count(s.buf[:at], newline))+1)
	}
	if !s.decoded {
		where += fmt.Sprintf(", byte %d of the file", s.begin+int64(s.scan.open)+1)
	}
	return where + ")"
}

// skipLines skips n lines, of which empty ones count unless full.
func (s *source) skipLines(n int64, full bool) error {
	for n > 0 {
		length, empty, err := s.line()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.pos += length
		if !full || !empty {
			n--
		}
	}
	return nil
}

// line is the length of the next line with its end, quotes aside.
func (s *source) line() (length int, empty bool, err error) {
	seen := 0
	for {
		buf := s.buf[s.pos:s.end]
		for i := seen; i < len(buf); i++ {
			n, err := s.scan.rowEnd(buf, i, s.last)
			if err != nil {
				break
			}
			if n > 0 {
				return i + n, i == 0, nil
			}
			seen = i
		}
		if s.last {
			if len(buf) == 0 {
				return 0, true, io.EOF
			}
			return len(buf), false, nil
		}
		if err := s.fill(); err != nil {
			return 0, false, s.explain(err, -1)
		}
	}
}
