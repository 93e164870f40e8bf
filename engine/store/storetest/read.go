package storetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func testTypes(t *testing.T, s Store) {
	for i, sample := range samples() {
		t.Run(sample.Type.String(), func(t *testing.T) {
			table := "types_" + strconv.Itoa(i)
			want := batch.Schema{
				{Name: "id", Type: batch.Type{Kind: batch.Int32}, Nullable: true},
				{Name: "v", Type: sample.Type, Nullable: true},
			}
			var rows [][]string
			for _, v := range sample.Values {
				if s.Lacks == nil || !s.Lacks(sample.Type, v) {
					rows = append(rows, []string{strconv.Itoa(len(rows)), v})
				}
			}
			if len(rows) == 0 {
				t.Skip("the store keeps none of the values")
			}
			rows = append(rows, []string{strconv.Itoa(len(rows)), Null})
			s.load(t, table, want, rows)
			_, got := s.read(t, table)
			compare(t, want, got, rows)
		})
	}
}

// compare sorts rows by their first column, a number, and compares them as values of the types.
func compare(t *testing.T, types batch.Schema, got, want [][]string) {
	t.Helper()
	slices.SortFunc(got, func(a, b []string) int {
		x, _ := strconv.Atoi(a[0])
		y, _ := strconv.Atoi(b[0])
		return x - y
	})
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i, row := range want {
		for k, v := range row {
			if !same(types[k].Type, got[i][k], v) {
				t.Errorf("row %d, column %s: %.100q, want %.100q", i, types[k].Name, got[i][k], v)
			}
		}
	}
}

func testNulls(t *testing.T, s Store) {
	var want batch.Schema
	for i, sample := range samples() {
		want = append(want, batch.Field{Name: "c" + strconv.Itoa(i), Type: sample.Type, Nullable: true})
	}
	rows := make([][]string, 40)
	for i := range rows {
		rows[i] = make([]string, len(want))
		for k, sample := range samples() {
			rows[i][k] = Null
			if v := sample.Values[0]; (i+k)%3 == 0 && (s.Lacks == nil || !s.Lacks(sample.Type, v)) {
				rows[i][k] = v
			}
		}
	}
	want = append(batch.Schema{{Name: "id", Type: batch.Type{Kind: batch.Int32}, Nullable: true}}, want...)
	for i := range rows {
		rows[i] = append([]string{strconv.Itoa(i)}, rows[i]...)
	}
	s.load(t, "nulls", want, rows)
	_, got := s.read(t, "nulls")
	compare(t, want, got, rows)
}

func testEmpty(t *testing.T, s Store) {
	k, _ := s.prepared(t, "empty", "run-empty", numbered, false)
	commit(t, open(t, k, "all"), 0)
	schema, rows := s.read(t, "empty")
	if len(rows) != 0 || len(schema) != len(numbered) {
		t.Fatalf("an empty table gives %d rows and %d columns", len(rows), len(schema))
	}
	src := s.source(t, "empty")
	if p, ok := src.(store.Partitioner); ok {
		parts, err := p.Partitions(t.Context(), 4)
		if err != nil || len(parts) == 0 {
			t.Fatalf("an empty table has the partitions %v, error %v; want at least one", parts, err)
		}
		for _, part := range parts {
			if rows := readPart(t, src, part, schema); len(rows) != 0 {
				t.Errorf("partition %s of an empty table has %d rows", part.ID, len(rows))
			}
		}
	}
}

func testMissing(t *testing.T, s Store) {
	spec := s.spec(t, "no_such_table", "")
	src, err := s.Definition.Source(spec)(t.Context(), env(t, "run"))
	if err == nil {
		_, err = src.Schema(t.Context())
		_ = src.Close()
	}
	refused(t, "read a missing table", err, fault.NotFound)

	spec = s.spec(t, "no_such_table", "{}")
	k, err := s.Definition.Sink(spec)(t.Context(), env(t, "run"))
	if err == nil {
		_, err = k.Prepare(t.Context(), numbered, false)
		_ = k.Close()
	}
	refused(t, "write into a missing table", err, fault.NotFound)
}

// refused fails the test unless err is for people and has the code.
func refused(t testing.TB, what string, err error, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s is no error", what)
	}
	if e := fault.As(err); e.Code != code || e.Hint == "" {
		t.Fatalf("%s: code %s, hint %q, error %v; want code %s and a hint", what, e.Code, e.Hint, err, code)
	}
}

func testPartitions(t *testing.T, s Store) {
	const n = 1000
	s.load(t, "parts", numbered, numbers(0, n))
	src := s.source(t, "parts")
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, ok := src.(store.Partitioner)
	if !ok {
		if !s.Whole {
			t.Fatal("the source is no Partitioner")
		}
		return
	}
	for _, want := range []int{1, 2, 7} {
		parts, err := p.Partitions(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Whole && want > 1 && len(parts) < 2 {
			t.Errorf("%d partitions were asked for, the table is one", want)
		}
		ids := map[string]bool{}
		var rows [][]string
		again := s.source(t, "parts") // as after a restart
		for _, part := range parts {
			if ids[part.ID] || !validID(part.ID) {
				t.Errorf("the partition id %q is there twice or not valid", part.ID)
			}
			ids[part.ID] = true
			rows = append(rows, readPart(t, again, part, schema)...)
		}
		exactly(t, rows, n)
	}
}

func validID(id string) bool {
	for _, c := range id {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return id != "" && len(id) <= 32
}

func testCancel(t *testing.T, s Store) {
	const n = 20_000
	s.load(t, "cancelled", numbered, numbers(0, n))
	src := s.source(t, "cancelled")
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := src.Open(ctx, store.Partition{ID: "all"}, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := batch.New(r.Schema(), 100)
	if err := r.Next(ctx, b); err != nil || b.Len() != 100 {
		t.Fatalf("the first batch has %d rows, error %v", b.Len(), err)
	}
	cancel()
	ended := make(chan error, 1)
	go func() {
		for {
			b.Reset()
			if err := r.Next(ctx, b); err != nil {
				ended <- err
				return
			}
		}
	}()
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) || !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled reader ends with %v, want context.Canceled", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a cancelled reader goes on for 10 seconds")
	}
	if _, rows := s.read(t, "cancelled"); len(rows) != n {
		t.Fatalf("after a cancelled read the table gives %d rows, want %d", len(rows), n)
	}
}
