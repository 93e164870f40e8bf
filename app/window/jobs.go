package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
)

// jobCard is one running job.
type jobCard struct {
	w                                   *Window
	id                                  string
	object                              *panel
	title, path, numbers, left, percent *text
	bar                                 *bar
	cancel                              *widget.Button
	barRow                              *fyne.Container
}

func newJobCard(w *Window) *jobCard {
	c := &jobCard{w: w, title: newText("", bold, cut), path: newText("", muted, cut), numbers: newText("", cut), left: newText("", muted), percent: newText("", bold, right), bar: newBar()}
	c.cancel = button("Cancel", "", widget.MediumImportance, c.ask)
	c.barRow = spread(gap, 0, c.bar, wide(44, c.percent.Object))
	c.object = card(stack(gap,
		spread(gap, 0, stack(2, c.title.Object, c.path.Object), c.cancel),
		c.barRow,
		spread(gap, 0, c.numbers.Object, c.left.Object)))
	return c
}

func (c *jobCard) ask() {
	id := c.id
	c.w.Ask("Cancel this job?", c.title.Text+": what is already written stays, the rest is not copied. The factory is told that the run was cancelled.",
		"Cancel the job", "Let it run", true, func() { c.w.o.Model.Cancel(id) })
}

func (c *jobCard) apply(j view.RunningJob) {
	c.id = j.ID
	c.title.set(j.Title)
	c.path.set(j.Path)
	c.numbers.set(j.Numbers)
	c.left.set(j.Left)
	c.percent.set(j.Percent)
	show(c.barRow, j.Share >= 0)
	c.bar.set(j.Share)
	enable(c.cancel, !j.Cancelling)
}

// recentTable lists jobs that have ended.
type recentTable struct {
	*panel
	w     *Window
	head  *fyne.Container
	body  *fyne.Container
	rows  []*recentRow
	empty *text
}

func newRecentTable(w *Window) *recentTable {
	t := &recentTable{w: w, body: stack(0), empty: newText("No job has ended yet. Copies that the data factory queues appear here.", wrapped, muted)}
	head := func(s string, looks ...look) fyne.CanvasObject {
		return newText(s, append(looks, caption, muted, bold)...).Object
	}
	t.head = container.New(inset{10, 14, 6, 14}, container.New(tableRow{},
		wide(20, newText("").Object), head("Job"), head("Rows", right), head("Size", right), head("Duration", right), head("Ended", right)))
	t.panel = newPanel(colorSurface, "separator", radius, stack(0, t.head, container.New(inset{0, 4, 4, 4}, t.body), padded(gapMedium+2, t.empty.Object)))
	return t
}

func (t *recentTable) apply(jobs []view.EndedJob) {
	for len(t.rows) < len(jobs) {
		r := newRecentRow(t.w)
		t.rows = append(t.rows, r)
		t.body.Add(r.pressable)
	}
	for i, r := range t.rows {
		show(r.pressable, i < len(jobs))
		if i < len(jobs) {
			r.apply(jobs[i])
		}
	}
	show(t.head, len(jobs) > 0)
	show(t.content.(*fyne.Container).Objects[1], len(jobs) > 0)
	show(t.empty.Object, len(jobs) == 0)
	if padding := t.content.(*fyne.Container).Objects[2]; padding.Visible() != (len(jobs) == 0) {
		show(padding, len(jobs) == 0)
	}
}

// recentRow is one of them. Pressing it shows everything about the job.
type recentRow struct {
	*pressable
	id                              string
	sign                            *canvas.Image
	title, more                     *text
	rowsRead, size, duration, ended *text
}

func newRecentRow(w *Window) *recentRow {
	r := &recentRow{
		sign: picture(toneIcon(view.Off), 20), title: newText("", cut), more: newText("", caption, muted, cut),
		rowsRead: newText("", right), size: newText("", right), duration: newText("", right), ended: newText("", right, muted),
	}
	cells := container.New(tableRow{}, r.sign, stack(2, r.title.Object, r.more.Object), r.rowsRead.Object, r.size.Object, r.duration.Object, r.ended.Object)
	r.pressable = newPressable(container.New(inset{7, 10, 7, 10}, cells), "", "", 5, func() { w.showJob(r.id) })
	return r
}

func (r *recentRow) apply(j view.EndedJob) {
	r.id = j.ID
	setPicture(r.sign, toneIcon(j.Tone))
	r.title.set(j.Title)
	if j.Error != "" {
		r.more.tone(widget.DangerImportance)
		r.more.set(j.Error)
	} else {
		r.more.tone(widget.LowImportance)
		r.more.set(j.Path)
	}
	r.rowsRead.set(j.Rows)
	r.size.set(j.Size)
	r.duration.set(j.Duration)
	r.ended.set(j.Ended)
}

// tableRow lays out a sign, a name that takes what is left, and columns of numbers. Where it is narrow, the size and
// then the duration are left out rather than the name.
type tableRow struct{}

var columnWidths = []float32{20, 0, 88, 72, 88, 104}

func (tableRow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var h float32
	for _, o := range objects {
		h = max(h, o.MinSize().Height)
	}
	return fyne.NewSize(280, h)
}

func (tableRow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	const between = 10
	hidden := map[int]bool{}
	name := func() float32 {
		w := size.Width
		for i, c := range columnWidths {
			if i != 1 && !hidden[i] {
				w -= c + between
			}
		}
		return w
	}
	for _, i := range []int{3, 4} {
		if name() < 190 {
			hidden[i] = true
		}
	}
	var x float32
	for i, o := range objects {
		w := columnWidths[i]
		if i == 1 {
			w = name()
		}
		if hidden[i] {
			o.Resize(fyne.NewSize(0, 0))
			o.Move(fyne.NewPos(-1000, 0))
			continue
		}
		h := o.MinSize().Height
		o.Move(fyne.NewPos(x, (size.Height-h)/2))
		o.Resize(fyne.NewSize(w, h))
		x += w + between
	}
}

// showJob shows everything about a job.
func (w *Window) showJob(id string) {
	job, ok := w.last.Find(id)
	if !ok {
		return
	}
	d := view.DetailOf(job, w.o.Now())
	content := stack(gapMedium,
		spread(gap, 1, picture(toneIcon(d.Tone), 24), stack(2, newText(d.Title, subhead, wrapped).Object, newText(d.Status+" · "+d.Path, wrapped, muted).Object)))
	for _, e := range d.Errors {
		b := newBanner(view.Bad)
		more := e.Hint
		if e.Code != "" {
			more = strings.TrimSpace(more + "\nCode: " + e.Code)
		}
		b.set(e.Text, more)
		content.Add(b.panel)
	}
	for _, warning := range d.Warnings {
		b := newBanner(view.Warning)
		b.set(view.Sentence(warning), "")
		content.Add(b.panel)
	}
	content.Add(fieldGrid(d.Fields))
	if len(d.Files) > 0 {
		content.Add(stack(gapSmall, newText("Files written", bold).Object, newText(strings.Join(d.Files, "\n"), wrapped, copyable, caption).Object))
	}
	page := newScrolled(content)
	var top dialog.Dialog
	copyJSON := button("Copy as JSON", "copy", widget.MediumImportance, func() { w.copyText(d.JSON) })
	closing := button("Close", "", widget.HighImportance, func() { top.Hide() })
	custom := dialog.NewCustomWithoutButtons("Job", page, w.win)
	buttons := []fyne.CanvasObject{copyJSON, closing}
	if w.o.Model.CanRetry(job) {
		again := button("Run again", "reset", widget.MediumImportance, func() {
			top.Hide()
			w.o.Model.Retry(id)
		})
		buttons = []fyne.CanvasObject{copyJSON, again, closing}
	}
	custom.SetButtons(buttons)
	top = custom
	w.showLarge(custom, page)
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
	grid := stack(6)
	for _, f := range fields {
		grid.Add(container.New(line{gap: gapMedium, grow: 1, top: true}, wide(130, newText(f.Name, muted).Object), newText(f.Value, wrapped, copyable).Object))
	}
	return grid
}
