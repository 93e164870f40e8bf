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
			f.w.Ask("Quit the gateway?", "This desktop has no place for a tray icon, so the window stays open while the gateway runs. Minimise it, or quit: jobs are not taken then.",
				"Quit", "Keep running", true, f.app.Quit)
		})
	}()
}

// quit ends the program, after a question where jobs run.
func (f *face) quit() {
	question := view.QuitQuestion(f.p.model.Snapshot())
	if question == "" {
		f.app.Quit()
		return
	}
	f.w.Show()
	f.w.Ask("Quit while jobs are running?", question, "Quit", "Keep running", true, f.app.Quit)
}

// end takes the icon away. On Linux it goes with the process; on Windows it would stay until somebody points at it.
func (f *face) end() {
	if f.endTray != nil && runtime.GOOS == "windows" {
		f.endTray()
	}
}
