package batch

import (
	"bytes"
	"fmt"
	"math"
)

// Equal tells whether two batches hold the same rows: same types, same NULLs, same values. A NaN equals a NaN; offsets
// that a TimestampTZ was written with count. The error names the first difference.
func Equal(a, b *Batch) error {
	if len(a.Cols) != len(b.Cols) {
		return fmt.Errorf("%d columns, not %d", len(a.Cols), len(b.Cols))
	}
	for i := range a.Cols {
		if err := EqualColumns(&a.Cols[i], &b.Cols[i]); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return nil
}

// EqualColumns is [Equal] for one column.
func EqualColumns(a, b *Column) error {
	if a.Type != b.Type {
		return fmt.Errorf("type %s, not %s", a.Type, b.Type)
	}
	if a.n != b.n {
		return fmt.Errorf("%d rows, not %d", a.n, b.n)
	}
	for i := range a.n {
		if !equalAt(a, b, i) {
			return fmt.Errorf("row %d: %s, not %s", i, show(a, i), show(b, i))
		}
	}
	return nil
}

func equalAt(a, b *Column, i int) bool {
	if a.IsNull(i) || b.IsNull(i) {
		return a.IsNull(i) == b.IsNull(i)
	}
	switch a.Type.Storage() {
	case InFloats:
		x, y := a.Floats[i], b.Floats[i]
		return x == y && math.Signbit(x) == math.Signbit(y) || x != x && y != y
	case InWide:
		return a.Wide[i] == b.Wide[i]
	case InData:
		return bytes.Equal(a.Bytes(i), b.Bytes(i))
	}
	return a.Ints[i] == b.Ints[i] && a.Zone(i) == b.Zone(i)
}

func show(c *Column, i int) string {
	if c.IsNull(i) {
		return "NULL"
	}
	return fmt.Sprintf("%q", AppendText(nil, c, i))
}
