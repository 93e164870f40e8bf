package batch_test

import (
	"math"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
)

func TestTextRoundTripOfEveryType(t *testing.T) {
	t.Parallel()
	for i, typ := range batchtest.AllTypes() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			b := batchtest.Random(batchtest.Schema(typ), uint64(i), 3000, 7)
			in := &b.Cols[0]
			out := batch.Column{Type: typ}
			for row := range in.Len() {
				if in.IsNull(row) {
					out.AppendNull()
					continue
				}
				text := batch.AppendText(nil, in, row)
				if err := batch.ParseText(&out, text); err != nil {
					t.Fatalf("row %d: %q: %v", row, text, err)
				}
			}
			if err := batch.EqualColumns(&out, in); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestParseText(t *testing.T) {
	t.Parallel()
	us := func(k batch.Kind) batch.Type { return batch.Type{Kind: k, Unit: batch.Micro} }
	dec := func(p, s int) batch.Type { return batch.Type{Kind: batch.Decimal, Precision: p, Scale: s} }
	kind := func(k batch.Kind) batch.Type { return batch.Type{Kind: k} }
	for _, c := range []struct {
		typ      batch.Type
		in, want string // want "" = refused
	}{
		{kind(batch.Boolean), "true", "True"},
		{kind(batch.Boolean), "F", "False"},
		{kind(batch.Boolean), "1", "True"},
		{kind(batch.Boolean), "2", ""},
		{kind(batch.Boolean), "", ""},
		{kind(batch.Byte), "255", "255"},
		{kind(batch.Byte), "256", ""},
		{kind(batch.Byte), "-1", ""},
		{kind(batch.Int16), " +7 ", "7"},
		{kind(batch.Int16), "32768", ""},
		{kind(batch.Int32), "1.0", ""},
		{kind(batch.Int32), "1_000", ""},
		{kind(batch.Int64), "-9223372036854775808", "-9223372036854775808"},
		{kind(batch.Int64), "9223372036854775808", ""},
		{kind(batch.Int64), "000000000000000000000000000000000012", "12"},
		{kind(batch.Int64), "99999999999999999999999999999999999999999999999", ""},
		{kind(batch.Int64), "-", ""},
		{kind(batch.Double), "1e3", "1000"},
		{kind(batch.Double), "0x10", ""},
		{kind(batch.Double), "1e999", ""},
		{kind(batch.Double), "-infinity", "-Infinity"},
		{kind(batch.Double), "nan", "NaN"},
		{kind(batch.Double), "1e15", "1e+15"},
		{kind(batch.Double), "0.0001", "0.0001"},
		{kind(batch.Double), "0.00001", "1e-05"},
		{kind(batch.Single), "3.4e38", "3.4e+38"},
		{kind(batch.Single), "1234567", "1.234567e+06"},
		{dec(5, 2), "123.4", "123.40"},
		{dec(5, 2), "1234.5", ""},
		{dec(5, 2), "1.235", ""},
		{dec(5, 2), "1.2300000000000000000000000", "1.23"},
		{dec(5, 2), "1.2345e2", "123.45"},
		{dec(5, 2), "12345e-2", "123.45"},
		{dec(5, 2), "-.5", "-0.50"},
		{dec(5, 2), "5.", "5.00"},
		{dec(5, 2), ".", ""},
		{dec(5, 2), "-0.00", "0.00"},
		{dec(5, 5), "0.12345", "0.12345"},
		{dec(18, 0), "999999999999999999", "999999999999999999"},
		{dec(18, 0), "1000000000000000000", ""},
		{dec(18, 0), "1e17", "100000000000000000"},
		{dec(38, 0), "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
		{dec(38, 0), "100000000000000000000000000000000000000", ""},
		{dec(38, 38), "-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001"},
		{dec(50, 2), "1e40", "10000000000000000000000000000000000000000.00"},
		{dec(50, 2), "1e48", ""},
		{dec(0, 0), "-1.500", "-1.500"},
		{dec(0, 0), "1e-5", "0.00001"},
		{dec(0, 0), "15e3", "15000"},
		{dec(0, 0), "000.10", "0.10"},
		{dec(0, 0), "NaN", "NaN"},
		{dec(0, 0), "1e999999", ""},
		{dec(50, 2), "NaN", ""},
		{kind(batch.Date), "2024-02-29", "2024-02-29"},
		{kind(batch.Date), "2023-02-29", ""},
		{kind(batch.Date), "0000-01-01", ""},
		{kind(batch.Date), "0001-01-01", "0001-01-01"},
		{kind(batch.Date), "1/31/2024", "2024-01-31"},
		{kind(batch.Date), "2024-1-5", "2024-01-05"},
		{kind(batch.Date), "2024/01/05", "2024-01-05"},
		{kind(batch.Date), "31/1/2024", ""},
		{kind(batch.Date), "12-01-2024", ""},
		{kind(batch.Date), "2024-01-31 00:00:00", "2024-01-31"},
		{kind(batch.Date), "2024-01-31T00:00:01", ""},
		{kind(batch.Date), "0044-03-15 BC", "0044-03-15 BC"},
		{kind(batch.Date), "0001-02-29 BC", "0001-02-29 BC"},
		{kind(batch.Date), "12345-01-01", "12345-01-01"},
		{us(batch.Timestamp), "2024-01-31T12:00:00.1234560", "2024-01-31 12:00:00.123456"},
		{us(batch.Timestamp), "2024-01-31 12:00:00.1234567", ""},
		{us(batch.Timestamp), "2024-01-31 12:00", "2024-01-31 12:00:00"},
		{us(batch.Timestamp), "2024-01-31", "2024-01-31 00:00:00"},
		{us(batch.Timestamp), "2024-01-31 24:00:00", ""},
		{us(batch.Timestamp), "2024-01-31 12:60:00", ""},
		{us(batch.Timestamp), "2024-01-31 12:00:00Z", "2024-01-31 12:00:00"},
		{us(batch.Timestamp), "2024-01-31 12:00:00+02", ""},
		{us(batch.Timestamp), "1/31/2024 1:05:00 PM", "2024-01-31 13:05:00"},
		{us(batch.Timestamp), "1/31/2024 12:05 am", "2024-01-31 00:05:00"},
		{us(batch.Timestamp), "2024-01-31 12:00:00 x", ""},
		{us(batch.Timestamp), "1969-12-31 23:59:59.5", "1969-12-31 23:59:59.5"},
		{us(batch.Timestamp), "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"},
		{batch.Type{Kind: batch.Timestamp, Unit: batch.Nano}, "2300-01-01", ""},
		{us(batch.TimestampTZ), "2024-01-31 12:00:00.123456+00", "2024-01-31 12:00:00.123456+00"},
		{us(batch.TimestampTZ), "2024-01-31 12:00:00", "2024-01-31 12:00:00+00"},
		{us(batch.TimestampTZ), "2024-01-31T12:00:00-03:30", "2024-01-31 12:00:00-03:30"},
		{us(batch.TimestampTZ), "2024-01-31T23:00:00-0500", "2024-01-31 23:00:00-05"},
		{us(batch.Time), "23:59:59.999999", "23:59:59.999999"},
		{us(batch.Time), "24:00:00", "24:00:00"},
		{us(batch.Time), "24:00:01", ""},
		{us(batch.Time), "9:05", "09:05:00"},
		{us(batch.Duration), "-1.02:03:04.5", "-1.02:03:04.5"},
		{us(batch.Duration), "36:00:00", "1.12:00:00"},
		{us(batch.Duration), "1:60:00", ""},
		{batch.Type{Kind: batch.String, Length: 3}, "日本語", "日本語"},
		{batch.Type{Kind: batch.String, Length: 3}, "abcd", ""},
		{kind(batch.String), "a\xffb", ""},
		{kind(batch.JSON), `{"a":1}`, `{"a":1}`},
		{kind(batch.JSON), `{"a":1`, ""},
		{kind(batch.Binary), `\x00ff`, `\x00ff`},
		{kind(batch.Binary), "0x00FF", `\x00ff`},
		{kind(batch.Binary), "aGk=", `\x6869`},
		{kind(batch.Binary), "0x0", ""},
		{kind(batch.Binary), "**", ""},
		{kind(batch.GUID), "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"},
		{kind(batch.GUID), "6f9619ff8b86d011b42d00cf4fc964ff", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"},
		{kind(batch.GUID), "6f9619ff-8b86-d011-b42d-00cf4fc964f", ""},
		{kind(batch.GUID), "6f9619ff-8b86-d011-b42d-00cf4fc964fg", ""},
	} {
		col := batch.Column{Type: c.typ}
		err := batch.ParseText(&col, []byte(c.in))
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: %q was taken as %q", c.typ, c.in, batch.AppendText(nil, &col, 0))
			} else if fault.Code(err) != fault.Conversion || col.Len() != 0 || len(col.Data) != 0 {
				t.Errorf("%s: %q: %v, %d rows", c.typ, c.in, err, col.Len())
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %q: %v", c.typ, c.in, err)
			continue
		}
		if got := string(batch.AppendText(nil, &col, 0)); got != c.want {
			t.Errorf("%s: %q became %q, not %q", c.typ, c.in, got, c.want)
		}
	}
}

func TestAppendTextOfValuesBeyondTheCalendar(t *testing.T) {
	t.Parallel()
	for _, v := range []int64{math.MinInt64, math.MaxInt64} {
		for _, typ := range batchtest.AllTypes() {
			if typ.Storage() == batch.InInts {
				c := batch.Column{Type: typ}
				c.AppendInt(v)
				batch.AppendText(nil, &c, 0) // no meaning, but no panic
			}
		}
	}
}
