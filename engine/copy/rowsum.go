package copy

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"dmgateway/engine/batch"
)

// checksum is the sum, modulo 2^128, of a 128-bit hash (XXH3) of every row: the same for the same rows in any order.
type checksum struct{ hi, lo uint64 }

func (s *checksum) add(o checksum) {
	lo := s.lo + o.lo
	s.hi += o.hi
	if lo < s.lo {
		s.hi++
	}
	s.lo = lo
}

// String is the form that a checkpoint keeps.
func (s checksum) String() string { return fmt.Sprintf("%016x%016x", s.hi, s.lo) }

func parseChecksum(text string) (s checksum, ok bool) {
	if len(text) != 32 {
		return s, false
	}
	_, err := fmt.Sscanf(text, "%016x%016x", &s.hi, &s.lo)
	return s, err == nil
}

// rowSum adds up the rows of one partition. It is used from one goroutine. The nil *rowSum does nothing.
type rowSum struct {
	hash rowHash
	sum  checksum
	// refused are rows that the sink did not take, so many at most: a search for differences must not find them.
	refused []checksum
}

const maxRefused = 1 << 16

// newSum is the sum of the rows given to a sink of the schema, nil where the job does not want one.
func (r *run) newSum(s batch.Schema) *rowSum {
	if !r.job.Verification.Checksum {
		return nil
	}
	return &rowSum{hash: newRowHash(s, r.job.Sink.EmptyIsNull || r.job.Sink.Files != nil && r.job.Sink.Files.FormatName == delimitedText)}
}

// delimitedText is the format in which an empty text and NULL may look the same.
const delimitedText = "text"

// add adds the rows of b except those at the indexes in without.
func (s *rowSum) add(b *batch.Batch, without []int) {
	if s == nil {
		return
	}
	slices.Sort(without)
	for row := range b.Len() {
		if len(without) > 0 && without[0] == row {
			for len(without) > 0 && without[0] == row {
				without = without[1:]
			}
			s.refuse(b, []int{row})
			continue
		}
		s.sum.add(s.hash.of(b, row))
	}
}

// refuse remembers rows that the sink did not take.
func (s *rowSum) refuse(b *batch.Batch, rows []int) {
	if s == nil {
		return
	}
	for _, row := range rows {
		if len(s.refused) < maxRefused {
			s.refused = append(s.refused, s.hash.of(b, row))
		}
	}
}

// text is the checksum as a checkpoint keeps it, "" for nil.
func (s *rowSum) text() string {
	if s == nil {
		return ""
	}
	return s.sum.String()
}

// rowHash hashes rows of one schema by what their values mean, not by how a store writes them: decimals without trailing
// zeros, instants without the offset they were written with, fixed-length text without its padding, JSON with its
// properties sorted. XML counts only as being there or not, because stores rewrite it.
type rowHash struct {
	schema      batch.Schema
	padded      []bool
	emptyIsNull bool
	buf         []byte
}

func newRowHash(s batch.Schema, emptyIsNull bool) rowHash {
	h := rowHash{schema: s, padded: make([]bool, len(s)), emptyIsNull: emptyIsNull}
	for i, f := range s {
		native := strings.ToLower(f.Native)
		for _, fixed := range []string{"char", "nchar", "character", "bpchar"} {
			rest, ok := strings.CutPrefix(native, fixed)
			h.padded[i] = h.padded[i] || ok && (rest == "" || rest[0] == '(')
		}
	}
	return h
}

func (h *rowHash) of(b *batch.Batch, row int) checksum {
	h.buf = h.buf[:0]
	for i := range b.Cols {
		h.buf = h.value(h.buf, &b.Cols[i], i, row)
	}
	x := xxh3.Hash128(h.buf)
	return checksum{x.Hi, x.Lo}
}

// value appends one value so that two rows have the same bytes only when all their values are the same.
func (h *rowHash) value(dst []byte, c *batch.Column, i, row int) []byte {
	if c.IsNull(row) {
		return append(dst, 0)
	}
	switch c.Type.Storage() {
	case batch.InInts:
		return binary.LittleEndian.AppendUint64(append(dst, 1), uint64(c.Ints[row]))
	case batch.InFloats:
		f := c.Floats[row]
		switch {
		case f == 0:
			f = 0 // without its sign
		case f != f:
			f = math.NaN()
		}
		return binary.LittleEndian.AppendUint64(append(dst, 1), math.Float64bits(f))
	case batch.InWide:
		w := c.Wide[row]
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(append(dst, 1), w.Lo), uint64(w.Hi))
	}
	v := c.Bytes(row)
	switch c.Type.Kind {
	case batch.Decimal:
		v = shortDecimal(v)
	case batch.JSON:
		v = sortedJSON(v)
	case batch.XML:
		return append(dst, 1)
	case batch.String:
		if h.padded[i] {
			v = bytes.TrimRight(v, " ")
		}
		if h.emptyIsNull && len(v) == 0 {
			return append(dst, 0)
		}
	}
	dst = binary.AppendUvarint(append(dst, 1), uint64(len(v)))
	return append(dst, v...)
}

// shortDecimal takes the zeros off the end of a fraction; the text is plain digits.
func shortDecimal(v []byte) []byte {
	if bytes.IndexByte(v, '.') >= 0 {
		v = bytes.TrimSuffix(bytes.TrimRight(v, "0"), []byte("."))
	}
	if string(v) == "-0" {
		return v[1:]
	}
	return v
}

// sortedJSON is a JSON text without spaces and with sorted names; text that is none stays.
func sortedJSON(v []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var x any
	if dec.Decode(&x) != nil || dec.More() {
		return v
	}
	out, err := json.Marshal(plainNumbers(x))
	if err != nil {
		return v
	}
	return out
}

// plainNumbers writes numbers the way a store does that keeps them as decimals.
func plainNumbers(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k, v := range x {
			x[k] = plainNumbers(v)
		}
	case []any:
		for i, v := range x {
			x[i] = plainNumbers(v)
		}
	case json.Number:
		c := batch.Column{Type: batch.Type{Kind: batch.Decimal}}
		if batch.ParseText(&c, []byte(x)) == nil && c.Len() == 1 {
			return json.Number(shortDecimal(c.Bytes(0)))
		}
	}
	return x
}
