package parquet

import (
	"encoding/binary"
	"math/big"

	"dmgateway/engine/batch"
)

// putWide writes v as big-endian two's complement, right-aligned in dst.
func putWide(dst []byte, v batch.Int128) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(v.Hi))
	binary.BigEndian.PutUint64(b[8:], v.Lo)
	n := len(dst)
	if n <= 16 {
		copy(dst, b[16-n:])
		return
	}
	fill := byte(v.Hi >> 63)
	for i := range n - 16 {
		dst[i] = fill
	}
	copy(dst[n-16:], b[:])
}

// getWide is the inverse of putWide; false where the number needs more than 128 bits.
func getWide(b []byte) (v batch.Int128, ok bool) {
	if len(b) == 0 {
		return v, true
	}
	fill := byte(int8(b[0]) >> 7)
	for len(b) > 16 {
		if b[0] != fill {
			return v, false
		}
		b = b[1:]
	}
	var full [16]byte
	for i := range full {
		full[i] = fill
	}
	copy(full[16-len(b):], b)
	v = batch.Int128{Hi: int64(binary.BigEndian.Uint64(full[:])), Lo: binary.BigEndian.Uint64(full[8:])}
	return v, byte(v.Hi>>63) == fill
}

// putBig writes the unscaled digits of a plain decimal text as big-endian two's complement filling dst; false where
// they do not fit. The text has the scale that the column has.
func putBig(dst, text []byte) bool {
	digits := make([]byte, 0, len(text))
	for _, c := range text {
		if c != '.' {
			digits = append(digits, c)
		}
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok || n.BitLen() > len(dst)*8-1 {
		return false
	}
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), uint(len(dst)*8)))
	}
	n.FillBytes(dst)
	return true
}

// appendBig appends the plain decimal text of a big-endian two's complement number.
func appendBig(dst, b []byte, scale int) []byte {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b)*8)))
	}
	if n.Sign() < 0 {
		dst = append(dst, '-')
		n.Neg(n)
	}
	digits := n.Append(nil, 10)
	for len(digits) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst
}
