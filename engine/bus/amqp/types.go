// Package amqp is the part of AMQP 1.0 that a broker needs: values, frames, performatives, delivery states and message
// sections, encoded and decoded with limits on size and depth, because what comes in is not trusted.
//
// Encoding appends to a byte slice and cannot fail. Decoding never panics, never reads past its input, never recurses
// deeper than [MaxDepth] and never allocates more than a small multiple of its input. Binary values that were decoded
// share memory with the input.
//
// AMQP types and Go types:
//
//	null nil          ubyte uint8    byte int8     float float32      char Char            list List
//	boolean bool      ushort uint16  short int16   double float64     timestamp Timestamp  map Map
//	binary []byte     uint uint32    int int32     string string      uuid UUID            array Array
//	                  ulong uint64   long int64    symbol Symbol      decimal* Decimal     described Described
package amqp

import (
	"encoding/hex"
	"fmt"
	"time"
)

// MaxDepth is how deeply lists, maps, arrays and descriptions may be nested.
const MaxDepth = 32

// maxEmpty is how many array elements without any bytes (null, true, empty list…) one value may have in all its arrays.
// Without it a value of ten bytes could claim four billion elements.
const maxEmpty = 4096

// Symbol is a text of a constrained domain, in ASCII.
type Symbol string

// UUID is a universally unique identifier in the byte order of RFC 4122.
type UUID [16]byte

// String is the usual form with hyphens.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Timestamp is an instant in milliseconds since 1970-01-01 UTC.
type Timestamp int64

// Char is one Unicode code point.
type Char rune

// Decimal is a decimal32, decimal64 or decimal128 that is carried along without being understood: 4, 8 or 16 bytes.
type Decimal string

// List is a list of values of any types.
type List []any

// Pair is one entry of a [Map].
type Pair struct{ Key, Value any }

// Map keeps its entries in their order.
type Map []Pair

// Array is a list of values of one type. Code is the format code of every item; for an array of described values
// Descriptor is their descriptor and Items are the values below it.
type Array struct {
	Code       byte
	Descriptor any
	Items      []any
}

// Described is a value with a descriptor that says what it means, usually a ulong or a symbol.
type Described struct {
	Descriptor any
	Value      any
}

// Get gives the value of a key that is a string or a symbol, nil if there is none.
func (m Map) Get(key string) any {
	for _, p := range m {
		if keyText(p.Key) == key {
			return p.Value
		}
	}
	return nil
}

// Set replaces the value of a key that is a string or a symbol, or appends key and value.
func (m Map) Set(key, value any) Map {
	for i, p := range m {
		if keyText(p.Key) == keyText(key) {
			m[i].Value = value
			return m
		}
	}
	return append(m, Pair{key, value})
}

// keyText is the text of a string or symbol, "" for every other type.
func keyText(key any) string {
	switch k := key.(type) {
	case string:
		return k
	case Symbol:
		return string(k)
	}
	return ""
}

// Text gives the text of a string or symbol and whether v is one.
func Text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Symbol:
		return string(v), true
	}
	return "", false
}

// Int gives the number of any integer type and whether v is one that fits int64.
func Int(v any) (int64, bool) {
	switch v := v.(type) {
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v <= 1<<63-1
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

// Items gives the elements of a list or array and whether v is one.
func Items(v any) ([]any, bool) {
	switch v := v.(type) {
	case List:
		return v, true
	case Array:
		return v.Items, v.Descriptor == nil
	}
	return nil, false
}

// At makes a Timestamp of an instant; the zero time becomes the AMQP epoch.
func At(t time.Time) Timestamp {
	if t.IsZero() {
		return 0
	}
	return Timestamp(t.UnixMilli())
}

// Time is the instant in UTC.
func (t Timestamp) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// DecodeError says why bytes are not what they should be. It is amqp:decode-error on the wire.
type DecodeError struct{ Reason string }

// Error is the reason.
func (e *DecodeError) Error() string { return "amqp: " + e.Reason }

func malformed(format string, args ...any) error {
	return &DecodeError{fmt.Sprintf(format, args...)}
}
