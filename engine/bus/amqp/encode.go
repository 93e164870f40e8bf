package amqp

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Format codes, AMQP 1.0 part 1 section 1.6.
const (
	codeDescribed  = 0x00
	codeNull       = 0x40
	codeTrue       = 0x41
	codeFalse      = 0x42
	codeUint0      = 0x43
	codeUlong0     = 0x44
	codeList0      = 0x45
	codeUbyte      = 0x50
	codeByte       = 0x51
	codeSmallUint  = 0x52
	codeSmallUlong = 0x53
	codeSmallInt   = 0x54
	codeSmallLong  = 0x55
	codeBool       = 0x56
	codeUshort     = 0x60
	codeShort      = 0x61
	codeUint       = 0x70
	codeInt        = 0x71
	codeFloat      = 0x72
	codeChar       = 0x73
	codeDecimal32  = 0x74
	codeUlong      = 0x80
	codeLong       = 0x81
	codeDouble     = 0x82
	codeTimestamp  = 0x83
	codeDecimal64  = 0x84
	codeDecimal128 = 0x94
	codeUUID       = 0x98
	codeBinary8    = 0xa0
	codeString8    = 0xa1
	codeSymbol8    = 0xa3
	codeBinary32   = 0xb0
	codeString32   = 0xb1
	codeSymbol32   = 0xb3
	codeList8      = 0xc0
	codeMap8       = 0xc1
	codeList32     = 0xd0
	codeMap32      = 0xd1
	codeArray8     = 0xe0
	codeArray32    = 0xf0
)

// Longs makes an array of long.
func Longs(v []int64) Array { return arrayOf(codeLong, v) }

// Timestamps makes an array of timestamp.
func Timestamps(v []Timestamp) Array { return arrayOf(codeTimestamp, v) }

// Symbols makes an array of symbol.
func Symbols(v ...Symbol) Array { return arrayOf(codeSymbol32, v) }

func arrayOf[T any](code byte, values []T) Array {
	a := Array{Code: code, Items: make([]any, len(values))}
	for i, v := range values {
		a.Items[i] = v
	}
	return a
}

// Append encodes a value of one of the types in the package comment at the end of b. It panics for any other type: that
// is a defect of the caller, never of input.
func Append(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, codeNull)
	case bool:
		if v {
			return append(b, codeTrue)
		}
		return append(b, codeFalse)
	case uint32:
		return appendUint(b, v)
	case uint64:
		return appendUlong(b, v)
	case List:
		if len(v) == 0 {
			return append(b, codeList0)
		}
	case Described:
		b = Append(append(b, codeDescribed), v.Descriptor)
		return Append(b, v.Value)
	}
	code := wideCode(v)
	if n := shortLength(v); n >= 0 {
		code -= 0x10
		b = append(b, code, byte(n))
		return appendText(b, v)
	}
	return appendPayload(append(b, code), code, v)
}

func appendUint(b []byte, v uint32) []byte {
	switch {
	case v == 0:
		return append(b, codeUint0)
	case v < 256:
		return append(b, codeSmallUint, byte(v))
	}
	return binary.BigEndian.AppendUint32(append(b, codeUint), v)
}

func appendUlong(b []byte, v uint64) []byte {
	switch {
	case v == 0:
		return append(b, codeUlong0)
	case v < 256:
		return append(b, codeSmallUlong, byte(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUlong), v)
}

// shortLength is the length of a text or binary that fits one byte, else -1.
func shortLength(v any) int {
	n := -1
	switch v := v.(type) {
	case string:
		n = len(v)
	case Symbol:
		n = len(v)
	case []byte:
		n = len(v)
	}
	if n > math.MaxUint8 {
		return -1
	}
	return n
}

func appendText(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(b, v...)
	case Symbol:
		return append(b, v...)
	case []byte:
		return append(b, v...)
	}
	return b
}

// wideCode is the format code with the full width of v's type: the one that arrays use.
func wideCode(v any) byte {
	switch v := v.(type) {
	case bool:
		return codeBool
	case uint8:
		return codeUbyte
	case uint16:
		return codeUshort
	case uint32:
		return codeUint
	case uint64:
		return codeUlong
	case int8:
		return codeByte
	case int16:
		return codeShort
	case int32:
		return codeInt
	case int64:
		return codeLong
	case float32:
		return codeFloat
	case float64:
		return codeDouble
	case Char:
		return codeChar
	case Timestamp:
		return codeTimestamp
	case UUID:
		return codeUUID
	case Decimal:
		return map[int]byte{4: codeDecimal32, 8: codeDecimal64, 16: codeDecimal128}[len(v)]
	case []byte:
		return codeBinary32
	case string:
		return codeString32
	case Symbol:
		return codeSymbol32
	case List:
		return codeList32
	case Map:
		return codeMap32
	case Array:
		return codeArray32
	}
	panic(fmt.Sprintf("amqp: no encoding for %T", v))
}

// appendPayload encodes v in full width, without its format code.
func appendPayload(b []byte, code byte, v any) []byte {
	be := binary.BigEndian
	switch v := v.(type) {
	case nil:
		return b
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case uint8:
		return append(b, v)
	case int8:
		return append(b, byte(v))
	case uint16:
		return be.AppendUint16(b, v)
	case int16:
		return be.AppendUint16(b, uint16(v))
	case uint32:
		return be.AppendUint32(b, v)
	case int32:
		return be.AppendUint32(b, uint32(v))
	case float32:
		return be.AppendUint32(b, math.Float32bits(v))
	case Char:
		return be.AppendUint32(b, uint32(v))
	case uint64:
		return be.AppendUint64(b, v)
	case int64:
		return be.AppendUint64(b, uint64(v))
	case float64:
		return be.AppendUint64(b, math.Float64bits(v))
	case Timestamp:
		return be.AppendUint64(b, uint64(v))
	case UUID:
		return append(b, v[:]...)
	case Decimal:
		return append(b, v...)
	case []byte:
		return append(be.AppendUint32(b, uint32(len(v))), v...)
	case string:
		return append(be.AppendUint32(b, uint32(len(v))), v...)
	case Symbol:
		return append(be.AppendUint32(b, uint32(len(v))), v...)
	case List:
		return compound(b, len(v), func(b []byte) []byte {
			for _, item := range v {
				b = Append(b, item)
			}
			return b
		})
	case Map:
		return compound(b, 2*len(v), func(b []byte) []byte {
			for _, p := range v {
				b = Append(Append(b, p.Key), p.Value)
			}
			return b
		})
	case Array:
		return compound(b, len(v.Items), func(b []byte) []byte { return appendItems(b, v) })
	}
	panic(fmt.Sprintf("amqp: no encoding for %T as 0x%02x", v, code))
}

// compound writes size and count before what fill appends.
func compound(b []byte, count int, fill func([]byte) []byte) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(count))
	b = fill(b)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendItems(b []byte, a Array) []byte {
	if a.Descriptor != nil {
		b = Append(append(b, codeDescribed), a.Descriptor)
	}
	code := a.Code
	if len(a.Items) > 0 && a.Items[0] != nil {
		code = wideCode(a.Items[0])
	}
	b = append(b, code)
	for _, item := range a.Items {
		b = appendPayload(b, code, item)
	}
	return b
}
