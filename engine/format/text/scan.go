package text

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

// cell is where a field of a row is, as offsets into the row.
type cell struct {
	start, end int32
	quoted     bool
	escaped    bool // has escapes to be undone
}

var (
	errMore = errors.New("text: the row goes on after the buffer")
	// The next two concern one row; the reader adds its number.
	errAfterQuote = errors.New("text after the closing quote")
	errOpenQuote  = errors.New("a quote is not closed")
)

// scanner finds the rows and cells of a text in memory.
type scanner struct {
	column []byte
	row    []byte
	quote  byte
	escape byte
	cells  []cell

	simple bool // one-byte delimiters and no escape outside quotes: the fast way
	delim  byte // the column delimiter of the simple way
	masks  [3]uint64
	ascii  bool // the row just found has only ASCII, as far as the fast way looked; false means unknown
	open   int  // where the last quote opened
	after  int  // with errAfterQuote: where the text after the quote begins
	tail   [wide]byte
}

func newScanner(s *settings) *scanner {
	sc := &scanner{column: s.column, row: s.row, quote: s.quote, escape: s.escape}
	sc.simple = len(s.column) == 1 && len(s.row) <= 1 && (s.quote != 0 || s.escape == 0)
	if sc.simple {
		sc.delim = s.column[0]
		a, b := byte('\n'), byte('\r')
		if len(s.row) == 1 {
			a, b = s.row[0], s.row[0]
		}
		sc.masks = [3]uint64{spread(sc.delim), spread(a), spread(b)}
	}
	return sc
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func spread(b byte) uint64 { return ones * uint64(b) }

// next finds the cells of the row at the beginning of buf, and how long the row is with its delimiter. With last, buf
// is the rest of the text; otherwise errMore says that the row is not complete in buf.
func (sc *scanner) next(buf []byte, last bool) (length int, err error) {
	sc.cells = sc.cells[:0]
	sc.ascii = false
	if sc.simple {
		return sc.nextSimple(buf, last)
	}
	at := 0
	for {
		var (
			after int  // where what follows the cell's delimiter begins
			isRow bool // whether that ended the row
		)
		if sc.quote != 0 && at < len(buf) && buf[at] == sc.quote {
			after, isRow, err = sc.quoted(buf, at, last)
		} else {
			after, isRow, err = sc.bare(buf, at, last)
		}
		if err != nil || isRow {
			return after, err
		}
		at = after
	}
}

// nextSimple is next for one-byte delimiters. It looks at 32 bytes at a time for the bytes that end a cell.
func (sc *scanner) nextSimple(buf []byte, last bool) (int, error) {
	m0, m1, m2 := sc.masks[0], sc.masks[1], sc.masks[2]
	cells, seen := sc.cells, uint64(0)
	at, base := 0, 0 // where the cell begins, and the next bytes to look at
	for {
		if at < len(buf) && buf[at] == sc.quote && sc.quote != 0 {
			sc.cells = cells
			after, isRow, err := sc.quoted(buf, at, last)
			if err != nil {
				return after, err
			}
			seen |= gathered(buf[at:after])
			if isRow {
				sc.ascii = seen&highs == 0
				return after, nil
			}
			cells, at, base = sc.cells, after, after
			continue
		}
	blocks:
		for {
			var b *[wide]byte
			valid := uint64(1<<wide - 1)
			switch left := len(buf) - base; {
			case left >= wide:
				b = (*[wide]byte)(buf[base:])
			case left > 0:
				b = &sc.tail
				copy(b[:], buf[base:])
				valid = 1<<left - 1
			case !last:
				return 0, errMore
			default:
				sc.cells = append(cells, cell{start: int32(at), end: int32(len(buf))})
				return len(buf), nil
			}
			w0, w1 := binary.LittleEndian.Uint64(b[0:8]), binary.LittleEndian.Uint64(b[8:16])
			w2, w3 := binary.LittleEndian.Uint64(b[16:24]), binary.LittleEndian.Uint64(b[24:32])
			seen |= w0 | w1 | w2 | w3
			hits := gather(ends(w0, m0, m1, m2)) | gather(ends(w1, m0, m1, m2))<<8 |
				gather(ends(w2, m0, m1, m2))<<16 | gather(ends(w3, m0, m1, m2))<<24
			hits &= valid
			for hits != 0 {
				i := base + bits.TrailingZeros64(hits)
				hits &= hits - 1
				if buf[i] != sc.delim {
					n, err := sc.rowEnd(buf, i, last)
					if n == 0 && err == nil {
						continue
					}
					sc.cells, sc.ascii = append(cells, cell{start: int32(at), end: int32(i)}), seen&highs == 0
					return i + n, err
				}
				cells = append(cells, cell{start: int32(at), end: int32(i)})
				at = i + 1
				if at < len(buf) && buf[at] == sc.quote && sc.quote != 0 {
					break blocks
				}
			}
			base += wide
		}
	}
}

const wide = 32

// ends has the high bit of each byte of w that is one of the three; a byte behind such a one may have it wrongly.
func ends(w, m0, m1, m2 uint64) uint64 {
	x, y, z := w^m0, w^m1, w^m2
	return ((x-ones)&^x | (y-ones)&^y | (z-ones)&^z) & highs
}

// gather moves the high bits of eight bytes into eight bits.
func gather(w uint64) uint64 { return w * 0x0002040810204081 >> 56 }

func (sc *scanner) add(start, end int, quoted, escaped bool) {
	sc.cells = append(sc.cells, cell{int32(start), int32(end), quoted, escaped})
}

// rowEnd is the length of the row delimiter at i, 0 where there is none.
func (sc *scanner) rowEnd(buf []byte, i int, last bool) (int, error) {
	if len(sc.row) > 0 {
		return prefix(buf[i:], sc.row, last)
	}
	switch buf[i] {
	case '\n':
		return 1, nil
	case '\r':
		if i+1 < len(buf) {
			if buf[i+1] == '\n' {
				return 2, nil
			}
			return 1, nil
		}
		if !last {
			return 0, errMore
		}
		return 1, nil
	}
	return 0, nil
}

// prefix is len(want) where buf begins with it, else 0; errMore where buf is too short to know.
func prefix(buf, want []byte, last bool) (int, error) {
	if bytes.HasPrefix(buf, want) {
		return len(want), nil
	}
	if !last && len(buf) < len(want) && bytes.HasPrefix(want, buf) {
		return 0, errMore
	}
	return 0, nil
}

// withoutEnd is the row without the delimiter behind it.
func (sc *scanner) withoutEnd(row []byte) []byte {
	if len(sc.row) > 0 {
		return bytes.TrimSuffix(row, sc.row)
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(row, []byte("\n")), []byte("\r"))
}

// gathered is all bytes together, for a look at their high bits.
func gathered(b []byte) (all uint64) {
	for len(b) >= 8 {
		all |= binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	for _, c := range b {
		all |= uint64(c)
	}
	return all
}

// bare scans a cell that is not quoted: delimiters of several bytes, and an escape character without quotes.
func (sc *scanner) bare(buf []byte, at int, last bool) (after int, isRow bool, err error) {
	escaped := false
	for i := at; i < len(buf); {
		if sc.quote == 0 && sc.escape != 0 && buf[i] == sc.escape {
			if i+1 >= len(buf) && !last {
				return 0, false, errMore
			}
			escaped = true
			i = min(i+2, len(buf))
			continue
		}
		n, isRow, err := sc.delimiter(buf, i, last)
		if err != nil {
			return 0, false, err
		}
		if n > 0 {
			sc.add(at, i, false, escaped)
			return i + n, isRow, nil
		}
		i++
	}
	if !last {
		return 0, false, errMore
	}
	sc.add(at, len(buf), false, escaped)
	return len(buf), true, nil
}

// delimiter is the length of the delimiter at i, 0 where there is none. A row delimiter wins where both would do.
func (sc *scanner) delimiter(buf []byte, i int, last bool) (n int, isRow bool, err error) {
	if n, err = sc.rowEnd(buf, i, last); n > 0 || err != nil {
		return n, true, err
	}
	if len(sc.column) == 0 {
		return 0, false, nil
	}
	n, err = prefix(buf[i:], sc.column, last)
	return n, false, err
}

// quoted scans a cell that begins with the quote at at.
func (sc *scanner) quoted(buf []byte, at int, last bool) (after int, isRow bool, err error) {
	escaped := false
	sc.open = at
	i := at + 1
	for {
		j := sc.special(buf[i:])
		if j < 0 {
			if last {
				return len(buf), false, errOpenQuote
			}
			return 0, false, errMore
		}
		i += j
		if i+1 == len(buf) && !last {
			return 0, false, errMore
		}
		next := byte(0)
		if i+1 < len(buf) {
			next = buf[i+1]
		}
		switch {
		case buf[i] == sc.quote && next == sc.quote && i+1 < len(buf):
			// Two quotes are one, whatever the escape character: after a closing quote there could be no other.
			escaped = true
			i += 2
		case buf[i] == sc.quote:
			return sc.closeQuote(buf, at+1, i, escaped, last)
		case next == sc.quote || next == sc.escape: // an escape character
			escaped = true
			i += 2
		default:
			i++ // an escape character before anything else is itself
		}
	}
}

// special finds the next quote or escape character.
func (sc *scanner) special(buf []byte) int {
	if sc.escape == sc.quote || sc.escape == 0 {
		return bytes.IndexByte(buf, sc.quote)
	}
	m0, m1 := spread(sc.quote), spread(sc.escape)
	i := 0
	for ; i+8 <= len(buf); i += 8 {
		w := binary.LittleEndian.Uint64(buf[i:])
		x, y := w^m0, w^m1
		if hit := ((x-ones)&^x | (y-ones)&^y) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(buf); i++ {
		if buf[i] == sc.quote || buf[i] == sc.escape {
			return i
		}
	}
	return -1
}

// closeQuote ends a quoted cell at the quote at i: a delimiter or the end of the text must follow.
func (sc *scanner) closeQuote(buf []byte, start, i int, escaped, last bool) (after int, isRow bool, err error) {
	sc.add(start, i, true, escaped)
	if i+1 >= len(buf) {
		return len(buf), true, nil
	}
	n, isRow, err := sc.delimiter(buf, i+1, last)
	if err != nil {
		return 0, false, err
	}
	if n > 0 {
		return i + 1 + n, isRow, nil
	}
	// The rest of the row is skipped, so that reading can go on behind it.
	sc.after = i + 1
	for j := i + 1; j < len(buf); j++ {
		n, err := sc.rowEnd(buf, j, last)
		if err != nil {
			return 0, false, err
		}
		if n > 0 {
			return j + n, false, errAfterQuote
		}
	}
	if !last {
		return 0, false, errMore
	}
	return len(buf), false, errAfterQuote
}

// value gives the text of a cell, its escapes undone into scratch.
func (sc *scanner) value(buf []byte, c cell, scratch []byte) (value, _ []byte) {
	raw := buf[c.start:c.end]
	if !c.escaped {
		return raw, scratch
	}
	scratch = scratch[:0]
	for i := 0; i < len(raw); i++ {
		if i+1 < len(raw) && sc.undo(raw[i], raw[i+1], c.quoted) {
			i++
		}
		scratch = append(scratch, raw[i])
	}
	return scratch, scratch
}

// undo reports whether a stands only to protect b.
func (sc *scanner) undo(a, b byte, quoted bool) bool {
	if !quoted {
		return a == sc.escape
	}
	return a == sc.quote && b == sc.quote || a == sc.escape && (b == sc.quote || b == sc.escape)
}
