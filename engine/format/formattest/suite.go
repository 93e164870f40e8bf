package formattest

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// Suite is what a format's test says about the format, so that one suite fits all.
type Suite struct {
	Format format.Format
	// Extra are types beside batchtest.AllTypes that the format should be tried with.
	Extra []batch.Type
	// Unnamed: files keep no column names; columns are known by their order.
	Unnamed bool
	// EmptyIsNull: an empty text comes back as NULL.
	EmptyIsNull bool
	// DropsZones: a TimestampTZ comes back as the same instant in UTC.
	DropsZones bool
	// NoSchema: a file without rows does not tell its columns.
	NoSchema bool
	// Without says which values the format refuses or reads back as NULL; the suite has NULL in their place.
	Without func(c *batch.Column, row int) bool
	// Cut cuts a file of many rows short in a way that the format must notice. Nil takes the first half.
	Cut func(file []byte) []byte
	// Large is how many rows make a file that Split divides; 0 where the format has no Splitter or cannot divide.
	Large int
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	t.Run("round trip of every type", s.roundTrip)
	t.Run("every type alone, many batches", s.alone)
	t.Run("no rows", s.empty)
	t.Run("projection and order", s.projection)
	t.Run("unknown column", s.unknown)
	t.Run("batches are reused", s.reuse)
	t.Run("cancel", s.cancel)
	t.Run("cut short", s.cutShort)
	t.Run("failing writer", s.failingWriter)
	t.Run("parts equal the whole", s.parts)
	t.Run("bodies behind one header", s.concatenation)
}

// schema is one column of every type that the format keeps.
func (s Suite) schema(t testing.TB) batch.Schema {
	t.Helper()
	kept, err := s.Format.Types(batchtest.Schema(append(batchtest.AllTypes(), s.Extra...)...))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// data is random rows as they should come back.
func (s Suite) data(schema batch.Schema, seed uint64, n, nulls int) *batch.Batch {
	b := batchtest.Random(schema, seed, n, nulls)
	for i := range b.Cols {
		c := &b.Cols[i]
		if s.DropsZones {
			c.Zones = c.Zones[:0]
		}
		if s.Without != nil {
			*c = s.without(c)
		}
		if s.EmptyIsNull && c.Type.Storage() == batch.InData {
			again := batch.Column{Type: c.Type}
			for row := range c.Len() {
				if c.IsNull(row) || len(c.Bytes(row)) == 0 && c.Type.Kind != batch.Binary {
					again.AppendNull()
				} else {
					again.AppendBytes(c.Bytes(row))
				}
			}
			*c = again
		}
	}
	return b
}

// without is c with NULL in place of what s.Without says.
func (s Suite) without(c *batch.Column) batch.Column {
	one, kept := batch.Batch{Cols: []batch.Column{*c}}, batch.Column{Type: c.Type}
	same, err := batch.NewConverter(c.Type, c.Type, batch.Options{})
	if err != nil {
		panic(err)
	}
	for row := range c.Len() {
		if c.IsNull(row) || s.Without(&one.Cols[0], row) {
			kept.AppendNull()
			continue
		}
		single := batch.Column{Type: c.Type}
		switch c.Type.Storage() {
		case batch.InFloats:
			single.AppendFloat(c.Floats[row])
		case batch.InWide:
			single.AppendWide(c.Wide[row])
		case batch.InData:
			single.AppendBytes(c.Bytes(row))
		default:
			if len(c.Zones) > row {
				single.AppendZoned(c.Ints[row], c.Zones[row])
			} else {
				single.AppendInt(c.Ints[row])
			}
		}
		if err := same.Convert(&kept, &single, nil); err != nil {
			panic(err)
		}
	}
	return kept
}

// ask names the columns as the file does.
func (s Suite) ask(t testing.TB, in format.Input, schema batch.Schema) batch.Schema {
	t.Helper()
	found, err := s.Format.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(schema) {
		t.Fatalf("Schema finds %d columns, not %d", len(found), len(schema))
	}
	want := slices.Clone(schema)
	for i := range want {
		if !s.Unnamed && found[i].Name != schema[i].Name {
			t.Errorf("column %d is called %q, not %q", i, found[i].Name, schema[i].Name)
		}
		want[i].Name = found[i].Name
	}
	return want
}

func (s Suite) check(t testing.TB, file []byte, schema batch.Schema, batches ...*batch.Batch) {
	t.Helper()
	in := Input("f", file)
	got := Read(t, s.Format, in, s.ask(t, in, schema))
	if err := batch.Equal(got, together(t, schema, batches...)); err != nil {
		t.Error(err)
	}
}

func together(t testing.TB, schema batch.Schema, batches ...*batch.Batch) *batch.Batch {
	t.Helper()
	all := batch.New(schema, 1<<30)
	for _, b := range batches {
		if err := Add(all, b); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (s Suite) roundTrip(t *testing.T) {
	schema := s.schema(t)
	for _, nulls := range []int{0, 1, 3} {
		a, b := s.data(schema, 1, 700, nulls), s.data(schema, 2, 1, nulls)
		s.check(t, Write(t, s.Format, schema, a, b), schema, a, b)
	}
}

func (s Suite) alone(t *testing.T) {
	for i, field := range s.schema(t) {
		one := batch.Schema{field}
		var batches []*batch.Batch
		for j := range 6 {
			nulls := 0 // some batches without NULLs, some with
			if j%2 == 1 {
				nulls = 4
			}
			batches = append(batches, s.data(one, uint64(100*i+j), 700, nulls))
		}
		s.check(t, Write(t, s.Format, one, batches...), one, batches...)
		if t.Failed() {
			t.Fatalf("type %s", field.Type)
		}
	}
}

func (s Suite) empty(t *testing.T) {
	schema := s.schema(t)
	file := Write(t, s.Format, schema)
	in := Input("f", file)
	found, err := s.Format.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Unnamed && !s.NoSchema && len(found) != len(schema) {
		t.Fatalf("Schema finds %d columns", len(found))
	}
	if got := Read(t, s.Format, in, found); got.Len() != 0 {
		t.Errorf("%d rows", got.Len())
	}
}

func (s Suite) projection(t *testing.T) {
	schema := s.schema(t)
	b := s.data(schema, 3, 500, 4)
	in := Input("f", Write(t, s.Format, schema, b))
	all := s.ask(t, in, schema)
	pick := []int{len(all) - 1, 3, 0, 13}
	var want batch.Schema
	for _, i := range pick {
		want = append(want, all[i])
	}
	got := Read(t, s.Format, in, want)
	for j, i := range pick {
		if err := batch.EqualColumns(&got.Cols[j], &b.Cols[i]); err != nil {
			t.Errorf("column %d: %v", i, err)
		}
	}
}

func (s Suite) unknown(t *testing.T) {
	schema := s.schema(t)
	in := Input("f", Write(t, s.Format, schema, s.data(schema, 4, 5, 0)))
	r, err := s.Format.Read(t.Context(), in, batch.Schema{{Name: "no such column", Type: schema[0].Type}})
	if err == nil {
		_, err = Drain(t.Context(), r)
	}
	if fault.Code(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

// reuse overwrites the batch after each Write, as the copy engine does: a writer that kept a buffer would show.
func (s Suite) reuse(t *testing.T) {
	schema := s.schema(t)
	var file bytesBuffer
	w, err := s.Format.Write(&file, schema)
	if err != nil {
		t.Fatal(err)
	}
	var want []*batch.Batch
	b := batch.New(schema, 0)
	for i := range 5 {
		data := s.data(schema, uint64(10+i), 300, 3)
		want = append(want, data)
		b.Reset()
		if err := Add(b, data); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.check(t, file.data, schema, want...)
}

func (s Suite) cancel(t *testing.T) {
	schema := s.schema(t)
	in := Input("f", Write(t, s.Format, schema, s.data(schema, 5, 3000, 5)))
	ctx, stop := context.WithCancel(t.Context())
	r, err := s.Format.Read(ctx, in, s.ask(t, in, schema))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := batch.New(r.Schema(), 100)
	if err := r.Next(ctx, b); err != nil || b.Len() == 0 {
		t.Fatalf("%d rows, %v", b.Len(), err)
	}
	stop()
	b.Reset()
	if err := r.Next(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

func (s Suite) cutShort(t *testing.T) {
	schema := s.schema(t)
	file := Write(t, s.Format, schema, s.data(schema, 6, 2000, 5))
	in := Input("f", file)
	want := s.ask(t, in, schema)
	cut := file[:len(file)/2]
	if s.Cut != nil {
		cut = s.Cut(file)
	}
	r, err := s.Format.Read(t.Context(), Input("f", cut), want)
	if err == nil {
		_, err = Drain(t.Context(), r)
	}
	if fault.Code(err) != fault.BadData {
		t.Errorf("%v", err)
	}
}

var errFull = errors.New("no space left")

type fullWriter struct{ left int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func (s Suite) failingWriter(t *testing.T) {
	schema := s.schema(t)
	b := s.data(schema, 7, 1000, 5)
	w, err := s.Format.Write(&fullWriter{left: 5000}, schema)
	for range 30 {
		if err == nil {
			err = w.Write(b)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

func (s Suite) parts(t *testing.T) {
	sp, ok := s.Format.(format.Splitter)
	if !ok {
		t.Skip("the format is not a Splitter")
	}
	schema := s.schema(t)[:12]
	rows := max(s.Large, 2000)
	var batches []*batch.Batch
	for i := 0; i < rows; i += 10_000 {
		batches = append(batches, s.data(schema, uint64(20+i), min(10_000, rows-i), 5))
	}
	in := Input("f", Write(t, s.Format, schema, batches...))
	want := s.ask(t, in, schema)
	parts, err := sp.Split(t.Context(), in, 4)
	if err != nil || len(parts) == 0 {
		t.Fatalf("%q, %v", parts, err)
	}
	if s.Large > 0 && len(parts) < 2 {
		t.Errorf("%d bytes make %d part", in.Size, len(parts))
	}
	got := batch.New(schema, 1<<30)
	for _, p := range parts {
		r, err := sp.ReadPart(t.Context(), in, p, want)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Drain(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := Add(got, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Equal(got, together(t, schema, batches...)); err != nil {
		t.Error(err)
	}
	if one, err := sp.Split(t.Context(), in, 1); err != nil || len(one) != 1 {
		t.Errorf("for one part: %q, %v", one, err)
	}
}

func (s Suite) concatenation(t *testing.T) {
	c, ok := s.Format.(format.Concatenator)
	if !ok {
		t.Skip("the format is not a Concatenator")
	}
	schema := s.schema(t)
	a, b := s.data(schema, 8, 300, 5), s.data(schema, 9, 200, 5)
	head, err := c.Header(schema)
	if err != nil {
		t.Fatal(err)
	}
	file := bytesBuffer{head}
	for _, rows := range []*batch.Batch{a, b} {
		w, err := c.WriteBody(&file, schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(rows), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	s.check(t, file.data, schema, a, b)
}

type bytesBuffer struct{ data []byte }

func (b *bytesBuffer) Write(p []byte) (int, error) {
	b.data = append(b.data, p...)
	return len(p), nil
}

var _ io.Writer = (*bytesBuffer)(nil)
