package view_test

import (
	"testing"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/assets"
	"dmgateway/engine"
)

var states = []engine.State{
	engine.NeedRegistration, engine.Stopped, engine.Connecting, engine.Connected, engine.Limited, engine.Disconnected, engine.Draining, engine.Updating,
}

func TestEveryStateHasAFaceOfItsOwn(t *testing.T) {
	t.Parallel()
	marks := map[view.Mark]engine.State{}
	for _, s := range states {
		f := view.FaceOf(engine.Status{State: s})
		if f.Title == "" || f.Tone == "" {
			t.Errorf("%s has no title or tone: %+v", s, f)
		}
		if other, taken := marks[f.Mark]; taken {
			t.Errorf("%s looks like %s", s, other)
		}
		marks[f.Mark] = s
	}
}

func TestEveryMarkIsDrawn(t *testing.T) {
	t.Parallel()
	for _, m := range view.Marks {
		for name, data := range map[string][]byte{"svg": assets.Mark(string(m)), "png": assets.TrayPNG(string(m)), "ico": assets.TrayICO(string(m))} {
			if len(data) == 0 {
				t.Errorf("the mark %s has no %s", m, name)
			}
		}
	}
}

func TestTheEnginesWordsComeFirst(t *testing.T) {
	t.Parallel()
	f := view.FaceOf(engine.Status{State: engine.Limited, Reason: "the disk is full", Remedy: "make room"})
	if f.Reason != "The disk is full." || f.Remedy != "Make room." {
		t.Errorf("%+v", f)
	}
	if f := view.FaceOf(engine.Status{State: engine.NeedRegistration, Gateway: "g"}); f.Tone != view.Bad {
		t.Errorf("a recreated key looks like a new gateway: %+v", f)
	}
}

func TestStartAndStopAreOfferedWhereTheyDoSomething(t *testing.T) {
	t.Parallel()
	for _, s := range states {
		start := s == engine.Stopped || s == engine.Draining
		stop := s != engine.Stopped && s != engine.NeedRegistration && s != engine.Updating
		if view.CanStart(s) != start || view.CanStop(s) != stop {
			t.Errorf("%s: start %v, stop %v", s, view.CanStart(s), view.CanStop(s))
		}
	}
}

func TestTrayTooltip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		c       *viewtest.Controller
		tooltip string
	}{
		{"new", viewtest.New(), "Data Management Gateway\nNot registered\nThis gateway has no key yet."},
		{"idle", viewtest.Idle(), "sales-gateway\nConnected"},
		{"busy", viewtest.Busy(), "sales-gateway\nConnected, 3 jobs running"},
		{"stopped", viewtest.Stopped(), "sales-gateway\nStopped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := view.TrayOf(running(t, c.c))
			if got.Tooltip != c.tooltip {
				t.Errorf("the tooltip is %q, want %q", got.Tooltip, c.tooltip)
			}
		})
	}
	if got := view.TrayOf(running(t, viewtest.Broken())).Tooltip; len([]rune(got)) > 127 {
		t.Errorf("Windows cannot show %d characters", len([]rune(got)))
	}
	if got := view.TrayOf(view.Snapshot{}); got.CanStart || got.CanStop {
		t.Error("something can be clicked before the engine has said anything")
	}
}

func TestQuittingAsksWhereJobsRun(t *testing.T) {
	t.Parallel()
	if q := view.QuitQuestion(running(t, viewtest.Idle())); q != "" {
		t.Errorf("it asks %q without a job", q)
	}
	if q := view.QuitQuestion(running(t, viewtest.Busy())); q == "" {
		t.Error("it does not ask")
	}
}
