package copy

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

// throughFiles copies src to files of a format and back to dst.
func throughFiles(t *testing.T, s *memory.Server, f format.Format, name string, o Options) {
	t.Helper()
	dir := t.TempDir()
	job := intoFiles(t, s, dir)
	job.Sink.Files.Format, job.Sink.Files.FormatName = f, name
	mustRun(t, job, o)
	job = fromFiles(t, s, dir)
	job.Source.Files.Format, job.Source.Files.FormatName = f, name
	mustRun(t, job, o)
	sameTables(t, s)
}

func bothFormats(t *testing.T, check func(t *testing.T, f format.Format, name string)) {
	t.Run("text", func(t *testing.T) { check(t, textFormat(t), "text") })
	t.Run("parquet", func(t *testing.T) {
		check(t, parquet.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), "parquet")
	})
}

func TestTenThousandColumns(t *testing.T) {
	bothFormats(t, func(t *testing.T, f format.Format, name string) {
		s := memory.New()
		var schema batch.Schema
		for i := range 10_000 {
			schema = append(schema, batch.Field{Name: fmt.Sprintf("c%d", i), Type: batch.Type{Kind: batch.Int64}, Nullable: true})
		}
		s.Create("src", schema)
		s.Create("dst", schema)
		b := batch.New(schema, 40)
		for row := range 40 {
			for i := range b.Cols {
				if (row+i)%7 == 0 {
					b.Cols[i].AppendNull()
				} else {
					b.Cols[i].AppendInt(int64(row*i) - 1<<40)
				}
			}
		}
		if err := s.Add("src", b); err != nil {
			t.Fatal(err)
		}
		throughFiles(t, s, f, name, Options{})
	})
}

func TestWideBatchesHaveFewRows(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]int{1: 4096, 256: 4096, 1000: 1048, 10_000: 104, 1_000_000: minRows} {
		if b := <-newRing(make(batch.Schema, columns), batch.Rows, ring); b.Limit() != want {
			t.Errorf("%d columns: %d rows, want %d", columns, b.Limit(), want)
		}
	}
}

func TestThirtyEightDigitsAndAllYears(t *testing.T) {
	bothFormats(t, func(t *testing.T, f format.Format, name string) {
		s := memory.New()
		schema := batch.Schema{
			{Name: "n", Type: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 19}, Nullable: true},
			{Name: "d", Type: batch.Type{Kind: batch.Date}, Nullable: true},
			{Name: "t", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, Nullable: true},
		}
		s.Create("src", schema)
		s.Create("dst", schema)
		b := batch.New(schema, 10_000)
		for year := 1; year <= 9999; year++ {
			number := strings.Repeat(fmt.Sprint(year%9+1), 19) + "." + strings.Repeat(fmt.Sprint(year%10), 19)
			if year%2 == 0 {
				number = "-" + number
			}
			for i, text := range []string{number, fmt.Sprintf("%04d-%02d-28", year, year%12+1), fmt.Sprintf("%04d-12-31 23:59:59.999999", year)} {
				if err := batch.ParseText(&b.Cols[i], []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Add("src", b); err != nil {
			t.Fatal(err)
		}
		throughFiles(t, s, f, name, Options{})
	})
}

func TestEveryPlaneOfUnicode(t *testing.T) {
	bothFormats(t, func(t *testing.T, f format.Format, name string) {
		s := memory.New()
		schema := batch.Schema{{Name: "spalte ä 列 🙂", Type: batch.Type{Kind: batch.String}, Nullable: true}}
		s.Create("src", schema)
		s.Create("dst", schema)
		b := batch.New(schema, 5000)
		var text strings.Builder
		for r := rune(0); r <= utf8.MaxRune; r++ {
			if utf8.ValidRune(r) {
				text.WriteRune(r)
			}
			if r%0x100 == 0xff {
				b.Cols[0].AppendString(text.String())
				text.Reset()
			}
		}
		if err := s.Add("src", b); err != nil {
			t.Fatal(err)
		}
		throughFiles(t, s, f, name, Options{})
	})
}

// huge is a source of rows with one very long text each, made as they are read.
type huge struct {
	rows, length int
}

func (h huge) Schema(context.Context) (batch.Schema, error) {
	return batch.Schema{{Name: "id", Type: batch.Type{Kind: batch.Int64}}, {Name: "text", Type: batch.Type{Kind: batch.String}, Nullable: true}}, nil
}

func (h huge) Open(ctx context.Context, _ store.Partition, _ batch.Schema) (store.Reader, error) {
	s, err := h.Schema(ctx)
	return &hugeReader{huge: h, schema: s}, err
}

func (huge) Close() error { return nil }

type hugeReader struct {
	huge
	schema batch.Schema
	given  int
}

func (r *hugeReader) Schema() batch.Schema { return r.schema }
func (r *hugeReader) BytesRead() int64     { return 0 }

func (r *hugeReader) Next(_ context.Context, b *batch.Batch) error {
	for r.given < r.rows && !b.Full() {
		b.Cols[0].AppendInt(int64(r.given))
		c := &b.Cols[1]
		if cap(c.Data) == 0 {
			c.Data = make([]byte, 0, r.length)
		}
		for len(c.Data) < r.length {
			c.Data = append(c.Data, "0123456789abcdef"...)
		}
		c.EndBytes()
		r.given++
	}
	if b.Len() == 0 {
		return io.EOF
	}
	return nil
}

// TestRowsOfAHundredMegabytes writes them to text and reads them back, and looks at the memory that the runtime has.
func TestRowsOfAHundredMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("moves two gigabytes")
	}
	const rows, length = 6, 96 << 20
	dir := t.TempDir()
	job := intoFiles(t, memory.New(), dir)
	job.Source = activity.Source{Type: "HugeSource", Open: func(context.Context, store.Env) (store.Source, error) { return huge{rows, length}, nil }}
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.RowsCopied != rows {
		t.Fatalf("%v, %+v", err, res)
	}
	t.Logf("text written: %d MiB at most", res.PeakMemory>>20)
	back := fromFiles(t, memory.New(), dir)
	out := intoFiles(t, memory.New(), t.TempDir())
	back.Sink = out.Sink
	res, err = Run(t.Context(), back, Options{Parallel: 1})
	if err != nil || res.RowsCopied != rows || res.DataRead < rows*length {
		t.Fatalf("%v, %+v", err, res)
	}
	t.Logf("text read and written: %d MiB at most", res.PeakMemory>>20)
}
