package tray

import (
	"context"
	"runtime"
	"sync"
	"time"

	"fyne.io/systray"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/assets"
	"dmgateway/engine"
)

// betweenUpdates is the least time between two: each is a few messages to the desktop.
const betweenUpdates = 250 * time.Millisecond

// Actions is what the tray lets a person do. They are called from a goroutine of the tray.
type Actions struct {
	Open, Quit func()
	// SendLogs can be nil where there is no window for it: the menu does not offer it then.
	SendLogs func()
}

// Tray is the icon. There is one in a program.
type Tray struct {
	model   *view.Model
	actions Actions
	built   chan struct{} // closed once the menu is there
	ready   chan struct{} // closed once the desktop's part has begun and takes changes
	quitted chan struct{}

	state, open, start, stop, register, update, sendLogs, quit *systray.MenuItem

	language string // the setting's value, known to Follow only

	mu    sync.Mutex // protects what follows
	shown view.Tray
	drawn bool
}

// New makes the tray; Start or Run show it.
func New(model *view.Model, actions Actions) *Tray {
	return &Tray{model: model, actions: actions, built: make(chan struct{}), ready: make(chan struct{}), quitted: make(chan struct{})}
}

// Start shows the icon beside a window that has the program's main loop. It must be called from that loop, and end from
// there too.
func (t *Tray) Start() (end func()) {
	t.prepare()
	start, stop := systray.RunWithExternalLoop(t.build, func() {})
	start()
	go t.begin()
	return stop
}

// begin lets Follow show changes. On Linux the library loses those that come while it starts, so what the menu was built
// with is shown once more.
func (t *Tray) begin() {
	<-t.built
	t.mu.Lock()
	t.drawn = false
	t.mu.Unlock()
	t.apply(view.TrayOf(t.model.Snapshot()))
	close(t.ready)
}

// Run shows the icon where there is no window, and has the program's main loop until Quit. It must be called from the
// main goroutine.
func (t *Tray) Run() {
	if runtime.GOOS == "linux" { // which has no loop, but has to be told from outside when the start is over
		t.Start()
		<-t.quitted // the icon goes with the process
		return
	}
	t.prepare()
	go t.begin()
	systray.Run(t.build, func() {})
}

// Quit ends Run. It is called once.
func (t *Tray) Quit() {
	close(t.quitted)
	if runtime.GOOS != "linux" {
		systray.Quit()
	}
}

// prepare sets what has to be known before the desktop asks for it.
func (t *Tray) prepare() {
	if runtime.GOOS != "windows" {
		systray.SetTitle("Data Management Gateway")
	}
	systray.SetOnTapped(func() { go t.actions.Open() })
}

func (t *Tray) build() {
	add := func() *systray.MenuItem { return systray.AddMenuItem("", "") }
	t.state = add()
	t.state.Disable()
	systray.AddSeparator()
	t.open, t.register, t.start, t.stop, t.update = add(), add(), add(), add(), add()
	systray.AddSeparator()
	t.sendLogs = add()
	visible(t.sendLogs, t.actions.SendLogs != nil)
	t.quit = add()
	t.apply(view.TrayOf(t.model.Snapshot()))
	close(t.built)
}

// Follow shows every change of the model and does what is clicked, until ctx ends.
func (t *Tray) Follow(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-t.built:
	}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { t.clicks(ctx) })
	select {
	case <-ctx.Done():
		return
	case <-t.ready:
	}
	changed, stop := t.model.Watch()
	defer stop()
	var wait <-chan time.Time
	for {
		news := changed
		if wait != nil {
			news = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
			t.look()
			wait = time.After(betweenUpdates)
		case <-wait:
			wait = nil
		}
	}
}

// clicks does what is clicked, until ctx ends. It does nothing else: the library drops a click that nobody waits for.
func (t *Tray) clicks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.open.ClickedCh:
			t.actions.Open()
		case <-t.register.ClickedCh:
			t.actions.Open()
		case <-t.start.ClickedCh:
			t.model.Start()
		case <-t.stop.ClickedCh:
			t.model.Stop()
		case <-t.update.ClickedCh:
			t.model.InstallUpdate()
		case <-t.sendLogs.ClickedCh:
			if t.actions.SendLogs != nil {
				t.actions.SendLogs()
			}
		case <-t.quit.ClickedCh:
			t.actions.Quit()
		}
	}
}

// look shows the present moment, in the language that is set.
func (t *Tray) look() {
	s := t.model.Snapshot()
	if l := view.SettingValue(s, engine.SettingLanguage); l != "" && l != t.language {
		t.language = l
		words.Use(l)
	}
	t.apply(view.TrayOf(s))
}

// apply changes what differs from what is shown.
func (t *Tray) apply(v view.Tray) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, first := t.shown, !t.drawn
	t.shown, t.drawn = v, true
	if first || old.Mark != v.Mark {
		setIcon(iconOf(v.Mark))
	}
	if first || old.Tooltip != v.Tooltip {
		systray.SetTooltip(v.Tooltip)
	}
	if first || old.Language != v.Language {
		t.label()
	}
	if first || old.State != v.State {
		t.state.SetTitle(v.State)
	}
	if first || old.RegistrationNeeded != v.RegistrationNeeded {
		visible(t.register, v.RegistrationNeeded)
		visible(t.start, !v.RegistrationNeeded)
		visible(t.stop, !v.RegistrationNeeded)
	}
	if first || old.Update != v.Update {
		t.update.SetTitle(v.Update)
		visible(t.update, v.Update != "")
	}
	if first || old.CanUpdate != v.CanUpdate {
		enable(t.update, v.CanUpdate)
	}
	if first || old.CanStart != v.CanStart {
		enable(t.start, v.CanStart)
	}
	if first || old.CanStop != v.CanStop {
		enable(t.stop, v.CanStop)
	}
}

// label names the menu's entries in the language in use.
func (t *Tray) label() {
	name := func(i *systray.MenuItem, title, tip string) {
		i.SetTitle(title)
		i.SetTooltip(tip)
	}
	name(t.open, words.T("Open"), words.T("Open the window"))
	name(t.register, words.T("Register…"), words.T("Register with a gateway key"))
	name(t.start, words.T("Start"), words.T("Connect and take jobs"))
	name(t.stop, words.T("Stop"), words.T("Take no jobs"))
	name(t.sendLogs, words.T("Send logs…"), words.T("Send the logs to the data factory, so that somebody can find what is wrong"))
	name(t.quit, words.T("Quit…"), words.T("End the program"))
}

// setIcon changes the picture. The library panics where the session bus has gone: the gateway goes on without an icon.
func setIcon(picture []byte) {
	defer func() { _ = recover() }()
	systray.SetIcon(picture)
}

func enable(i *systray.MenuItem, on bool) {
	if on {
		i.Enable()
	} else {
		i.Disable()
	}
}

func visible(i *systray.MenuItem, on bool) {
	if on {
		i.Show()
	} else {
		i.Hide()
	}
}

func iconOf(m view.Mark) []byte {
	if runtime.GOOS == "windows" {
		return assets.TrayICO(string(m))
	}
	return assets.TrayPNG(string(m))
}
