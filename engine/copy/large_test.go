package copy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

// largeVariable asks for the measurements of large copies: the number of rows.
const largeVariable = "DMGATEWAY_TEST_LARGE"

// made is a source of rows that are made as they are asked for.
type made struct{ rows int64 }

var madeSchema = batch.Schema{
	{Name: "id", Type: batch.Type{Kind: batch.Int64}},
	{Name: "group", Type: batch.Type{Kind: batch.Int32}},
	{Name: "price", Type: batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}},
	{Name: "ratio", Type: batch.Type{Kind: batch.Double}, Nullable: true},
	{Name: "at", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}},
	{Name: "text", Type: batch.Type{Kind: batch.String, Length: 100}, Nullable: true},
}

func (m made) Schema(context.Context) (batch.Schema, error) { return madeSchema, nil }
func (m made) Close() error                                 { return nil }

func (m made) Open(_ context.Context, p store.Partition, _ batch.Schema) (store.Reader, error) {
	r := &madeReader{to: m.rows}
	if p.Spec != "" {
		if _, err := fmt.Sscanf(p.Spec, "%d-%d", &r.next, &r.to); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (m made) Partitions(_ context.Context, n int) ([]store.Partition, error) {
	parts := make([]store.Partition, n)
	for i := range parts {
		from, to := m.rows*int64(i)/int64(n), m.rows*int64(i+1)/int64(n)
		parts[i] = store.Partition{ID: fmt.Sprint("p", i), Spec: fmt.Sprintf("%d-%d", from, to), Rows: to - from}
	}
	return parts, nil
}

type madeReader struct{ next, to int64 }

func (r *madeReader) Schema() batch.Schema { return madeSchema }
func (r *madeReader) BytesRead() int64     { return 0 }
func (r *madeReader) Close() error         { return nil }

const madeText = "some text that is different in its length and beginning, as names, streets and remarks are, but not more"

func (r *madeReader) Next(ctx context.Context, b *batch.Batch) error {
	for r.next < r.to && !b.Full() {
		i := r.next
		b.Cols[0].AppendInt(i)
		b.Cols[1].AppendInt(i % 1000)
		b.Cols[2].AppendInt(i * 12345 % 1_000_000_000_000)
		if i%10 == 0 {
			b.Cols[3].AppendNull()
		} else {
			b.Cols[3].AppendFloat(float64(i) / 7)
		}
		b.Cols[4].AppendInt(1_700_000_000_000_000 + i*1_234_567)
		b.Cols[5].AppendString(madeText[i%20 : 20+i*7919%int64(len(madeText)-20)])
		r.next++
	}
	if b.Len() == 0 {
		return io.EOF
	}
	return ctx.Err()
}

// TestMemoryStaysBounded copies a number of rows in processes of their own and looks at their largest size.
func TestMemoryStaysBounded(t *testing.T) {
	rows := os.Getenv(largeVariable)
	if rows == "" {
		t.Skipf("set %s to a number of rows", largeVariable)
	}
	for _, kind := range []string{"text", "text gzip", "parquet", "text 4", "parquet 4"} {
		t.Run(kind, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLargeCopy$", "-test.v")
			cmd.Env = append(os.Environ(), "DMGATEWAY_TEST_LARGE_KIND="+kind)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, text, _ := strings.Cut(string(out), "RESULT ")
			text, _, _ = strings.Cut(text, "\n")
			var res report.Result
			if err := json.Unmarshal([]byte(text), &res); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%d rows in %.1f s, %.0f rows/s, %d MB written, %d MiB memory", res.RowsCopied, res.CopyDuration,
				float64(res.RowsCopied)/res.CopyDuration, res.DataWritten>>20, res.PeakMemory>>20)
			if res.PeakMemory > 300<<20 {
				t.Errorf("the process took %d MiB", res.PeakMemory>>20)
			}
		})
	}
}

// TestLargeCopy is the process that TestMemoryStaysBounded starts.
func TestLargeCopy(t *testing.T) {
	kind := os.Getenv("DMGATEWAY_TEST_LARGE_KIND")
	if kind == "" {
		t.Skip("started by another test only")
	}
	var rows int64
	if _, err := fmt.Sscan(os.Getenv(largeVariable), &rows); err != nil {
		t.Fatal(err)
	}
	job := &activity.Job{Name: "Large"}
	job.Source = activity.Source{Type: "Made", Open: func(context.Context, store.Env) (store.Source, error) { return made{rows}, nil }}
	sink := &activity.FileSink{Open: folder(t, t.TempDir()), Format: textFormat(t), FormatName: "text", Extension: ".csv", Behavior: activity.PreserveHierarchy}
	if strings.HasPrefix(kind, "parquet") {
		sink.Format, sink.FormatName, sink.Extension = parquet.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), "parquet", ".parquet"
	}
	if strings.Contains(kind, "gzip") {
		sink.Compression = "gzip"
	}
	job.Sink = activity.Sink{Type: "Files", Files: sink}
	o := Options{}
	if strings.HasSuffix(kind, "4") {
		o.Parallel = 4
	}
	res, err := Run(t.Context(), job, o)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(res)
	fmt.Println("RESULT", string(text))
}
