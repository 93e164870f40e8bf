package storetest

import (
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dmgateway/engine/batch"
)

// Null stands for NULL among values as text.
const Null = "\x00NULL"

func logger(testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Fill makes a batch of rows given as text.
func Fill(t testing.TB, schema batch.Schema, rows [][]string) *batch.Batch {
	t.Helper()
	b := batch.New(schema, max(len(rows), 1))
	for _, row := range rows {
		for i, text := range row {
			if text == Null {
				b.Cols[i].AppendNull()
			} else if err := batch.ParseText(&b.Cols[i], []byte(text)); err != nil {
				t.Fatalf("the value %q as %s: %v", text, schema[i].Type, err)
			}
		}
	}
	return b
}

func rowText(b *batch.Batch, i int) []string {
	row := make([]string, len(b.Cols))
	for k := range b.Cols {
		if b.Cols[k].IsNull(i) {
			row[k] = Null
		} else {
			row[k] = string(batch.AppendText(nil, &b.Cols[k], i))
		}
	}
	return row
}

// same reports whether two texts are the same value of the type, whatever type they came from.
func same(t batch.Type, a, b string) bool {
	if a == Null || b == Null || a == b {
		return a == b
	}
	x, errA := canonical(t, a)
	y, errB := canonical(t, b)
	return errA == nil && errB == nil && x == y
}

func canonical(t batch.Type, text string) (string, error) {
	c := batch.Column{Type: t}
	if err := batch.ParseText(&c, []byte(text)); err != nil {
		return "", err
	}
	text = string(batch.AppendText(nil, &c, 0))
	if t.Kind == batch.Decimal && strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text, nil
}

// samples are types with values, in canonical text, that a store keeps exactly.
func samples() []struct {
	Type   batch.Type
	Values []string
} {
	decimal := func(p, s int) batch.Type { return batch.Type{Kind: batch.Decimal, Precision: p, Scale: s} }
	timed := func(k batch.Kind, u batch.Unit) batch.Type { return batch.Type{Kind: k, Unit: u} }
	return []struct {
		Type   batch.Type
		Values []string
	}{
		{batch.Type{Kind: batch.Boolean}, []string{"True", "False"}},
		{batch.Type{Kind: batch.Byte}, []string{"0", "1", "255"}},
		{batch.Type{Kind: batch.Int16}, []string{"0", "-32768", "32767"}},
		{batch.Type{Kind: batch.Int32}, []string{"0", "-2147483648", "2147483647"}},
		{batch.Type{Kind: batch.Int64}, []string{"0", "-9223372036854775808", "9223372036854775807", "9007199254740993"}},
		{batch.Type{Kind: batch.Single}, []string{"0", "-1.5", "3.4028235e+38", "1e-45", "0.1", "NaN", "Infinity", "-Infinity"}},
		{batch.Type{Kind: batch.Double}, []string{"0", "0.1", "1.7976931348623157e+308", "5e-324", "-123456.789", "NaN", "Infinity", "-Infinity"}},
		{decimal(5, 2), []string{"0.00", "-999.99", "999.99", "0.01", "-0.01"}},
		{decimal(15, 0), []string{"0", "999999999999999", "-999999999999999"}},
		{decimal(18, 4), []string{"0.0000", "99999999999999.9999", "-99999999999999.9999", "10000.0000", "0.0001"}},
		{decimal(38, 10), []string{"0.0000000000", "9999999999999999999999999999.9999999999", "-1234567890123456789012345678.0123456789", "0.0000000001"}},
		{decimal(60, 20), []string{"1.00000000000000000000", "-1234567890123456789012345678901234567890.12345678901234567890"}},
		{decimal(0, 0), []string{"0", "1.10", "-123456789012345678901234567890.000000000000000000001", "1000000000000000000000000", "NaN"}},
		{batch.Type{Kind: batch.Date}, []string{"1970-01-01", "2026-02-28", "0001-01-01", "9999-12-31", "1969-12-31"}},
		{timed(batch.Time, batch.Micro), []string{"00:00:00", "23:59:59.999999", "12:30:00.5"}},
		{timed(batch.Duration, batch.Micro), []string{"00:00:00", "1.02:03:04.000005", "-00:00:01", "-3.00:00:00.5"}},
		{timed(batch.Timestamp, batch.Micro), []string{"1970-01-01 00:00:00", "2026-02-28 23:59:59.999999", "0001-01-01 00:00:00", "1969-12-31 23:59:59.5", "9999-12-31 23:59:59"}},
		{timed(batch.Timestamp, batch.Second), []string{"1970-01-01 00:00:00", "2026-02-28 23:59:59"}},
		{timed(batch.Timestamp, batch.Milli), []string{"1970-01-01 00:00:00.001", "2026-02-28 23:59:59.999"}},
		{timed(batch.TimestampTZ, batch.Micro), []string{"1970-01-01 00:00:00+00", "2026-02-28 23:59:59.999999+00", "1900-01-01 12:00:00+00"}},
		{batch.Type{Kind: batch.String}, []string{"", "a", "it's, \"quoted\"\nlines\t\\", "Zażółć gęślą jaźń 漢字 🚚", strings.Repeat("long ", 5000), " spaces "}},
		{batch.Type{Kind: batch.String, Length: 20}, []string{"", "twenty characters ok", "ąćęłńóśźżąćęłńóśźżąć"}},
		{batch.Type{Kind: batch.JSON}, []string{`{"a": 1}`, `[]`, `"text"`, `{"b": null, "ü": [1, 2.50]}`}},
		{batch.Type{Kind: batch.XML}, []string{"<a>1</a>", `<b c="d"/>`}},
		{batch.Type{Kind: batch.Binary}, []string{`\x`, `\x00ff10`, `\x` + strings.Repeat("0a5c", 4000)}},
		{batch.Type{Kind: batch.GUID}, []string{"00000000-0000-0000-0000-000000000000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}},
	}
}

// numbered is a schema of an id and a text, and rows that go with it.
var numbered = batch.Schema{
	{Name: "id", Type: batch.Type{Kind: batch.Int64}, Nullable: true},
	{Name: "label", Type: batch.Type{Kind: batch.String}, Nullable: true},
}

// numbers are rows of numbered, from included to not included.
func numbers(from, to int) [][]string {
	rows := make([][]string, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, []string{strconv.Itoa(i), "row " + strconv.Itoa(i)})
	}
	return rows
}

// exactly fails the test unless rows are, in any order, the rows of numbered from 0 to n.
func exactly(t testing.TB, rows [][]string, n int) {
	t.Helper()
	ids := make([]int, 0, len(rows))
	for _, row := range rows {
		id, err := strconv.Atoi(row[0])
		if err != nil || row[1] != "row "+row[0] {
			t.Fatalf("a row is %q", row)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		if i != id {
			t.Fatalf("%d rows; the row %d is %s", len(ids), i, map[bool]string{true: "missing", false: "doubled"}[id > i])
		}
	}
	if len(ids) != n {
		t.Fatalf("%d rows, want %d", len(ids), n)
	}
}
