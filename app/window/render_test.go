package window

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// open makes a window on a scene, with everything that the engine tells at first already shown.
func open(t *testing.T, c *viewtest.Controller, variant string) *Window {
	t.Helper()
	c.Do(func(c *viewtest.Controller) {
		for i := range c.Set {
			if c.Set[i].Name == engine.SettingTheme {
				c.Set[i].Value = variant
			}
		}
	})
	app := test.NewTempApp(t)
	m := view.New(c, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	w := New(app, Options{
		Model: m, Data: "/var/lib/dmgateway", Now: func() time.Time { return viewtest.Now }, Open: func(string) error { return nil },
		Version: engine.VersionInfo{Version: "0.1.0", Commit: "0123456789ab", Go: "go1.26.0", System: "linux/amd64"},
	})
	w.after = func(time.Duration, func()) (stop func() bool) { return func() bool { return true } } // tests let time pass themselves
	w.home.charts.next = w.after(0, nil)
	w.home.charts.apply(drawnCharts(c))
	w.quiet = true
	t.Cleanup(w.End)
	w.Show()
	until(t, func() bool {
		s := m.Snapshot()
		return s.Known && len(view.SettingsOf(s)) > 0 && len(s.Jobs) == len(c.List)
	})
	w.Apply(m.Snapshot())
	size(w, 860, 580)
	return w
}

// size gives the window a size and lets it lay itself out.
func size(w *Window, width, height float32) {
	w.win.Resize(fyne.NewSize(width, height+1))
	w.win.Resize(fyne.NewSize(width, height))
	w.Go(w.at)
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// aLook is a way in which every page and dialog is drawn.
type aLook struct {
	variant, language    string
	width, height, scale float32
}

// looks are two, which have both of everything: themes, languages, scales, and the usual and the least size. After a
// change of what is drawn, copy the pictures from testdata/failed over those in testdata/pages, once you have looked at
// them.
var looks = []aLook{{"light", "en", 860, 580, 1}, {"dark", "de", leastWidth, leastHeight, 2}}

func (l aLook) String() string { return l.variant + "-" + l.language }

// inLooks draws a scene in each look. do may change the window's size; what it brings up has to be there when it returns.
func inLooks(t *testing.T, name string, scene func() *viewtest.Controller, do func(t *testing.T, w *Window)) {
	t.Helper()
	if raceDetector {
		t.Skip("drawing is slow under the detector; TestPicturesWithoutDetector has them compared")
	}
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			speak(t, l.language)
			w := open(t, scene(), l.variant)
			w.look(l)
			do(t, w)
			looksAs(t, w, name+"-"+l.String())
		})
	}
}

// look gives the window a look's size and scale.
func (w *Window) look(l aLook) {
	w.win.Canvas().(interface{ SetScale(scale float32) }).SetScale(l.scale)
	size(w, l.width, l.height)
}

// again lays the window out once more.
func again(w *Window) {
	s := w.win.Canvas().Size()
	size(w, s.Width, s.Height)
}

func looksAs(t *testing.T, w *Window, name string) {
	t.Helper()
	if raceDetector {
		return
	}
	test.AssertRendersToImage(t, filepath.Join("pages", name+".png"), w.win.Canvas())
}
