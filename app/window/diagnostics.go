package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// diagnosticsPage leads to the tools that find out what is wrong, and shows the connection in detail.
type diagnosticsPage struct {
	w          *Window
	object     *fyne.Container
	front      *scrolled
	fields     []view.Field
	connection *fyne.Container

	tools   []*tool
	log     *logTool
	network *networkTool
	test    *testTool
	send    *sendTool
	archive *archiveTool
	at      *tool // nil is the first page
	on      bool  // the page can be seen
	quiet   bool  // tests show what changes themselves
	stop    func()
}

func newDiagnosticsPage(w *Window) *diagnosticsPage {
	p := &diagnosticsPage{w: w, connection: container.NewStack()}
	copyAll := button(words.T("Copy"), "copy", widget.MediumImportance, func() {
		lines := make([]string, len(p.fields))
		for i, f := range p.fields {
			lines[i] = f.Name + ": " + f.Value
		}
		w.copyText(strings.Join(lines, "\n"))
	})
	p.log, p.network, p.test, p.send, p.archive = newLogTool(p), newNetworkTool(p), newTestTool(p), newSendTool(p), newArchiveTool(p)
	p.tools = []*tool{&p.log.tool, &p.network.tool, &p.test.tool, &p.send.tool, &p.archive.tool}
	grid := container.New(tiles{least: 250, gap: gapMedium})
	for _, t := range p.tools {
		grid.Add(newTile(t, func() { p.open(t) }))
	}
	p.front = newScrolled(stack(gapMedium, newText(words.T("Diagnostics"), heading).Object, grid,
		card(stack(gapSmall, spread(gap, 0, newText(words.T("Connection"), subhead).Object, copyAll), p.connection))))
	p.object = container.NewStack(p.front)
	for _, t := range p.tools {
		t.object.Hide()
		p.object.Add(t.object)
	}
	return p
}

// open shows a tool.
func (p *diagnosticsPage) open(t *tool) {
	p.leave()
	p.at = t
	p.front.Hide()
	if t.opened != nil {
		t.opened()
	}
	t.apply()
	t.object.Show()
	p.follow()
}

// back shows the first page again.
func (p *diagnosticsPage) back() {
	p.leave()
	p.front.Show()
	p.front.relayout()
}

func (p *diagnosticsPage) leave() {
	if p.at == nil {
		return
	}
	p.unfollow()
	p.at.object.Hide()
	if p.at.closed != nil {
		p.at.closed()
	}
	p.at = nil
}

// follow shows what changes in the tool, while it can be seen.
func (p *diagnosticsPage) follow() {
	if p.on && !p.quiet && p.at != nil && p.at.watch != nil && p.stop == nil {
		p.stop = watching(p.at.watch, p.at.apply)
	}
}

func (p *diagnosticsPage) unfollow() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// watch says whether the page can be seen.
func (p *diagnosticsPage) watch(on bool) {
	p.on = on
	p.log.run(on && p.at == &p.log.tool)
	if on {
		p.follow()
	} else {
		p.unfollow()
	}
}

func (p *diagnosticsPage) apply(s view.Snapshot) {
	fields := view.ConnectionFields(s, p.w.o.Now())
	if p.w.o.Data != "" {
		fields = append(fields, view.Field{Name: words.T("Data directory"), Value: p.w.o.Data})
	}
	if !equalFields(fields, p.fields) {
		p.fields = fields
		p.connection.Objects = []fyne.CanvasObject{fieldGrid(fields)}
		p.connection.Refresh()
	}
	p.log.applyModel(s)
	if p.at == nil {
		p.front.relayout()
	}
}

func equalFields(a, b []view.Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// ShowTool shows one of the tools of Diagnostics by its name: "log", "network", "connection", "send" or "archive".
func (w *Window) ShowTool(name string) {
	for _, t := range w.diagnostics.tools {
		if t.name == name {
			w.Go(2)
			w.diagnostics.open(t)
		}
	}
}
