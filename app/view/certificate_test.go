package view_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func now() time.Time { return viewtest.Now }

func certificates(t *testing.T, c *viewtest.Controller) *view.Certificates {
	t.Helper()
	return run(t, c, nil).Certificates(now)
}

func TestACertificateIsShownInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Cert = engine.CertificateInfo{
			Subject: "CN=gateway", Issuer: "CN=gateway", SelfSigned: true, Thumbprint: "8F43", SHA256: "AB", Key: "RSA 3072", KeptIn: "file",
			NotBefore: viewtest.Now, NotAfter: viewtest.Now.AddDate(5, 0, 0), Former: []engine.CertificateStatus{{Thumbprint: "11", NotAfter: viewtest.Now}},
		}
		m := certificates(t, c)
		m.Load()
		synctest.Wait()
		s := m.Snapshot()
		want := []view.Field{
			{Name: "Subject", Value: "CN=gateway"},
			{Name: "Issuer", Value: "itself (self-signed)"},
			{Name: "Thumbprint", Value: "8F43"},
			{Name: "SHA-256", Value: "AB"},
			{Name: "Key", Value: "RSA 3072"},
			{Name: "Valid", Value: "21 November 2026 to 21 November 2031"},
			{Name: "Private key", Value: "in a file that only this user can read"},
		}
		if !s.Known || s.Tone != view.Good || s.Validity != "Valid until 21 November 2031." || !slices.Equal(s.Fields, want) || len(s.Former) != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestValidityIsTold(t *testing.T) {
	for days, want := range map[int]view.Tone{400: view.Good, 29: view.Warning, 0: view.Bad, -3: view.Bad} {
		synctest.Test(t, func(t *testing.T) {
			c := viewtest.Idle()
			c.Cert.NotAfter = viewtest.Now.AddDate(0, 0, days)
			m := certificates(t, c)
			m.Load()
			synctest.Wait()
			if s := m.Snapshot(); s.Tone != want {
				t.Errorf("%d days: %s, %s", days, s.Tone, s.Validity)
			}
		})
	}
}

func TestAChangeTellsWhatMustBeSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Change = engine.CertificateChange{Certificate: engine.CertificateInfo{Thumbprint: "NEW", NotAfter: viewtest.Now.AddDate(5, 0, 0)}, SetAgain: []string{"Sales"}, Closed: []string{"Old"}}
		m := certificates(t, c)
		m.New("ec-p256")
		synctest.Wait()
		s := m.Snapshot()
		if s.Thumbprint != "NEW" || !slices.Equal(s.SetAgain, []string{"Sales"}) || !slices.Equal(s.Closed, []string{"Old"}) || s.Done == "" || s.Doing != "" {
			t.Errorf("%+v", s)
		}
		if got := c.Asked(); !slices.Equal(got, []string{"new certificate ec-p256"}) {
			t.Errorf("asked %q", got)
		}
		m.Dismiss()
		if s := m.Snapshot(); s.Done != "" || s.SetAgain != nil {
			t.Errorf("%+v", s)
		}
		c.Do(func(c *viewtest.Controller) { c.Change.SetAgain, c.Change.Unknown = nil, "no route to host" })
		m.Check()
		synctest.Wait()
		if s := m.Snapshot(); s.Unknown != "No route to host." || s.Done != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestAnExportIsANewFileForItsOwnerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.PFX = []byte("pfx")
		file := filepath.Join(t.TempDir(), "gateway.pfx")
		m := certificates(t, c)
		m.Export(file, "a password")
		synctest.Wait()
		if s := m.Snapshot(); s.Problem != nil || s.File != file {
			t.Fatalf("%+v", s.Problem)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		c.Do(func(c *viewtest.Controller) { c.PFX = []byte("other") })
		m.Export(file, "a password")
		synctest.Wait()
		if s := m.Snapshot(); s.Problem == nil || !strings.Contains(s.Problem.Text, "is there already") {
			t.Errorf("%+v", s)
		}
		if content, _ := os.ReadFile(file); string(content) != "pfx" {
			t.Errorf("the file that was there is %q now", content)
		}
	})
}

func TestAnImportReadsTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		file := filepath.Join(t.TempDir(), "in.pfx")
		m := certificates(t, c)
		m.Import(file, "pw")
		synctest.Wait()
		if s := m.Snapshot(); s.Problem == nil || !strings.Contains(s.Problem.Text, "is not there") {
			t.Errorf("%+v", s.Problem)
		}
		for content, want := range map[string]string{"": "is empty", strings.Repeat("x", 1<<20+1): "too long"} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			m.Import(file, "pw")
			synctest.Wait()
			if s := m.Snapshot(); s.Problem == nil || !strings.Contains(s.Problem.Text, want) {
				t.Errorf("%d bytes: %+v", len(content), s.Problem)
			}
		}
		if err := os.WriteFile(file, []byte("good"), 0o600); err != nil {
			t.Fatal(err)
		}
		m.Import(file, "pw")
		synctest.Wait()
		if got := c.Asked(); !slices.Equal(got, []string{"import certificate good pw"}) || m.Snapshot().Problem != nil {
			t.Errorf("asked %q", got)
		}
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the password is wrong") })
		m.Import(file, "pw")
		synctest.Wait()
		if s := m.Snapshot(); s.Problem == nil || s.Problem.Text != "The password is wrong." {
			t.Errorf("%+v", s.Problem)
		}
	})
}

func TestANewPasswordIsJudged(t *testing.T) {
	for _, c := range []struct {
		password, again string
		tone            view.Tone
		ready           bool
	}{
		{"", "", view.Off, false},
		{"secret", "", view.Warning, false},
		{"secret", "sec", view.Warning, false},
		{"secret", "sex", view.Bad, false},
		{"secret", "secret!", view.Bad, false},
		{"secret", "secret", view.Warning, true},
		{"aaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaa", view.Warning, true},
		{"Tr0ub4dor&3", "Tr0ub4dor&3", view.Good, true},
		{"correct horse battery", "correct horse battery", view.Good, true},
	} {
		if tone, text, ready := view.CheckNewPassword(c.password, c.again); tone != c.tone || ready != c.ready || text == "" {
			t.Errorf("%q, %q: %s, %v, %s", c.password, c.again, tone, ready, text)
		}
	}
}
