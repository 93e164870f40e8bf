package avro

import (
	"encoding/binary"
	"math/big"

	"dmgateway/engine/batch"
)

// A decimal is its unscaled number in big-endian two's complement.

// appendWide appends a length and v in as few bytes as hold it.
func appendWide(dst []byte, v batch.Int128) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(v.Hi))
	binary.BigEndian.PutUint64(b[8:], v.Lo)
	return appendBytes(dst, shortest(b[:]))
}

// shortest drops leading bytes that say nothing but the sign.
func shortest(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return b
}

// appendPlain appends a length and the unscaled number of a plain decimal text, which has the column's scale; false
// where the text is no number.
func appendPlain(dst, text []byte) ([]byte, bool) {
	digits := make([]byte, 0, len(text))
	for _, c := range text {
		if c != '.' {
			digits = append(digits, c)
		}
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return dst, false
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), uint(size*8)))
	}
	return appendBytes(dst, shortest(n.FillBytes(make([]byte, size)))), true
}

// appendDecimal appends the value in b to a column of its type; false where it has more digits than the type.
func appendDecimal(c *batch.Column, b []byte) bool {
	switch c.Type.Storage() {
	case batch.InData:
		return appendBig(c, b)
	case batch.InWide:
		v, ok := wide(b)
		if !ok || !v.Fits(c.Type.Precision) {
			return false
		}
		c.AppendWide(v)
	default:
		v, ok := wide(b)
		n, small := v.Int64()
		if !ok || !small || !v.Fits(c.Type.Precision) {
			return false
		}
		c.AppendInt(n)
	}
	return true
}

// wide reads a number of up to 128 bits; false where it has more.
func wide(b []byte) (batch.Int128, bool) {
	if len(b) > 0 && len(b) <= 8 {
		v := int64(int8(b[0]))
		for _, c := range b[1:] {
			v = v<<8 | int64(c)
		}
		return batch.ToInt128(v), true
	}
	if b = shortest(b); len(b) == 0 || len(b) > 16 {
		return batch.Int128{}, len(b) == 0
	}
	var full [16]byte
	fill := byte(int8(b[0]) >> 7)
	for i := range full {
		full[i] = fill
	}
	copy(full[16-len(b):], b)
	return batch.Int128{Hi: int64(binary.BigEndian.Uint64(full[:])), Lo: binary.BigEndian.Uint64(full[8:])}, true
}

func appendBig(c *batch.Column, b []byte) bool {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b)*8)))
	}
	neg := n.Sign() < 0
	digits := n.Abs(n).Append(nil, 10)
	if c.Type.Precision > 0 && len(digits) > c.Type.Precision {
		return false
	}
	if neg {
		c.Data = append(c.Data, '-')
	}
	scale := c.Type.Scale
	for i := len(digits); i <= scale; i++ { // one digit before the point
		c.Data = append(c.Data, '0')
		if i == len(digits) && scale > 0 {
			c.Data = append(c.Data, '.')
		}
	}
	if point := len(digits) - scale; point > 0 {
		c.Data = append(c.Data, digits[:point]...)
		if scale > 0 {
			c.Data = append(c.Data, '.')
		}
		digits = digits[point:]
	}
	c.Data = append(c.Data, digits...)
	c.EndBytes()
	return true
}
