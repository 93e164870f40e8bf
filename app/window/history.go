package window

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// historyPanel lists all jobs that have ended, with a search and a filter. Only the rows that can be seen exist.
type historyPanel struct {
	w       *Window
	object  *fyne.Container
	search  *field
	status  *widget.Select
	list    *widget.List
	top     *fyne.Container // title and count
	names   *fyne.Container // of the columns
	count   *text
	nothing *text
	found   []engine.Job
}

func newHistoryPanel(w *Window, back func()) *historyPanel {
	p := &historyPanel{w: w, search: w.newField(), count: newText("", muted), nothing: newText("", muted, wrapped, centred)}
	p.search.SetPlaceHolder(words.T("Search pipelines, stores, errors"))
	p.search.OnChanged = func(string) { p.apply(w.last) }
	names := make([]string, 0, 4)
	for _, s := range view.HistoryStatuses() {
		names = append(names, s.Name())
	}
	p.status = widget.NewSelect(names, func(string) { p.apply(w.last) })
	p.status.Selected = names[0]
	p.list = widget.NewList(func() int { return len(p.found) }, func() fyne.CanvasObject { return newHistoryRow(w) }, p.fill)
	p.list.OnSelected = func(id widget.ListItemID) {
		p.list.UnselectAll()
		if id < len(p.found) {
			w.showJob(p.found[id].ID)
		}
	}
	p.top = spread(gap, 1, button("", "back", widget.LowImportance, back), newText(words.T("Job history"), heading, cut).Object, p.count.Object)
	tools := spread(gap, 0, p.search, wide(150, framed(p.status)))
	p.names = container.New(inset{10, 14 + historyRetry + gap, 6, 14}, tableHead())
	table := newPanel(colorSurface, "separator", radius, container.NewStack(
		container.NewBorder(p.names, nil, nil, nil, container.New(inset{0, 4, 4, 4}, p.list)),
		container.NewBorder(nil, nil, nil, nil, container.New(inset{60, gapLarge, gapLarge, gapLarge}, p.nothing.Object))))
	p.object = container.New(inset{gapLarge, gapLarge, gapLarge, gapLarge},
		container.New(atMost{960}, container.NewBorder(container.New(inset{0, 0, gapMedium, 0}, stack(gapMedium, p.top, tools)), nil, nil, nil, table)))
	return p
}

// begin shows everything, ready to search.
func (p *historyPanel) begin() {
	p.found = nil
	p.apply(p.w.last)
	p.list.ScrollToTop()
	p.w.win.Canvas().Focus(p.search)
}

func (p *historyPanel) chosen() view.HistoryStatus {
	return view.HistoryStatuses()[max(0, slices.Index(p.status.Options, p.status.Selected))]
}

func (p *historyPanel) apply(s view.Snapshot) {
	h := view.HistoryOf(s, p.chosen(), p.search.Text)
	if p.count.Text != h.Title {
		p.count.set(h.Title)
		p.top.Refresh()
	}
	show(p.names, h.Nothing == "")
	p.nothing.set(h.Nothing)
	same := slices.EqualFunc(h.Found, p.found, func(a, b engine.Job) bool {
		return a.ID == b.ID && a.Attempt == b.Attempt && a.Status == b.Status
	})
	p.found = h.Found
	if !same {
		p.list.Refresh()
	}
}

func (p *historyPanel) fill(id widget.ListItemID, o fyne.CanvasObject) {
	if id < len(p.found) {
		o.(*historyRow).apply(view.HistoryRow(p.found[id], p.w.o.Now()))
	}
}

// historyRetry is the room for the button of a row.
const historyRetry = 30

// historyRow is one line of the list.
type historyRow struct {
	widget.BaseWidget
	cells *jobCells
	again *widget.Button
	all   *fyne.Container
	id    string
}

func newHistoryRow(w *Window) *historyRow {
	r := &historyRow{cells: newJobCells()}
	r.again = button("", "reset", widget.LowImportance, func() { w.o.Model.Retry(r.id) })
	r.all = container.New(inset{3, 10, 3, 10}, spread(gap, 0, r.cells.object, wide(historyRetry, container.NewStack(r.again))))
	r.ExtendBaseWidget(r)
	return r
}

func (r *historyRow) apply(j view.EndedJob) {
	r.id = j.ID
	r.cells.apply(j)
	show(r.again, j.Retryable)
}

// CreateRenderer shows the cells.
func (r *historyRow) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(r.all) }
