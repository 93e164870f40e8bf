package window

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// jobDialog shows everything about a job, and follows it while it runs.
type jobDialog struct {
	w                      *Window
	id                     string
	sheet                  *sheet
	content                *fyne.Container
	shown                  view.JobDetail
	values                 []*text // of shown.Fields
	numbers, left, percent *text
	bar                    *bar
	skipped, cancel, again *keyButton
}

// showJob shows everything about a job.
func (w *Window) showJob(id string) {
	d, ok := w.last.Detail(id, w.o.Now())
	if !ok {
		return
	}
	j := &jobDialog{w: w, id: id, content: stack(gapMedium)}
	j.skipped = w.button(words.T("Skipped rows"), "folder", widget.MediumImportance, func() { w.open(j.shown.LogFolder) })
	j.cancel = w.button(words.T("Cancel the job"), "", widget.DangerImportance, func() { w.askCancel(j.id, j.shown.Title) })
	j.again = w.button(words.T("Run again"), "reset", widget.MediumImportance, func() {
		j.sheet.hide()
		w.o.Model.Retry(j.id)
	})
	closing := w.button(words.T("Close"), "", widget.HighImportance, func() { j.sheet.hide() })
	j.sheet = w.newSheet(words.T("Job"), 640, j.content,
		w.button(words.T("Copy as JSON"), "copy", widget.MediumImportance, func() { w.copyText(j.shown.JSON) }),
		w.button(words.T("Show log"), "text", widget.MediumImportance, func() {
			j.sheet.hide()
			w.showLog(j.id)
		}), j.skipped, j.cancel, j.again, closing)
	j.sheet.closed = func() { w.home.job = nil }
	w.home.job = j
	j.rebuild(d)
	j.sheet.show(closing)
	j.sheet.fit() // text that wraps knows its height only now
}

// apply shows how the job is now.
func (j *jobDialog) apply(s view.Snapshot) {
	d, ok := s.Detail(j.id, j.w.o.Now())
	if !ok || d.JSON == j.shown.JSON && (d.Live == nil) == (j.shown.Live == nil) && (d.Live == nil || *d.Live == *j.shown.Live) {
		return
	}
	if !j.sameShape(d) {
		j.rebuild(d)
		j.sheet.fit()
		return
	}
	j.shown = d
	j.live(d)
	for i, f := range d.Fields {
		j.values[i].set(f.Value)
	}
}

// sameShape reports whether only values differ from what is shown.
func (j *jobDialog) sameShape(d view.JobDetail) bool {
	return j.shown.Live != nil && d.Live != nil && j.shown.Status == d.Status && j.shown.Title == d.Title && (j.shown.Live.Share < 0) == (d.Live.Share < 0) &&
		slices.EqualFunc(j.shown.Fields, d.Fields, func(a, b view.Field) bool { return a.Name == b.Name })
}

func (j *jobDialog) rebuild(d view.JobDetail) {
	j.shown = d
	parts := []fyne.CanvasObject{spread(gapMedium, 1, picture(toneIcon(d.Tone), 26), stack(2, newText(d.Title, subhead, wrapped).Object, newText(d.Status, muted).Object))}
	if d.Live != nil {
		j.numbers, j.left, j.percent, j.bar = newText("", wrapped), newText("", muted), newText("", bold, right), newBar()
		barRow := spread(gap, 0, j.bar, wide(44, j.percent.Object))
		show(barRow, d.Live.Share >= 0)
		parts = append(parts, card(stack(gap, barRow, spread(gap, 0, j.numbers.Object, j.left.Object))))
	}
	for _, e := range d.Errors {
		parts = append(parts, errorPanel(e))
	}
	for _, warning := range d.Warnings {
		b := newBanner(view.Warning)
		b.set(warning, "")
		parts = append(parts, b.panel)
	}
	var fields *fyne.Container
	fields, j.values = fieldRows(d.Fields)
	parts = append(parts, fields)
	if len(d.Stages) > 0 {
		parts = append(parts, stageRows(d.Stages))
	}
	if len(d.Files) > 0 {
		parts = append(parts, stack(gapSmall, newText(words.T("Files written"), bold).Object, newText(strings.Join(d.Files, "\n"), wrapped, copyable, caption).Object))
	}
	j.content.Objects = parts
	j.content.Refresh()
	j.live(d)
	j.offer(d)
}

func (j *jobDialog) live(d view.JobDetail) {
	if d.Live == nil {
		return
	}
	j.numbers.set(d.Live.Numbers)
	j.left.set(d.Live.Left)
	j.percent.set(d.Live.Percent)
	j.bar.set(d.Live.Share)
	enable(j.cancel, !d.Live.Cancelling)
}

// offer shows the buttons for what can be done with the job as it is.
func (j *jobDialog) offer(d view.JobDetail) {
	job, _ := j.w.last.Find(j.id)
	show(j.skipped, d.LogFolder != "")
	show(j.cancel, d.Live != nil)
	show(j.again, d.Live == nil && j.w.o.Model.CanRetry(job))
}

// errorPanel shows why a job failed: what happened, at which place, and what to do.
func errorPanel(e view.JobError) fyne.CanvasObject {
	parts := []fyne.CanvasObject{newText(e.Text, wrapped, copyable, bold).Object}
	if len(e.Places) > 0 {
		rows, _ := fieldRows(e.Places)
		parts = append(parts, rows)
	}
	if e.Hint != "" {
		parts = append(parts, newText(e.Hint, wrapped, copyable).Object)
	}
	if e.Code != "" {
		parts = append(parts, newText(words.T("Code: %s", e.Code), caption, muted, copyable).Object)
	}
	return newPanel(colorSurface, toneColor(view.Bad), radius, padded(gapMedium,
		container.New(line{gap: 10, grow: 1, top: true}, picture(toneIcon(view.Bad), 20), stack(6, parts...))))
}

// stageRows shows how long each stage took, as bars.
func stageRows(stages []view.JobStage) fyne.CanvasObject {
	rows := stack(6, newText(words.T("Stages"), bold).Object)
	for _, s := range stages {
		b := newBar()
		b.set(s.Share)
		rows.Add(container.New(line{gap: gapMedium, grow: 1}, wide(170, newText(s.Name, muted, cut).Object), b, wide(84, newText(s.Took, right).Object)))
	}
	return rows
}

// showLarge shows a dialog that fills most of the window.
func (w *Window) showLarge(d dialog.Dialog, page *scrolled) {
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-60, 680), min(size.Height-40, 560)))
	d.Show()
	if page != nil {
		page.relayout()
	}
}

// fieldGrid shows names and values in two columns.
func fieldGrid(fields []view.Field) *fyne.Container {
	grid, _ := fieldRows(fields)
	return grid
}

// fieldRows is a fieldGrid whose values can be changed.
func fieldRows(fields []view.Field) (grid *fyne.Container, values []*text) {
	grid = stack(6)
	for _, f := range fields {
		value := newText(f.Value, wrapped, copyable)
		values = append(values, value)
		grid.Add(container.New(line{gap: gapMedium, grow: 1, top: true}, wide(150, newText(f.Name, wrapped, muted).Object), value.Object))
	}
	return grid, values
}

// showLog shows what the log says of a run.
func (w *Window) showLog(run string) {
	w.Go(2)
	w.diagnostics.open(&w.diagnostics.log.tool)
	w.diagnostics.log.showRun(run)
}

// showRun shows what the log says of a run.
func (t *logTool) showRun(run string) {
	t.applyModel(t.w.last)
	if i := slices.Index(t.runs, run); i > 0 {
		t.job.SetSelectedIndex(i)
		return
	}
	t.search.SetText("run=" + run)
}
