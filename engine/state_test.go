package engine

import (
	"strings"
	"testing"
	"time"
)

func TestStateFollowsFromTheFacts(t *testing.T) {
	t.Parallel()
	revoked := &problem{"the key was recreated", "register again"}
	broken := problem{"no route", "check the network"}
	up := facts{registered: true, started: true, link: linkUp}
	with := func(f facts, edit func(*facts)) facts { edit(&f); return f }
	for _, c := range []struct {
		name   string
		facts  facts
		state  State
		reason string // part of it
	}{
		{"at first", facts{}, NeedRegistration, "not registered yet"},
		{"revoked", with(up, func(f *facts) { f.revoked = revoked }), NeedRegistration, "recreated"},
		{"revoked while draining", with(up, func(f *facts) { f.revoked, f.draining = revoked, true }), NeedRegistration, "recreated"},
		{"stopped", facts{registered: true}, Stopped, "stopped"},
		{"stopped with an old break", facts{registered: true, link: linkDown, linkProblem: broken}, Stopped, "stopped"},
		{"started", facts{registered: true, started: true}, Connecting, ""},
		{"connecting", facts{registered: true, started: true, link: linkConnecting}, Connecting, ""},
		{"connecting after a break", facts{registered: true, started: true, link: linkConnecting, linkProblem: broken}, Connecting, "no route"},
		{"connected", up, Connected, ""},
		{"limited", with(up, func(f *facts) { f.limited("journal", problem{"disk full", "make space"}) }), Limited, "disk full"},
		{"limited in two ways", with(up, func(f *facts) {
			f.limited("b", problem{"B.", "same"})
			f.limited("a", problem{"A.", "same"})
		}), Limited, "A. B."},
		{"limited no more", with(up, func(f *facts) {
			f.limited("journal", problem{"disk full", "make space"})
			f.limited("journal", problem{})
		}), Connected, ""},
		{"limited and disconnected", with(up, func(f *facts) {
			f.limited("journal", problem{"disk full", ""})
			f.link, f.linkProblem = linkDown, broken
		}), Disconnected, "no route"},
		{"draining", with(up, func(f *facts) { f.draining = true }), Draining, "No new jobs"},
		{"draining and disconnected", with(up, func(f *facts) { f.draining, f.link = true, linkDown }), Draining, "No new jobs"},
		{"updating", with(up, func(f *facts) { f.draining, f.updating = true, true }), Updating, "newer version"},
	} {
		state, p := c.facts.state()
		if state != c.state || !strings.Contains(p.reason, c.reason) || c.reason == "" && p.reason != "" {
			t.Errorf("%s: %s because of %q", c.name, state, p.reason)
		}
		if (state == NeedRegistration || state == Disconnected || state == Limited || state == Stopped) && p.remedy == "" {
			t.Errorf("%s: no remedy", c.name)
		}
	}
}

func TestTheMachineKnowsSinceWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := newMachine(facts{})
	m.now = func() time.Time { now = now.Add(time.Minute); return now }
	before, after := m.change(func(f *facts) { f.registered = true })
	if before.state != NeedRegistration || after.state != Stopped || !after.since.Equal(now) {
		t.Errorf("from %+v to %+v", before, after)
	}
	since := after.since
	if _, after = m.change(func(f *facts) { f.linkProblem = problem{"x", ""} }); !after.since.Equal(since) {
		t.Error("the state did not change, but since when it holds did")
	}
	if m.announcedLoss(true) || !m.announcedLoss(false) || m.announcedLoss(false) {
		t.Error("a loss is announced once")
	}
}
