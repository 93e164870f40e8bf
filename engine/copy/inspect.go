package copy

import (
	"context"
	"errors"
	"io"
	"slices"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Sample is the first rows of a source.
type Sample struct {
	Columns batch.Schema `json:"-"`
	// Rows are texts in the order of Columns; nil is NULL.
	Rows [][]*string `json:"rows"`
}

// Preview reads the first rows of the source, at most so many, mapped and renamed as the sink would get them, in the
// types that the mapping asks for or the source has. It neither connects to the sink nor writes anything. Of o it uses
// Allow, Log and RunID.
func Preview(ctx context.Context, job *activity.Job, rows int, o Options) (*Sample, error) {
	r := newRun(job, o)
	var s *Sample
	err := guarded(r.log, func() (err error) {
		s, err = r.preview(ctx, rows)
		return err
	})
	return s, outcome(ctx, err)
}

func (r *run) preview(ctx context.Context, rows int) (_ *Sample, err error) {
	if err := r.needRows("there are no rows to show"); err != nil {
		return nil, err
	}
	source, err := openSource(ctx, r.job, r.env, files.Any)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	schema, err := source.Schema(ctx)
	if err != nil {
		return nil, err
	}
	m, err := compileMapping(r.job, schema)
	if err != nil {
		return nil, err
	}
	wanted := m.wanted()
	reader, err := source.Open(ctx, store.Partition{ID: "all"}, m.pushDown(wanted))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	return sample(ctx, reader, m, wanted, rows)
}

// needRows refuses a copy of bytes.
func (r *run) needRows(what string) error {
	for _, binary := range []bool{
		r.job.Source.Files != nil && r.job.Source.Files.Format == nil,
		r.job.Sink.Files != nil && r.job.Sink.Files.Format == nil,
	} {
		if binary {
			return fault.New(fault.Unsupported, "the files are copied as they are: %s", what).At(r.job.Name).
				Try("Give the dataset a format.")
		}
	}
	return nil
}

func sample(ctx context.Context, reader store.Reader, m *mapping, wanted batch.Schema, rows int) (*Sample, error) {
	x, err := m.mapper(reader.Schema(), wanted)
	if err != nil {
		return nil, err
	}
	s := &Sample{Columns: wanted, Rows: [][]*string{}}
	in, out := batch.New(reader.Schema(), max(1, rows)), batch.New(wanted, max(1, rows))
	var given int64
	for len(s.Rows) < rows {
		in.Reset()
		if err := reader.Next(ctx, in); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		from := origin{row: given}
		if t, ok := reader.(tracer); ok {
			from.path, from.row = t.Origin()
		}
		given += int64(in.Len())
		shown := in
		if x != nil {
			out.Reset()
			if err := x.apply(out, in, from); err != nil {
				return nil, locate(err, from, nil)
			}
			shown = out
		}
		s.add(shown, rows)
	}
	return s, nil
}

// add shows rows of b until there are so many.
func (s *Sample) add(b *batch.Batch, rows int) {
	for i := 0; i < b.Len() && len(s.Rows) < rows; i++ {
		row := make([]*string, len(b.Cols))
		for j := range b.Cols {
			if c := &b.Cols[j]; !c.IsNull(i) {
				text := string(batch.AppendText(nil, c, i))
				row[j] = &text
			}
		}
		s.Rows = append(s.Rows, row)
	}
}

// Outlook is what a run would do.
type Outlook struct {
	Source     string `json:"source"` // Data Factory's types
	Sink       string `json:"sink"`
	Partitions int    `json:"partitions"`
	Parallel   int    `json:"parallel"`
	FastPath   string `json:"fastPath,omitempty"`
	// How says how the partitions were cut, "" for files; Window is what an incremental copy would read.
	How    string  `json:"how,omitempty"`
	Window *Window `json:"window,omitempty"`
	// Rows and Bytes of the source, 0 where it cannot say without reading.
	Rows    int64          `json:"rows,omitempty"`
	Bytes   int64          `json:"bytes,omitempty"`
	Columns []ColumnReport `json:"columns,omitempty"`
	// Files are paths that would be written, at most 100 of them, sorted.
	Files    []string `json:"files,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// ColumnReport is one column's way from source to sink.
type ColumnReport struct {
	Source      string `json:"source"`     // "" for an additional column
	SourceType  string `json:"sourceType"` // the store's own name of the type where it has one
	Interim     string `json:"interimType"`
	Sink        string `json:"sink"`
	SinkType    string `json:"sinkType"`
	CanBeLost   string `json:"canBeLost,omitempty"` // what is refused row by row or lost, "" where nothing can be
	NotNullable bool   `json:"notNullable,omitempty"`
}

// DryRun connects to both sides, plans, and says what a run would do, column by column. It writes nothing: a sink is
// asked by store.Inspector, else by Prepare with resuming set.
func DryRun(ctx context.Context, job *activity.Job, o Options) (*Outlook, error) {
	r := newRun(job, o)
	var out *Outlook
	err := guarded(r.log, func() (err error) {
		out, err = r.dryRun(ctx)
		return err
	})
	return out, outcome(ctx, err)
}

func (r *run) dryRun(ctx context.Context) (_ *Outlook, err error) {
	defer r.forget()
	w, err := r.work()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	r.parallel = r.degree(w)
	if r.plan, err = w.plan(ctx, r.parallel); err != nil {
		return nil, err
	}
	if err := w.planned(ctx, &r.plan, false); err != nil {
		return nil, err
	}
	out := &Outlook{
		Source: r.job.Source.Type, Sink: r.job.Sink.Type,
		Partitions: len(r.plan.Partitions), Parallel: max(1, min(r.parallel, len(r.plan.Partitions))), FastPath: r.plan.FastPath,
		How: r.plan.How, Window: r.plan.Window,
	}
	for _, p := range r.plan.Partitions {
		out.Rows += p.Rows
		out.Bytes += p.Bytes
	}
	if err := w.inspect(ctx, out); err != nil {
		return nil, err
	}
	slices.Sort(out.Files)
	out.Files = out.Files[:min(len(out.Files), maxFiles)]
	out.Warnings = r.warnings
	return out, nil
}

// inspect adds the columns, and the files where the sink writes some.
func (w *rowWork) inspect(ctx context.Context, out *Outlook) error {
	if w.empty {
		return nil
	}
	wanted := w.mapping.wanted()
	schema, err := w.look(ctx, wanted)
	if err != nil {
		return err
	}
	if _, err := w.mapping.mapper(w.mapping.sources, schema); err != nil {
		return err
	}
	if w.choose(); w.bulk != nil {
		out.FastPath = w.run.plan.FastPath
	}
	losses := w.mapping.losses(schema)
	for i, o := range w.mapping.outs {
		c := ColumnReport{
			Interim: o.field.Type.String(), Sink: schema[i].Name, SinkType: typeName(schema[i]), CanBeLost: losses[i],
			NotNullable: !schema[i].Nullable && o.field.Nullable,
		}
		if o.from >= 0 {
			f := w.mapping.sources[o.from]
			c.Source, c.SourceType, c.Interim = f.Name, typeName(f), f.Type.String()
		}
		out.Columns = append(out.Columns, c)
	}
	if s, ok := w.sink.(*files.Sink); ok {
		out.Files = s.Paths()
	}
	return nil
}

// look asks the sink for its types without changing it. A table that is not there yet can still be created by the run;
// a sink that cannot tell is taken at the types that it will be asked for.
func (w *rowWork) look(ctx context.Context, wanted batch.Schema) (batch.Schema, error) {
	if x, ok := w.sink.(store.Inspector); ok {
		return x.Inspect(ctx, wanted)
	}
	schema, err := w.sink.Prepare(ctx, wanted, true)
	if fault.Is(err, fault.NotFound) {
		w.run.warn("The sink is not ready: %v. Its types are known only when the run has prepared it.", err)
		return wanted, nil
	}
	return schema, err
}

// typeName is the store's name of a type, else ours.
func typeName(f batch.Field) string {
	if f.Native != "" {
		return f.Native
	}
	return f.Type.String()
}

// inspect adds the files.
func (w *binaryWork) inspect(ctx context.Context, out *Outlook) error {
	if err := w.eachTarget(ctx, func(to string) bool {
		out.Files = append(out.Files, to)
		return len(out.Files) < 10*maxFiles
	}); err != nil {
		return err
	}
	slices.Sort(out.Files)
	out.Files = slices.Compact(out.Files)
	return nil
}
