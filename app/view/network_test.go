package view_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

var networkReport = engine.NetworkReport{
	Took: 2 * time.Second,
	Checks: []engine.NetworkCheck{
		{Name: "Data factory", Address: "factory.example:8051", Steps: []engine.NetworkStep{
			{Name: "name", State: "ok", Detail: "factory.example is 10.0.0.5", Took: 3 * time.Millisecond},
			{Name: "tcp", State: "failed", Detail: "connection refused", Took: 1200 * time.Millisecond, Remedy: "open port 8051 in the firewall"},
			{Name: "tls", State: "skipped"},
		}},
		{Name: "Clock", Steps: []engine.NetworkStep{{Name: "clock", State: "ok", Detail: "0.2 s off", Took: time.Millisecond}}},
		{Name: "Stores", Steps: []engine.NetworkStep{{Name: "name", State: "skipped", Detail: "no job has used one yet"}}},
	},
	Needed: []engine.NetworkNeed{{Host: "factory.example", Port: 8051, Protocol: "HTTPS", For: "registering", Required: true}, {Host: "bus.example", Port: 443, Protocol: "WebSocket over TLS", For: "jobs"}},
}

func TestACheckOfTheNetworkIsATreeWithItsVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Network = networkReport
		n := run(t, c, nil).NetworkCheck()
		if n.Text() != "" {
			t.Error("there is a report before the check")
		}
		n.Run()
		synctest.Wait()
		v := n.Snapshot()
		if v.Tone != view.Bad || !strings.HasPrefix(v.Verdict, "1 check failed") || len(v.Checks) != 3 {
			t.Fatalf("%+v", v)
		}
		first := v.Checks[0]
		if first.Tone != view.Bad || first.Summary != "Connection refused." || first.Steps[1].Remedy != "Open port 8051 in the firewall." || first.Steps[1].Took != "1.2 s" || first.Steps[0].Took != "3 ms" {
			t.Errorf("%+v", first)
		}
		if v.Checks[1].Summary != "1 step works" || v.Checks[2].Tone != view.Off || v.Checks[2].Summary != "No job has used one yet." {
			t.Errorf("%+v", v.Checks[1:])
		}
		if got := v.NeedsText(); !strings.Contains(got, "factory.example:8051") || !strings.Contains(got, "one of these") {
			t.Errorf("%q", got)
		}
		var html strings.Builder
		if err := n.HTML(&html); err != nil || !strings.Contains(html.String(), "factory.example:8051") || !strings.Contains(n.Text(), "connection refused") {
			t.Errorf("%v %q", err, n.Text())
		}
	})
}

func TestACheckThatCannotBeMadeSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Err = errors.New("the journal cannot be read")
		n := run(t, c, nil).NetworkCheck()
		n.Run()
		synctest.Wait()
		if v := n.Snapshot(); v.Problem == nil || v.Problem.Text != "The journal cannot be read." || v.Tone != view.Bad {
			t.Errorf("%+v", v)
		}
		c.Do(func(c *viewtest.Controller) { c.Err, c.Network = nil, networkReport })
		n.Run()
		synctest.Wait()
		if n.Snapshot().Problem != nil {
			t.Error("the problem stays")
		}
	})
}

func TestAnEmptyCheckAndOneThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			states []string
			tone   view.Tone
		}{{nil, view.Off}, {[]string{"skipped"}, view.Off}, {[]string{"ok"}, view.Good}, {[]string{"ok", "warning"}, view.Warning}, {[]string{"warning", "failed"}, view.Bad}} {
			r := engine.NetworkReport{}
			for _, s := range c.states {
				r.Checks = append(r.Checks, engine.NetworkCheck{Name: s, Steps: []engine.NetworkStep{{Name: "tcp", State: s}}})
			}
			fake := viewtest.Idle()
			fake.Network = r
			n := run(t, fake, nil).NetworkCheck()
			n.Run()
			synctest.Wait()
			if v := n.Snapshot(); v.Tone != c.tone || v.Verdict == "" {
				t.Errorf("%v: %s %q", c.states, v.Tone, v.Verdict)
			}
		}
	})
}

func TestACheckCanBeCancelledAndRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Network, c.Gate = networkReport, make(chan struct{})
		n := run(t, c, nil).NetworkCheck()
		n.Run()
		n.Run()
		synctest.Wait()
		if v := n.Snapshot(); !v.Busy || len(v.Checks) != 3 || len(v.Needs) != 0 {
			t.Errorf("while it runs: %+v", v)
		}
		n.Cancel()
		synctest.Wait()
		if v := n.Snapshot(); v.Busy || v.Tone != view.Off || v.Problem != nil || n.Text() != "" {
			t.Errorf("cancelled: %+v", v)
		}
		n.Run()
		close(c.Gate)
		synctest.Wait()
		if v := n.Snapshot(); v.Busy || len(v.Needs) != 2 {
			t.Errorf("again: %+v", v)
		}
		if asked := c.Asked(); len(asked) != 2 {
			t.Errorf("asked %q", asked)
		}
	})
}
