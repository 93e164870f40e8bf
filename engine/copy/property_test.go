package copy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/store/memory"
)

// anyType draws a type of any kind with any digits.
func anyType(t *rapid.T) batch.Type {
	x := batch.Type{Kind: batch.Kind(rapid.IntRange(int(batch.Boolean), int(batch.GUID)).Draw(t, "kind"))}
	switch x.Kind {
	case batch.Decimal:
		x.Precision = rapid.IntRange(0, 60).Draw(t, "precision")
		if x.Precision > 0 {
			x.Scale = rapid.IntRange(0, x.Precision).Draw(t, "scale")
		}
	case batch.Time, batch.Duration, batch.Timestamp, batch.TimestampTZ:
		x.Unit = batch.Unit(rapid.IntRange(int(batch.Second), int(batch.Nano)).Draw(t, "unit"))
	case batch.String, batch.Binary:
		if rapid.Bool().Draw(t, "limited") {
			x.Length = 64
		}
	}
	return x
}

// day and years bound times so that every unit reaches them.
const oneDay = 24 * 3600

// anyValue appends a drawn value, or NULL.
func anyValue(t *rapid.T, c *batch.Column) {
	if rapid.IntRange(0, 7).Draw(t, "null") == 0 {
		c.AppendNull()
		return
	}
	ints := func(low, high int64) { c.AppendInt(rapid.Int64Range(low, high).Draw(t, "value")) }
	per := c.Type.Unit.PerSecond()
	switch c.Type.Kind {
	case batch.Boolean:
		ints(0, 1)
	case batch.Byte:
		ints(0, math.MaxUint8)
	case batch.Int16:
		ints(math.MinInt16, math.MaxInt16)
	case batch.Int32:
		ints(math.MinInt32, math.MaxInt32)
	case batch.Int64:
		ints(math.MinInt64, math.MaxInt64)
	case batch.Single:
		c.AppendFloat(float64(rapid.Float32().Draw(t, "value")))
	case batch.Double:
		c.AppendFloat(rapid.Float64().Draw(t, "value"))
	case batch.Date:
		ints(-100_000, 100_000)
	case batch.Time:
		ints(0, oneDay*per-1)
	case batch.Duration:
		ints(-1000*oneDay*per, 1000*oneDay*per)
	case batch.Timestamp, batch.TimestampTZ:
		ints(-100*365*oneDay*per, 200*365*oneDay*per)
	default:
		anyText(t, c)
	}
}

// anyText appends a value that is drawn as text.
func anyText(t *rapid.T, c *batch.Column) {
	var text string
	switch c.Type.Kind {
	case batch.Decimal:
		text = anyDecimal(t, c.Type)
	case batch.JSON:
		text = `{"v": ` + strconv.Quote(rapid.StringMatching(`[a-z "]{0,10}`).Draw(t, "value")) + `}`
	case batch.XML:
		text = "<a>" + rapid.StringMatching(`[a-zäß ,\n]{0,10}`).Draw(t, "value") + "</a>"
	case batch.Binary:
		c.AppendBytes(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "value"))
		return
	case batch.GUID:
		c.AppendBytes(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "value"))
		return
	default:
		c.AppendString(rapid.StringMatching(`[a-zA-Z0-9,;"'\\\t\n\r |äöüß漢🚚N]{0,12}`).Draw(t, "value"))
		return
	}
	if err := batch.ParseText(c, []byte(text)); err != nil {
		t.Fatalf("draw the value %s of %s: %v", text, c.Type, err)
	}
}

func anyDecimal(t *rapid.T, x batch.Type) string {
	whole, scale := x.Precision-x.Scale, x.Scale
	if x.Precision == 0 {
		whole, scale = 40, 20
	}
	digits := func(n int) string {
		return rapid.StringMatching(fmt.Sprintf(`[0-9]{0,%d}`, n)).Draw(t, "digits")
	}
	text := "0"
	if whole > 0 {
		text = "0" + digits(whole)
	}
	if scale > 0 {
		text += "." + digits(scale) + "0"
		if len(text)-strings.IndexByte(text, '.')-1 > scale {
			text = text[:len(text)-1]
		}
		text = strings.TrimSuffix(text, ".")
	}
	if rapid.Bool().Draw(t, "negative") {
		text = "-" + text
	}
	return text
}

// anyTable draws a table of types that the format keeps without loss.
func anyTable(t *rapid.T, f format.Format) (batch.Schema, *batch.Batch) {
	types := rapid.Custom(anyType).Filter(func(x batch.Type) bool {
		kept, err := f.Types(batch.Schema{{Name: "c", Type: x}})
		if err != nil {
			return false
		}
		there, _ := batch.Lossless(x, kept[0].Type)
		return there
	})
	schema := make(batch.Schema, rapid.IntRange(1, 6).Draw(t, "columns"))
	for i := range schema {
		schema[i] = batch.Field{Name: fmt.Sprintf("c%d", i), Type: types.Draw(t, "type"), Nullable: true}
	}
	rows := rapid.IntRange(0, 40).Draw(t, "rows")
	b := batch.New(schema, rows+1)
	for range rows {
		for i := range b.Cols {
			anyValue(t, &b.Cols[i])
		}
	}
	return schema, b
}

func TestAnyTableSurvivesFiles(t *testing.T) {
	formats := map[string]struct {
		format      format.Format
		compression string
	}{
		"text":         {textFormat(t), ""},
		"text in gzip": {textFormat(t), "gzip"},
		"parquet":      {parquet.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), ""},
	}
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				schema, rows := anyTable(rt, f.format)
				s := memory.New()
				s.Create("src", schema)
				s.Create("dst", schema)
				if err := s.Add("src", rows); err != nil {
					rt.Fatal(err)
				}
				dir := t.TempDir() // a new one for each table
				there, back := intoFiles(t, s, dir), fromFiles(t, s, dir)
				there.Sink.Files.Format, there.Sink.Files.FormatName, there.Sink.Files.Compression = f.format, name, f.compression
				back.Source.Files.Format, back.Source.Files.FormatName, back.Source.Files.Compression = f.format, name, f.compression
				if _, err := Run(t.Context(), there, Options{Parallel: rapid.IntRange(1, 3).Draw(rt, "parallel")}); err != nil {
					rt.Fatalf("%v to files: %v", schema, err)
				}
				if _, err := Run(t.Context(), back, Options{}); err != nil {
					rt.Fatalf("%v from files: %v", schema, err)
				}
				_, got := s.Rows("dst")
				g, w := texts(got), texts(rows)
				if strings.Join(g, "\n") != strings.Join(w, "\n") {
					rt.Fatalf("schema %v\ngot\n%q\nwant\n%q", schema, g, w)
				}
			})
		})
	}
}
