package copy

import (
	"context"
	"math/big"
	"net/url"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Watermarks is where incremental copies keep how far they have read. Each method returns only when the fact is
// durable. The journal implements it.
type Watermarks interface {
	// Mark gives the value up to which a key's rows are copied, "" at first.
	Mark(ctx context.Context, key string) (string, error)
	// SetMark moves the mark from one value to another. A mark that is at to already is left there; one that is
	// elsewhere is a Conflict: another run has moved it.
	SetMark(ctx context.Context, key, from, to string) error
}

// Window is what an incremental run reads: the rows with After < Column ≤ Upto.
type Window struct {
	Key    string `json:"key"`
	Column string `json:"column"`
	After  string `json:"after,omitempty"` // "" is the first run, which reads rows with NULL too
	Upto   string `json:"upto"`
}

// WatermarkKey names what a mark belongs to: one activity that copies one column's table from one place to another.
// scope tells apart activities of the same name; "" where there is only one.
func WatermarkKey(job *activity.Job, scope string) string {
	if job.Source.Watermark == nil {
		return ""
	}
	from, to, mark := &job.Source, &job.Sink, job.Source.Watermark
	parts := []string{
		scope, job.Name, from.Store, from.LinkedService, from.Object, to.Store, to.LinkedService, to.Object, strings.ToLower(mark.Column), mark.Name,
	}
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// window decides what an incremental run reads, nil for other runs, and restricts the source to it. nothing is true
// where the source has no row with a value, which the first run then leaves.
func (w *rowWork) window(ctx context.Context) (_ *Window, nothing bool, err error) {
	job := w.run.job
	if job.Source.Watermark == nil {
		return nil, false, nil
	}
	src, err := w.watermarker()
	if err != nil {
		return nil, false, err
	}
	x := &Window{Key: WatermarkKey(job, w.run.o.Scope), Column: job.Source.Watermark.Column}
	if marks := w.run.o.Watermarks; marks != nil {
		if x.After, err = marks.Mark(ctx, x.Key); err != nil {
			return nil, false, err
		}
	}
	high, ok, err := src.Highest(ctx, x.Column)
	if err != nil {
		return nil, false, err
	}
	if x.Upto = high; !ok {
		x.Upto = x.After
	}
	if x.Upto == "" {
		return x, true, nil
	}
	src.Between(x.Column, x.After, x.Upto)
	return x, false, nil
}

func (w *rowWork) watermarker() (store.Watermarker, error) {
	src, ok := w.source.(store.Watermarker)
	if !ok {
		return nil, fault.New(fault.Unsupported, "%s has no watermark", w.run.job.Source.Title).At("source.watermark").
			Try("Remove the watermark and select the new rows by a query, or by modifiedDatetimeStart for files.")
	}
	return src, nil
}

// incremental restricts the source to the window of the plan that holds. A window that an earlier attempt has chosen is
// refused where the mark has moved past its beginning since: another run has copied its rows.
func (w *rowWork) incremental(ctx context.Context, p *Plan) error {
	x := p.Window
	if x == nil || x.Upto == "" {
		return nil
	}
	src, err := w.watermarker()
	if err != nil {
		return err
	}
	if marks := w.run.o.Watermarks; marks != nil {
		now, err := marks.Mark(ctx, x.Key)
		if err != nil {
			return err
		}
		if now != "" && now != x.After && now != x.Upto {
			return fault.New(fault.Conflict, "the run was to copy the rows after %q, and the watermark is at %q now: another run has moved it", x.After, now).
				At("source.watermark").Try("Start a new run, which copies what came since.")
		}
	}
	src.Between(x.Column, x.After, x.Upto)
	return nil
}

// leftOut warns of rows that an incremental run does not read, and keeps the mark where the source has shrunk below it.
func (w *rowWork) leftOut(p *Plan, schema batch.Schema) {
	x := p.Window
	i := -1
	if x != nil {
		i = schema.Index(x.Column)
	}
	if i < 0 {
		return
	}
	if schema[i].Nullable {
		w.run.warn("Rows whose %q is NULL are read by the first run only: this is %s.", x.Column, whichRun(x))
	}
	if x.After != "" && less(schema[i].Type, x.Upto, x.After) {
		w.run.warn("The highest value of %q is %s, below the mark %s that the last run has left: no row is read. Reset the watermark if the table was filled anew.", x.Column, x.Upto, x.After)
		x.Upto = x.After
	}
}

func whichRun(x *Window) string {
	if x.After == "" {
		return "the first run"
	}
	return "a later one"
}

// less compares two canonical texts of a type by their values.
func less(t batch.Type, a, b string) bool {
	c := batch.Column{Type: t}
	for _, text := range []string{a, b} {
		if batch.ParseText(&c, []byte(text)) != nil {
			return false
		}
	}
	switch t.Storage() {
	case batch.InInts:
		return c.Ints[0] < c.Ints[1]
	case batch.InFloats:
		return c.Floats[0] < c.Floats[1]
	case batch.InWide:
		return c.Wide[0].Cmp(c.Wide[1]) < 0
	}
	if x, ok := new(big.Rat).SetString(a); ok && t.Kind == batch.Decimal {
		if y, ok := new(big.Rat).SetString(b); ok {
			return x.Cmp(y) < 0
		}
	}
	return a < b
}

// keepMark moves the mark once every row of the window is in the sink, and before the run counts as finished: another
// attempt of the run finds the same window in its plan and moves the mark to where it is already.
func (r *run) keepMark(ctx context.Context) error {
	x := r.plan.Window
	if x == nil || x.Upto == x.After {
		return nil
	}
	return r.o.Watermarks.SetMark(ctx, x.Key, x.After, x.Upto)
}

// needsMarks refuses a job with a watermark where nothing would keep it: the next run would copy every row again.
func (r *run) needsMarks() error {
	if r.job.Source.Watermark == nil || r.o.Watermarks != nil {
		return nil
	}
	return fault.New(fault.BadInput, "nothing keeps the job's watermark from run to run").At("source.watermark").
		Try("Run the job on a gateway, or with a file that keeps its state.")
}
