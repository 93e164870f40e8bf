package endpoint

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dmgateway/engine/protocol"
)

// browser is a real Chromium without a screen, at an endpoint. What its console says against the page fails the test.
type browser struct {
	t   *testing.T
	w   *world
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// chromium finds the browser; without one the test is skipped, except where CI is set.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("Chromium is missing; packaging/setup.sh test installs it")
	}
	t.Skip("Chromium is missing; packaging/setup.sh test installs it")
	return ""
}

func openBrowser(t *testing.T, w *world, dark bool) *browser {
	t.Helper()
	path := chromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("no-sandbox", true), chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(900, 900), chromedp.Flag("force-device-scale-factor", "1"), chromedp.WSURLReadTimeout(60*time.Second))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocated)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	b := &browser{t: t, w: w, ctx: ctx}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // it may have ended already
		cancel()
		end()
		stop()
	})
	chromedp.ListenTarget(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.problems = append(b.problems, ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.LevelError && !strings.Contains(ev.Entry.Text, "the server responded with a status of") {
				b.problems = append(b.problems, ev.Entry.Text)
			}
		}
	})
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
	return b
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		var html string
		_ = chromedp.Run(b.ctx, chromedp.OuterHTML("body", &html, chromedp.ByQuery))
		b.t.Fatalf("%v\n%s", err, html)
	}
}

// shot takes a picture of the whole page where a folder is asked for by DMG_SHOTS.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("DMG_SHOTS")
	if dir == "" {
		return
	}
	var data []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		data, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) see(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.run(chromedp.Poll(`document.body.innerText.includes(`+quote(text)+`)`, nil, chromedp.WithPollingTimeout(20*time.Second)))
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }

func (b *browser) focus() string {
	b.t.Helper()
	var id string
	b.run(chromedp.Evaluate(`document.activeElement.id || document.activeElement.tagName`, &id))
	return id
}

func (b *browser) text() string {
	b.t.Helper()
	var all string
	b.run(chromedp.Evaluate(`document.body.innerText`, &all))
	return all
}

func (b *browser) enterText(id, text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`document.getElementById(`+quote(id)+`).focus()`, nil), chromedp.Evaluate(`document.activeElement.select()`, nil), chromedp.KeyEvent(text))
}

func (b *browser) click(button string) {
	b.t.Helper()
	b.run(chromedp.Click(`//button[normalize-space()=`+quote(button)+`]`, chromedp.BySearch))
}

// fits reports whether nothing is wider than the window.
func (b *browser) fits() {
	b.t.Helper()
	var wide bool
	b.run(chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide))
	if wide {
		b.t.Error("the page is wider than the window")
	}
}

// named reports elements that a screen reader would have no name for.
func (b *browser) named() {
	b.t.Helper()
	var nameless []string
	b.run(chromedp.Evaluate(`[...document.querySelectorAll('input,select,textarea,button')].filter(e => !(e.labels && e.labels.length && e.labels[0].innerText.trim()) && !e.getAttribute('aria-label') && !e.innerText.trim() && !e.hidden).map(e => e.outerHTML)`, &nameless))
	for _, e := range nameless {
		b.t.Errorf("it has no name: %s", e)
	}
}

func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the browser complains: %s", p)
	}
}

func TestAPersonSetsACredentialInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openBrowser(t, w, false)
	b.run(log.Enable(), runtime.Enable(), chromedp.Navigate(w.Status().URL))
	b.see("Set credentials", "Pairing code")
	if f := b.focus(); f != "code" {
		t.Errorf("the focus is at %s", f)
	}
	b.named()
	b.shot("1-pairing")
	code, err := w.Pair()
	if err != nil {
		t.Fatal(err)
	}
	b.enterText("code", "2222-2222"+kb.Enter)
	b.see("The code is wrong, used or too old.", "dmgcmd endpoint code")
	b.shot("2-wrong-code")
	b.enterText("code", strings.ToLower(code.Code)+kb.Enter)
	b.see("Choose a linked service", "ShopDatabase", "Sealed for another certificate", "Gateway plant · node machine-1")
	if f := b.focus(); f != "H1" {
		t.Errorf("the focus is at %s", f)
	}
	b.named()
	b.shot("3-choose")
	b.run(chromedp.Click(`//button[contains(., 'ShopDatabase')]`, chromedp.BySearch))
	b.see("Credential for ShopDatabase", "SQL Server · db1.corp.example, shop", "Authentication")
	b.named()
	b.click("OK")
	b.see("User name: Fill this in.")
	if f := b.focus(); f != "field-userName" {
		t.Errorf("the focus is at %s", f)
	}
	b.enterText("field-userName", "ada")
	b.enterText("field-password", "wrong-S3CRET")
	b.shot("4-form")
	b.click("Test connection")
	b.see("Name db1.corp.example is 10.0.0.5", "TLS 1.3", "The connection does not work.", "Check user and password.", masked)
	if strings.Contains(b.text(), "S3CRET") {
		t.Error("the password is on the page")
	}
	b.shot("5-wrong-password")
	b.enterText("field-password", password)
	if strings.Contains(b.text(), "does not work") {
		t.Error("the outcome of the test before is still shown")
	}
	b.click("Test connection")
	b.see("The connection works.")
	b.shot("6-works")
	b.run(chromedp.Click(`//label[contains(., 'machine-2')]/input`, chromedp.BySearch))
	b.click("OK")
	b.see("The credential is set", "Nodes that can open it: machine-1")
	b.shot("7-done")
	w.gateway.mu.Lock()
	set := w.gateway.set
	w.gateway.mu.Unlock()
	if len(set) != 1 || set[0].LinkedService != "ShopDatabase" || set[0].Kind != "Basic" || set[0].Values["userName"] != "ada" || set[0].Values["password"] != password || len(set[0].AlsoFor) != 1 || set[0].AlsoFor[0] != w.gateway.targets[0].Nodes[1].Thumbprint {
		t.Errorf("%+v", set)
	}
	b.click("Set another credential")
	b.see("Choose a linked service")
	b.click("Sign out")
	b.see("Signed out")
	b.run(chromedp.Reload())
	b.see("Pairing code")
	b.quiet()
}

func TestThePageFitsANarrowDarkWindowAndTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openBrowser(t, w, true)
	code, err := w.Pair()
	if err != nil {
		t.Fatal(err)
	}
	b.run(log.Enable(), runtime.Enable(), emulation.SetDeviceMetricsOverride(340, 720, 1, true), chromedp.Navigate(w.Status().URL))
	b.see("Pairing code")
	b.fits()
	b.shot("narrow-1-pairing")
	b.run(chromedp.KeyEvent(code.Code), chromedp.KeyEvent(kb.Enter))
	b.see("Choose a linked service")
	b.fits()
	b.shot("narrow-2-choose")
	// From the title the fourth button is Partner's.
	for range 4 {
		b.run(chromedp.KeyEvent(kb.Tab))
	}
	b.run(chromedp.KeyEvent(kb.Enter))
	b.see("Credential for Partner", "Private key", "Passphrase of the key (optional)")
	b.fits()
	b.named()
	b.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab)) // authentication, user name
	if f := b.focus(); f != "field-userName" {
		t.Errorf("the focus is at %s", f)
	}
	var user string
	b.run(chromedp.Value("#field-userName", &user, chromedp.ByQuery))
	if user != "contoso" {
		t.Errorf("the user name is %q, not what the linked service has", user)
	}
	b.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("-----BEGIN KEY-----"))
	b.shot("narrow-3-key")
	b.click("Test connection")
	b.see("The connection works.")
	b.fits()
	b.shot("narrow-4-tested")
	b.quiet()
}

func TestALinkOfTheFactoryLeadsStraightToItsLinkedService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openBrowser(t, w, false)
	b.run(log.Enable(), runtime.Enable(), chromedp.Navigate(w.Status().URL+"/#token="+w.gateway.token(t, nil)))
	b.see("Credential for ShopDatabase")
	var address string
	b.run(chromedp.Location(&address))
	if strings.Contains(address, "token") {
		t.Errorf("the token stays in the address: %s", address)
	}
	b.run(chromedp.SetValue("#kind", "ServicePrincipal", chromedp.ByQuery), chromedp.Evaluate(`document.getElementById('kind').dispatchEvent(new Event('change'))`, nil))
	b.see("Application (client) ID", "Tenant")
	b.shot("link-form")
	w.clock.advance(sessionIdle + time.Second)
	for _, id := range []string{"servicePrincipalId", "servicePrincipalKey", "tenant"} {
		b.enterText("field-"+id, "x")
	}
	b.click("OK")
	b.see("This session has ended", "Pairing code")
	b.shot("link-ended")
	b.quiet()
	second := openBrowser(t, w, false)
	again := w.gateway.token(t, func(c *protocol.CredentialToken) {
		now := w.clock.now()
		c.Issued, c.Expires = now.Unix(), now.Add(time.Minute).Unix()
	})
	second.run(chromedp.Navigate(w.Status().URL + "/#token=" + again))
	second.see("The link is not accepted: it was used already.", "Pairing code")
	second.shot("link-used")
}
