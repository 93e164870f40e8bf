package batch

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// Parser reads the text of one value and appends it to c, whose type is the one that the parser was made for. On an
// error, a *fault.Error with code Conversion and the value but no row, it appends nothing. It allocates only for errors
// and for the column's growth.
type Parser func(c *Column, text []byte) error

// NewParser makes the parser of a type. It fails when the options name an unknown culture or a date format that cannot
// be read.
func NewParser(t Type, o Options) (Parser, error) {
	parse, err := parserOf(t, o)
	if err != nil {
		return nil, err
	}
	slow := func(c *Column, text []byte) error {
		if p := parse(c, text); p != fine {
			return p.err(t, text)
		}
		return nil
	}
	return quickParser(t, o, slow), nil
}

// quickParser takes the usual form of a value without asking slow, which has the last word on all others.
func quickParser(t Type, o Options, slow Parser) Parser {
	switch t.Kind {
	case Byte, Int16, Int32, Int64:
		low, high := intRange(t)
		return func(c *Column, text []byte) error {
			if v, ok := plainInt(text); ok && v >= low && v <= high {
				c.AppendInt(v)
				return nil
			}
			return slow(c, text)
		}
	case Double:
		return func(c *Column, text []byte) error {
			if f, ok := plainFloat(text); ok {
				c.AppendFloat(f)
				return nil
			}
			return slow(c, text)
		}
	case Decimal:
		if t.Storage() != InInts {
			return slow
		}
		limit, scale := int64(pow10[t.Precision]), t.Scale
		return func(c *Column, text []byte) error {
			if v, ok := plainFixed(text, scale); ok && v < limit && v > -limit {
				c.AppendInt(v)
				return nil
			}
			return slow(c, text)
		}
	case Timestamp, TimestampTZ:
		if o.Format != "" {
			return slow
		}
		unit, zoned := t.Unit, t.Kind == TimestampTZ
		return func(c *Column, text []byte) error {
			if v, rest, ok := canonicalInstant(text, unit); ok && (len(rest) == 0 || zoned && (string(rest) == "+00" || rest[0] == 'Z' && len(rest) == 1)) {
				c.AppendInt(v)
				return nil
			}
			return slow(c, text)
		}
	}
	return slow
}

// ParseText is a [Parser] for c's type with the zero Options. Accepted are, beside what [AppendText] writes:
//   - Boolean: true, false, t, f, 1, 0, whatever the case
//   - numbers: a sign, spaces around; decimals and floats with exponent; floats NaN, Infinity
//   - Date, Timestamp, TimestampTZ: year-month-day or month/day/year, T or spaces before the time, seconds left out, AM or
//     PM, Z or an offset; a TimestampTZ without one is in UTC; a time that is not midnight is no Date
//   - Duration: [-][days.]hours:minutes[:seconds[.fraction]]
//   - Binary: \x or 0x and hexadecimal digits, else Base64
//   - GUID: with or without hyphens, braces, parentheses
func ParseText(c *Column, text []byte) error {
	if p := parseText(c, text); p != fine {
		return p.err(c.Type, text)
	}
	return nil
}

type parseFunc func(c *Column, text []byte) problem

func parserOf(t Type, o Options) (parseFunc, error) {
	layout, culture, err := o.layout(t)
	if err != nil {
		return nil, err
	}
	if layout != nil {
		return layout.parse, nil
	}
	switch t.Kind {
	case Boolean:
		return parseBoolean, nil
	case Byte, Int16, Int32, Int64:
		low, high := intRange(t)
		return culture.number(func(c *Column, text []byte) problem { return parseInt(c, text, low, high) }), nil
	case Single, Double:
		return culture.number(parseFloat), nil
	case Decimal:
		return culture.number(parseDecimal), nil
	case Date:
		return parseDate, nil
	case Timestamp:
		return parseTimestamp, nil
	case TimestampTZ:
		return parseTimestampTZ, nil
	case Time:
		return parseTime, nil
	case Duration:
		return parseDuration, nil
	case String, XML:
		return parseString, nil
	case JSON:
		return parseJSON, nil
	case Binary:
		return parseBinary, nil
	case GUID:
		return parseGUID, nil
	}
	return nil, refuse(Type{Kind: String}, t)
}

func parseText(c *Column, text []byte) problem {
	switch c.Type.Kind {
	case Byte, Int16, Int32, Int64:
		low, high := intRange(c.Type)
		return parseInt(c, text, low, high)
	case String, XML:
		return parseString(c, text)
	case Decimal:
		return parseDecimal(c, text)
	case Single, Double:
		return parseFloat(c, text)
	case Timestamp:
		return parseTimestamp(c, text)
	}
	parse, err := parserOf(c.Type, Options{})
	if err != nil {
		return malformed
	}
	return parse(c, text)
}

func parseBoolean(c *Column, text []byte) problem {
	text = trimSpace(text)
	switch {
	case equalFold(text, "true"), equalFold(text, "t"), equalFold(text, "1"):
		c.AppendInt(1)
	case equalFold(text, "false"), equalFold(text, "f"), equalFold(text, "0"):
		c.AppendInt(0)
	default:
		return malformed
	}
	return fine
}

// intRange gives the limits of a kind that is a whole number without unit.
func intRange(t Type) (low, high int64) {
	switch t.Kind {
	case Boolean:
		return 0, 1
	case Byte:
		return 0, math.MaxUint8
	case Int16:
		return math.MinInt16, math.MaxInt16
	case Int32:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func parseInt(c *Column, text []byte, low, high int64) problem {
	v, p := scanInt(text)
	if p == malformed {
		if v, p = scanInt(trimSpace(text)); p != fine {
			return p
		}
	}
	if p != fine {
		return p
	}
	if v < low || v > high {
		return tooBig
	}
	c.AppendInt(v)
	return fine
}

func scanInt(text []byte) (int64, problem) {
	neg := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		neg = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, malformed
	}
	var v uint64
	if len(text) > 18 {
		return scanLongInt(text, neg)
	}
	for _, c := range text {
		d := c - '0'
		if d > 9 {
			return 0, malformed
		}
		v = v*10 + uint64(d)
	}
	if neg {
		return -int64(v), fine
	}
	return int64(v), fine
}

func scanLongInt(text []byte, neg bool) (int64, problem) {
	var m u128
	for _, c := range text {
		if !isDigit(c) {
			return 0, malformed
		}
		if m.hi == 0 {
			m, _ = m.mul64(10)
			m, _ = m.add64(uint64(c - '0'))
		}
	}
	if w, ok := m.signed(neg); ok {
		if v, ok := w.Int64(); ok {
			return v, fine
		}
	}
	return 0, tooBig
}

func parseFloat(c *Column, text []byte) problem {
	size := 64
	if c.Type.Kind == Single {
		size = 32
	}
	if f, ok := shortFloat(text); ok && size == 64 {
		c.AppendFloat(f)
		return fine
	}
	text = trimSpace(text)
	if hexadecimal(text) { // strconv takes it, but it is no number in a file
		return malformed
	}
	f, err := strconv.ParseFloat(viewString(text), size)
	if err != nil {
		switch notFinite(text) {
		case "NaN":
			f = math.NaN()
		case "Infinity":
			f = math.Inf(1)
		case "-Infinity":
			f = math.Inf(-1)
		default:
			if math.IsInf(f, 0) {
				return tooBig
			}
			return malformed
		}
	}
	c.AppendFloat(f)
	return fine
}

// shortFloat reads plain digits with a point where they are few enough for one exact division.
func shortFloat(text []byte) (float64, bool) {
	if len(text) > 16 || len(text) == 0 {
		return 0, false
	}
	i, neg := 0, text[0] == '-'
	if neg {
		i = 1
	}
	var v uint64
	digits, point := 0, len(text)
	for ; i < len(text); i++ {
		d := text[i] - '0'
		if d <= 9 {
			v = v*10 + uint64(d)
			digits++
		} else if text[i] == '.' && point == len(text) {
			point = i + 1
		} else {
			return 0, false
		}
	}
	if digits == 0 || v >= 1<<53 {
		return 0, false
	}
	f := float64(v) / pow10float[len(text)-point]
	if neg {
		f = -f
	}
	return f, true
}

func hexadecimal(text []byte) bool {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	return len(text) > 1 && text[0] == '0' && text[1]|0x20 == 'x'
}

func parseDecimal(c *Column, text []byte) problem {
	switch c.Type.Storage() {
	case InInts:
		v, p := parseDecimal64(text, c.Type.Precision, c.Type.Scale)
		if p != fine {
			return p
		}
		c.AppendInt(v)
	case InWide:
		v, p := parseDecimal128(text, c.Type.Precision, c.Type.Scale)
		if p != fine {
			return p
		}
		c.AppendWide(v)
	default:
		mark := len(c.Data)
		data, p := appendPlain(c.Data, text, c.Type.Precision, c.Type.Scale)
		if p != fine {
			c.Data = c.Data[:mark]
			return p
		}
		c.Data = data
		c.EndBytes()
	}
	return fine
}

func parseString(c *Column, text []byte) problem {
	if p := checkLength(text, c.Type.Length); p != fine {
		return p
	}
	if !utf8.Valid(text) {
		return notUTF8
	}
	c.AppendBytes(text)
	return fine
}

func checkLength(text []byte, length int) problem {
	if length > 0 && len(text) > length && utf8.RuneCount(text) > length {
		return tooLong
	}
	return fine
}

func parseJSON(c *Column, text []byte) problem {
	if !json.Valid(text) || !utf8.Valid(text) {
		return malformed
	}
	c.AppendBytes(text)
	return fine
}

func parseBinary(c *Column, text []byte) problem {
	mark := len(c.Data)
	if len(text) >= 2 && (text[0] == '\\' || text[0] == '0') && text[1]|0x20 == 'x' {
		n := hex.DecodedLen(len(text) - 2)
		c.Data = append(c.Data, make([]byte, n)...)
		if _, err := hex.Decode(c.Data[mark:], text[2:]); err != nil {
			c.Data = c.Data[:mark]
			return malformed
		}
	} else {
		data, err := base64.StdEncoding.AppendDecode(c.Data, text)
		if err != nil {
			c.Data = c.Data[:mark]
			return malformed
		}
		c.Data = data
	}
	if c.Type.Length > 0 && len(c.Data)-mark > c.Type.Length {
		c.Data = c.Data[:mark]
		return tooLong
	}
	c.EndBytes()
	return fine
}

func parseGUID(c *Column, text []byte) problem {
	text = trimSpace(text)
	if n := len(text); n > 2 && (text[0] == '{' && text[n-1] == '}' || text[0] == '(' && text[n-1] == ')') {
		text = text[1 : n-1]
	}
	var id [16]byte
	if len(text) == 36 {
		if text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
			return malformed
		}
	} else if len(text) != 32 {
		return malformed
	}
	at := 0
	for i := range id {
		if len(text) == 36 && (i == 4 || i == 6 || i == 8 || i == 10) {
			at++
		}
		if _, err := hex.Decode(id[i:i+1], text[at:at+2]); err != nil {
			return malformed
		}
		at += 2
	}
	c.AppendBytes(id[:])
	return fine
}
