package view_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// offered is a status in which version 1.3.0 is offered.
func offered(change func(*engine.UpdateStatus)) view.Snapshot {
	s := viewtest.Idle().Now
	s.Version = "1.2.0"
	s.Update = engine.UpdateStatus{State: engine.UpdateAvailable, Available: "1.3.0", Checked: viewtest.Now.Add(-time.Hour), Notes: "- Faster"}
	if change != nil {
		change(&s.Update)
	}
	return view.Snapshot{Known: true, Status: s}
}

func TestEachStateOfAnUpdateIsSaid(t *testing.T) {
	night := viewtest.Now.Add(15*time.Hour + 30*time.Minute)
	for name, c := range map[string]struct {
		change  func(*engine.UpdateStatus)
		title   string
		text    string // a part of it
		tone    view.Tone
		news    bool
		install bool
	}{
		"nobody looked": {func(u *engine.UpdateStatus) { *u = engine.UpdateStatus{} }, "Nobody has looked for a newer version yet.", "", view.Off, false, false},
		"nothing newer": {func(u *engine.UpdateStatus) {
			*u = engine.UpdateStatus{State: engine.UpdateNone, Checked: viewtest.Now}
		}, "No newer version is known.", "Last looked: 11:30.", view.Good, false, false},
		"off": {
			func(u *engine.UpdateStatus) {
				*u = engine.UpdateStatus{Off: "This build has no key of whoever makes the updates; install newer versions by hand."}
			}, "The program is not updated by itself.", "install newer versions by hand", view.Off, false, false,
		},
		"available": {nil, "Version 1.3.0 is available.", "when you say so", view.Busy, true, true},
		"scheduled": {
			func(u *engine.UpdateStatus) { u.State, u.Scheduled = engine.UpdateScheduled, &night },
			"Version 1.3.0 is available.", "tomorrow 03:00", view.Busy, true, true,
		},
		"downloading": {
			func(u *engine.UpdateStatus) {
				u.State, u.Done, u.Total = engine.UpdateDownloading, 3_000_000, 12_000_000
			},
			"Version 1.3.0 is being downloaded.", "", view.Busy, true, false,
		},
		"waiting":    {func(u *engine.UpdateStatus) { u.State = engine.UpdateWaiting }, "Version 1.3.0 waits for running jobs.", "No new jobs", view.Warning, true, false},
		"restarting": {func(u *engine.UpdateStatus) { u.State = engine.UpdateRestarting }, "The program restarts as version 1.3.0.", "", view.Busy, true, false},
		"on trial":   {func(u *engine.UpdateStatus) { u.State = engine.UpdateOnTrial }, "Version 1.2.0 is proving itself.", "comes back by itself", view.Busy, true, false},
		"failed": {
			func(u *engine.UpdateStatus) {
				u.State, u.Problem, u.Remedy = engine.UpdateFailed, "it did not connect within 5 minutes", "send the logs"
			}, "The update to version 1.3.0 did not work. Version 1.2.0 runs.", "It did not connect", view.Bad, true, true,
		},
		"the feed cannot be reached": {
			func(u *engine.UpdateStatus) {
				*u = engine.UpdateStatus{State: engine.UpdateNone, Checked: viewtest.Now, Problem: "reach the update feed: no such host"}
			}, "No newer version is known.", "no such host", view.Warning, false, false,
		},
	} {
		v := view.UpdateOf(offered(c.change), viewtest.Now)
		if v.Title != c.title || !strings.Contains(v.Text, c.text) || v.Tone != c.tone || v.News != c.news || v.CanInstall != c.install {
			t.Errorf("%s: %+v", name, v)
		}
		if name == "downloading" && (v.Share != 0.25 || v.Percent != "3.00 MB of 12.0 MB") {
			t.Errorf("%s: %v, %q", name, v.Share, v.Percent)
		}
	}
}

func TestAnUpdateIsSaidInGerman(t *testing.T) {
	words.Use("de")
	t.Cleanup(func() { words.Use("en") })
	v := view.UpdateOf(offered(func(u *engine.UpdateStatus) {
		u.State, u.Problem = engine.UpdateFailed, "the update feed has expired"
	}), viewtest.Now)
	if v.Title != "Das Update auf Version 1.3.0 hat nicht funktioniert. Es läuft Version 1.2.0." || v.Text != "Die Angaben zu Updates sind abgelaufen." {
		t.Errorf("%q, %q", v.Title, v.Text)
	}
}

func TestAnUpdateIsAskedForOnceAndCanBeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Now.Update = engine.UpdateStatus{State: engine.UpdateAvailable, Available: "1.3.0"}
		c.UpdateSteps, c.Gate = []engine.UpdateStep{{State: engine.UpdateWaiting, Text: "Waiting"}}, make(chan struct{})
		m := run(t, c, nil)
		synctest.Wait()
		m.InstallUpdate()
		synctest.Wait()
		m.InstallUpdate()
		m.CheckUpdate()
		synctest.Wait()
		v := view.UpdateOf(m.Snapshot(), viewtest.Now)
		if v.CanInstall || v.CanCheck || !v.CanGiveUp || !strings.Contains(v.Title, "waits for running jobs") {
			t.Errorf("while it waits: %+v", v)
		}
		m.GiveUpUpdate()
		synctest.Wait()
		v = view.UpdateOf(m.Snapshot(), viewtest.Now)
		if !v.CanInstall || v.CanGiveUp || v.Tone == view.Bad {
			t.Errorf("after it was left: %+v", v)
		}
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the disk is full") })
		m.CheckUpdate()
		synctest.Wait()
		v = view.UpdateOf(m.Snapshot(), viewtest.Now)
		if v.Text != "The disk is full." || v.Tone != view.Bad || !v.CanDismiss {
			t.Errorf("after checking failed: %+v", v)
		}
		c.Do(func(c *viewtest.Controller) { c.Err = nil })
		m.DismissUpdate()
		synctest.Wait()
		if v = view.UpdateOf(m.Snapshot(), viewtest.Now); v.Tone == view.Bad {
			t.Errorf("after it was put away: %+v", v)
		}
		if got, want := c.Asked(), []string{"install update", "check update", "dismiss update"}; !slices.Equal(got, want) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestTheTrayTellsOfUpdates(t *testing.T) {
	night := viewtest.Now.Add(15*time.Hour + 30*time.Minute)
	tray := view.TrayOf(offered(func(u *engine.UpdateStatus) { u.State, u.Scheduled = engine.UpdateScheduled, &night }))
	if tray.Mark != view.MarkAvailable || tray.Update != "Update now to version 1.3.0" || !tray.CanUpdate ||
		!strings.HasSuffix(tray.Tooltip, "\nUpdate to 1.3.0 at "+night.Local().Format("15:04")) {
		t.Errorf("scheduled: %+v", tray)
	}
	tray = view.TrayOf(offered(func(u *engine.UpdateStatus) { u.State = engine.UpdateWaiting }))
	if tray.CanUpdate || tray.Update == "" {
		t.Errorf("waiting: %+v", tray)
	}
	s := offered(nil)
	s.Status.State = engine.Disconnected
	if tray = view.TrayOf(s); tray.Mark != view.MarkDisconnected {
		t.Errorf("a newer version hides that the connection is lost: %+v", tray)
	}
	if tray = view.TrayOf(offered(func(u *engine.UpdateStatus) { *u = engine.UpdateStatus{} })); tray.Update != "" || tray.Mark != view.MarkConnected {
		t.Errorf("nothing newer: %+v", tray)
	}
}

func TestAnUpdateThatWasUndoneIsSaidOnce(t *testing.T) {
	s := offered(func(u *engine.UpdateStatus) { u.State, u.Problem = engine.UpdateFailed, "it crashed" })
	s.Status.Warnings = []engine.Warning{{ID: "update", Title: "An update was undone"}, {ID: "disk", Title: "The disk is nearly full"}}
	if got := view.HomeOf(s, viewtest.Now).Warnings; len(got) != 1 || got[0].Title != "The disk is nearly full" {
		t.Errorf("%+v", got)
	}
	synctest.Test(t, func(t *testing.T) {
		var told []string
		n := view.NewNotifier(func(e engine.Notice) { told = append(told, e.Title) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.Run(ctx)
		n.Warnings(s.Status.Warnings)
		n.Notice(engine.Notice{ID: "update", Title: "An update was undone", Error: true})
		synctest.Wait()
		slices.Sort(told)
		if want := []string{"An update was undone", "The disk is nearly full"}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

func TestNotesAreReadAsPlainLines(t *testing.T) {
	t.Parallel()
	got := view.Notes("# 1.3.0\n\nCopies **much** faster,\nas `dmgcmd copy` shows.\n\n- Oracle: [partitions](https://example.com/p)\n  of two kinds\n* ![x](http://evil.example/x.png)\n1. one\n---\n")
	want := []view.Note{
		{Heading: true, Text: "1.3.0"},
		{Text: "Copies much faster, as dmgcmd copy shows."},
		{Item: true, Text: "Oracle: partitions (https://example.com/p) of two kinds"},
		{Item: true, Text: "x"},
		{Item: true, Text: "one"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got := view.Notes(strings.Repeat("- a\n", 10_000)); len(got) > 201 {
		t.Errorf("%d lines", len(got))
	}
}

func FuzzNotes(f *testing.F) {
	f.Add("# a\n- b **c** [d](e)\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, n := range view.Notes(text) {
			if n.Text == "" || strings.Contains(n.Text, "\n") {
				t.Errorf("%q gives %+v", text, n)
			}
		}
	})
}
