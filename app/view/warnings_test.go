package view_test

import (
	"testing"
	"testing/synctest"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

var (
	diskLow = engine.Warning{ID: "disk", Title: "The disk is nearly full", Text: "The disk of /data has 900 MB left of 97.9 GB.", Remedy: "Make room on the disk, or choose folders on another one."}
	clock   = engine.Warning{
		ID: "clock", Title: "The clock is off", Grave: true, Remedy: "Set this machine's clock, and turn on its synchronisation with a time server.",
		Text: "This machine's clock is 9m0s ahead of the data factory's. Sign-in fails when they differ by more than a few minutes.",
	}
)

func TestAWarningStaysAwayWhileOnlyItsNumbersChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Now.Warnings = []engine.Warning{clock, diskLow}
		m := run(t, c, nil)
		synctest.Wait()
		shown := func() []view.WarningView { return view.HomeOf(m.Snapshot(), viewtest.Now).Warnings }
		list := shown()
		if len(list) != 2 || list[0].Tone != view.Bad || list[0].Closable || list[1].Tone != view.Warning || !list[1].Closable {
			t.Fatalf("%+v", list)
		}
		for _, w := range list {
			m.CloseWarning(w.Key)
		}
		if list = shown(); len(list) != 1 || list[0].Title != clock.Title {
			t.Errorf("after both were closed: %+v", list)
		}
		less := diskLow
		less.Text = "The disk of /data has 720 MB left of 97.9 GB."
		other := diskLow
		other.Text = "The disk of /srv has 720 MB left of 97.9 GB."
		now := c.Now
		now.Warnings = []engine.Warning{clock, less, other}
		c.Tell(engine.Event{Status: &now})
		synctest.Wait()
		if list = shown(); len(list) != 2 || list[1].Text != other.Text {
			t.Errorf("with less room, and another disk: %+v", list)
		}
		grave := less
		grave.Grave = true
		now.Warnings = []engine.Warning{grave}
		c.Tell(engine.Event{Status: &now})
		synctest.Wait()
		if list = shown(); len(list) != 1 || list[0].Closable {
			t.Errorf("once it is grave: %+v", list)
		}
	})
}

func TestWarningsInAnotherLanguage(t *testing.T) {
	words.Use("de")
	t.Cleanup(func() { words.Use("en") })
	list := view.HomeOf(view.Snapshot{Known: true, Status: engine.Status{State: engine.Connected, Warnings: []engine.Warning{clock, diskLow, {Title: "New", Text: "of another version"}}}}, viewtest.Now).Warnings
	if list[0].Title != "Die Uhr geht falsch" || list[1].Text != "Auf dem Datenträger von /data sind noch 900 MB von 97.9 GB frei." {
		t.Errorf("%+v", list)
	}
	if list[2].Title != "New" || list[2].Text != "Of another version." {
		t.Errorf("what no language knows is shown as %+v", list[2])
	}
}
