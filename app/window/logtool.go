package window

import (
	"context"
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// logTool shows the engine's log as it grows.
type logTool struct {
	tool
	w          *Window
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
func newLogTool(p *diagnosticsPage) *logTool {
	w := p.w
	t := &logTool{w: w, level: view.LogLevels[0], count: newText("", muted), nothing: newText("", muted, centred)}
	t.list = widget.NewList(func() int { return len(t.lines) }, newLogRow, func(id widget.ListItemID, o fyne.CanvasObject) {
		if id < len(t.lines) {
			o.(*logRow).apply(t.lines[id], w.o.Now().Location())
		}
	})
	t.list.HideSeparators = true
	t.list.OnSelected = func(id widget.ListItemID) {
		t.list.UnselectAll()
		if id < len(t.lines) {
			w.showText("Log line", t.lines[id].Text, t.lines[id].Text)
		}
	}
	log := newPanel(colorSurface, "separator", radius, padded(gapSmall, container.NewStack(t.list, container.NewCenter(t.nothing.Object))))
	t.tool = tool{name: "log", title: words.T("Log"), icon: "text", about: words.T("What the gateway does, as it happens, and what it did: by level, job and words."), object: newScrolled(container.New(above{gapMedium}, t.tools(p), log)), apply: func() {},
		opened: func() { t.watchFile(true) }, closed: func() { t.watchFile(false) }}
	return t
}

func (t *logTool) tools(p *diagnosticsPage) fyne.CanvasObject {
	level := widget.NewSelect(view.LogLevels, func(l string) { t.level = l; t.filter() })
	level.Selected = t.level
	search := t.w.newField()
	search.SetPlaceHolder("Search the log")
	search.OnChanged = func(s string) { t.search = s; t.filter() }
	t.verbose = widget.NewCheck("Verbose", func(on bool) {
		if !t.putting {
			t.w.o.Model.SetSetting(engine.SettingVerbose, map[bool]string{true: "true", false: "false"}[on])
		}
	})
	folder := button("Open folder", "folder", widget.MediumImportance, func() { t.w.open(filepath.Dir(t.w.o.Log)) })
	return stack(gap, p.header(words.T("Log"), t.count.Object, folder), spread(gap, 1, wide(130, framed(level)), search, t.verbose))
}

func (t *logTool) applyModel(s view.Snapshot) {
	t.putting = true
	t.verbose.SetChecked(view.SettingValue(s, engine.SettingVerbose) == "true")
	t.putting = false
}

// watchFile follows the log while on: while the page can be seen.
func (p *logTool) watchFile(on bool) {
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

func (p *logTool) filter() {
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
