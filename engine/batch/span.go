package batch

import (
	"fmt"
	"strings"

	"dmgateway/engine/fault"
)

// span is a compiled .NET format of time spans: custom ("dd\.hh\:mm\:ss"), or g and G.
type span struct {
	tokens  []token
	shorter bool // g: days and fraction only where they are not zero
}

// compileSpan compiles a format, nil for c, t and T, which are the canonical form.
//
// Source: Microsoft's ".NET standard TimeSpan format strings" and "custom TimeSpan format strings". Unlike there a
// negative value keeps its sign in a custom format.
func compileSpan(format string, c *culture) (*span, error) {
	s := &span{}
	switch format {
	case "c", "t", "T":
		return nil, nil
	case "g":
		s.shorter = true
		format = `d\:h\:mm\:ss'` + c.decimal + `'FFFFFFF`
	case "G":
		format = `d\:hh\:mm\:ss'` + c.decimal + `'fffffff`
	}
	for rest := format; rest != ""; {
		n, err := s.next(rest)
		if err != nil {
			return nil, fault.New(fault.BadInput, "the time span format %q cannot be read", format).Because(err).
				Try(`Use c, g, G or a custom format such as hh\:mm\:ss, with a backslash before every separator.`)
		}
		rest = rest[n:]
	}
	return s, nil
}

func (s *span) next(p string) (int, error) {
	ch := p[0]
	switch ch {
	case '\'', '"':
		end := strings.IndexByte(p[1:], ch)
		if end < 0 {
			return 0, fmt.Errorf("a %c is not closed", ch)
		}
		s.text(p[1 : 1+end])
		return end + 2, nil
	case '\\':
		if len(p) < 2 {
			return 0, fmt.Errorf("nothing follows the last backslash")
		}
		s.text(p[1:2])
		return 2, nil
	case '%':
		if len(p) < 2 || p[1] == '%' {
			return 0, fmt.Errorf("%% stands before one format letter")
		}
		return 1, nil
	}
	most := map[byte]int{'d': 8, 'h': 2, 'm': 2, 's': 2, 'f': 7, 'F': 7}[ch]
	if most == 0 {
		return 0, fmt.Errorf("%q has to follow a backslash or be in quotes", ch)
	}
	n := 1
	for n < len(p) && p[n] == ch {
		n++
	}
	if n > most {
		return 0, fmt.Errorf("%s is too long", p[:n])
	}
	s.tokens = append(s.tokens, token{letter: ch, n: n})
	return n, nil
}

func (s *span) text(t string) {
	if t != "" {
		s.tokens = append(s.tokens, token{literal: t})
	}
}

// append writes a Time or Duration.
func (s *span) append(dst []byte, c *Column, row int) []byte {
	v, u := c.Ints[row], c.Type.Unit
	var abs uint64
	if abs = uint64(v); v < 0 {
		dst = append(dst, '-')
		abs = -abs
	}
	per := uint64(u.PerSecond())
	seconds, rest := abs/per, abs%per
	m := moment{nano: int(rest * (1_000_000_000 / per))}
	days := seconds / 86400
	for i := 0; i < len(s.tokens); i++ {
		t := s.tokens[i]
		switch t.letter {
		case 0:
			dst = append(dst, t.literal...)
		case 'd':
			if s.shorter && days == 0 {
				i++ // and the separator behind
				continue
			}
			dst = appendPadded2(dst, int(days), t.n)
		case 'h':
			dst = appendPadded2(dst, int(seconds/3600%24), t.n)
		case 'm':
			dst = appendPadded2(dst, int(seconds/60%60), t.n)
		case 's':
			dst = appendPadded2(dst, int(seconds%60), t.n)
		default:
			dst = m.appendFraction(dst, t)
		}
	}
	return dst
}

// parse reads text in the format.
func (s *span) parse(c *Column, text []byte) problem {
	rest := trimSpace(text)
	neg := len(rest) > 0 && rest[0] == '-'
	if neg {
		rest = rest[1:]
	}
	tokens := s.tokens
	if s.shorter && strings.Count(viewString(rest), ":") < 3 {
		tokens = tokens[2:]
	}
	var m moment
	var days int
	for i, t := range tokens {
		var ok bool
		switch t.letter {
		case 0:
			rest, ok = skipLiteral(rest, t.literal, i+1 < len(tokens) && tokens[i+1].letter == 'F')
		case 'd':
			days, rest, ok = readNumber(rest, t.n, 8)
		case 'h':
			m.hour, rest, ok = readNumber(rest, t.n, 2)
		case 'm':
			m.minute, rest, ok = readNumber(rest, t.n, 2)
		case 's':
			m.sec, rest, ok = readNumber(rest, t.n, 2)
		default:
			rest, ok = m.readFraction(rest, t)
		}
		if !ok {
			return malformed
		}
	}
	if len(rest) > 0 || m.hour > 23 || m.minute > 59 || m.sec > 59 {
		return malformed
	}
	return appendSpan(c, neg, int64(days)*86400+int64(m.hour*3600+m.minute*60+m.sec), m.nano)
}

// appendSpan appends so many seconds and nanoseconds to a Time or Duration.
func appendSpan(c *Column, neg bool, seconds int64, nano int) problem {
	per := c.Type.Unit.PerSecond()
	step := 1_000_000_000 / per
	if seconds > (1<<63-1)/per-1 || c.Type.Kind == Time && (neg || seconds >= 86400) {
		return tooBig
	}
	v := seconds*per + int64(nano)/step
	if neg {
		v = -v
	}
	if int64(nano)%step != 0 {
		return tooFine
	}
	c.AppendInt(v)
	return fine
}
