package view_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

var basic = engine.CredentialKind{Name: "Basic", Title: "User name and password", Fields: []engine.CredentialField{
	{Name: "userName", Title: "User name"}, {Name: "password", Title: "Password", Secret: true}, {Name: "note", Title: "Note", Optional: true},
}}

func TestACredentialIsTestedAndSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Targets = []engine.CredentialTarget{{
			Name: "Sales", Type: "OnPremisesSqlServer", Kinds: []engine.CredentialKind{basic},
			Nodes: []engine.CredentialNode{{Name: "here", This: true}, {Name: "there", Thumbprint: "AA"}},
		}}
		c.Stages = []engine.Stage{{Name: "tcp"}, {Name: "sign-in", Error: "password wrong", Remedy: "type it again"}}
		c.Sealed = engine.SealedCredential{LinkedService: "Sales", Stored: true, SealedFor: []string{"here", "there"}}
		m := run(t, c, nil).Credentials()
		m.Load()
		synctest.Wait()
		s := m.Snapshot()
		if len(s.Targets) != 1 || s.Targets[0].Title() != "Sales (SQL Server)" || len(s.Targets[0].Others) != 1 || s.Targets[0].Others[0].Name != "there" {
			t.Fatalf("%+v", s)
		}
		form := view.CredentialForm{LinkedService: "Sales", Kind: "Basic", Values: map[string]string{"userName": "u", "password": "hunter22"}}
		m.Try(form)
		synctest.Wait()
		test := m.Test.Snapshot()
		if len(test.Stages) != 2 || test.Stages[1].Tone != view.Bad || test.Stages[1].Remedy != "Type it again." || test.Busy {
			t.Errorf("%+v", test)
		}
		m.Changed()
		if got := m.Test.Snapshot(); got.Verdict != "" || len(got.Stages) != 0 {
			t.Errorf("the outcome stays although something else is typed: %+v", got)
		}
		m.Set(form)
		synctest.Wait()
		s = m.Snapshot()
		if !strings.Contains(s.Done, "Sales") || !strings.Contains(s.Nodes, "here, there") || s.Saving {
			t.Errorf("%+v", s)
		}
		if got := strings.Join(c.Asked(), "\n"); !strings.Contains(got, "test credential Sales Basic") || !strings.Contains(got, "set credential Sales Basic") {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAFailureToSetACredentialCanBeTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Targets = []engine.CredentialTarget{{Name: "Sales", Type: "SqlServer", Kinds: []engine.CredentialKind{basic}}}
		m := run(t, c, nil).Credentials()
		m.Load()
		synctest.Wait()
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the factory does not answer") })
		m.Set(view.CredentialForm{LinkedService: "Sales", Kind: "Basic"})
		synctest.Wait()
		if s := m.Snapshot(); s.Problem == nil || s.Done != "" || len(s.Targets) != 1 {
			t.Fatalf("%+v", s)
		}
		m.Changed()
		if m.Snapshot().Problem != nil {
			t.Error("the failure stays although something else is typed")
		}
		m.Load()
		synctest.Wait()
		if s := m.Snapshot(); s.Loaded || s.Problem == nil {
			t.Errorf("%+v", s)
		}
	})
}

func TestTheStateOfALinkedServiceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		kinds := []engine.CredentialKind{basic}
		c.Targets = []engine.CredentialTarget{{Type: "X"}, {Kinds: kinds}, {Kinds: kinds, Set: true}, {Kinds: kinds, Set: true, Readable: true}}
		m := run(t, c, nil).Credentials()
		m.Load()
		synctest.Wait()
		want := []view.Tone{view.Off, view.Warning, view.Warning, view.Good}
		for i, target := range m.Snapshot().Targets {
			if target.Tone != want[i] || target.State == "" {
				t.Errorf("%d: %+v", i, target)
			}
		}
	})
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	if got := view.Missing(basic, map[string]string{"userName": "u"}); !slices.Equal(got, []string{"password"}) {
		t.Errorf("%q", got)
	}
	if got := view.Missing(basic, map[string]string{"userName": "u", "password": " "}); got != nil {
		t.Errorf("a space can be a password: %q", got)
	}
}
