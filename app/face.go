package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"fyne.io/fyne/v2"

	"dmgateway/app/tray"
	"dmgateway/app/view"
	"dmgateway/app/window"
	"dmgateway/app/words"
)

// face joins window and tray: what closing and quitting mean. Its methods run on Fyne's goroutine unless they say
// otherwise.
type face struct {
	p       *program
	app     fyne.App
	w       *window.Window
	endTray func()
}

// follow brings the window up whenever somebody asks for it. It runs on a goroutine of its own.
func (f *face) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.p.shows:
			fyne.Do(f.w.Show)
		}
	}
}

// hidden reports whether the window is not up. It does not run on Fyne's goroutine.
func (f *face) hidden() bool {
	told := make(chan bool, 1)
	fyne.Do(func() { told <- !f.w.Shown() })
	select {
	case hidden := <-told:
		return hidden
	case <-time.After(5 * time.Second): // the window is about to end
		return true
	}
}

// settle gives memory back that only the start needed. It runs on a goroutine of its own.
func (f *face) settle(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
		debug.FreeOSMemory()
	}
}

// close hides the window where the tray can bring it back, and otherwise says that the gateway goes on with it only.
func (f *face) close() {
	go func() {
		if tray.HasTray() {
			fyne.DoAndWait(f.w.Hide)
			debug.FreeOSMemory()
			return
		}
		fyne.Do(func() {
			f.w.Ask(words.T("Quit the gateway?"), words.T("This desktop has no place for a tray icon, so the window stays open while the gateway runs. Minimise it, or quit: jobs are not taken then."),
				words.T("Quit"), words.T("Keep running"), true, f.app.Quit)
		})
	}()
}

// waitForTray says once, ever, that there is no place for a tray icon, and then shows the window also where the program
// was to start without: nothing else would be left of it. At login the place may come after the program. It runs on a
// goroutine of its own.
func (f *face) waitForTray(ctx context.Context) {
	for range trayTries {
		if tray.HasTray() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(trayWait / trayTries):
		}
	}
	fyne.Do(func() {
		if ctx.Err() != nil {
			return
		}
		f.w.Show()
		f.w.TellOnce("no-tray", words.T("No tray icon on this desktop"),
			words.T("This desktop has no place for tray icons, so the gateway keeps its window: minimise it and it goes on. On GNOME the extension AppIndicator makes such a place."))
	})
}

// trayWait is how long a place for tray icons may take to come, trayTries how often is asked meanwhile.
const (
	trayWait  = 20 * time.Second
	trayTries = 20
)

// quit ends the program, after a question where jobs run.
func (f *face) quit() {
	question := view.QuitQuestion(f.p.model.Snapshot())
	if question == "" {
		f.app.Quit()
		return
	}
	f.w.Show()
	f.w.Ask(words.T("Quit while jobs are running?"), question, words.T("Quit"), words.T("Keep running"), true, f.app.Quit)
}

// end takes the icon away. On Linux it goes with the process; on Windows it would stay until somebody points at it.
func (f *face) end() {
	if f.endTray != nil && runtime.GOOS == "windows" {
		f.endTray()
	}
}
