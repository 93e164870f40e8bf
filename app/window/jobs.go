package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// jobCard is one running job. Pressing it shows everything about the job.
type jobCard struct {
	w                                   *Window
	id                                  string
	object                              *pressable
	title, path, numbers, left, percent *text
	bar                                 *bar
	cancel                              *widget.Button
	barRow                              *fyne.Container
}

func newJobCard(w *Window) *jobCard {
	c := &jobCard{w: w, title: newText("", bold, cut), path: newText("", muted, cut), numbers: newText("", cut), left: newText("", muted), percent: newText("", bold, right), bar: newBar()}
	c.cancel = button(words.T("Cancel"), "", widget.MediumImportance, func() { w.askCancel(c.id, c.title.Text) })
	c.barRow = spread(gap, 0, c.bar, wide(44, c.percent.Object))
	c.object = newPressable(padded(gapMedium+2, stack(gap,
		spread(gap, 0, stack(2, c.title.Object, c.path.Object), c.cancel),
		c.barRow,
		spread(gap, 0, c.numbers.Object, c.left.Object))), colorSurface, "separator", radius, func() { w.showJob(c.id) })
	return c
}

// askCancel asks before a job is cancelled.
func (w *Window) askCancel(id, title string) {
	w.Ask(words.T("Cancel this job?"), words.T("%s: what is already written stays, the rest is not copied. The factory is told that the run was cancelled.", title),
		words.T("Cancel the job"), words.T("Let it run"), true, func() { w.o.Model.Cancel(id) })
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

// recentTable lists the newest jobs that have ended.
type recentTable struct {
	*panel
	w     *Window
	head  *fyne.Container
	body  *fyne.Container
	rows  []*recentRow
	empty *fyne.Container
}

func newRecentTable(w *Window) *recentTable {
	t := &recentTable{w: w, body: stack(0)}
	t.empty = padded(gapMedium+2, newText(words.T("No job has ended yet. Copies that the data factory queues appear here."), wrapped, muted).Object)
	t.head = container.New(inset{10, 14, 6, 14}, tableHead())
	t.panel = newPanel(colorSurface, "separator", radius, stack(0, t.head, container.New(inset{0, 4, 4, 4}, t.body), t.empty))
	return t
}

// tableHead names the columns of a table of jobs.
func tableHead() *fyne.Container {
	head := func(s string, looks ...look) fyne.CanvasObject {
		return newText(s, append(looks, caption, muted, bold, cut)...).Object
	}
	return container.New(tableRow{}, wide(20, newText("").Object), head(words.T("Job")), head(words.T("Rows"), right), head(words.T("Size"), right),
		head(words.T("Duration"), right), head(words.T("Ended"), right))
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
			r.id = jobs[i].ID
			r.cells.apply(jobs[i])
		}
	}
	show(t.head, len(jobs) > 0)
	show(t.content.(*fyne.Container).Objects[1], len(jobs) > 0)
	show(t.empty, len(jobs) == 0)
}

// recentRow is one of them. Pressing it shows everything about the job.
type recentRow struct {
	*pressable
	id    string
	cells *jobCells
}

func newRecentRow(w *Window) *recentRow {
	r := &recentRow{cells: newJobCells()}
	r.pressable = newPressable(container.New(inset{7, 10, 7, 10}, r.cells.object), "", "", 5, func() { w.showJob(r.id) })
	return r
}

// jobCells are what a row says of a job that has ended.
type jobCells struct {
	object                          *fyne.Container
	sign                            *canvas.Image
	title, more                     *text
	rowsRead, size, duration, ended *text
}

func newJobCells() *jobCells {
	c := &jobCells{
		sign: picture(toneIcon(view.Off), 20), title: newText("", cut), more: newText("", caption, muted, cut),
		rowsRead: newText("", right), size: newText("", right), duration: newText("", right), ended: newText("", right, muted),
	}
	c.object = container.New(tableRow{}, c.sign, stack(2, c.title.Object, c.more.Object), c.rowsRead.Object, c.size.Object, c.duration.Object, c.ended.Object)
	return c
}

func (c *jobCells) apply(j view.EndedJob) {
	setPicture(c.sign, toneIcon(j.Tone))
	c.title.set(j.Title)
	if j.Error != "" {
		c.more.tone(widget.DangerImportance)
		c.more.set(j.Error)
	} else {
		c.more.tone(widget.LowImportance)
		c.more.set(j.Path)
	}
	c.rowsRead.set(j.Rows)
	c.size.set(j.Size)
	c.duration.set(j.Duration)
	c.ended.set(j.Ended)
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
