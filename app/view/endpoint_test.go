package view_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func TestTheEndpointIsShownWithItsReason(t *testing.T) {
	s := view.Snapshot{Status: engine.Status{Endpoint: engine.EndpointStatus{
		State: engine.EndpointFailed, Reason: "port 8050 is taken", Remedy: "choose another port",
	}}}
	if e := view.EndpointOf(s, viewtest.Now); e.Tone != view.Bad || e.On || e.Reason != "Port 8050 is taken." || e.Remedy != "Choose another port." {
		t.Errorf("%+v", e)
	}
	s.Status.Endpoint = engine.EndpointStatus{State: engine.EndpointOn, URL: "https://gw:8050/", Thumbprint: "AB", Own: true, NotAfter: viewtest.Now.AddDate(0, 0, 3)}
	e := view.EndpointOf(s, viewtest.Now)
	if e.Tone != view.Good || !e.On || !slices.Contains(e.Fields, view.Field{Name: "Valid until", Value: "24 November 2026: change it"}) {
		t.Errorf("%+v", e)
	}
	if e := view.EndpointOf(view.Snapshot{}, viewtest.Now); e.Tone != view.Off || e.On {
		t.Errorf("%+v", e)
	}
}

func TestAPairingCodeIsMadeAndExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Code = engine.PairingCode{Code: "7KQ4-M2XD", URL: "https://gw:8050/", Expires: viewtest.Now.Add(10 * time.Minute)}
		m := run(t, c, nil).Endpoint()
		m.Pair()
		synctest.Wait()
		code := m.Snapshot().Code
		if code == nil || code.Code != "7KQ4-M2XD" {
			t.Fatalf("%+v", m.Snapshot())
		}
		if text, over := view.CodeLeft(*code, viewtest.Now.Add(5*time.Second)); text != "It works once, for 9:55." || over {
			t.Error(text)
		}
		if _, over := view.CodeLeft(*code, viewtest.Now.Add(10*time.Minute)); !over {
			t.Error("it does not expire")
		}
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("not registered") })
		m.Pair()
		synctest.Wait()
		if s := m.Snapshot(); s.Code != nil || s.Problem == nil {
			t.Errorf("an old code stays beside the failure: %+v", s)
		}
	})
}

func TestTheEndpointGoesBackToItsOwnCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		m := run(t, c, nil).Endpoint()
		m.UseOwn()
		synctest.Wait()
		if got := c.Asked(); !slices.Equal(got, []string{"endpoint certificate  "}) || m.Snapshot().Done == "" {
			t.Errorf("asked %q", got)
		}
		m.Import("/nowhere/at/all.pfx", "x")
		synctest.Wait()
		if s := m.Snapshot(); s.Problem == nil || s.Done != "" {
			t.Errorf("%+v", s)
		}
	})
}
