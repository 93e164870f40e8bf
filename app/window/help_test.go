package window

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/assets"
)

func TestHelpSaysWhatTheProgramIs(t *testing.T) {
	eachLook(t, "help", func(_ *testing.T, w *Window) { w.Go(3) })
}

func TestHelpExplainsACode(t *testing.T) {
	eachLook(t, "help-code", func(t *testing.T, w *Window) {
		w.Go(3)
		for _, o := range test.LaidOutObjects(w.pages[3].object) {
			if f, ok := o.(*field); ok {
				f.SetText("SignInFailed")
				return
			}
		}
		t.Fatal("codes cannot be searched for")
	})
}

func TestWhatLeavesTheComputerIsSaid(t *testing.T) {
	eachLook(t, "privacy", func(_ *testing.T, w *Window) { w.Go(3); w.showPrivacy() })
}

func TestALongTextIsShownLineByLine(t *testing.T) {
	eachLook(t, "licence", func(t *testing.T, w *Window) {
		t.Helper()
		w.Go(3)
		w.showLines(words.T("Licence"), assets.Text("LICENSE"))
	})
}

func TestEscapeLeadsBackAndCtrlFToTheSearch(t *testing.T) {
	w := open(t, diagnosed(), "light")
	w.diagnostics.quiet = true
	w.keys()[fyne.KeyF]()
	if w.at != 2 || w.diagnostics.at != &w.diagnostics.log.tool || w.win.Canvas().Focused() != fyne.Focusable(w.diagnostics.log.search) {
		t.Error("the log cannot be searched by key")
	}
	w.win.Canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if w.diagnostics.at != nil || !w.diagnostics.front.Visible() {
		t.Error("Escape does not lead back")
	}
	if got := len(view.UsualKeys()); got == 0 {
		t.Error("no keys are told")
	}
}
