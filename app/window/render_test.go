package window

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
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

// TestEveryPageLooksAsDrawn compares with pictures that somebody has looked at. After a change of the look, copy those
// from testdata/failed over them, once you have looked at them too.
func TestEveryPageLooksAsDrawn(t *testing.T) {
	if raceDetector {
		t.Skip("drawing is slow under the detector; TestPicturesWithoutDetector has them compared")
	}
	for _, scene := range viewtest.Scenes {
		for _, variant := range []string{"light", "dark"} {
			if variant == "dark" && scene.Name != "busy" && scene.Name != "new" {
				continue
			}
			w := open(t, scene.Make(), variant)
			for i, p := range w.pages {
				if i > 0 && scene.Name != "busy" {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %s", scene.Name, p.name, variant), func(t *testing.T) {
					w.Go(i)
					size(w, 860, 580)
					looksAs(t, w, fmt.Sprintf("%s-%s-%s", strings.ToLower(p.name), scene.Name, variant))
				})
			}
		}
	}
}

func looksAs(t *testing.T, w *Window, name string) {
	t.Helper()
	if raceDetector {
		return
	}
	test.AssertRendersToImage(t, filepath.Join("pages", name+".png"), w.win.Canvas())
}

func TestTheSmallestWindowShowsEverything(t *testing.T) {
	w := open(t, viewtest.Broken(), "dark")
	size(w, 640, 440)
	looksAs(t, w, "home-broken-small")
	w.Go(2)
	size(w, 640, 440)
	looksAs(t, w, "diagnostics-broken-small")
}

func TestAJobIsShownInFull(t *testing.T) {
	w := open(t, viewtest.Busy(), "light")
	row := w.home.recent.rows[1]
	test.Tap(row)
	looksAs(t, w, "job-failed")
}
