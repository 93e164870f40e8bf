package window

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// mostCopied is how many lines Copy takes.
const mostCopied = 2000

// beforeSearch is how long a search waits for the next key.
const beforeSearch = 250 * time.Millisecond

// logTool shows the engine's log as it grows, however long it is.
type logTool struct {
	tool
	w              *Window
	model          *view.LogView
	rows           *logRows
	filter         view.LogFilter
	verbose        *widget.Check
	follow         *widget.Check
	putting        bool
	level, part    *widget.Select
	job            *widget.Select
	runs           []string // of the choices of job, "" for all
	search         *field
	later          func() bool // gives up a search that waits
	count, nothing *text
	stop           context.CancelFunc
}

func newLogTool(p *diagnosticsPage) *logTool {
	w := p.w
	t := &logTool{w: w, model: view.NewLogView(filepath.Dir(w.o.Log)), count: newText("", muted, caption, cut), nothing: newText("", muted, centred)}
	t.rows = newLogRows(w.o.Now().Location(), func(first, n int) { t.model.Show(first, n) }, t.detail)
	t.rows.stuck = func(on bool) {
		t.putting = true
		t.follow.SetChecked(on)
		t.putting = false
	}
	log := newPanel(colorSurface, "separator", radius, padded(gapSmall, container.NewStack(t.rows, container.NewCenter(t.nothing.Object))))
	t.tool = tool{
		name: "log", title: words.T("Log"), icon: "text", about: words.T("What the gateway does, as it happens, and what it did: by level, part, job and words."),
		object: container.New(inset{gapLarge, gapLarge, gapMedium, gapLarge}, container.New(above{gap}, t.tools(p), log)),
		apply:  t.show, watch: t.model.Watch,
		opened: func() { t.run(true) }, closed: func() { t.run(false) },
	}
	return t
}

// tools are the log's title, filters and switches.
func (t *logTool) tools(p *diagnosticsPage) fyne.CanvasObject {
	choose := func(options []string, chosen func(i int)) *widget.Select {
		s := widget.NewSelect(options, nil)
		s.OnChanged = func(string) { chosen(s.SelectedIndex()) }
		s.Selected = options[0]
		return s
	}
	t.level = choose(view.LogLevels(), func(i int) { t.want(func(f *view.LogFilter) { f.Level = i }) })
	t.part = choose(view.LogParts(), func(i int) { t.want(func(f *view.LogFilter) { f.Part = i }) })
	t.runs = []string{""}
	t.job = choose([]string{words.T("All jobs")}, func(i int) { t.want(func(f *view.LogFilter) { f.Run = t.runs[max(0, i)] }) })
	t.search = t.w.newField()
	t.search.SetPlaceHolder(words.T("Search: words, or run=…"))
	t.search.OnChanged = func(s string) {
		if t.later != nil {
			t.later()
		}
		t.later = t.w.after(beforeSearch, func() { t.want(func(f *view.LogFilter) { f.Search = s }) })
	}
	t.follow = widget.NewCheck(words.T("Follow"), func(on bool) {
		if !t.putting {
			t.rows.follow = on
			t.rows.place(t.rows.top)
		}
	})
	t.follow.Checked = true
	t.verbose = widget.NewCheck(words.T("Verbose logging"), func(on bool) {
		if !t.putting {
			t.w.o.Model.SetSetting(engine.SettingVerbose, map[bool]string{true: "true", false: "false"}[on])
		}
	})
	copyAll := button(words.T("Copy"), "copy", widget.MediumImportance, func() {
		t.model.Collect(mostCopied, func(text string) { fyne.Do(func() { t.w.copyText(text) }) })
	})
	folder := button(words.T("Open folder"), "folder", widget.MediumImportance, func() { t.w.open(filepath.Dir(t.w.o.Log)) })
	filters := container.New(tiles{least: 128, gap: gap, most: 3}, framed(t.level), framed(t.part), framed(t.job))
	return stack(gap, p.header(words.T("Log"), copyAll, folder), filters,
		t.search, spread(gap, 0, t.count.Object, t.follow, t.verbose))
}

func (t *logTool) want(change func(*view.LogFilter)) {
	change(&t.filter)
	t.model.Filter(t.filter)
}

// applyModel shows what the gateway's model knows: whether the log is verbose, and which jobs there are.
func (t *logTool) applyModel(s view.Snapshot) {
	t.putting = true
	t.verbose.SetChecked(view.SettingValue(s, engine.SettingVerbose) == "true")
	t.putting = false
	runs, names := []string{""}, []string{words.T("All jobs")}
	for _, j := range s.Jobs[:min(len(s.Jobs), 50)] {
		runs = append(runs, j.ID)
		names = append(names, view.Shorten(view.Title(j), 30)+" · "+j.Taken.In(t.w.o.Now().Location()).Format("01-02 15:04"))
	}
	if strings.Join(runs, " ") != strings.Join(t.runs, " ") {
		t.runs = runs
		t.job.Options = names
		t.job.Selected = names[0]
		for i, run := range runs {
			if run == t.filter.Run {
				t.job.Selected = names[i]
			}
		}
		t.job.Refresh()
	}
}

// run reads the log while on: while the page can be seen.
func (t *logTool) run(on bool) {
	if on == (t.stop != nil) || t.w.o.Log == "" {
		return
	}
	if !on {
		t.stop()
		t.stop = nil
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	go t.model.Run(ctx)
}

func (t *logTool) show() {
	m := t.model.Snapshot()
	t.rows.apply(m)
	filtered := t.filter != view.LogFilter{}
	count := words.N(int64(m.High-m.Low), "%d line", "%d lines")
	if filtered {
		count = words.T("%s of %s match", view.Count(int64(m.High-m.Low)), words.N(int64(m.Known), "%d line", "%d lines"))
	}
	switch {
	case m.Problem != nil:
		count += " · " + m.Problem.Text
	case m.Reading:
		count += " · " + words.T("reading older files…")
	case m.More:
		count += " · " + words.T("older ones are in the folder")
	}
	t.count.set(count)
	switch {
	case m.High > m.Low, m.Reading:
		t.nothing.set("")
	case m.Known > 0:
		t.nothing.set(words.T("No line of the log matches."))
	default:
		t.nothing.set(words.T("Nothing has been logged yet."))
	}
}

// detail shows everything about one line.
func (t *logTool) detail(line view.LogLine) {
	d := view.DetailOfLine(line, t.w.o.Now().Location())
	content := stack(gapMedium, newText(d.Title, wrapped, copyable, bold).Object)
	if d.Help != "" {
		b := newBanner(d.Tone)
		b.set(words.Of(d.Help), words.Of(d.Do))
		content.Add(b.panel)
	}
	content.Add(fieldGrid(d.Fields))
	page := newScrolled(content)
	dlg := dialog.NewCustomWithoutButtons(words.T("Log line"), page, t.w.win)
	dlg.SetButtons([]fyne.CanvasObject{
		button(words.T("Copy"), "copy", widget.MediumImportance, func() { t.w.copyText(d.Raw) }),
		button(words.T("Close"), "", widget.HighImportance, dlg.Hide),
	})
	t.w.showLarge(dlg, page)
}

// leastLog is the height below which a log is of no use.
const leastLog = 120

// above puts one object over another, which takes the height that is left.
type above struct{ gap float32 }

func (a above) MinSize(objects []fyne.CanvasObject) fyne.Size {
	top, rest := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(max(top.Width, rest.Width), top.Height+a.gap+leastLog)
}

func (a above) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	top, rest := objects[0], objects[1]
	top.Move(fyne.NewPos(0, 0))
	top.Resize(fyne.NewSize(size.Width, top.Size().Height))
	h := top.MinSize().Height
	top.Resize(fyne.NewSize(size.Width, h))
	rest.Move(fyne.NewPos(0, h+a.gap))
	rest.Resize(fyne.NewSize(size.Width, max(0, size.Height-h-a.gap)))
}
