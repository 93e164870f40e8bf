package copy

import (
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

func kind(k batch.Kind) batch.Type { return batch.Type{Kind: k} }

var source3 = batch.Schema{
	{Name: "Id", Type: kind(batch.Int64), Native: "bigint"},
	{Name: "name", Type: kind(batch.String), Nullable: true},
	{Name: "when", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, Nullable: true},
}

func TestCompileMapping(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		job  activity.Job
		want string // source columns > sink columns with types
	}{
		{"all by name", activity.Job{}, "Id,name,when > Id Int64,name String,when Timestamp(us)"},
		{"a few, renamed, in another order", activity.Job{Mapping: []activity.Mapping{{Source: "when", Sink: "t"}, {Source: "id", Sink: "key"}}}, "when,Id > t Timestamp(us),key Int64"},
		{"by ordinals", activity.Job{Mapping: []activity.Mapping{{SourceOrdinal: 2, Sink: "b"}, {SourceOrdinal: 1, Sink: "a"}}}, "name,Id > b String,a Int64"},
		{"in the order of the sink's ordinals", activity.Job{
			Mapping: []activity.Mapping{{Source: "name", SinkOrdinal: 2}, {Source: "Id", SinkOrdinal: 1}},
			Sink:    activity.Sink{Files: &activity.FileSink{}},
		}, "Id,name > Id Int64,name String"},
		{"one column twice", activity.Job{Mapping: []activity.Mapping{{Source: "Id", Sink: "a"}, {Source: "Id", Sink: "b"}}}, "Id > a Int64,b Int64"},
		{"with types", activity.Job{Mapping: []activity.Mapping{{Source: "Id", Sink: "a", SinkType: kind(batch.String)}, {Source: "when", Sink: "w", SinkType: batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}}}}, "Id,when > a String,w Timestamp(us)"},
		{"the sink's structure", activity.Job{Sink: activity.Sink{Structure: batch.Schema{{Name: "when"}, {Name: "ID"}, {Name: "name"}}}}, "when,Id,name > when Timestamp(us),ID Int64,name String"},
		{"the sink's structure by position", activity.Job{Sink: activity.Sink{Structure: batch.Schema{{Name: "a", Type: kind(batch.Decimal)}, {Name: "b", Type: kind(batch.String)}, {Name: "c", Type: kind(batch.String)}}}}, "Id,name,when > a Decimal,b String,c Timestamp(us)"},
		{"additional columns", activity.Job{Source: activity.Source{Additional: []activity.Additional{{Name: "c", Value: "xyz"}, {Name: "i", Copy: "Id"}}}}, "Id,name,when > Id Int64,name String,when Timestamp(us),c String(3),i Int64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := compileMapping(&test.job, source3)
			if err != nil {
				t.Fatal(err)
			}
			var from, to []string
			for _, f := range m.sources {
				from = append(from, f.Name)
			}
			for _, f := range m.wanted() {
				to = append(to, f.Name+" "+f.Type.String())
				if f.Native != "" {
					t.Errorf("the sink is told the source's type %s", f.Native)
				}
			}
			if got := strings.Join(from, ",") + " > " + strings.Join(to, ","); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestMappingsThatCannotBe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		job  activity.Job
		code string
		says string
	}{
		{"a source column is missing", activity.Job{Mapping: []activity.Mapping{{Source: "nme", Sink: "a"}}}, fault.NotFound, "nme"},
		{"an ordinal is too large", activity.Job{Mapping: []activity.Mapping{{SourceOrdinal: 4, Sink: "a"}}}, fault.NotFound, "column 4"},
		{"a sink column is written twice", activity.Job{Mapping: []activity.Mapping{{Source: "Id", Sink: "a"}, {Source: "name", Sink: "a"}}}, fault.BadInput, `"a"`},
		{"a table's column has no name", activity.Job{Mapping: []activity.Mapping{{Source: "Id", SinkOrdinal: 1}}}, fault.BadInput, "no name"},
		{"the counts differ", activity.Job{Sink: activity.Sink{Structure: batch.Schema{{Name: "Id"}, {Name: "name"}}}}, fault.BadInput, "3 columns"},
		{"a column of the structure is missing", activity.Job{Sink: activity.Sink{Structure: batch.Schema{{Name: "Id"}, {Name: "name"}, {Name: "other"}}}}, fault.NotFound, "other"},
		{"an additional column copies nothing", activity.Job{Source: activity.Source{Additional: []activity.Additional{{Name: "c", Copy: "zz"}}}}, fault.NotFound, "zz"},
		{"an additional column wants a path of a table", activity.Job{Source: activity.Source{Additional: []activity.Additional{{Name: "c", FilePath: true}}}}, fault.BadInput, "no files"},
		{"an additional column has a name that is taken", activity.Job{Source: activity.Source{Additional: []activity.Additional{{Name: "Id", Value: "1"}}}}, fault.BadInput, `"Id"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := compileMapping(&test.job, source3)
			f := fault.As(err)
			if f == nil || f.Code != test.code || !strings.Contains(f.Message, test.says) || f.Hint == "" {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestPushDown(t *testing.T) {
	t.Parallel()
	job := activity.Job{Mapping: []activity.Mapping{
		{Source: "name", Sink: "n"},
		{Source: "when", Sink: "w", Format: "dd.MM.yyyy"},
		{Source: "Id", Sink: "a"},
		{Source: "Id", Sink: "b"},
	}}
	m, err := compileMapping(&job, source3)
	if err != nil {
		t.Fatal(err)
	}
	want := m.pushDown(batch.Schema{
		{Name: "n", Type: kind(batch.Int32)}, {Name: "w", Type: kind(batch.Date)}, {Name: "a", Type: kind(batch.Int32)}, {Name: "b", Type: kind(batch.String)},
	})
	if want[0].Type != kind(batch.Int32) {
		t.Errorf("text is asked for as %s", want[0].Type)
	}
	if want[1].Type != source3[2].Type {
		t.Errorf("a column with a date format is asked for as %s", want[1].Type)
	}
	if want[2].Type != kind(batch.Int64) {
		t.Errorf("a column that goes into two types is asked for as %s", want[2].Type)
	}
}

// five is what the goal for the mapping stage is about: five columns in another order, each converted.
func five() (*mapper, *batch.Batch) {
	from := batch.Schema{
		{Name: "i", Type: kind(batch.Int32)},
		{Name: "l", Type: kind(batch.Int64)},
		{Name: "d", Type: batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}},
		{Name: "b", Type: kind(batch.Boolean)},
		{Name: "t", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}},
	}
	job := activity.Job{}
	for _, name := range []string{"t", "b", "d", "l", "i"} {
		job.Mapping = append(job.Mapping, activity.Mapping{Source: name, Sink: name})
	}
	m, err := compileMapping(&job, from)
	if err != nil {
		panic(err)
	}
	x, err := m.mapper(m.sources, batch.Schema{
		{Name: "t", Type: kind(batch.String)},
		{Name: "b", Type: kind(batch.Int32)},
		{Name: "d", Type: kind(batch.Double)},
		{Name: "l", Type: kind(batch.Double)},
		{Name: "i", Type: kind(batch.Int64)},
	})
	if err != nil {
		panic(err)
	}
	b := batch.New(m.sources, batch.Rows)
	for i := range batch.Rows {
		b.Cols[0].AppendInt(1_700_000_000_000_000 + int64(i)*12_345_678)
		b.Cols[1].AppendInt(int64(i & 1))
		b.Cols[2].AppendInt(int64(i) * 12_345)
		b.Cols[3].AppendInt(int64(i) << 20)
		if i%10 == 0 {
			b.Cols[4].AppendNull()
		} else {
			b.Cols[4].AppendInt(int64(i))
		}
	}
	return x, b
}

func BenchmarkMapping(b *testing.B) {
	x, src := five()
	dst := batch.New(x.schema(), batch.Rows)
	b.ReportAllocs()
	for b.Loop() {
		dst.Reset()
		if err := x.apply(dst, src, origin{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch.Rows, "ns/row")
}

func TestMappingAllocatesNothingForARow(t *testing.T) {
	x, src := five()
	dst := batch.New(x.schema(), batch.Rows)
	n := testing.AllocsPerRun(20, func() {
		dst.Reset()
		if err := x.apply(dst, src, origin{}); err != nil {
			t.Fatal(err)
		}
	})
	if n > float64(len(x.steps)) { // one for a conversion's state, whatever the number of rows
		t.Errorf("%v allocations for a batch of %d rows", n, src.Len())
	}
}

func TestColumnsThatNeedNoConversionKeepTheirBuffers(t *testing.T) {
	t.Parallel()
	job := activity.Job{Mapping: []activity.Mapping{{Source: "name", Sink: "n"}, {Source: "Id", Sink: "i"}}}
	m, err := compileMapping(&job, source3)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.mapper(m.sources, m.wanted())
	if err != nil {
		t.Fatal(err)
	}
	if x != nil {
		t.Fatal("the reader already gives the columns in this order: no mapper is needed")
	}
	x, err = m.mapper(m.sources, batch.Schema{{Name: "n", Type: kind(batch.String)}, {Name: "i", Type: batch.Type{Kind: batch.Decimal, Precision: 18}}})
	if err != nil || x == nil {
		t.Fatal(err)
	}
	src, dst := batch.New(m.sources, 4), batch.New(x.schema(), 4)
	src.Cols[0].AppendString("text")
	src.Cols[1].AppendInt(5)
	data := &src.Cols[0].Data[0]
	if err := x.apply(dst, src, origin{}); err != nil {
		t.Fatal(err)
	}
	if &dst.Cols[0].Data[0] != data || dst.Cols[1].Type.Kind != batch.Decimal || src.Cols[0].Type.Kind != batch.String {
		t.Error("the text was copied, or a column has lost its type")
	}
}
