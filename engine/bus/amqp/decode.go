package amqp

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Decode reads one value from the start of b and returns it with the bytes that follow.
func Decode(b []byte) (v any, rest []byte, err error) {
	d := decoder{b: b, empty: new(maxEmpty)}
	v, err = d.value(MaxDepth)
	return v, d.b, err
}

// decoder reads values from b, which shrinks as it goes.
type decoder struct {
	b     []byte
	empty *int // how many array elements without bytes may still come
}

func (d *decoder) value(depth int) (any, error) {
	desc, described, code, err := d.constructor(depth)
	if err != nil {
		return nil, err
	}
	v, err := d.payload(code, depth)
	if err != nil || !described {
		return v, err
	}
	return Described{desc, v}, nil
}

// constructor reads a format code and the descriptor before it, if there is one.
func (d *decoder) constructor(depth int) (desc any, described bool, code byte, err error) {
	code, err = d.octet()
	if err != nil || code != codeDescribed {
		return nil, false, code, err
	}
	if depth == 0 {
		return nil, false, 0, malformed("nested deeper than %d", MaxDepth)
	}
	if desc, err = d.value(depth - 1); err != nil {
		return nil, false, 0, err
	}
	if code, err = d.octet(); err != nil {
		return nil, false, 0, err
	}
	if code == codeDescribed {
		return nil, false, 0, malformed("a described value directly below a descriptor")
	}
	return desc, true, code, nil
}

// payload reads the bytes of a value after its format code.
func (d *decoder) payload(code byte, depth int) (any, error) {
	switch code {
	case codeNull:
		return nil, nil
	case codeTrue:
		return true, nil
	case codeFalse:
		return false, nil
	case codeUint0:
		return uint32(0), nil
	case codeUlong0:
		return uint64(0), nil
	case codeList0:
		return List(nil), nil
	}
	switch code >> 4 {
	case 0x5, 0x6, 0x7, 0x8, 0x9:
		raw, err := d.take(1 << (code>>4 - 5))
		if err != nil {
			return nil, err
		}
		return fixed(code, raw)
	case 0xa, 0xb:
		raw, err := d.sized(code>>4 == 0xb)
		if err != nil {
			return nil, err
		}
		return variable(code, raw)
	case 0xc, 0xd, 0xe, 0xf:
		return d.compound(code, depth)
	}
	return nil, malformed("unknown format code 0x%02x", code)
}

func fixed(code byte, raw []byte) (any, error) {
	be := binary.BigEndian
	switch code {
	case codeUbyte:
		return raw[0], nil
	case codeByte:
		return int8(raw[0]), nil
	case codeSmallUint:
		return uint32(raw[0]), nil
	case codeSmallUlong:
		return uint64(raw[0]), nil
	case codeSmallInt:
		return int32(int8(raw[0])), nil
	case codeSmallLong:
		return int64(int8(raw[0])), nil
	case codeBool:
		if raw[0] > 1 {
			return nil, malformed("a boolean of value %d", raw[0])
		}
		return raw[0] == 1, nil
	case codeUshort:
		return be.Uint16(raw), nil
	case codeShort:
		return int16(be.Uint16(raw)), nil
	case codeUint:
		return be.Uint32(raw), nil
	case codeInt:
		return int32(be.Uint32(raw)), nil
	case codeFloat:
		return math.Float32frombits(be.Uint32(raw)), nil
	case codeChar:
		return Char(be.Uint32(raw)), nil
	case codeUlong:
		return be.Uint64(raw), nil
	case codeLong:
		return int64(be.Uint64(raw)), nil
	case codeDouble:
		return math.Float64frombits(be.Uint64(raw)), nil
	case codeTimestamp:
		return Timestamp(be.Uint64(raw)), nil
	case codeUUID:
		return UUID(raw), nil
	case codeDecimal32, codeDecimal64, codeDecimal128:
		return Decimal(raw), nil
	}
	return nil, malformed("unknown format code 0x%02x", code)
}

func variable(code byte, raw []byte) (any, error) {
	switch code {
	case codeBinary8, codeBinary32:
		return raw, nil
	case codeString8, codeString32:
		if !utf8.Valid(raw) {
			return nil, malformed("a string that is not UTF-8")
		}
		return string(raw), nil
	case codeSymbol8, codeSymbol32:
		for _, c := range raw {
			if c > 0x7f {
				return nil, malformed("a symbol that is not ASCII")
			}
		}
		return Symbol(raw), nil
	}
	return nil, malformed("unknown format code 0x%02x", code)
}

// compound reads a list, map or array. Its size bounds what its elements may read.
func (d *decoder) compound(code byte, depth int) (any, error) {
	if depth == 0 {
		return nil, malformed("nested deeper than %d", MaxDepth)
	}
	wide := code&0x10 != 0
	body, err := d.sized(wide)
	if err != nil {
		return nil, err
	}
	in := decoder{b: body, empty: d.empty}
	count, err := in.length(wide)
	if err != nil {
		return nil, err
	}
	var v any
	switch code {
	case codeList8, codeList32:
		var items []any
		items, err = in.items(count, depth-1)
		v = List(items)
	case codeMap8, codeMap32:
		v, err = in.mapping(count, depth-1)
	case codeArray8, codeArray32:
		v, err = in.array(count, depth-1)
	default:
		return nil, malformed("unknown format code 0x%02x", code)
	}
	if err == nil && len(in.b) != 0 {
		err = malformed("%d bytes left over in a compound value", len(in.b))
	}
	return v, err
}

func (d *decoder) items(count, depth int) ([]any, error) {
	if count > len(d.b) { // each element has at least its format code
		return nil, malformed("a list of %d elements in %d bytes", count, len(d.b))
	}
	items := make([]any, 0, count)
	for range count {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, nil
}

func (d *decoder) mapping(count, depth int) (Map, error) {
	if count%2 != 0 {
		return nil, malformed("a map with a key without a value")
	}
	flat, err := d.items(count, depth)
	if err != nil {
		return nil, err
	}
	m := make(Map, 0, count/2)
	for i := 0; i < count; i += 2 {
		m = append(m, Pair{flat[i], flat[i+1]})
	}
	return m, nil
}

func (d *decoder) array(count, depth int) (any, error) {
	desc, described, code, err := d.constructor(depth)
	if err != nil {
		return nil, err
	}
	if code>>4 == 4 {
		*d.empty -= count
	}
	if *d.empty < 0 || code>>4 != 4 && count > len(d.b) {
		return nil, malformed("an array of %d elements in %d bytes", count, len(d.b))
	}
	a := Array{Code: code, Items: make([]any, 0, count)}
	if described {
		a.Descriptor = desc
		if desc == nil {
			return nil, malformed("an array with a null descriptor")
		}
	}
	for range count {
		v, err := d.payload(code, depth)
		if err != nil {
			return nil, err
		}
		a.Items = append(a.Items, v)
	}
	return a, nil
}

func (d *decoder) octet() (byte, error) {
	if len(d.b) == 0 {
		return 0, malformed("ends in the middle of a value")
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c, nil
}

func (d *decoder) take(n int) ([]byte, error) {
	if n > len(d.b) {
		return nil, malformed("ends in the middle of a value")
	}
	raw := d.b[:n:n]
	d.b = d.b[n:]
	return raw, nil
}

// length reads a size or count of one or four bytes.
func (d *decoder) length(wide bool) (int, error) {
	if !wide {
		c, err := d.octet()
		return int(c), err
	}
	raw, err := d.take(4)
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(raw)
	if n > math.MaxInt32 {
		return 0, malformed("a length of %d", n)
	}
	return int(n), nil
}

func (d *decoder) sized(wide bool) ([]byte, error) {
	n, err := d.length(wide)
	if err != nil {
		return nil, err
	}
	return d.take(n)
}
