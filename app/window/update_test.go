package window

import (
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// updating is a gateway whose update is changed by change.
func updating(change func(*engine.UpdateStatus)) func() *viewtest.Controller {
	return func() *viewtest.Controller {
		c := viewtest.Offered()
		change(&c.Now.Update)
		return c
	}
}

func TestUpdatesLookAsDrawn(t *testing.T) {
	nothing := func(*testing.T, *Window) {}
	inLooks(t, "update-scheduled", viewtest.Offered, nothing)
	inLooks(t, "update-downloading", updating(func(u *engine.UpdateStatus) {
		u.State, u.Done, u.Total = engine.UpdateDownloading, 19_300_000, 41_000_000
	}), nothing)
	inLooks(t, "update-waiting", func() *viewtest.Controller {
		c := viewtest.Busy()
		c.Now.Update = viewtest.Offered().Now.Update
		c.Now.State, c.Now.Reason = engine.Updating, "The program is being replaced by a newer version. No new jobs are taken meanwhile."
		c.Now.Update.State = engine.UpdateWaiting
		return c
	}, nothing)
	inLooks(t, "update-failed", updating(func(u *engine.UpdateStatus) {
		u.State, u.Scheduled, u.Problem = engine.UpdateFailed, nil, "the update feed is not to be trusted"
		u.Remedy = "Check the address of the feed, and whether a proxy or a sign-in page answers in its place."
	}), nothing)
	inLooks(t, "update-done", updating(func(u *engine.UpdateStatus) {
		*u = engine.UpdateStatus{
			State: engine.UpdateNone, Checked: viewtest.Now,
			Updated: &engine.Updated{From: "0.0.9", To: "0.1.0", When: viewtest.Now.Add(-8*time.Hour - 28*time.Minute), Notes: u.Notes},
		}
	}), nothing)
	inLooks(t, "update-off", updating(func(u *engine.UpdateStatus) {
		*u = engine.UpdateStatus{Off: "This build has no key of whoever makes the updates; install newer versions by hand."}
	}), nothing)
	inLooks(t, "update-notes", viewtest.Offered, func(_ *testing.T, w *Window) { test.Tap(w.home.update.notes) })
	inLooks(t, "update-asked", func() *viewtest.Controller {
		c := viewtest.Busy()
		c.Now.Update = viewtest.Offered().Now.Update
		return c
	}, func(_ *testing.T, w *Window) { w.home.update.install() })
}

func TestAnUpdateIsAskedForInTheWindow(t *testing.T) {
	c := viewtest.Offered()
	c.Gate = make(chan struct{})
	c.UpdateSteps = []engine.UpdateStep{{State: engine.UpdateWaiting}}
	w := open(t, c, "light")
	u := w.home.update
	if !u.Visible() || u.quiet.Visible() || u.title.Text != "Version 0.2.0 is available." || !u.now.Visible() || u.later.Visible() {
		t.Fatalf("it says %q", u.title.Text)
	}
	test.Tap(u.now)
	settle(t, w, func(s view.Snapshot) bool { return view.UpdateOf(s, viewtest.Now).Tone == view.Warning })
	if u.now.Visible() || !u.later.Visible() {
		t.Error("it can be asked for twice, or not be left")
	}
	test.Tap(u.later)
	settle(t, w, func(s view.Snapshot) bool { return view.UpdateOf(s, viewtest.Now).CanInstall })
	if !u.now.Visible() || u.later.Visible() {
		t.Error("after it was left it cannot be asked for again")
	}
	now := c.Now
	now.Update = engine.UpdateStatus{State: engine.UpdateNone, Updated: &engine.Updated{To: "0.2.0", When: viewtest.Now}}
	c.Tell(engine.Event{Status: &now})
	settle(t, w, func(s view.Snapshot) bool { return s.Status.Update.Updated != nil })
	if !u.updated.Visible() || u.updated.title.Text != "Updated to version 0.2.0." || u.Visible() || !u.quiet.Visible() {
		t.Errorf("it says %q", u.updated.title.Text)
	}
	test.Tap(u.updated.close)
	until(t, func() bool { return slices.Contains(c.Asked(), "dismiss update") })
	test.Tap(u.check)
	until(t, func() bool { return slices.Contains(c.Asked(), "check update") })
}

func TestQuestionsAndTheFirstStepsLookAsDrawn(t *testing.T) {
	inLooks(t, "question", viewtest.Busy, func(_ *testing.T, w *Window) { w.home.askStop() })
	inLooks(t, "told", viewtest.Idle, func(_ *testing.T, w *Window) {
		w.Tell(words.T("This cannot be opened here"), "/var/lib/dmgateway/sample\n\nThere is no program for folders.")
	})
	inLooks(t, "welcome-trying", func() *viewtest.Controller {
		c := viewtest.New()
		c.Gate = make(chan struct{})
		c.Steps = []engine.RegisterStep{{Text: "Starting the built-in factory"}, {Text: "Making a gateway and its key"}}
		return c
	}, func(t *testing.T, w *Window) {
		t.Helper()
		w.o.Model.TryIt()
		settle(t, w, func(s view.Snapshot) bool { return len(s.Steps) == 2 })
		again(w)
	})
}
