package copy

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// mapping is which columns go where, compiled from the job and the source's schema before anything is read.
type mapping struct {
	// sources are the columns that are needed from the source, each once, in the order they are needed.
	sources batch.Schema
	outs    []output
}

// output is one column of the sink.
type output struct {
	field batch.Field // name and the type it would like, before the sink has its say
	from  int         // index in mapping.sources; -1 for a value that is not in the source
	// Where from is -1: the constant, or the path of the file that a row came from.
	constant string
	filePath bool
	culture  string // of the column's own mapping, "" where it has none
	format   string
	convert  activity.Conversion // what holds for all columns
}

// options are those of the conversion between two types.
func (o *output) options(from, to batch.Type) batch.Options {
	return o.convert.Options(from, to, o.culture, o.format)
}

// available is a column that a mapping can name: one of the source, or one that is added.
type available struct {
	field    batch.Field
	source   int // index in the source's schema, -1 for an added one
	constant string
	filePath bool
}

// compileMapping decides the columns of the sink for a source of the given schema.
func compileMapping(job *activity.Job, source batch.Schema) (*mapping, error) {
	columns, err := addColumns(job, source)
	if err != nil {
		return nil, err
	}
	b := &mappingBuilder{job: job, columns: columns, schema: fields(columns), m: &mapping{}, known: map[int]int{}}
	switch {
	case len(job.Mapping) > 0:
		err = b.explicit()
	case len(job.Sink.Structure) > 0:
		err = b.byStructure()
	default:
		b.everything()
	}
	if err != nil {
		return nil, err
	}
	if err := b.m.check(job); err != nil {
		return nil, err
	}
	return b.m, nil
}

func addColumns(job *activity.Job, source batch.Schema) ([]available, error) {
	columns := make([]available, 0, len(source)+len(job.Source.Additional))
	for i, f := range source {
		columns = append(columns, available{field: f, source: i})
	}
	for _, a := range job.Source.Additional {
		c := available{source: -1, constant: a.Value, filePath: a.FilePath}
		c.field = batch.Field{Name: a.Name, Type: batch.Type{Kind: batch.String}}
		switch {
		case a.Copy != "":
			i := source.Index(a.Copy)
			if i < 0 {
				return nil, noColumn(a.Copy, source, "additionalColumns")
			}
			c.source, c.field = i, source[i]
			c.field.Name = a.Name
		case a.FilePath && job.Source.Files == nil:
			return nil, fault.New(fault.BadInput, "the additional column %q asks for the file's path, but the source has no files", a.Name).
				At("additionalColumns").Try("Remove the column, or give it another value.")
		case !a.FilePath:
			c.field.Type.Length = utf8.RuneCountInString(a.Value)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

func fields(columns []available) batch.Schema {
	s := make(batch.Schema, len(columns))
	for i, c := range columns {
		s[i] = c.field
	}
	return s
}

func noColumn(name string, have batch.Schema, target string) error {
	names := make([]string, len(have))
	for i, f := range have {
		names[i] = f.Name
	}
	return fault.New(fault.NotFound, "the source has no column %q", name).At(target).
		Try("It has %s.", strings.Join(names, ", "))
}

type mappingBuilder struct {
	job     *activity.Job
	columns []available
	schema  batch.Schema // of columns
	m       *mapping
	known   map[int]int // column of the source to index in m.sources
}

// add maps one available column to a sink column.
func (b *mappingBuilder) add(column int, name string, t batch.Type, culture, format string) {
	c := b.columns[column]
	out := output{field: c.field, from: -1, constant: c.constant, filePath: c.filePath, culture: culture, format: format, convert: b.job.Conversion}
	out.field.Name, out.field.Native = name, ""
	out.field.Type = asked(c.field.Type, t)
	if c.source >= 0 {
		i, ok := b.known[c.source]
		if !ok {
			i = len(b.m.sources)
			b.known[c.source] = i
			original := c.field
			original.Name = b.columns[c.source].field.Name
			b.m.sources = append(b.m.sources, original)
		}
		out.from = i
	}
	b.m.outs = append(b.m.outs, out)
}

// asked is the type that a job asks for; where that only names the kind that the value has anyway, the value's own
// digits and unit are kept.
func asked(own, want batch.Type) batch.Type {
	if want.Kind == batch.Invalid || want.Kind == own.Kind && want.Precision == 0 {
		return own
	}
	return want
}

// everything maps each column to the sink's column of the same name.
func (b *mappingBuilder) everything() {
	for i, c := range b.columns {
		b.add(i, c.field.Name, batch.Type{}, "", "")
	}
}

// byStructure maps the columns that the sink's dataset names. Where no name at all is the same and the counts are, it
// goes by position, as for files without a header.
func (b *mappingBuilder) byStructure() error {
	structure := b.job.Sink.Structure
	if len(structure) != len(b.columns) {
		return fault.New(fault.BadInput, "the source has %d columns, the structure of the sink's dataset has %d", len(b.columns), len(structure)).
			At("structure").Try("Give both the same columns, or map the columns that you want in the translator.")
	}
	found := make([]int, len(structure))
	missing := 0
	for i, f := range structure {
		if found[i] = b.schema.Index(f.Name); found[i] < 0 {
			missing++
		}
	}
	for i, f := range structure {
		switch {
		case missing == len(structure):
			found[i] = i
		case found[i] < 0:
			return noColumn(f.Name, b.schema, "structure")
		}
		// Text says nothing: it is also what a dataset gives columns of a type that only its store knows.
		t := f.Type
		if t.Kind == batch.String {
			t = batch.Type{}
		}
		b.add(found[i], f.Name, t, "", "")
	}
	return nil
}

// explicit follows the job's mapping.
func (b *mappingBuilder) explicit() error {
	for i, m := range b.ordered() {
		at := fmt.Sprintf("translator.mappings[%d]", i)
		column, err := b.find(m, at)
		if err != nil {
			return err
		}
		name, err := b.sinkName(m, column, at)
		if err != nil {
			return err
		}
		b.add(column, name, m.SinkType, m.Culture, m.Format)
	}
	return nil
}

// ordered is the mapping in the order of the sink's ordinals where all have one, else as written.
func (b *mappingBuilder) ordered() []activity.Mapping {
	list := b.job.Mapping
	out := make([]activity.Mapping, len(list))
	for _, m := range list {
		if m.SinkOrdinal < 1 || m.SinkOrdinal > len(list) || out[m.SinkOrdinal-1].SinkOrdinal != 0 {
			return list
		}
		out[m.SinkOrdinal-1] = m
	}
	return out
}

func (b *mappingBuilder) find(m activity.Mapping, at string) (int, error) {
	if m.SourceOrdinal > 0 {
		if m.SourceOrdinal > len(b.columns) {
			return 0, fault.New(fault.NotFound, "the source has no column %d, it has %d columns", m.SourceOrdinal, len(b.columns)).
				At(at).Try("Correct source.ordinal; it counts from 1.")
		}
		return m.SourceOrdinal - 1, nil
	}
	i := b.schema.Index(m.Source)
	if i < 0 {
		return 0, noColumn(m.Source, b.schema, at)
	}
	return i, nil
}

func (b *mappingBuilder) sinkName(m activity.Mapping, column int, at string) (string, error) {
	structure := b.job.Sink.Structure
	switch {
	case m.Sink != "":
		return m.Sink, nil
	case m.SinkOrdinal > 0 && m.SinkOrdinal <= len(structure):
		return structure[m.SinkOrdinal-1].Name, nil
	case m.SinkOrdinal > 0 && b.job.Sink.Files == nil:
		return "", fault.New(fault.BadInput, "the sink's column %d has no name", m.SinkOrdinal).
			At(at).Try("Name the column of the table in sink.name.")
	}
	return b.columns[column].field.Name, nil
}

// check refuses what no sink can take.
func (m *mapping) check(job *activity.Job) error {
	if len(m.outs) == 0 {
		return fault.New(fault.BadInput, "there is no column to copy").At(job.Name)
	}
	seen := make(map[string]bool, len(m.outs))
	for _, o := range m.outs {
		if seen[o.field.Name] {
			return fault.New(fault.BadInput, "two columns go into the sink's column %q", o.field.Name).
				At("translator").Try("Give every column a name of its own: by an alias in the query, or by the mapping.")
		}
		seen[o.field.Name] = true
	}
	return nil
}

// wanted is the schema that the sink is asked to take.
func (m *mapping) wanted() batch.Schema {
	s := make(batch.Schema, len(m.outs))
	for i, o := range m.outs {
		s[i] = o.field
	}
	return s
}

// pushDown is what to ask of the source once the sink's types are known: the type that the sink takes, so that text is
// parsed straight into it, except where a culture or date format has to be applied on the way, or two columns of the
// sink want the same column in different types.
func (m *mapping) pushDown(sink batch.Schema) batch.Schema {
	want := append(batch.Schema(nil), m.sources...)
	decided := make([]bool, len(want))
	for i, o := range m.outs {
		if o.from < 0 {
			continue
		}
		t := sink[i].Type
		switch {
		case o.format != "" || o.culture != "" || o.options(m.sources[o.from].Type, t) != (batch.Options{}), decided[o.from] && want[o.from].Type != t:
			want[o.from].Type = m.sources[o.from].Type
		case !decided[o.from]:
			want[o.from].Type = t
		}
		decided[o.from] = true
	}
	return want
}
