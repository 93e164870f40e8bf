package copy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

// quick retries at once, so that tests of retrying take no time.
var quick = retryPolicy{tries: 4, first: time.Millisecond, longest: 2 * time.Millisecond, total: time.Minute}

func object(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return o
}

// spec is what a table store decodes.
func spec(t testing.TB, linked, dataset, act string) store.Spec {
	t.Helper()
	return store.Spec{LinkedService: object(t, linked), Dataset: object(t, dataset), Activity: object(t, act)}
}

// memoryJob copies the table src of a memory server to dst, which is created.
func memoryJob(t testing.TB, s *memory.Server) *activity.Job {
	d := s.Definition()
	return &activity.Job{
		Name:   "Copy rows",
		Source: activity.Source{Type: "MemorySource", Store: "memory", Open: d.Source(spec(t, `{}`, `{"tableName":"src"}`, `{}`))},
		Sink:   activity.Sink{Type: "MemorySink", Store: "memory", Open: d.Sink(spec(t, `{}`, `{"tableName":"dst"}`, `{"tableOption":"autoCreate"}`))},
	}
}

// people is a schema with a few kinds.
var people = batch.Schema{
	{Name: "id", Type: batch.Type{Kind: batch.Int64}, Nullable: false},
	{Name: "name", Type: batch.Type{Kind: batch.String, Length: 40}, Nullable: true},
	{Name: "salary", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}, Nullable: true},
	{Name: "born", Type: batch.Type{Kind: batch.Date}, Nullable: true},
	{Name: "active", Type: batch.Type{Kind: batch.Boolean}, Nullable: true},
}

// peopleRows makes n rows of people.
func peopleRows(n int) *batch.Batch {
	b := batch.New(people, n)
	for i := range n {
		b.Cols[0].AppendInt(int64(i + 1))
		if i%7 == 3 {
			b.Cols[1].AppendNull()
		} else {
			b.Cols[1].AppendString(fmt.Sprintf("person %d, \"the %dth\"", i, i%10))
		}
		b.Cols[2].AppendInt(int64(i)*101 - 5000)
		b.Cols[3].AppendInt(int64(i % 20000))
		b.Cols[4].AppendInt(int64(i & 1))
	}
	return b
}

// filled is a memory server whose table src has n people.
func filled(t testing.TB, n int) *memory.Server {
	t.Helper()
	s := memory.New()
	s.Create("src", people)
	if err := s.Add("src", peopleRows(n)); err != nil {
		t.Fatal(err)
	}
	return s
}

// texts are the rows of a batch as sorted lines: equal for two tables with the same rows in any order.
func texts(b *batch.Batch) []string {
	lines := make([]string, b.Len())
	for i := range lines {
		var line strings.Builder
		for j := range b.Cols {
			c := &b.Cols[j]
			if c.IsNull(i) {
				line.WriteString("NULL|")
				continue
			}
			line.Write(batch.AppendText(nil, c, i))
			line.WriteByte('|')
		}
		lines[i] = line.String()
	}
	slices.Sort(lines)
	return lines
}

// sameRows fails the test when two tables do not have the same rows.
func sameRows(t testing.TB, got, want *batch.Batch) {
	t.Helper()
	if got == nil || want == nil {
		t.Fatalf("a table is missing: got %v, want %v", got != nil, want != nil)
	}
	g, w := texts(got), texts(want)
	if len(g) != len(w) {
		t.Fatalf("%d rows, want %d", len(g), len(w))
	}
	for i := range g {
		if g[i] != w[i] {
			t.Fatalf("row %d is %s, want %s", i, g[i], w[i])
		}
	}
}

func sameTables(t testing.TB, s *memory.Server) {
	t.Helper()
	_, got := s.Rows("dst")
	_, want := s.Rows("src")
	sameRows(t, got, want)
}

// noLeaks fails the test when it leaves goroutines.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// keeper is Checkpoints that record their calls, and can fail.
type keeper struct {
	memoryCheckpoints
	fail func(what string) error
}

func (k *keeper) check(what string) error {
	if k.fail == nil {
		return nil
	}
	return k.fail(what)
}

func (k *keeper) Planned(ctx context.Context, p Plan) error {
	if err := k.check("planned"); err != nil {
		return err
	}
	return k.memoryCheckpoints.Planned(ctx, p)
}

func (k *keeper) Prepared(ctx context.Context) error {
	if err := k.check("prepared"); err != nil {
		return err
	}
	return k.memoryCheckpoints.Prepared(ctx)
}

func (k *keeper) Committed(ctx context.Context, p string, c PartitionCounts) error {
	if err := k.check("committed " + p); err != nil {
		return err
	}
	return k.memoryCheckpoints.Committed(ctx, p, c)
}
