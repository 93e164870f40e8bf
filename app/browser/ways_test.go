package browser_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// asked waits until the engine was asked for something.
func (b *chrome) asked(c *gateway, what string) {
	b.t.Helper()
	eventually(b.t, "nobody asked for "+what, func() bool { return slices.Contains(c.Asked(), what) })
}

func TestAPersonRegistersInTheBrowser(t *testing.T) {
	c := full(viewtest.New())
	c.Steps = []engine.RegisterStep{{Name: "key", Text: "Checking the key"}, {Name: "contact", Text: "Contacting factory.example:8051"}}
	c.Gate = make(chan struct{})
	b := visitGateway(t, c, "").open("/", 900, false)
	b.see("Welcome")
	b.click("I have a key")
	b.see("Gateway key")
	b.is(`document.activeElement.id === 'key' && document.querySelector('form button.high').disabled`)
	b.enter("key", goodKey[:50])
	b.see("is cut short")
	b.is(`document.querySelector('form button.high').disabled`)
	b.enter("key", goodKey)
	b.see("The key is complete.")
	b.is(`document.getElementById('key').type === 'password'`)
	b.click("Register")
	b.see("Contacting factory.example:8051")
	if strings.Contains(b.html(), goodKey[len(goodKey)-20:]) {
		t.Error("the key is in the page")
	}
	b.shot("way-registering")
	close(c.Gate)
	b.is(`location.pathname === '/'`) // it worked, so it goes on to Home
	b.asked(c, "register "+goodKey+" srv-sql-01")
	b.right("registering")
}

func TestAPersonFollowsJobsInTheBrowser(t *testing.T) {
	c := full(viewtest.Busy())
	b := visitGateway(t, c, "").open("/", 1100, false)
	b.see("3 of at most 4 jobs running", "62 %")
	b.run(chromedp.Evaluate(`document.querySelector('#running-r1 button').focus()`, nil))
	job := viewtest.Busy().List[0]
	progress := *job.Progress
	progress.Share = 0.81
	job.Progress = &progress
	c.Tell(engine.Event{Job: &job})
	b.see("81 %")
	b.is(`document.activeElement === document.querySelector('#running-r1 button')`) // news take the focus from nobody
	b.run(chromedp.KeyEvent(kb.Enter))
	b.see("Cancel this job?")
	b.click("Let it run")
	b.is(`!document.querySelector('dialog[open]')`)
	b.run(chromedp.KeyEvent(kb.Enter))
	b.click("Cancel the job")
	b.asked(c, "cancel r1")
	b.see("Cancelling")
	b.click("Show 1 more warning")
	b.see("The gateway's certificate ends soon")
	b.click("Close")
	b.is(`!document.body.innerText.includes('ends soon')`)
	b.click("All jobs (5)")
	b.see("5 jobs")
	b.run(chromedp.KeyEvent("authentication"))
	b.see("1 of 5 jobs")
	b.is(`location.search.includes('authentication') && document.activeElement.value === 'authentication'`)
	b.click("Run again")
	b.asked(c, "retry f1")
	b.click("Invoices / Copy")
	b.see("Code: SignInFailed", "18,000")
	b.is(`document.querySelector('[data-copy]').dataset.copy.includes('"id": "f1"')`)
	b.right("jobs")
}

func TestAPersonChangesSettingsInTheBrowser(t *testing.T) {
	c := full(viewtest.Idle())
	v := visitGateway(t, c, "")
	b := v.open("/settings?group=jobs", 1100, false)
	b.enter("s-joblimit", "8")
	b.asked(c, "set joblimit=8")
	b.see("Default: 4")
	b.click("Default: 4")
	b.asked(c, "set joblimit=")
	b.to("/settings")
	b.is(`(e => { if (e) e.click(); return !!e; })(document.getElementById('s-login'))`)
	eventually(t, "it does not start at login", func() bool { on, _ := v.login.On(); return on })
	b.choose("#s-theme", "dark")
	b.asked(c, "set theme=dark")
	b.is(`document.documentElement.dataset.theme === 'dark'`)
	b.choose("#s-language", "de")
	b.see("Einstellungen", "Sprache")
	b.choose("#s-language", "en")
	b.see("How the program starts and looks.")
	b.to("/settings?group=folders")
	b.enter("add-folders", "/srv/more"+kb.Enter)
	b.asked(c, "set folders=/srv/exports:/home/gateway/in:/srv/more")

	b.to("/settings?group=network")
	b.choose("#proxy-mode", "none")
	b.is(`!document.getElementById('proxy-url').checkVisibility()`)
	b.click("Undo")
	b.enter("proxy-url", "ftp://proxy")
	b.see("The address begins with http://, https:// or socks5://.")
	b.enter("proxy-url", "proxy2:8080")
	b.enter("proxy-password", typedSecret)
	b.click("Test")
	b.see("The proxy does not take the user or the password.")
	b.click("Save")
	b.see("Saved. New connections take this way.")
	c.mu.Lock()
	if last := c.proxies[len(c.proxies)-1]; last.URL != "http://proxy2:8080" || last.Password == nil || *last.Password != typedSecret {
		t.Errorf("%+v", last)
	}
	c.mu.Unlock()
	if strings.Contains(b.html(), typedSecret) {
		t.Error("the password is in the page")
	}
	b.to("/settings?group=registration")
	b.click("Unregister")
	b.see("Unregister this gateway?")
	b.click("Unregister")
	b.asked(c, "unregister")
	b.right("settings")
}

func TestAPersonCaresForCertificateAndCredentialsInTheBrowser(t *testing.T) {
	c := full(viewtest.Idle())
	v := visitGateway(t, c, "")
	b := v.open("/settings?group=certificate", 1100, true)
	folder := t.TempDir()
	b.run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder))
	b.see("Keep a backup of this certificate.")
	b.click("Export…")
	b.enter("password", "short")
	b.see("Weak: whoever has the file can guess it.")
	b.enter("password", typedSecret)
	b.enter("again", typedSecret)
	b.see("Strong.")
	b.click("Export")
	eventually(t, "nothing was downloaded", func() bool {
		files, _ := filepath.Glob(filepath.Join(folder, "*.pfx"))
		if len(files) != 1 {
			return false
		}
		data, err := os.ReadFile(files[0])
		return err == nil && string(data) == "the certificate's file"
	})
	b.asked(c, "export certificate "+typedSecret)
	b.is(`document.getElementById('password').value === ''`)
	b.to("/certificate/import")
	pfx := filepath.Join(t.TempDir(), "mine.pfx")
	if err := os.WriteFile(pfx, []byte("PFX of mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.SetUploadFiles("#file", []string{pfx}, chromedp.ByQuery))
	b.enter("password", typedSecret)
	b.click("Import and use it")
	b.see("The gateway has a new certificate.", "OnPremSales, OnPremFinance")
	b.asked(c, "import certificate PFX of mine "+typedSecret)
	b.click("View…")
	b.click("Remove…")
	b.click("Remove")
	b.asked(c, "forget certificate 0123456789ABCDEF0123456789ABCDEF01234567")
	b.to("/settings?group=credentials")
	b.click("Show pairing code")
	b.see("7KQ4-M2XD", "It works once, for 9:41.")
	v.clock.pass(60_000_000_000)
	b.see("It works once, for 8:41.")
	b.shot("way-pairing")

	b.to("/credentials")
	b.choose("#service", "OnPremSales")
	b.see("Authentication", "Seal it for other nodes too")
	b.enter("field-userName", "ada")
	b.click("OK")
	b.is(`document.activeElement.id === 'field-password'`) // it is missing
	b.enter("field-password", typedSecret)
	b.click("Test connection")
	b.see("The connection works.", "db1 is 10.0.0.7")
	b.shot("way-credential")
	b.is(`document.getElementById('field-password').value === ` + quote(typedSecret))
	b.enter("field-userName", "grace")
	b.is(`!document.body.innerText.includes('The connection works.')`) // that was somebody else
	b.choose("#kind", "Windows")
	b.is(`document.querySelector('form[action="/do/credentials-set"] [name=kind]').value === 'Windows' && document.getElementById('field-userName').value === 'grace'`)
	b.is(`(e => { e.click(); return e.checked; })(document.querySelector('[name=alsofor]'))`)
	b.click("OK")
	b.see("The credential of OnPremSales is set.", "Nodes that can open it: srv-sql-01, srv-sql-02")
	r := c.last()
	if r.LinkedService != "OnPremSales" || r.Kind != "Windows" || r.Values["userName"] != "grace" || r.Values["password"] != typedSecret || len(r.AlsoFor) != 1 {
		t.Errorf("%s %s %v", r.LinkedService, r.Kind, r.AlsoFor)
	}
	if strings.Contains(b.html(), typedSecret) {
		t.Error("the password is in the page")
	}
	b.right("credentials")
}

func TestAPersonFindsOutWhatIsWrongInTheBrowser(t *testing.T) {
	c := full(viewtest.Busy())
	v := visitGateway(t, c, "")
	b := v.open("/diagnostics", 1000, false)
	folder := t.TempDir()
	b.run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder))
	b.click("Check network")
	b.see("1 check failed.", "Let TCP port 5671 out to bus.example.", "For the firewall's administrator")
	b.click("Save report…")
	eventually(t, "no report was saved", func() bool { files, _ := filepath.Glob(filepath.Join(folder, "*.html")); return len(files) == 1 })

	b.to("/diagnostics/connection")
	b.choose("#type", "PostgreSqlV2")
	b.is(`document.getElementById('connect-PostgreSqlV2')`)
	b.is(`(() => { for (const e of document.querySelectorAll('#connect-PostgreSqlV2 [required]')) if (!e.value) e.value = e.type === 'password' ? '` + typedSecret + `' : 'db1'; return true; })()`)
	b.click("Test connection")
	b.see("The connection works.")
	if r := c.last(); !slices.Contains([]string{r.Values["password"]}, typedSecret) || !strings.Contains(string(r.Definition), "db1") {
		t.Errorf("%s", r.Definition)
	}
	b.choose("#type", "json")
	b.enter("json", "{")
	b.click("Test connection")
	b.see("The connection does not work.")

	b.to("/diagnostics/send")
	b.see("settings.json")
	if _, body := v.do("GET", v.server.Entry("/"), nil); body == "" {
		t.Error("no page")
	}
	if code, body := v.do("GET", "/part?name=settings.json", nil); code != 200 || body != string(c.Part) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := v.do("GET", "/part?name=../../etc/passwd", nil); code != 404 {
		t.Errorf("a part that is none gives %d", code)
	}
	b.enter("note", "it is slow")
	b.click("Send logs")
	b.see("Report ID: 5f0c2b7e-1d1c-4b62-9c1e-0a7de0e8a1b4")
	b.asked(c, "send logs it is slow")
	b.to("/diagnostics/archive")
	b.click("Archive logs")
	b.see("The archive is ready.")
	b.click("Save the archive…")
	eventually(t, "no archive was saved", func() bool { files, _ := filepath.Glob(filepath.Join(folder, "*.zip")); return len(files) == 1 })
	b.to("/help")
	b.run(chromedp.Focus("input[type=search]", chromedp.ByQuery), chromedp.KeyEvent("SignInFailed"))
	b.see("SignInFailed ·")
	b.right("diagnostics")
}

func TestALongLogIsShownInWindows(t *testing.T) {
	log := writeLog(t, t.TempDir(), 200_000)
	c := full(viewtest.Busy())
	b := visitGateway(t, c, log).open("/diagnostics/log", 1000, false)
	b.see("200,000 lines", "line 199999")
	b.is(`document.querySelectorAll('.logrow').length < 100`)
	b.shot("way-log")
	b.run(chromedp.Focus("#log", chromedp.ByQuery), chromedp.KeyEvent(kb.Home))
	b.see("line 0 ", "line 5 ")
	b.is(`!document.getElementById('log-follow').checked`)
	b.run(chromedp.KeyEvent(kb.End))
	b.see("line 199999")
	b.is(`document.getElementById('log-follow').checked`)
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-11-21T12:00:00Z","level":"ERROR","msg":"the newest of all","event":402}` + "\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	b.see("200,001 lines", "the newest of all")
	b.run(emulation.SetDeviceMetricsOverride(1000, 500, 1, false)) // another height leaves it at the newest line
	b.see("the newest of all")
	b.run(emulation.SetDeviceMetricsOverride(1000, 900, 1, false))
	b.see("the newest of all")
	b.is(`document.getElementById('log-follow').checked`)
	b.choose("[name=level]", "3")
	b.see("20,001 of 200,001 lines match")
	b.run(chromedp.Focus("[name=search]", chromedp.ByQuery), chromedp.KeyEvent("line 1239"))
	b.see("line 123999")
	b.is(`(e => { if (e) e.click(); return !!e; })([...document.querySelectorAll('.logrow')].find(e => e.innerText.includes('line 123999')))`)
	b.is(`document.querySelector('dialog[open]') && document.querySelector('dialog[open]').innerText.includes('ERROR')`)
	b.shot("way-log-line")
	b.right("log")
}

func TestAnUpdateIsOfferedAndInstalledInTheBrowser(t *testing.T) {
	c := full(viewtest.Idle())
	c.Now.Update = engine.UpdateStatus{Available: "1.3.0", State: engine.UpdateAvailable, Notes: "- Copies files by SFTP."}
	b := visitGateway(t, c, "").open("/", 640, true)
	b.see("Version 1.3.0 is available.")
	b.shot("way-update")
	b.click("Update now")
	b.asked(c, "install update")
	b.right("update")
}
