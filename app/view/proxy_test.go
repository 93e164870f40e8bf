package view_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// proxyWatcher notes whole settings, with the password.
type proxyWatcher struct {
	*viewtest.Controller
	set, tried []engine.ProxySettings
}

func (p *proxyWatcher) SetProxy(ctx context.Context, s engine.ProxySettings) error {
	p.set = append(p.set, s)
	return p.Controller.SetProxy(ctx, s)
}

func (p *proxyWatcher) TestProxy(ctx context.Context, s *engine.ProxySettings) (engine.ProxyReport, error) {
	p.tried = append(p.tried, *s)
	return p.Controller.TestProxy(ctx, s)
}

func proxyOf(t *testing.T, c engine.Controller) *view.Proxy {
	t.Helper()
	m := view.New(c, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return m.Proxy()
}

func TestAStoredPasswordStaysUnlessANewOneIsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &proxyWatcher{Controller: viewtest.Idle()}
		p := proxyOf(t, c)
		form := view.ProxyForm{Mode: "custom", URL: "proxy.example:3128", User: "me"}
		p.Save(form)
		synctest.Wait()
		form.Password, form.NewPassword = "secret", true
		p.Save(form)
		synctest.Wait()
		form.User = ""
		p.Save(form)
		synctest.Wait()
		p.Save(view.ProxyForm{Mode: "none", User: "me", Password: "x", NewPassword: true})
		synctest.Wait()
		if c.set[0].Password != nil || c.set[0].URL != "http://proxy.example:3128" {
			t.Errorf("%+v", c.set[0])
		}
		if c.set[1].Password == nil || *c.set[1].Password != "secret" {
			t.Errorf("%+v", c.set[1])
		}
		if c.set[2].Password == nil || *c.set[2].Password != "" {
			t.Errorf("without a user: %+v", c.set[2])
		}
		if c.set[3].User != "" || *c.set[3].Password != "" {
			t.Errorf("without a proxy: %+v", c.set[3])
		}
	})
}

func TestAProxyIsTriedWithoutBeingStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &proxyWatcher{Controller: viewtest.Idle()}
		c.WayTest = engine.ProxyReport{Proxy: "http://p:1", Target: "f:443", Offers: []string{"Basic", "NTLM"}, Answer: "407 Proxy Authentication Required", Problem: "the proxy refuses the user", Remedy: "check the password"}
		p := proxyOf(t, c)
		p.Try(view.ProxyForm{Mode: "custom", URL: "http://p:1", User: "u"})
		synctest.Wait()
		got := p.Snapshot().Test
		if got == nil || got.Tone != view.Bad || got.Title != "The proxy refuses the user." || got.Remedy != "Check the password." ||
			!slices.Contains(got.Fields, view.Field{Name: "Offers", Value: "Basic, NTLM"}) {
			t.Fatalf("%+v", got)
		}
		if len(c.set) != 0 || len(c.tried) != 1 {
			t.Errorf("stored %v, tried %v", c.set, c.tried)
		}
		p.Clear()
		if p.Snapshot().Test != nil {
			t.Error("the outcome stays although something else is typed")
		}
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the address is wrong") })
		p.Save(view.ProxyForm{Mode: "custom", URL: "x"})
		synctest.Wait()
		if s := p.Snapshot(); s.Problem == nil || s.Saved != "" || s.Saving {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhatIsWrongWithAProxyIsToldAsItIsTyped(t *testing.T) {
	for _, c := range []struct {
		form  view.ProxyForm
		field string
	}{
		{view.ProxyForm{Mode: "system"}, ""},
		{view.ProxyForm{Mode: "none", URL: "nonsense ://"}, ""},
		{view.ProxyForm{Mode: "custom"}, "url"},
		{view.ProxyForm{Mode: "custom", URL: "ftp://proxy"}, "url"},
		{view.ProxyForm{Mode: "custom", URL: "http://me:pw@proxy:1"}, "url"},
		{view.ProxyForm{Mode: "custom", URL: "http://proxy:1/path"}, "url"},
		{view.ProxyForm{Mode: "custom", URL: "http://"}, "url"},
		{view.ProxyForm{Mode: "custom", URL: "http://pro xy"}, "url"},
		{view.ProxyForm{Mode: "custom", URL: "proxy:3128"}, ""},
		{view.ProxyForm{Mode: "custom", URL: "socks5://[::1]:1080"}, ""},
		{view.ProxyForm{Mode: "system", NewPassword: true, Password: "x"}, "user"},
		{view.ProxyForm{Mode: "system", NewPassword: true, Password: "x", User: "u"}, ""},
	} {
		wrong := c.form.Wrong()
		if c.field == "" && len(wrong) != 0 || c.field != "" && wrong[c.field] == "" {
			t.Errorf("%+v: %v", c.form, wrong)
		}
	}
}

func TestTheWayOutIsToldInASentence(t *testing.T) {
	for want, way := range map[string]engine.ProxyStatus{
		"":                           {Mode: "system"},
		"f:443 is reached directly.": {Mode: "none", Target: "f:443"},
		"f:443 is reached by http://p:1 (from: environment).": {Mode: "system", Target: "f:443", Used: "http://p:1", From: "environment"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := viewtest.Idle()
			c.Way = way
			p := run(t, c, nil).Proxy()
			p.Load()
			synctest.Wait()
			if s := p.Snapshot(); s.Way != want || !s.Known {
				t.Errorf("%q, want %q", s.Way, want)
			}
		})
	}
}
