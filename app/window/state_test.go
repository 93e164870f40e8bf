package window

import (
	"testing"
	"time"

	"dmgateway/app/view/viewtest"
)

// TestSizeAndPageOutliveACrash has a window whose End is never called, as when the program is killed.
func TestSizeAndPageOutliveACrash(t *testing.T) {
	w := open(t, viewtest.Idle(), "light")
	var calm func()
	stopped := 0
	w.after = func(_ time.Duration, f func()) func() bool {
		calm = f
		return func() bool { stopped++; return true }
	}
	size(w, 911, 666)
	w.Go(2)
	prefs := w.app.Preferences()
	if got := prefs.Float(prefWidth); got == 911 {
		t.Error("every step of a resize is written down")
	}
	if calm == nil || stopped == 0 {
		t.Fatal("a resize is not waited out")
	}
	calm()
	if width, height := prefs.Float(prefWidth), prefs.Float(prefHeight); width != 911 || height != 666 {
		t.Errorf("it remembers %v x %v", width, height)
	}
	again := New(w.app, w.o)
	if got := again.win.Canvas().Size(); got.Width != 911 || got.Height != 666 || again.at != 2 {
		t.Errorf("the next start shows page %d at %v", again.at, got)
	}
}

func TestWhatWasRememberedMayBeNonsense(t *testing.T) {
	w := open(t, viewtest.Idle(), "light")
	w.app.Preferences().SetInt(prefPage, 99)
	w.app.Preferences().SetFloat(prefWidth, -5)
	w.app.Preferences().SetFloat(prefHeight, 1)
	again := New(w.app, w.o)
	if got := again.win.Canvas().Size(); got.Width < 640 || got.Height < 440 || again.at >= len(again.pages) {
		t.Errorf("it shows page %d at %v", again.at, got)
	}
}

func TestTheTraysSendLogsOpensTheTool(t *testing.T) {
	w := open(t, viewtest.Busy(), "light")
	w.Hide()
	w.SendLogs()
	if !w.shown || w.at != 2 || w.diagnostics.at != &w.diagnostics.send.tool || !w.diagnostics.send.object.Visible() {
		t.Error("it does not show what sends the logs")
	}
}

func TestWhatIsSaidOnceIsNotSaidAgain(t *testing.T) {
	w := open(t, viewtest.Idle(), "light")
	w.TellOnce("x", "Title", "Text")
	if w.win.Canvas().Overlays().Top() == nil {
		t.Fatal("nothing is said")
	}
	answer(t, w, "OK")
	w.TellOnce("x", "Title", "Text")
	if w.win.Canvas().Overlays().Top() != nil {
		t.Error("it is said twice")
	}
}
