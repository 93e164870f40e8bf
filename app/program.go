package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"
	"github.com/pkg/browser"

	"dmgateway/app/login"
	"dmgateway/app/tray"
	"dmgateway/app/view"
	"dmgateway/app/window"
	"dmgateway/app/words"
	"dmgateway/engine"
)

const appID = "io.github.dmgateway.DataManagementGateway"

// program is the running desktop program: the engine, what follows it, and a face.
type program struct {
	o      options
	engine *engine.Engine
	model  *view.Model
	notes  *view.Notifier
	notify tray.Notify
	shows  chan struct{} // somebody asked for the window
	stop   context.CancelFunc
	work   sync.WaitGroup
	again  []string // start again with these arguments, nil = not; read after end
}

func newProgram(o options, e *engine.Engine) *program {
	browser.Stdout = os.Stderr
	p := &program{o: o, engine: e, shows: make(chan struct{}, 1)}
	words.Use(p.setting(engine.SettingLanguage))
	p.model = view.New(e, p.event)
	p.notes = view.NewNotifier(p.notification)
	return p
}

// begin starts what goes on beside the face until end.
func (p *program) begin() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.work.Go(func() { p.model.Run(ctx) })
	p.work.Go(func() { p.notes.Run(ctx) })
	return ctx
}

// restart ends the face when the engine asks for another version of the program, which starts as visible as this one is.
func (p *program) restart(ctx context.Context, hidden func() bool, quit func()) {
	select {
	case <-p.engine.Restarts():
		p.again = restartArgs(os.Args[1:], hidden())
		quit()
	case <-ctx.Done():
	}
}

// end stops all that and the engine: jobs that run come to a checkpoint.
func (p *program) end() error {
	p.stop()
	p.work.Wait()
	return p.engine.Close()
}

func (p *program) event(ev engine.Event) {
	switch {
	case ev.Show:
		p.show()
	case ev.Status != nil:
		p.notes.Warnings(ev.Status.Warnings)
	case ev.Notice != nil:
		p.notes.Notice(*ev.Notice)
	}
}

// show asks the face to come up; asking twice before it did is asking once.
func (p *program) show() {
	select {
	case p.shows <- struct{}{}:
	default:
	}
}

func (p *program) notification(n engine.Notice) {
	if !view.Wanted(p.model.Snapshot(), n.ID) {
		return
	}
	_ = p.notify.Show(n) // a desktop without notifications has the same in its window
}

// open shows a folder or a page with the desktop's own program.
func (p *program) open(target string) error {
	if filepath.IsAbs(target) {
		return browser.OpenFile(target)
	}
	return browser.OpenURL(target)
}

func newApp() fyne.App {
	// Without metadata of its own a development build reads whatever FyneApp.toml lies beside the program.
	// fyneDo says that widgets are touched by the interface's goroutine only, so that Fyne need not look at each call which
	// one it is in.
	fyneapp.SetMetadata(fyne.AppMetadata{
		ID: appID, Name: window.Title, Version: engine.Version().Version, Icon: window.Icon(), Migrations: map[string]bool{"fyneDo": true},
	})
	return fyneapp.NewWithID(appID)
}

// runWindow shows window and tray until the program is to end. It has the main goroutine.
func (p *program) runWindow() {
	app := newApp()
	var w *window.Window
	f := &face{p: p, app: app}
	w = window.New(app, window.Options{
		Model: p.model, Data: p.engine.Data(), Log: p.engine.LogFile(), Version: engine.Version(), Theme: p.setting(engine.SettingTheme),
		Language: p.setting(engine.SettingLanguage), Login: p.login(), Open: p.open, Close: f.close, Quit: f.quit,
	})
	f.w = w
	icon := tray.New(p.model, tray.Actions{Open: p.show, SendLogs: func() { fyne.Do(w.SendLogs) }, Quit: func() { fyne.Do(f.quit) }})
	ctx := p.begin()
	app.Lifecycle().SetOnStarted(func() {
		f.endTray = icon.Start()
		p.work.Go(func() { icon.Follow(ctx) })
		p.work.Go(func() { w.Follow(ctx) })
		p.work.Go(func() { f.follow(ctx) })
		p.work.Go(func() { p.restart(ctx, f.hidden, func() { fyne.Do(app.Quit) }) })
		p.work.Go(func() { f.settle(ctx) })
		p.work.Go(func() { f.waitForTray(ctx) })
		if !p.o.hidden {
			w.Apply(p.model.Snapshot())
			w.Show()
		}
	})
	app.Lifecycle().SetOnStopped(func() { w.End() })
	app.Run()
	f.end()
}

// setting is a setting's value, before the model has heard of it.
func (p *program) setting(name string) string {
	settings, err := p.engine.Settings(context.Background())
	if err != nil {
		return ""
	}
	for _, s := range settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// login puts the program among those that start at login, nil where it does not know its own place.
func (p *program) login() view.LoginControl {
	entry, err := login.New(p.o.data)
	if err != nil {
		return nil
	}
	return entry
}

// showError tells why the program cannot start, in a window of its own.
func showError(err error) {
	e := engine.ErrorOf(err)
	app := newApp()
	window.ShowFailure(app, view.Sentence(e.Message), view.Sentence(e.Hint))
	app.Run()
}
