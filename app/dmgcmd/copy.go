package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"dmgateway/engine"
)

// bundleArgs are the words that copy, preview and schema share.
type bundleArgs struct {
	Bundle string            `arg:"" help:"A JSON file with linkedServices, datasets and activity, or a folder of Data Factory JSON files with one copy activity." type:"path"`
	Set    map[string]string `help:"Value of a pipeline parameter, or windowStart and windowEnd for v1 slices." placeholder:"NAME=VALUE"`
}

func (b bundleArgs) options(p *program) engine.BundleOptions {
	return engine.BundleOptions{Data: p.data, Set: b.Set, Log: p.logger()}
}

type copyCmd struct {
	bundleArgs
	Parallel int  `help:"How many partitions or files at once; the activity's parallelCopies where not given."`
	DryRun   bool `help:"Plan, connect, compare types, and write nothing."`
	Verify   bool `help:"Read the sink back after the copy and compare its content by checksum."`

	LimitBytes string `help:"How many bytes a second to read at most, such as 500K or 20M." placeholder:"SIZE"`
	LimitRows  string `help:"How many rows a second to read at most." placeholder:"NUMBER"`

	State          string `help:"File that keeps how far the copies with a watermark have read; watermarks.db in the data directory where not given." type:"path" placeholder:"FILE"`
	ResetWatermark bool   `help:"Forget how far this copy has read, and read all rows again."`
}

func (c copyCmd) Run(p *program) error {
	o := c.options(p)
	o.Parallel, o.State, o.Reset = c.Parallel, c.State, c.ResetWatermark
	o.Verify, o.Limits = c.Verify, &engine.Limits{}
	limits, err := c.limits()
	if err != nil {
		return err
	}
	o.Limits.Set(limits)
	if c.DryRun {
		plan, err := engine.PlanBundle(p.ctx, c.Bundle, o)
		if err != nil {
			return err
		}
		return p.print(plan, func(w io.Writer) { printPlan(w, plan) })
	}
	tuneCollector()
	m := newMeter(p.err)
	o.Progress = m.show
	result, err := engine.CopyBundle(p.ctx, c.Bundle, o)
	m.done()
	if result == nil {
		return err
	}
	return p.finish(result)
}

func (c copyCmd) limits() (v engine.LimitValues, err error) {
	for _, x := range []struct {
		flag, text string
		to         *int64
	}{{"--limit-bytes", c.LimitBytes, &v.BytesPerSecond}, {"--limit-rows", c.LimitRows, &v.RowsPerSecond}} {
		if *x.to, err = engine.ParseLimit(x.flag, x.text); err != nil {
			return v, err
		}
	}
	return v, nil
}

// finish prints a copy's result and returns errReported where it did not succeed.
func (p *program) finish(result *engine.Result) error {
	if err := p.print(result, func(w io.Writer) { printResult(w, result) }); err != nil {
		return err
	}
	for _, e := range result.Errors {
		if !p.json {
			fmt.Fprintf(harmless{p.err}, "error %s: %s. %s\n", e.Code, strings.TrimRight(e.Message, "."), e.Hint)
		}
	}
	if result.Status != engine.Succeeded {
		return errReported
	}
	return nil
}

func printResult(w io.Writer, r *engine.Result) {
	list := [][2]string{
		{"Result", r.Status},
		{"Rows", fmt.Sprintf("%s read, %s copied", count(r.RowsRead), count(r.RowsCopied))},
	}
	if r.RowsSkipped > 0 {
		list = append(list, [2]string{"Skipped", count(r.RowsSkipped) + " rows that do not fit"})
	}
	if r.FilesSkipped > 0 {
		list = append(list, [2]string{"Skipped", count(r.FilesSkipped) + " files that could not be copied"})
	}
	for _, path := range []string{r.RedirectRowPath, r.LogFilePath} {
		if path != "" {
			list = append(list, [2]string{"Skipped log", path})
		}
	}
	if r.FilesRead > 0 || r.FilesWritten > 0 {
		list = append(list, [2]string{"Files", fmt.Sprintf("%s read, %s written", count(r.FilesRead), count(r.FilesWritten))})
	}
	list = append(list,
		[2]string{"Data", fmt.Sprintf("%s read, %s written", bytesText(r.DataRead), bytesText(r.DataWritten))},
		[2]string{"Duration", fmt.Sprintf("%.2f s, %s KB/s", r.CopyDuration, count(int64(r.Throughput)))},
		[2]string{"Parallel", fmt.Sprint(r.UsedParallelCopies)},
		[2]string{"Verified", verified(r.Consistency)},
		[2]string{"Peak memory", bytesText(r.PeakMemory)})
	if r.ResumedFrom > 0 {
		list = append(list, [2]string{"Resumed", fmt.Sprintf("%d parts were done already", r.ResumedFrom)})
	}
	for i, f := range r.Files {
		if i == 5 {
			list = append(list, [2]string{"", ""}, [2]string{"File", fmt.Sprintf("and %d more", r.FilesWritten-5)})
			break
		}
		list = append(list, [2]string{"File", f})
	}
	for _, warning := range r.Warnings {
		list = append(list, [2]string{"Warning", warning})
	}
	pairs(w, list...)
}

// verified says what was compared, and what came of it.
func verified(c engine.Consistency) string {
	text := c.VerificationResult
	if c.Method != "" {
		text += " (" + c.Method + ")"
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}

type previewCmd struct {
	bundleArgs
	Rows int `help:"How many rows." default:"20"`
}

func (c previewCmd) Run(p *program) error {
	table, err := engine.PreviewBundle(p.ctx, c.Bundle, c.Rows, c.options(p))
	if err != nil {
		return err
	}
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name)
	}
	shown := map[string]any{"columns": names, "rows": table.Rows}
	return p.print(shown, func(w io.Writer) {
		var body [][]string
		for _, r := range table.Rows {
			cells := make([]string, len(r))
			for i, v := range r {
				cells[i] = "NULL"
				if v != nil {
					cells[i] = strings.NewReplacer("\n", "\\n", "\t", "\\t", "\r", "\\r").Replace(*v)
				}
			}
			body = append(body, cells)
		}
		rows(w, names, body)
	})
}

type schemaCmd struct{ bundleArgs }

func (c schemaCmd) Run(p *program) error {
	plan, err := engine.PlanBundle(p.ctx, c.Bundle, c.options(p))
	if err != nil {
		return err
	}
	return p.print(plan.Columns, func(w io.Writer) { printColumns(w, plan) })
}

func printPlan(w io.Writer, plan *engine.Plan) {
	pairs(w,
		[2]string{"Source", plan.Source},
		[2]string{"Sink", plan.Sink},
		[2]string{"Parts", fmt.Sprintf("%d, %d at once", plan.Partitions, plan.Parallel)},
		[2]string{"Cut", plan.How},
		[2]string{"Way", plan.FastPath})
	if x := plan.Window; x != nil {
		pairs(w, [2]string{"Watermark", fmt.Sprintf("%s after %q up to %q", x.Column, x.After, x.Upto)})
	}
	for _, warning := range plan.Warnings {
		pairs(w, [2]string{"Warning", warning})
	}
	fmt.Fprintln(w)
	printColumns(w, plan)
}

func printColumns(w io.Writer, plan *engine.Plan) {
	var body [][]string
	for _, c := range plan.Columns {
		body = append(body, []string{c.Source, c.SourceType, c.Interim, c.Sink, c.SinkType, c.CanBeLost})
	}
	rows(w, []string{"SOURCE", "TYPE", "INTERIM", "SINK", "TYPE", "COULD BE LOST"}, body)
}

type testConnectionCmd struct {
	File string `arg:"" help:"A linked service as JSON." type:"existingfile"`
}

func (c testConnectionCmd) Run(p *program) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var stages []engine.Stage
	err = engine.TestConnection(p.ctx, text, engine.BundleOptions{Data: p.data, Log: p.logger()}, func(s engine.Stage) {
		stages = append(stages, s)
		if !p.json {
			mark, said := "ok    ", s.Detail
			if s.Error != "" {
				mark = "FAILED"
				said = strings.TrimPrefix(s.Detail+": "+s.Error, ": ")
			}
			fmt.Fprintf(harmless{p.out}, "%s  %-9s %8s  %s\n", mark, s.Name, durationText(s.Took), said)
		}
	})
	switch {
	case !p.json:
		return err
	case err != nil && len(stages) > 0:
		return errors.Join(p.printJSON(map[string]any{"succeeded": false, "stages": stages, "error": describe(err)}), errFound)
	case err != nil:
		return err
	}
	return p.printJSON(map[string]any{"succeeded": true, "stages": stages})
}

type browseCmd struct {
	File string `arg:"" help:"A linked service as JSON." type:"existingfile"`
	Path string `arg:"" optional:"" help:"Where to look: a schema of a database, a container or folder; the top where not given."`
}

func (c browseCmd) Run(p *program) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	list := []engine.Entry{}
	err = engine.Browse(p.ctx, text, c.Path, engine.BundleOptions{Data: p.data, Log: p.logger()}, func(e engine.Entry) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		return err
	}
	return p.print(list, func(w io.Writer) {
		var body [][]string
		for _, e := range list {
			size, modified := "", ""
			if e.Kind == "file" {
				size = bytesText(e.Size)
			}
			if !e.Modified.IsZero() {
				modified = e.Modified.UTC().Format("2006-01-02 15:04:05Z")
			}
			body = append(body, []string{e.Kind, e.Path, size, modified})
		}
		rows(w, []string{"KIND", "PATH", "SIZE", "CHANGED"}, body)
	})
}
