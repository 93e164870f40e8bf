package window

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/engine"
)

// diagnosticsPage shows the connection in detail and the engine's log as it grows.
type diagnosticsPage struct {
	w          *Window
	object     *scrolled
	fields     []view.Field
	connection *fyne.Container
	verbose    *widget.Check
	putting    bool

	all, lines []view.LogLine
	level      string
	search     string
	list       *widget.List
	count      *text
	nothing    *text
	stop       context.CancelFunc
}

func newDiagnosticsPage(w *Window) *diagnosticsPage {
	p := &diagnosticsPage{w: w, connection: container.NewStack(), level: view.LogLevels[0], count: newText("", muted)}
	copyAll := button("Copy", "copy", widget.MediumImportance, func() {
		lines := make([]string, len(p.fields))
		for i, f := range p.fields {
			lines[i] = f.Name + ": " + f.Value
		}
		w.copyText(strings.Join(lines, "\n"))
	})
	connection := card(stack(gapSmall, spread(gap, 0, newText("Connection", subhead).Object, copyAll), p.connection))
	top := stack(gapMedium, newText("Diagnostics", heading).Object, connection, p.tools())
	p.list = widget.NewList(func() int { return len(p.lines) }, newLogRow, func(id widget.ListItemID, o fyne.CanvasObject) {
		if id < len(p.lines) {
			o.(*logRow).apply(p.lines[id], w.o.Now().Location())
		}
	})
	p.list.HideSeparators = true
	p.list.OnSelected = func(id widget.ListItemID) {
		p.list.UnselectAll()
		if id < len(p.lines) {
			w.showText("Log line", p.lines[id].Text, p.lines[id].Text)
		}
	}
	p.nothing = newText("", muted, centred)
	log := newPanel(colorSurface, "separator", radius, padded(gapSmall, container.NewStack(p.list, container.NewCenter(p.nothing.Object))))
	p.object = newScrolled(container.New(above{gapMedium}, top, log))
	return p
}

// tools are the log's title, filters and switches.
func (p *diagnosticsPage) tools() fyne.CanvasObject {
	level := widget.NewSelect(view.LogLevels, func(l string) { p.level = l; p.filter() })
	level.Selected = p.level
	search := p.w.newField()
	search.SetPlaceHolder("Search the log")
	search.OnChanged = func(s string) { p.search = s; p.filter() }
	p.verbose = widget.NewCheck("Verbose", func(on bool) {
		if !p.putting {
			p.w.o.Model.SetSetting(engine.SettingVerbose, map[bool]string{true: "true", false: "false"}[on])
		}
	})
	folder := button("Open folder", "folder", widget.MediumImportance, func() { p.w.open(filepath.Dir(p.w.o.Log)) })
	return stack(gap, spread(gap, 1, newText("Log", subhead).Object, p.count.Object, folder), spread(gap, 1, wide(130, framed(level)), search, p.verbose))
}

// leastLog is the height below which a log is of no use; the page scrolls instead.
const leastLog = 180

// above puts one object over another, which takes the height that is left.
type above struct{ gap float32 }

func (a above) MinSize(objects []fyne.CanvasObject) fyne.Size {
	top, rest := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(max(top.Width, rest.Width), top.Height+a.gap+leastLog)
}

func (a above) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	top, rest := objects[0], objects[1]
	top.Resize(fyne.NewSize(size.Width, top.Size().Height))
	h := top.MinSize().Height
	top.Move(fyne.NewPos(0, 0))
	top.Resize(fyne.NewSize(size.Width, h))
	rest.Move(fyne.NewPos(0, h+a.gap))
	rest.Resize(fyne.NewSize(size.Width, max(0, size.Height-h-a.gap)))
}

func (p *diagnosticsPage) apply(s view.Snapshot) {
	fields := view.ConnectionFields(s, p.w.o.Now())
	if p.w.o.Data != "" {
		fields = append(fields, view.Field{Name: "Data directory", Value: p.w.o.Data})
	}
	if !equalFields(fields, p.fields) {
		p.fields = fields
		p.connection.Objects = []fyne.CanvasObject{fieldGrid(fields)}
		p.connection.Refresh()
	}
	p.putting = true
	p.verbose.SetChecked(view.SettingValue(s, engine.SettingVerbose) == "true")
	p.putting = false
	p.object.relayout()
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

// watch follows the log while on: while the page can be seen.
func (p *diagnosticsPage) watch(on bool) {
	if on == (p.stop != nil) || p.w.o.Log == "" {
		return
	}
	if !on {
		p.stop()
		p.stop = nil
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go view.FollowLog(ctx, p.w.o.Log, func(lines []view.LogLine) {
		fyne.Do(func() {
			if ctx.Err() == nil {
				p.all = lines
				p.filter()
			}
		})
	})
}

func (p *diagnosticsPage) filter() {
	if p.list == nil {
		return
	}
	p.lines = view.FilterLog(p.all, p.level, p.search)
	switch {
	case len(p.lines) > 0:
		p.nothing.set("")
	case len(p.all) > 0:
		p.nothing.set("No line of the log matches.")
	default:
		p.nothing.set("Nothing has been logged yet.")
	}
	p.count.set(view.Plural(int64(len(p.lines)), "line", "lines"))
	p.list.Refresh()
	p.list.ScrollToBottom()
}

// logRow is one line of the log.
type logRow struct {
	widget.BaseWidget
	sign  *canvas.Image
	time  *text
	words *text
	body  *fyne.Container
}

func newLogRow() fyne.CanvasObject {
	r := &logRow{sign: picture(tinted("dot", toneColor(view.Off)), 14), time: newText("00:00:00", mono, caption, muted), words: newText("", cut)}
	r.body = container.New(inset{3, 6, 3, 6}, spread(gap, 2, r.sign, r.time.Object, r.words.Object))
	r.ExtendBaseWidget(r)
	return r
}

// CreateRenderer shows the line.
func (r *logRow) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(r.body) }

func (r *logRow) apply(l view.LogLine, where *time.Location) {
	tone, sign := view.LogTone(l.Level), tinted("dot", toneColor(view.Off))
	if tone == view.Bad || tone == view.Warning {
		sign = toneIcon(tone)
	}
	setPicture(r.sign, sign)
	stamp := "        "
	if !l.Time.IsZero() {
		stamp = l.Time.In(where).Format("15:04:05")
	}
	r.time.set(stamp)
	r.words.set(l.Text)
}

// showText shows a text of any length, and copies whole.
func (w *Window) showText(title, words, whole string) {
	page := newScrolled(newText(words, wrapped, copyable).Object)
	d := dialog.NewCustomWithoutButtons(title, page, w.win)
	d.SetButtons([]fyne.CanvasObject{
		button("Copy", "copy", widget.MediumImportance, func() { w.copyText(whole) }),
		button("Close", "", widget.HighImportance, d.Hide),
	})
	w.showLarge(d, page)
}
