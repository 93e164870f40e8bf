package window

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// Title is the window's title.
const Title = "Data Management Gateway"

const (
	railWidth = 178
	// With its frame the window fits on a screen of 640 x 480.
	leastWidth, leastHeight = 640, 440

	prefWidth  = "window.width"
	prefHeight = "window.height"
	prefPage   = "window.page"
)

// rememberAfter is how long the window keeps its size before that is written down.
const rememberAfter = 500 * time.Millisecond

// Options is what a window needs to know and may do.
type Options struct {
	Model *view.Model
	// Data is the data directory, Log the engine's log file; "" where it is not known.
	Data, Log string
	Version   engine.VersionInfo
	// Theme is the setting's value at the start: changing it later means reading all fonts again.
	Theme string
	// Language is the setting's value at the start; the texts were asked for in it.
	Language string
	// Login puts the program among those that start at login, nil where that cannot be set.
	Login view.LoginControl
	// Open shows a folder or a page with the desktop's own program.
	Open func(target string) error
	// Close is what the window's close button does: hide it, or keep it where nothing could bring it back.
	Close func()
	// Quit ends the program; it asks first where jobs run.
	Quit func()
	// Now is the time.
	//
	// Default: time.Now.
	Now func() time.Time
}

// Window is the program's one window.
type Window struct {
	o     Options
	app   fyne.App
	win   fyne.Window
	pages []*page
	at    int
	body  *fyne.Container
	last  view.Snapshot
	theme string
	// language is the setting's value for which the pages were made, "" where that is not known.
	language string

	home        *homePage
	settings    *settingsPage
	diagnostics *diagnosticsPage
	sheet       *sheet // the dialog that is up, nil for none
	quiet       bool   // tests show what the models of Settings and its dialogs have, at the moment that they choose
	shown       bool
	after       func(time.Duration, func()) (stop func() bool)
	stopResize  func() bool // stops what resized began, nil before
}

// page is one of the four, with its entry in the navigation.
type page struct {
	name, icon string
	object     fyne.CanvasObject
	apply      func(view.Snapshot)
	nav        *navItem
}

// New makes the window; it does not show it.
func New(app fyne.App, o Options) *Window {
	if o.Now == nil {
		o.Now = time.Now
	}
	w := &Window{o: o, app: app, win: app.NewWindow(Title), theme: "none", after: after}
	w.useTheme(o.Theme)
	w.language = o.Language
	w.makePages()
	w.build()
	return w
}

// makePages makes the pages, in the language in use.
func (w *Window) makePages() {
	w.home, w.settings, w.diagnostics = newHomePage(w), newSettingsPage(w), newDiagnosticsPage(w)
	help := newHelpPage(w)
	w.pages = []*page{
		{name: words.T("Home"), icon: "home", object: w.home.object, apply: w.home.apply},
		{name: words.T("Settings"), icon: "settings", object: w.settings.object, apply: w.settings.apply},
		{name: words.T("Diagnostics"), icon: "diagnostics", object: w.diagnostics.object, apply: w.diagnostics.apply},
		{name: words.T("Help"), icon: "help", object: help, apply: func(view.Snapshot) {}},
	}
}

// layOut puts the navigation beside the pages.
func (w *Window) layOut() {
	rail := stack(2, w.brand())
	objects := make([]fyne.CanvasObject, 0, len(w.pages))
	for i, p := range w.pages {
		p.nav = newNavItem(p.name, p.icon, func() { w.Go(i) })
		rail.Add(p.nav.pressable)
		objects = append(objects, p.object)
	}
	w.body = container.NewStack(objects...)
	side := newPanel(colorRail, "", 0, wide(railWidth, container.NewBorder(container.New(inset{gapMedium, gap, gap, gap}, rail), nil, nil, nil)))
	w.win.SetContent(container.New(minSize{leastWidth, leastHeight, w.resized}, container.New(bare{}, side, w.body)))
}

func (w *Window) build() {
	w.layOut()
	w.win.SetPadded(false)
	w.win.SetIcon(Icon())
	w.win.SetMaster()
	w.win.SetCloseIntercept(func() {
		if w.o.Close != nil {
			w.o.Close()
		}
	})
	prefs := w.app.Preferences()
	width, height := prefs.FloatWithFallback(prefWidth, 860), prefs.FloatWithFallback(prefHeight, 580)
	w.win.Resize(fyne.NewSize(max(leastWidth, float32(width)), max(leastHeight, float32(height))))
	w.shortcuts()
	w.Go(min(max(0, prefs.Int(prefPage)), len(w.pages)-1))
}

func (w *Window) brand() fyne.CanvasObject {
	name := stack(0, newText("Data Management", brandName).Object, newText("Gateway", brandName).Object)
	return container.New(inset{4, 0, gapMedium, 6}, row(10, picture(Icon(), 30), name))
}

// bare puts the rail to the left and the page beside it, without a distance.
type bare struct{}

func (bare) MinSize(objects []fyne.CanvasObject) fyne.Size {
	a, b := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(a.Width+b.Width, max(a.Height, b.Height))
}

func (bare) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	side := objects[0].MinSize().Width
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(fyne.NewSize(side, size.Height))
	objects[1].Move(fyne.NewPos(side, 0))
	objects[1].Resize(fyne.NewSize(size.Width-side, size.Height))
}

// minSize keeps the window from becoming smaller than its pages can bear.
type minSize struct {
	width, height float32
	laidOut       func()
}

func (m minSize) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[0].MinSize().Max(fyne.NewSize(m.width, m.height))
}

func (m minSize) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(size)
	m.laidOut()
}

// Go shows a page, 0 to 3.
func (w *Window) Go(i int) {
	w.at = i
	for j, p := range w.pages {
		p.nav.choose(i == j)
		show(p.object, i == j)
	}
	w.diagnostics.watch(w.shown && i == 2)
	w.pages[i].apply(w.last)
	if prefs := w.app.Preferences(); prefs.Int(prefPage) != i {
		prefs.SetInt(prefPage, i)
	}
}

// Apply shows a snapshot.
func (w *Window) Apply(s view.Snapshot) {
	w.last = s
	if t := view.SettingValue(s, engine.SettingTheme); t != "" {
		w.useTheme(t)
	}
	w.useLanguage(view.SettingValue(s, engine.SettingLanguage))
	if w.shown {
		w.pages[w.at].apply(s)
	}
}

func (w *Window) useTheme(name string) {
	if name == "" {
		name = "system"
	}
	if name != w.theme {
		w.theme = name
		w.app.Settings().SetTheme(Theme{Variant: name})
	}
}

// Show brings the window up, in front of others where the desktop lets it.
func (w *Window) Show() {
	w.shown = true
	w.pages[w.at].apply(w.last)
	w.win.Show()
	w.win.RequestFocus()
	w.diagnostics.watch(w.at == 2)
}

// Hide hides it; the tray brings it back.
func (w *Window) Hide() {
	w.remember()
	w.shown = false
	w.diagnostics.watch(false)
	w.win.Hide()
}

// Shown reports whether the window is up.
func (w *Window) Shown() bool { return w.shown }

// resized remembers the window's size once it has kept it for a moment: a crash does not ask first.
func (w *Window) resized() {
	if !w.shown {
		return
	}
	if w.stopResize != nil {
		w.stopResize()
	}
	w.stopResize = w.after(rememberAfter, w.remember)
}

// remember keeps the window's size for the next start.
func (w *Window) remember() {
	size := w.win.Canvas().Size()
	if !w.shown || size.Width <= 0 || size.Height <= 0 {
		return
	}
	prefs := w.app.Preferences()
	for name, length := range map[string]float32{prefWidth: size.Width, prefHeight: size.Height} {
		if prefs.Float(name) != float64(length) {
			prefs.SetFloat(name, float64(length))
		}
	}
}

// SendLogs brings the window up with what is needed to send the logs.
func (w *Window) SendLogs() {
	w.Show()
	w.Go(2)
	w.diagnostics.open(&w.diagnostics.send.tool)
}

// TellOnce tells something that a person has to know once and for all, by its name.
func (w *Window) TellOnce(name, title, text string) {
	prefs := w.app.Preferences()
	if name = "told." + name; prefs.Bool(name) {
		return
	}
	prefs.SetBool(name, true)
	w.Tell(title, text)
}

// End gives up what the window holds, before the program ends.
func (w *Window) End() {
	if w.stopResize != nil {
		w.stopResize()
	}
	w.remember()
	w.diagnostics.watch(false)
	w.settings.end()
}

// Ask asks a question that has consequences; yes names them and is called on confirmation.
func (w *Window) Ask(title, question, yes, no string, danger bool, confirmed func()) {
	body := container.New(inset{0, 0, gap, 0}, wide(400, newText(question, wrapped).Object))
	d := dialog.NewCustomConfirm(title, yes, no, body, func(ok bool) {
		if ok {
			confirmed()
		}
	}, w.win)
	if danger {
		d.SetConfirmImportance(widget.DangerImportance)
	}
	d.Show()
}

// Tell tells something that a person has to know.
func (w *Window) Tell(title, text string) {
	dialog.NewCustom(title, words.T("OK"), wide(400, newText(text, wrapped).Object), w.win).Show()
}

// open shows a folder or page with the desktop's program, and says so when it cannot.
func (w *Window) open(target string) {
	go func() {
		if err := w.o.Open(target); err != nil {
			fyne.Do(func() { w.Tell(words.T("This cannot be opened here"), target+"\n\n"+view.Sentence(err.Error())) })
		}
	}()
}

func (w *Window) copyText(s string) { w.app.Clipboard().SetContent(s) }

// Follow shows every change of the model until ctx ends.
func (w *Window) Follow(ctx context.Context) { follow(ctx, w.o.Model, w.Apply) }

// navItem is one line of the navigation.
type navItem struct {
	*pressable
	iconName string
	image    *canvas.Image
	label    *text
}

func newNavItem(name, iconName string, tapped func()) *navItem {
	n := &navItem{iconName: iconName, image: picture(tinted(iconName, theme.ColorNameDisabled), 18), label: newText(name)}
	n.pressable = newPressable(container.New(inset{8, 10, 8, 10}, spread(10, 1, n.image, n.label.Object)), "", "", 6, tapped)
	return n
}

func (n *navItem) choose(on bool) {
	n.fill = ""
	color := theme.ColorNameDisabled
	if on {
		n.fill, color = colorChosen, theme.ColorNamePrimary
	}
	n.label.TextStyle.Bold = on
	n.label.Refresh()
	setPicture(n.image, tinted(n.iconName, color))
	n.paint()
}

// ShowFailure shows a small window that says why the program cannot start.
func ShowFailure(app fyne.App, what, remedy string) {
	app.Settings().SetTheme(Theme{})
	win := app.NewWindow(Title)
	win.SetIcon(Icon())
	closing := button(words.T("Close"), "", widget.HighImportance, app.Quit)
	win.SetContent(padded(gapLarge, stack(gapMedium,
		container.New(line{gap: gapMedium, grow: 1, top: true}, picture(markResource("disconnected"), 44),
			stack(gapSmall, newText(words.T("The gateway cannot start"), subhead).Object, newText(what, wrapped, copyable).Object, newText(remedy, wrapped, muted, copyable).Object)),
		container.NewHBox(layout.NewSpacer(), closing))))
	win.SetMaster()
	win.Resize(fyne.NewSize(520, 200))
	win.CenterOnScreen()
	win.Show()
}
