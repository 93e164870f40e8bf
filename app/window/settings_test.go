package window

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// office is a gateway of which everything on the Settings page has something to say.
func office() *viewtest.Controller {
	c := viewtest.Idle()
	c.Now.Endpoint = engine.EndpointStatus{
		State: engine.EndpointOn, URL: "https://srv-sql-01:8051/", Address: "127.0.0.1:8051", Own: true, NotAfter: viewtest.Now.AddDate(0, 11, 0),
		Thumbprint: "5F70BF18A086007016E948B04AED3B82103A36BEA41755B6CDDFAF10ACE3C6EF",
	}
	c.Cert = engine.CertificateInfo{
		Subject: "CN=Data Management Gateway srv-sql-01", SelfSigned: true, Thumbprint: c.Now.Certificate.Thumbprint, NotAfter: c.Now.Certificate.NotAfter,
		NotBefore: viewtest.Now.AddDate(0, -1, 0), SHA256: "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", Key: "RSA 3072", KeptIn: "system",
		Gateway: "6b2f0a53-4a0e-4d55-9d3e-0d1a3fbb2e0f", PEM: "-----BEGIN CERTIFICATE-----",
		Former: []engine.CertificateStatus{{Thumbprint: "0123456789ABCDEF0123456789ABCDEF01234567", NotAfter: viewtest.Now.AddDate(0, 2, 0)}},
	}
	c.Change = engine.CertificateChange{Certificate: c.Cert, SetAgain: []string{"OnPremSales", "OnPremFinance"}}
	c.Code = engine.PairingCode{Code: "7KQ4-M2XD", URL: "https://srv-sql-01:8051/", Expires: viewtest.Now.Add(9*time.Minute + 41*time.Second)}
	c.Way = engine.ProxyStatus{
		Mode: "custom", URL: "http://proxy.example:3128", User: `CONTOSO\gateway`, HasPassword: true, Bypass: "localhost;*.contoso.example",
		Target: "factory.example:8051", Used: "http://proxy.example:3128", From: "setting",
	}
	c.WayTest = engine.ProxyReport{
		Proxy: "http://proxy.example:3128", Target: "factory.example:8051", Offers: []string{"NTLM", "Basic"}, Answer: "407 Proxy Authentication Required",
		Took: 42 * time.Millisecond, Problem: "the proxy does not take the user or the password", Remedy: "Check both with whoever runs the proxy.",
	}
	c.Targets = []engine.CredentialTarget{
		{
			Name: "OnPremSales", Type: "SqlServer", Place: "db1, sales", Set: true, Kinds: []engine.CredentialKind{
				{Name: "Basic", Title: "SQL Server user name and password", Fields: []engine.CredentialField{
					{Name: "userName", Title: "User name", Value: "loader"}, {Name: "password", Title: "Password", Secret: true},
				}},
				{Name: "Windows", Title: "Windows account", Fields: []engine.CredentialField{{Name: "userName", Title: "User name"}, {Name: "password", Title: "Password", Secret: true}}},
			},
			Nodes: []engine.CredentialNode{{Name: "srv-sql-01", This: true}, {Name: "srv-sql-02", Thumbprint: "A94A8FE5CCB19BA61C4C0873D391E987982FBBD3"}},
		},
		{Name: "Exports", Type: "FileServer", Place: "/srv/exports", Set: true, Readable: true, Kinds: []engine.CredentialKind{{Name: "Anonymous", Title: "The account that the gateway runs under"}}},
	}
	c.Stages = []engine.Stage{
		{Name: "name", Detail: "db1 is 10.0.0.7", Took: 3 * time.Millisecond},
		{Name: "tcp", Detail: "10.0.0.7:1433 answers", Took: 11 * time.Millisecond},
		{Name: "sign-in", Error: "login failed for user 'loader'", Remedy: "Check user and password.", Took: 80 * time.Millisecond},
	}
	c.Sealed = engine.SealedCredential{LinkedService: "OnPremSales", Stored: true, SealedFor: []string{"srv-sql-01"}}
	return c
}

// speak uses a language until the test ends.
func speak(t *testing.T, tag string) {
	t.Helper()
	words.Use(tag)
	t.Cleanup(func() { words.Use("en") })
}

// atSettings opens the Settings page, with all that it asks for at first already shown.
func atSettings(t *testing.T, c *viewtest.Controller, variant string) *Window {
	t.Helper()
	w := open(t, c, variant)
	w.o.Login = noLogin{}
	w.settings.end()
	w.makePages()
	w.layOut()
	w.Go(1)
	shows(t, w, func() bool {
		return w.settings.certificate.model.Snapshot().Known && w.settings.proxy.model.Snapshot().Known && w.settings.login.Snapshot().Known
	})
	size(w, 860, 580)
	return w
}

type noLogin struct{}

func (noLogin) On() (bool, error) { return true, nil }
func (noLogin) Set(bool) error    { return nil }

// shows waits until ok, then shows what the page's models have.
func shows(t *testing.T, w *Window, ok func() bool) {
	t.Helper()
	until(t, ok)
	w.Apply(w.o.Model.Snapshot())
}

func TestEveryGroupOfSettingsLooksAsDrawn(t *testing.T) {
	if raceDetector {
		t.Skip("drawing is slow under the detector; TestPicturesWithoutDetector has them compared")
	}
	for _, look := range looks {
		speak(t, look.language)
		w := atSettings(t, office(), look.variant)
		w.look(look)
		for _, g := range w.settings.offered() {
			w.settings.choose(g)
			again(w)
			looksAs(t, w, fmt.Sprintf("settings-%s-%s", g, look))
		}
		w.settings.search.SetText(map[string]string{"en": "limit password", "de": "kennwort"}[look.language])
		again(w)
		looksAs(t, w, fmt.Sprintf("settings-search-%s", look))
	}
}

func TestTheDialogsOfSettingsLookAsDrawn(t *testing.T) {
	if raceDetector {
		t.Skip("drawing is slow under the detector; TestPicturesWithoutDetector has them compared")
	}
	for _, look := range looks {
		speak(t, look.language)
		fake := office()
		w := atSettings(t, fake, look.variant)
		w.look(look)
		cert := w.settings.certificate
		for name, up := range map[string]func(){
			"certificate": cert.view, "certificate-new": cert.newCertificate, "certificate-import": cert.importSheet, "certificate-export": cert.exportSheet,
			"endpoint-certificate": w.settings.endpoint.importSheet,
		} {
			up()
			looksAs(t, w, fmt.Sprintf("dialog-%s-%s", name, look))
			w.sheet.hide()
		}
		pairingUp(t, w)
		looksAs(t, w, fmt.Sprintf("dialog-pairing-%s", look))
		w.sheet.hide()
		c := credentialsUp(t, w)
		looksAs(t, w, fmt.Sprintf("dialog-credentials-choose-%s", look))
		c.servicePlace.Objects[0].(*panel).content.(*keySelect).SetSelectedIndex(0)
		for _, o := range test.LaidOutObjects(c.fields) {
			if f, ok := o.(*field); ok && f.Password {
				f.SetText("hunter22")
			}
		}
		fake.Do(func(c *viewtest.Controller) { c.Err = errors.New("login failed") })
		c.test()
		until(t, func() bool { s := c.model.Test.Snapshot(); return !s.Busy && len(s.Stages) == 3 })
		c.apply()
		looksAs(t, w, fmt.Sprintf("dialog-credentials-tested-%s", look))
	}
}

func pairingUp(t *testing.T, w *Window) {
	t.Helper()
	var tick func()
	w.after = func(_ time.Duration, f func()) func() bool { tick = f; return func() bool { return true } }
	w.settings.endpoint.pairing()
	until(t, func() bool { return w.settings.endpoint.model.Snapshot().Code != nil })
	tick()
}

// credentialsUp brings up Set credentials with the factory's linked services in it.
func credentialsUp(t *testing.T, w *Window) *credentialSheet {
	t.Helper()
	c := w.setCredentials()
	until(t, func() bool { return c.model.Snapshot().Loaded })
	c.apply()
	return c
}

func TestASettingIsFoundWhereverItIs(t *testing.T) {
	w := atSettings(t, office(), "light")
	visible := func() []view.Group {
		var list []view.Group
		for _, g := range w.settings.groups {
			if g.object.Visible() {
				list = append(list, g.group)
			}
		}
		return list
	}
	if got := visible(); !slices.Equal(got, []view.Group{view.GroupGeneral}) {
		t.Errorf("at first it shows %v", got)
	}
	w.settings.search.SetText("thumbprint")
	if got := visible(); !slices.Equal(got, []view.Group{view.GroupCertificate}) {
		t.Errorf("thumbprint: %v", got)
	}
	w.settings.search.SetText("jobs at once")
	if got := visible(); !slices.Contains(got, view.GroupJobs) || !w.settings.rows[engine.SettingJobLimit].object.Visible() || w.settings.rows[engine.SettingTheme].object.Visible() {
		t.Errorf("jobs at once: %v", got)
	}
	w.settings.search.SetText("xyzzy")
	if got := visible(); len(got) != 0 || !strings.Contains(w.settings.found.Text, "xyzzy") {
		t.Errorf("%v, %q", got, w.settings.found.Text)
	}
	w.settings.search.SetText("")
	if got := visible(); !slices.Equal(got, []view.Group{view.GroupGeneral}) {
		t.Errorf("afterwards it shows %v", got)
	}
}

func TestTheLanguageChangesAtOnce(t *testing.T) {
	speak(t, "en")
	w := atSettings(t, office(), "light")
	w.settings.choose(view.GroupGeneral)
	w.o.Model.SetSetting(engine.SettingLanguage, "de")
	settle(t, w, func(s view.Snapshot) bool { return view.SettingValue(s, engine.SettingLanguage) == "de" })
	if w.pages[1].name != "Einstellungen" || w.at != 1 || w.settings.at != view.GroupGeneral {
		t.Errorf("page %d %s, group %s", w.at, w.pages[1].name, w.settings.at)
	}
	w.o.Model.SetSetting(engine.SettingLanguage, "en")
	settle(t, w, func(s view.Snapshot) bool { return view.SettingValue(s, engine.SettingLanguage) == "en" })
	if w.pages[1].name != "Settings" {
		t.Errorf("page %s", w.pages[1].name)
	}
}

func TestEscapeClosesADialogFromEverywhere(t *testing.T) {
	w := atSettings(t, office(), "light")
	w.settings.certificate.exportSheet()
	up := w.sheet
	for _, o := range test.LaidOutObjects(up.frame) {
		f, ok := o.(fyne.Focusable)
		if _, hidden := o.(*widget.Select); !ok || hidden {
			continue
		}
		if w.sheet == nil {
			w.settings.certificate.exportSheet()
		}
		f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
		if _, entry := o.(*field); entry && w.sheet != nil {
			t.Errorf("a field keeps Escape to itself")
		}
	}
	if w.sheet != nil {
		w.sheet.hide()
	}
	c := credentialsUp(t, w)
	c.ok.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if w.sheet != nil || w.win.Canvas().Overlays().Top() != nil {
		t.Error("a button keeps Escape to itself")
	}
}

func TestAFailedImportStaysOpenWithItsReason(t *testing.T) {
	w := atSettings(t, office(), "light")
	cert := w.settings.certificate
	cert.importSheet()
	var path *field
	for _, o := range test.LaidOutObjects(w.sheet.frame) {
		if f, ok := o.(*field); ok && !f.Password {
			path = f
		}
	}
	path.SetText("/nowhere/at/all.pfx")
	path.OnSubmitted(path.Text)
	until(t, func() bool { s := cert.model.Snapshot(); return s.Problem != nil && s.Doing == "" })
	w.sheet.apply()
	if got := texts(w.sheet.frame); !strings.Contains(got, "/nowhere/at/all.pfx is not there.") {
		t.Errorf("it says %q", got)
	}
	w.sheet.hide()
	if cert.model.Snapshot().Problem != nil {
		t.Error("what was read in the dialog is told on the page again")
	}
}

// texts are all texts that an object shows.
func texts(o fyne.CanvasObject) string {
	var b strings.Builder
	for _, o := range test.LaidOutObjects(o) {
		if l, ok := o.(*widget.Label); ok && l.Visible() {
			b.WriteString(l.Text + "\n")
		}
	}
	return b.String()
}

func TestAChangedCertificateNamesWhatToSetAgain(t *testing.T) {
	w := atSettings(t, office(), "light")
	w.settings.choose(view.GroupCertificate)
	cert := w.settings.certificate
	cert.model.New("rsa-3072")
	shows(t, w, func() bool { return cert.model.Snapshot().Done != "" })
	if !cert.setAgain.Visible() || !strings.Contains(cert.setAgain.title.Text, "OnPremSales, OnPremFinance") {
		t.Errorf("%q", cert.setAgain.title.Text)
	}
	if !cert.backup.Visible() {
		t.Error("nobody is told to keep a backup")
	}
}

func TestTheProxyIsSentAsTyped(t *testing.T) {
	c := office()
	w := atSettings(t, c, "light")
	w.settings.choose(view.GroupNetwork)
	p := w.settings.proxy
	if !p.save.Disabled() || p.pass.Text != "" || p.pass.PlaceHolder != "stored" {
		t.Errorf("save can be pressed although nothing was changed, or the password is shown: %q", p.pass.Text)
	}
	p.address.SetText("ftp://x")
	if !p.save.Disabled() || !p.try.Disabled() || p.addressIn.problem.Text == "" {
		t.Error("an address that is none can be sent")
	}
	p.address.SetText("other:8080")
	test.Tap(p.try)
	shows(t, w, func() bool { return p.model.Snapshot().Test != nil })
	if !p.result.Visible() || !strings.Contains(p.result.title.Text, "does not take the user") {
		t.Errorf("%q", p.result.title.Text)
	}
	test.Tap(p.save)
	until(t, func() bool { return p.model.Snapshot().Saved != "" })
	if got := strings.Join(c.Asked(), "\n"); !strings.Contains(got, "set proxy custom http://other:8080") {
		t.Errorf("asked %s", got)
	}
}

func TestACredentialIsSetInTheWindow(t *testing.T) {
	c := office()
	w := atSettings(t, c, "light")
	s := credentialsUp(t, w)
	if !s.ok.Disabled() || !s.try.Disabled() {
		t.Error("something can be sent before a linked service was chosen")
	}
	s.choose(0)
	s.apply()
	s.send()
	if s.inputs["password"].problem.Text != "Fill this in." || s.inputs["userName"].problem.Text != "" {
		t.Error("what is missing is not marked")
	}
	s.values["password"] = "hunter22"
	s.send()
	until(t, func() bool { return s.model.Snapshot().Done != "" })
	s.apply()
	if !s.done.Visible() || s.form.Visible() || s.closing.Text != "Close" {
		t.Error("it does not say that it was done")
	}
	if got := strings.Join(c.Asked(), "\n"); !strings.Contains(got, "set credential OnPremSales Basic") {
		t.Errorf("asked %s", got)
	}
	s.sheet.hide()
	if len(s.values) != 0 {
		t.Error("the password is kept")
	}
}
