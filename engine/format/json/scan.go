package json

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be nested.
const maxDepth = 512

// sort is what a value is.
type sort uint8

const (
	absent sort = iota
	isNull
	isTrue
	isFalse
	isNumber
	isText
	isObject
	isArray
)

// cell is where a wanted value stands in the buffer: texts without their quotes.
type cell struct {
	start, end int
	sort       sort
	escaped    bool
}

// scanner reads one value at a time from a buffer and notes where the wanted ones stand. It checks all of RFC 8259.
type scanner struct {
	buf    []byte
	last   bool // nothing follows buf
	cells  []cell
	record uint64
	depth  int
	tmp    []byte
	row    *int64 // rows before the current one, where names that no column has are noted; else nil

	more bool   // the value goes on behind the buffer
	at   int    // where a problem is
	why  string // the problem
	flaw int    // where the first text that is not UTF-8 stands; -1 = nowhere
}

// next scans the value that begins at i, behind spaces, and gives the position behind it; -1 where there is none: more
// or why says the reason.
func (s *scanner) next(i int, n *node) int {
	clear(s.cells)
	s.record++
	s.depth, s.more, s.why, s.flaw = 0, false, "", -1
	return s.value(i, n)
}

func (s *scanner) fail(at int, why string) int {
	if at >= len(s.buf) {
		if !s.last {
			s.more = true
			return -1
		}
		why = "the file ends within a value"
	}
	s.at, s.why = at, why
	return -1
}

func (s *scanner) space(i int) int {
	for i < len(s.buf) {
		switch s.buf[i] {
		case ' ', '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return s.fail(i, "")
}

func (s *scanner) value(i int, n *node) int {
	if i >= len(s.buf) || s.buf[i] <= ' ' {
		if i = s.space(i); i < 0 {
			return -1
		}
	}
	start := i
	var end int
	var what sort
	var escaped bool
	if n != nil {
		if n.record == s.record { // a name that is there twice: the last wins, with all that is in it
			for _, c := range n.below {
				s.cells[c] = cell{}
			}
		}
		n.record = s.record
	}
	switch c := s.buf[i]; {
	case c == '"':
		start++
		end, escaped = s.text(start)
		what = isText
	case c-'0' <= 9 || c == '-':
		end, what = s.number(i), isNumber
	case c == '{':
		end, what = s.object(i+1, n), isObject
	case c == '[':
		end, what = s.array(i+1, n), isArray
	case c == 't':
		end, what = s.literal(i, "true"), isTrue
	case c == 'f':
		end, what = s.literal(i, "false"), isFalse
	case c == 'n':
		end, what = s.literal(i, "null"), isNull
	default:
		return s.fail(i, "a value was expected")
	}
	if end < 0 || n == nil {
		return end
	}
	if n.cell < 0 {
		s.note(n, what)
		return end
	}
	v := cell{start, end, what, escaped}
	if what == isText {
		v.end--
	}
	s.cells[n.cell] = v
	return end
}

func (s *scanner) literal(i int, word string) int {
	for j := range len(word) {
		if i+j >= len(s.buf) || s.buf[i+j] != word[j] {
			return s.fail(i+j, "a value was expected")
		}
	}
	return i + len(word)
}

func (s *scanner) object(i int, n *node) int {
	if s.depth++; s.depth > maxDepth {
		return s.fail(i-1, "arrays and objects are nested too deep")
	}
	if i = s.space(i); i < 0 {
		return -1
	}
	if s.buf[i] == '}' {
		s.depth--
		return i + 1
	}
	hint := 0
	wanted := n != nil && len(n.kids) > 0
	for {
		if s.buf[i] != '"' {
			return s.fail(i, "a name in double quotes was expected")
		}
		from := i + 1
		end, escaped := s.text(from)
		if end < 0 {
			return -1
		}
		var child *node
		if wanted {
			name := s.buf[from : end-1]
			if escaped {
				s.tmp, _ = unescape(s.tmp[:0], name)
				name = s.tmp
			}
			if child, hint = n.find(name, hint); child == nil {
				s.meet(n, name)
			}
		}
		if i = end; i >= len(s.buf) || s.buf[i] != ':' {
			if i = s.space(i); i < 0 {
				return -1
			}
			if s.buf[i] != ':' {
				return s.fail(i, "a colon was expected")
			}
		}
		if i = s.value(i+1, child); i < 0 {
			return -1
		}
		if i >= len(s.buf) || s.buf[i] != ',' {
			if i = s.space(i); i < 0 {
				return -1
			}
			switch s.buf[i] {
			case '}':
				s.depth--
				return i + 1
			case ',':
			default:
				return s.fail(i, "a comma or } was expected")
			}
		}
		if i++; i >= len(s.buf) || s.buf[i] != '"' {
			if i = s.space(i); i < 0 {
				return -1
			}
		}
	}
}

func (s *scanner) array(i int, n *node) int {
	if s.depth++; s.depth > maxDepth {
		return s.fail(i-1, "arrays and objects are nested too deep")
	}
	if i = s.space(i); i < 0 {
		return -1
	}
	if s.buf[i] == ']' {
		s.depth--
		return i + 1
	}
	for index := 0; ; index++ {
		var child *node
		if n != nil {
			for _, it := range n.items {
				if it.index == index {
					child = it.node
				}
			}
		}
		if i = s.value(i, child); i < 0 {
			return -1
		}
		if i = s.space(i); i < 0 {
			return -1
		}
		switch s.buf[i] {
		case ']':
			s.depth--
			return i + 1
		case ',':
			i++
		default:
			return s.fail(i, "a comma or ] was expected")
		}
	}
}

// digits skips digits and fails where there is none.
func (s *scanner) digits(i int) int {
	if i >= len(s.buf) || s.buf[i]-'0' > 9 {
		return s.fail(i, "a digit was expected")
	}
	for i < len(s.buf) && s.buf[i]-'0' <= 9 {
		i++
	}
	return i
}

func (s *scanner) number(i int) int {
	if s.buf[i] == '-' {
		i++
	}
	if i < len(s.buf) && s.buf[i] == '0' {
		i++
		if i < len(s.buf) && s.buf[i]-'0' <= 9 {
			return s.fail(i, "a number begins with 0")
		}
	} else if i = s.digits(i); i < 0 {
		return -1
	}
	if i < len(s.buf) && s.buf[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return -1
		}
	}
	if i < len(s.buf) && s.buf[i]|0x20 == 'e' {
		i++
		if i < len(s.buf) && (s.buf[i] == '+' || s.buf[i] == '-') {
			i++
		}
		if i = s.digits(i); i < 0 {
			return -1
		}
	}
	if i == len(s.buf) && !s.last {
		s.more = true
		return -1
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text scans a text from behind its opening quote to behind its closing one.
func (s *scanner) text(i int) (end int, escaped bool) {
	buf, start := s.buf, i
	var wide uint64
	for {
		var c byte
		if i+8 <= len(buf) {
			v := binary.LittleEndian.Uint64(buf[i:])
			quote, slash := v^(ones*'"'), v^(ones*'\\')
			wide |= v & highs
			hit := ((quote-ones)&^quote | (slash-ones)&^slash | (v-ones*' ')&^v) & highs
			if hit == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(hit) / 8
			c = buf[i]
		} else {
			if i >= len(buf) {
				return s.fail(i, ""), false
			}
			if c = buf[i]; c >= ' ' && c != '"' && c != '\\' {
				wide |= uint64(c) & 0x80
				i++
				continue
			}
		}
		switch c {
		case '"':
			if wide != 0 && s.flaw < 0 && !utf8.Valid(buf[start:i]) {
				s.flaw = start
			}
			return i + 1, escaped
		case '\\':
			escaped = true
			if i = s.escape(i + 1); i < 0 {
				return -1, false
			}
		default:
			return s.fail(i, "a control character stands in a text"), false
		}
	}
}

func (s *scanner) escape(i int) int {
	if i >= len(s.buf) {
		return s.fail(i, "")
	}
	switch s.buf[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for j := i + 1; j <= i+4; j++ {
			if j >= len(s.buf) || hexDigit(s.buf[j]) < 0 {
				return s.fail(j, "\\u needs four hexadecimal digits")
			}
		}
		return i + 5
	}
	return s.fail(i, "an escape that JSON does not have")
}
