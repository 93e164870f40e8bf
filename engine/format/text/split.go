package text

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

const (
	minPart = 4 << 20
	// look is how much text is looked at to find out where rows begin in the middle of a file, and looks how often.
	look  = 1 << 20
	looks = 3
)

// splittable reports whether the bytes of a file can be looked at from the middle: they are characters, and a row
// delimiter cannot overlap another.
func (s *settings) splittable() bool {
	return s.charset == nil && (len(s.row) <= 1 || string(s.row) == "\r\n" && !bytes.ContainsAny(s.column, "\r\n"))
}

// Split plans parts of about equal length. A part is the rows that begin in its range of bytes, "from..to"; from is
// where a row begins. Where values can be quoted, the text behind a cut must show beyond doubt whether it is inside
// quotes; a place where it does not is not cut.
func (f *Format) Split(ctx context.Context, in format.Input, n int) ([]string, error) {
	if n > 1 {
		n = int(min(int64(n), in.Size/f.minPart))
	}
	if n <= 1 || !f.s.splittable() {
		return []string{""}, nil
	}
	src, err := f.open(ctx, in, 0, -1)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.decoded { // a byte order mark named another encoding
		return []string{""}, nil
	}
	cols, err := src.columns(&f.s)
	if err != nil {
		return nil, err
	}
	from := src.offset()
	size := (in.Size - from) / int64(n)
	c := cutter{in: in, set: &f.s, scan: newScanner(&f.s), columns: len(cols)}
	var parts []string
	first := from
	for i := 1; i < n; i++ {
		at, ok, err := c.cut(ctx, max(from, first+int64(i)*size))
		if err != nil {
			return nil, err
		}
		if ok && at > from && at < in.Size {
			parts = append(parts, fmt.Sprintf("%d..%d", from, at))
			from = at
		}
	}
	if len(parts) == 0 {
		return []string{""}, nil
	}
	return append(parts, fmt.Sprintf("%d..", from)), nil
}

// ReadPart reads one part of Split's. Rows in errors are counted from 1 within the part. A part whose last row does not
// end where the next part begins is an error: no row is ever lost or doubled.
func (f *Format) ReadPart(ctx context.Context, in format.Input, spec string, want batch.Schema) (format.Reader, error) {
	if spec == "" {
		return f.Read(ctx, in, want)
	}
	a, b, ok := strings.Cut(spec, "..")
	from, err := strconv.ParseInt(a, 10, 64)
	to := int64(-1)
	if b != "" && err == nil {
		to, err = strconv.ParseInt(b, 10, 64)
	}
	if !ok || err != nil || from < 0 || b != "" && to < from {
		return nil, fault.New(fault.Internal, "%q is no part of a text file", spec).At(in.Name).
			Try("Start the run again, so that it is planned anew.")
	}
	cols, err := f.columns(ctx, in)
	if err != nil {
		return nil, err
	}
	rc, err := in.Open(ctx, from, -1)
	if err != nil {
		return nil, err
	}
	src := newSource(ctx, in.Name, rc, newScanner(&f.s))
	src.from, src.part = from, from > 0
	r, err := newReader(src, &f.s, cols, want)
	if err != nil {
		src.Close()
		return nil, err
	}
	r.stop = to
	return r, nil
}

func (f *Format) columns(ctx context.Context, in format.Input) ([]column, error) {
	src, err := f.open(ctx, in, 0, -1)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return src.columns(&f.s)
}

// cutter finds places where rows begin in the middle of a file.
type cutter struct {
	in      format.Input
	set     *settings
	scan    *scanner
	columns int
}

// cut finds a row that begins at or shortly behind an offset; false where none is found for certain.
func (c *cutter) cut(ctx context.Context, at int64) (int64, bool, error) {
	for range looks {
		length := min(look, c.in.Size-at)
		if length <= 0 {
			return 0, false, nil
		}
		text, err := c.read(ctx, at, length)
		if err != nil {
			return 0, false, err
		}
		if i, ok := c.find(text, at+length == c.in.Size); ok {
			return at + int64(i), true, nil
		}
		at += length
	}
	return 0, false, nil
}

func (c *cutter) read(ctx context.Context, at, length int64) ([]byte, error) {
	body, err := c.in.Open(ctx, at, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text := make([]byte, length)
	n, err := io.ReadFull(body, text)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return text[:n], err
}

// find gives where a row begins in text; last says that the file ends with text.
func (c *cutter) find(text []byte, last bool) (int, bool) {
	end, ok := c.lineEnd(text)
	switch {
	case !ok:
		return 0, false
	case c.set.quote == 0:
		return end, true
	}
	// Either the line end is one of a row, or it is inside quotes. Both are tried.
	outside := c.judge(text, end, last)
	inside, begin := c.closing(text, end, last)
	switch {
	case outside.rows >= 4 && !outside.wrong && inside.wrong:
		return end, true
	case inside.rows >= 4 && !inside.wrong && !inside.silent && outside.wrong:
		return begin, true
	case outside.rows >= 16 && !outside.wrong && inside.silent && c.columns > 1:
		// No quote far and wide. If this were the inside of a value, it would be one of a megabyte that looks like rows of
		// just this table; reading would then stop with an error.
		return end, true
	}
	return 0, false
}

// lineEnd is behind the first row delimiter that is not escaped.
func (c *cutter) lineEnd(text []byte) (int, bool) {
	for i := 1; i < len(text); i++ { // the byte before may be the first half of a delimiter or an escape
		n, err := c.scan.rowEnd(text, i, false)
		if err != nil {
			return 0, false
		}
		if n == 0 || len(c.set.row) == 0 && n == 1 && text[i] == '\n' && text[i-1] == '\r' {
			continue
		}
		if c.set.quote == 0 && c.set.escape != 0 {
			run := 0
			for run < i && text[i-1-run] == c.set.escape {
				run++
			}
			if run == i || run%2 == 1 {
				continue
			}
		}
		return i + n, true
	}
	return 0, false
}

// verdict is how a piece of text looks when it is read as rows.
type verdict struct {
	rows   int
	wrong  bool // something in it cannot be
	silent bool // no quote in it
}

// judge reads text from at on as rows.
func (c *cutter) judge(text []byte, at int, last bool) (v verdict) {
	for at < len(text) {
		row := text[at:]
		n, err := c.scan.next(row, last)
		switch {
		case errors.Is(err, errMore):
			return v
		case err != nil:
			v.wrong = true
			return v
		}
		cells := c.scan.cells
		blank := len(cells) == 1 && cells[0].start == cells[0].end && !cells[0].quoted
		if !blank && len(cells) != c.columns {
			v.wrong = true
			return v
		}
		for _, x := range cells {
			if !x.quoted && bytes.IndexByte(row[x.start:x.end], c.set.quote) >= 0 {
				v.wrong = true
				return v
			}
		}
		v.rows++
		at += n
	}
	return v
}

// closing reads text from at on as the rest of a quoted value, and tells where the first row behind it begins.
func (c *cutter) closing(text []byte, at int, last bool) (v verdict, begin int) {
	c.scan.cells = c.scan.cells[:0]
	after, isRow, err := c.scan.quoted(text, at-1, false)
	if errors.Is(err, errMore) {
		return verdict{silent: bytes.IndexByte(text[at:], c.set.quote) < 0}, 0
	}
	if err != nil {
		return verdict{wrong: true}, 0
	}
	if !isRow {
		n, err := c.scan.next(text[after:], last)
		if errors.Is(err, errMore) {
			return v, 0
		}
		if err != nil {
			return verdict{wrong: true}, 0
		}
		for _, x := range c.scan.cells {
			if !x.quoted && bytes.IndexByte(text[after:][x.start:x.end], c.set.quote) >= 0 {
				return verdict{wrong: true}, 0
			}
		}
		after += n
	}
	return c.judge(text, after, last), after
}
