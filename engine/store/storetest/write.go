package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func testColumns(t *testing.T, s Store) {
	s.load(t, "columns", append(numbered[:2:2], batch.Field{Name: "rest", Type: batch.Type{Kind: batch.Int32}, Nullable: true}),
		[][]string{{"0", "row 0", "7"}})
	// Another order, another case, one column left out.
	other := batch.Schema{numbered[1], numbered[0]}
	other[0].Name = "LABEL"
	k, types := s.prepared(t, "columns", "run-columns", other, false)
	w := open(t, k, "all")
	write(t, w, Fill(t, types, [][]string{{"row 1", "1"}}))
	commit(t, w, 1)
	schema, rows := s.read(t, "columns")
	compare(t, schema, rows, [][]string{{"0", "row 0", "7"}, {"1", "row 1", Null}})

	// A subset in another order is read as asked.
	src := s.source(t, "columns")
	got := readPart(t, src, store.Partition{ID: "all"}, batch.Schema{schema[2], schema[0]})
	if len(got) != 2 || len(got[0]) != 2 || (got[0][1] != "0" && got[1][1] != "0") {
		t.Errorf("the columns rest and id are %q", got)
	}

	for name, want := range map[string]batch.Schema{
		"a column that is not there": {numbered[0], {Name: "nowhere", Type: numbered[1].Type}},
		"a column twice":             {numbered[0], {Name: "ID", Type: numbered[0].Type}},
	} {
		_, err := s.sink(t, "columns", "run-columns").Prepare(t.Context(), want, false)
		if err == nil || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v, want one with a hint", name, err)
		}
	}
}

// testInspect compares what a sink says before it touches anything with what it does then.
func testInspect(t *testing.T, s Store) {
	var want batch.Schema
	for i, sample := range samples() {
		want = append(want, batch.Field{Name: fmt.Sprintf("c%d", i), Type: sample.Type, Nullable: true})
	}
	if strings.Contains(s.sinkJSON(), `"id"`) { // the key of an upsert
		want[3].Name = "id"
	}
	for _, state := range []string{"before the table is there", "for a table that is there"} {
		k := s.sink(t, "inspected", "run-inspected")
		x, ok := k.(store.Inspector)
		if !ok {
			t.Skip("the sink is no Inspector")
		}
		if r, ok := k.(store.Resumer); ok {
			if done, err := r.Committed(t.Context()); err != nil || len(done) != 0 {
				t.Fatalf("%s: Committed gives %v, error %v", state, done, err)
			}
		}
		looked, err := x.Inspect(t.Context(), want)
		if err != nil {
			t.Fatalf("%s: Inspect: %v", state, err)
		}
		if state == "before the table is there" {
			_, err := s.sink(t, "inspected", "run-inspected").Prepare(t.Context(), want, true)
			refused(t, "the table after Inspect", err, fault.NotFound)
		}
		_, prepared := s.prepared(t, "inspected", "run-inspected", want, false)
		for i := range want {
			if looked[i] != prepared[i] {
				t.Errorf("%s: Inspect says %+v, Prepare %+v", state, looked[i], prepared[i])
			}
		}
		if _, err := x.Inspect(t.Context(), batch.Schema{want[3], {Name: "nowhere", Type: want[0].Type}}); state != "before the table is there" && err == nil {
			t.Error("Inspect does not refuse a column that is not there")
		}
	}
}

func testRetry(t *testing.T, s Store) {
	k, types := s.prepared(t, "retried", "run-retried", numbered, false)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := k.Open(ctx, store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ctx, Fill(t, types, numbers(0, 300))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after the context was cancelled: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort again: %v", err)
	}
	if _, rows := s.read(t, "retried"); len(rows) != 0 {
		t.Fatalf("an aborted partition left %d rows", len(rows))
	}
	w = open(t, k, "all")
	write(t, w, Fill(t, types, numbers(0, 200)))
	write(t, w, Fill(t, types, numbers(200, 500)))
	commit(t, w, 500)
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	_, rows := s.read(t, "retried")
	exactly(t, rows, 500)
}

// resumer gives the committed partitions, where the store keeps them.
func resumer(t *testing.T, k store.Sink) map[string]store.Counts {
	t.Helper()
	r, ok := k.(store.Resumer)
	if !ok {
		t.Skip("the sink is no Resumer")
	}
	done, err := r.Committed(t.Context())
	if err != nil {
		t.Fatalf("Committed: %v", err)
	}
	return done
}

func testResume(t *testing.T, s Store) {
	k, types := s.prepared(t, "resumed", "run-resumed", numbered, false)
	if done := resumer(t, k); len(done) != 0 {
		t.Fatalf("a new run has the committed partitions %v", done)
	}
	w := open(t, k, "first")
	write(t, w, Fill(t, types, numbers(0, 100)))
	commit(t, w, 100)
	lost := open(t, k, "second")
	write(t, lost, Fill(t, types, numbers(100, 200)))
	_ = lost.Abort() // the first attempt ends here

	k, types = s.prepared(t, "resumed", "run-resumed", numbered, true)
	done := resumer(t, k)
	if len(done) != 1 || done["first"].Rows != 100 {
		t.Fatalf("after a restart the committed partitions are %v, want first with 100 rows", done)
	}
	other, _ := s.prepared(t, "resumed", "another-run", numbered, true)
	if done := resumer(t, other); len(done) != 0 {
		t.Fatalf("another run sees the committed partitions %v", done)
	}
	w = open(t, k, "second")
	write(t, w, Fill(t, types, numbers(100, 200)))
	commit(t, w, 100)
	for range 2 { // as after a crash
		if err := k.Finish(t.Context()); err != nil {
			t.Fatalf("finish: %v", err)
		}
	}
	if done := resumer(t, k); len(done) != 0 {
		t.Errorf("a finished run has the committed partitions %v", done)
	}
	_, rows := s.read(t, "resumed")
	exactly(t, rows, 200)
}

func testTwice(t *testing.T, s Store) {
	k, types := s.prepared(t, "twice", "run-twice", numbered, false)
	resumer(t, k)
	zombie, _ := s.prepared(t, "twice", "run-twice", numbered, true)
	late := open(t, zombie, "all")
	write(t, late, Fill(t, types, numbers(0, 50)))
	w := open(t, k, "all")
	write(t, w, Fill(t, types, numbers(0, 50)))
	commit(t, w, 50)
	write(t, late, Fill(t, types, numbers(50, 60)))
	if _, err := late.Commit(t.Context()); !errors.Is(err, store.ErrAlreadyCommitted) {
		t.Fatalf("the second commit of a partition gives %v, want ErrAlreadyCommitted", err)
	}
	if err := late.Abort(); err != nil {
		t.Errorf("Abort after ErrAlreadyCommitted: %v", err)
	}
	_, rows := s.read(t, "twice")
	exactly(t, rows, 50)
}

func testLate(t *testing.T, s Store) {
	k, types := s.prepared(t, "late", "run-late", numbered, false)
	resumer(t, k)
	zombie, _ := s.prepared(t, "late", "run-late", numbered, true)
	late := open(t, zombie, "all")
	write(t, late, Fill(t, types, numbers(0, 50)))
	w := open(t, k, "all")
	write(t, w, Fill(t, types, numbers(0, 50)))
	commit(t, w, 50)
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Commit(t.Context()); !errors.Is(err, store.ErrAlreadyCommitted) {
		t.Fatalf("a commit after Finish gives %v, want ErrAlreadyCommitted", err)
	}
	_, rows := s.read(t, "late")
	exactly(t, rows, 50)
}

func testParallel(t *testing.T, s Store) {
	const parts, each = 4, 500
	k, types := s.prepared(t, "parallel", "run-parallel", numbered, false)
	errs := make([]error, parts)
	batches := make([]*batch.Batch, parts)
	for i := range parts {
		batches[i] = Fill(t, types, numbers(i*each, (i+1)*each))
	}
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { errs[i] = writePart(t.Context(), k, fmt.Sprintf("part-%d", i), batches[i]) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	_, rows := s.read(t, "parallel")
	exactly(t, rows, parts*each)
}

// testParallelValues writes kinds that take working space to encode, from several writers at once: what a sink keeps
// between values must belong to one writer alone.
func testParallelValues(t *testing.T, s Store) {
	const parts, each = 4, 4000
	want := batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int64}, Nullable: true},
		{Name: "narrow", Type: batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}, Nullable: true},
		{Name: "wide", Type: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 10}, Nullable: true},
		{Name: "any", Type: batch.Type{Kind: batch.Decimal}, Nullable: true},
		{Name: "ratio", Type: batch.Type{Kind: batch.Double}, Nullable: true},
		{Name: "at", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, Nullable: true},
		{Name: "zoned", Type: batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}, Nullable: true},
		{Name: "name", Type: batch.Type{Kind: batch.String}, Nullable: true},
	}
	all := func(id int) []string {
		return []string{
			fmt.Sprint(id), fmt.Sprintf("%d.%04d", id*7, id%10000), fmt.Sprintf("%d%015d.%010d", 1+id%9000, id*104729, id*31),
			fmt.Sprintf("-%d%030d.%05d", 1+id, id, id%100000), fmt.Sprintf("%d.5", id), fmt.Sprintf("20%02d-01-31 06:%02d:%02d.%06d", id%90+10, id%60, id%59, id),
			fmt.Sprintf("20%02d-01-31 06:%02d:%02d.%06d+00", id%90+10, id%60, id%59, id), fmt.Sprintf("name of %d, %x", id, id*99991),
		}
	}
	value := func(id int) []string {
		texts := all(id)
		for i, f := range want {
			if s.Lacks != nil && s.Lacks(f.Type, texts[i]) {
				texts[i] = Null
			}
		}
		return texts
	}
	k, types := s.prepared(t, "parallelvalues", "run-parallelvalues", want, false)
	batches := make([]*batch.Batch, parts)
	for i := range parts {
		texts := make([][]string, each)
		for j := range texts {
			texts[j] = value(i*each + j)
		}
		batches[i] = Fill(t, types, texts)
	}
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { errs[i] = writePart(t.Context(), k, fmt.Sprintf("part-%d", i), batches[i]) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	found, rows := s.read(t, "parallelvalues")
	if len(rows) != parts*each {
		t.Fatalf("%d rows came back, %d were written", len(rows), parts*each)
	}
	for _, row := range rows {
		id, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range value(id) {
			if !same(types[i].Type, v, row[i]) {
				t.Fatalf("row %d: %s (%v, read as %v) is %q instead of %q", id, want[i].Name, types[i].Type, found[i].Type, row[i], v)
			}
		}
	}
}

func writePart(ctx context.Context, k store.Sink, id string, b *batch.Batch) error {
	w, err := k.Open(ctx, store.Partition{ID: id})
	if err != nil {
		return err
	}
	if err := w.Write(ctx, b); err != nil {
		return errors.Join(err, w.Abort())
	}
	_, err = w.Commit(ctx)
	return errors.Join(err, w.Abort())
}

func testProperties(t *testing.T, s Store) {
	for what, spec := range map[string]store.Spec{"dataset": s.spec(t, "any", ""), "activity": s.spec(t, "any", ""), "linked service": s.spec(t, "any", "")} {
		strange := s.object(t, `{"noSuchProperty": 1}`)
		switch what {
		case "dataset":
			spec.Dataset = strange
		case "activity":
			spec.Activity = strange
		default:
			spec.LinkedService = strange
		}
		s.Definition.Source(spec)
		if err := strange.Err(); err == nil || !strings.Contains(err.Error()+fmt.Sprint(errors.Unwrap(err)), "noSuchProperty") {
			t.Errorf("an unknown property of the %s gives %v", what, err)
		}
	}
}

// stages are the names of the stages of a connection test, in their order.
var stages = []string{"name", "tcp", "tls", "sign-in", "database"}

func testConnection(t *testing.T, s Store) {
	run := func(linkedService string) (seen []store.Stage, err error) {
		o := s.object(t, linkedService)
		test := s.Definition.Test(o)
		if err := o.Err(); err != nil {
			t.Fatal(err)
		}
		err = test(t.Context(), env(t, "test"), func(st store.Stage) { seen = append(seen, st) })
		return seen, err
	}
	seen, err := run(s.LinkedService)
	if err != nil || len(seen) == 0 {
		t.Fatalf("the connection test gives %v after the stages %v", err, seen)
	}
	last := -1
	for _, st := range seen {
		at := -1
		for i, name := range stages {
			if name == st.Name {
				at = i
			}
		}
		if at <= last || st.Err != nil {
			t.Errorf("the stage %q is out of order or failed: %v", st.Name, st.Err)
		}
		last = at
	}
	if s.BadSignIn == "" {
		return
	}
	seen, err = run(s.BadSignIn)
	refused(t, "a connection test with a wrong password", err, fault.SignInFailed)
	if n := len(seen); n == 0 || seen[n-1].Name != "sign-in" || !errors.Is(err, seen[n-1].Err) {
		t.Errorf("the last stage is not a failed sign-in: %v", seen)
	}
	bad := s
	bad.LinkedService = s.BadSignIn
	src, err := s.Definition.Source(bad.spec(t, "any", ""))(t.Context(), env(t, "run"))
	if err == nil {
		_, err = src.Schema(t.Context())
		_ = src.Close()
	}
	refused(t, "a source with a wrong password", err, fault.SignInFailed)
}
