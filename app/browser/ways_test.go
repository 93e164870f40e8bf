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

	"dmgateway/app/browser/chromiumtest"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// chrome is a Chromium that was let in.
type chrome struct {
	*chromiumtest.Chrome
	t *testing.T
}

func (v *visitor) open(path string, width int64, dark bool) chrome {
	v.t.Helper()
	return chrome{chromiumtest.Open(v.t, v.server.Entry(path), width, dark), v.t}
}

// asked waits until the engine was asked for something.
func (b chrome) asked(c *gateway, what string) {
	b.t.Helper()
	eventually(b.t, "nobody asked for "+what, func() bool { return slices.Contains(c.Asked(), what) })
}

func TestAPersonRegistersInTheBrowser(t *testing.T) {
	c := full(viewtest.New())
	c.Steps = []engine.RegisterStep{{Name: "key", Text: "Checking the key"}, {Name: "contact", Text: "Contacting factory.example:8051"}}
	c.Gate = make(chan struct{})
	b := visitGateway(t, c, "").open("/", 900, false)
	b.See("Welcome")
	b.Click("I have a key")
	b.See("Gateway key")
	b.Is(`document.activeElement.id === 'key' && document.querySelector('form button.high').disabled`)
	b.Enter("key", goodKey[:50])
	b.See("is cut short")
	b.Is(`document.querySelector('form button.high').disabled`)
	b.Enter("key", goodKey)
	b.See("The key is complete.")
	b.Is(`document.getElementById('key').type === 'password'`)
	b.Click("Register")
	b.See("Contacting factory.example:8051")
	if strings.Contains(b.HTML(), goodKey[len(goodKey)-20:]) {
		t.Error("the key is in the page")
	}
	b.Shot("way-registering")
	close(c.Gate)
	b.Is(`location.pathname === '/'`) // it worked, so it goes on to Home
	b.asked(c, "register "+goodKey+" srv-sql-01")
	b.Right("registering")
}

func TestAPersonFollowsJobsInTheBrowser(t *testing.T) {
	c := full(viewtest.Busy())
	b := visitGateway(t, c, "").open("/", 1100, false)
	b.See("3 of at most 4 jobs running", "62 %")
	b.Run(chromedp.Evaluate(`document.querySelector('#running-r1 button').focus()`, nil))
	job := viewtest.Busy().List[0]
	progress := *job.Progress
	progress.Share = 0.81
	job.Progress = &progress
	c.Tell(engine.Event{Job: &job})
	b.See("81 %")
	b.Is(`document.activeElement === document.querySelector('#running-r1 button')`) // news take the focus from nobody
	b.Run(chromedp.KeyEvent(kb.Enter))
	b.See("Cancel this job?")
	b.Click("Let it run")
	b.Is(`!document.querySelector('dialog[open]')`)
	b.Run(chromedp.KeyEvent(kb.Enter))
	b.Click("Cancel the job")
	b.asked(c, "cancel r1")
	b.See("Cancelling")
	b.Click("Show 1 more warning")
	b.See("The gateway's certificate ends soon")
	b.Click("Close")
	b.Is(`!document.body.innerText.includes('ends soon')`)
	b.Click("All jobs (5)")
	b.See("5 jobs")
	b.Run(chromedp.KeyEvent("authentication"))
	b.See("1 of 5 jobs")
	b.Is(`location.search.includes('authentication') && document.activeElement.value === 'authentication'`)
	b.Click("Run again")
	b.asked(c, "retry f1")
	b.Click("Invoices / Copy")
	b.See("Code: SignInFailed", "18,000")
	b.Is(`document.querySelector('[data-copy]').dataset.copy.includes('"id": "f1"')`)
	b.Right("jobs")
}

func TestAPersonChangesSettingsInTheBrowser(t *testing.T) {
	c := full(viewtest.Idle())
	v := visitGateway(t, c, "")
	b := v.open("/settings?group=jobs", 1100, false)
	b.Enter("s-joblimit", "8")
	b.asked(c, "set joblimit=8")
	b.See("Default: 4")
	b.Click("Default: 4")
	b.asked(c, "set joblimit=")
	b.To("/settings")
	b.Is(`(e => { if (e) e.click(); return !!e; })(document.getElementById('s-login'))`)
	eventually(t, "it does not start at login", func() bool { on, _ := v.login.On(); return on })
	b.Choose("#s-theme", "dark")
	b.asked(c, "set theme=dark")
	b.Is(`document.documentElement.dataset.theme === 'dark'`)
	b.Choose("#s-language", "de")
	b.See("Einstellungen", "Sprache")
	b.Choose("#s-language", "en")
	b.See("How the program starts and looks.")
	b.To("/settings?group=folders")
	b.Enter("add-folders", "/srv/more"+kb.Enter)
	b.asked(c, "set folders=/srv/exports:/home/gateway/in:/srv/more")

	b.To("/settings?group=network")
	b.Choose("#proxy-mode", "none")
	b.Is(`!document.getElementById('proxy-url').checkVisibility()`)
	b.Click("Undo")
	b.Enter("proxy-url", "ftp://proxy")
	b.See("The address begins with http://, https:// or socks5://.")
	b.Enter("proxy-url", "proxy2:8080")
	b.Enter("proxy-password", typedSecret)
	b.Click("Test")
	b.See("The proxy does not take the user or the password.")
	b.Click("Save")
	b.See("Saved. New connections take this way.")
	c.mu.Lock()
	if last := c.proxies[len(c.proxies)-1]; last.URL != "http://proxy2:8080" || last.Password == nil || *last.Password != typedSecret {
		t.Errorf("%+v", last)
	}
	c.mu.Unlock()
	if strings.Contains(b.HTML(), typedSecret) {
		t.Error("the password is in the page")
	}
	b.To("/settings?group=registration")
	b.Click("Unregister")
	b.See("Unregister this gateway?")
	b.Click("Unregister")
	b.asked(c, "unregister")
	b.Right("settings")
}

func TestAPersonCaresForCertificateAndCredentialsInTheBrowser(t *testing.T) {
	c := full(viewtest.Idle())
	v := visitGateway(t, c, "")
	b := v.open("/settings?group=certificate", 1100, true)
	folder := t.TempDir()
	b.Run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder))
	b.See("Keep a backup of this certificate.")
	b.Click("Export…")
	b.Enter("password", "short")
	b.See("Weak: whoever has the file can guess it.")
	b.Enter("password", typedSecret)
	b.Enter("again", typedSecret)
	b.See("Strong.")
	b.Click("Export")
	eventually(t, "nothing was downloaded", func() bool {
		files, _ := filepath.Glob(filepath.Join(folder, "*.pfx"))
		if len(files) != 1 {
			return false
		}
		data, err := os.ReadFile(files[0])
		return err == nil && string(data) == "the certificate's file"
	})
	b.asked(c, "export certificate "+typedSecret)
	b.Is(`document.getElementById('password').value === ''`)
	b.To("/certificate/import")
	pfx := filepath.Join(t.TempDir(), "mine.pfx")
	if err := os.WriteFile(pfx, []byte("PFX of mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Run(chromedp.SetUploadFiles("#file", []string{pfx}, chromedp.ByQuery))
	b.Enter("password", typedSecret)
	b.Click("Import and use it")
	b.See("The gateway has a new certificate.", "OnPremSales, OnPremFinance")
	b.asked(c, "import certificate PFX of mine "+typedSecret)
	b.Click("View…")
	b.Click("Remove…")
	b.Click("Remove")
	b.asked(c, "forget certificate 0123456789ABCDEF0123456789ABCDEF01234567")
	b.To("/settings?group=credentials")
	b.Click("Show pairing code")
	b.See("7KQ4-M2XD", "It works once, for 9:41.")
	v.clock.pass(60_000_000_000)
	b.See("It works once, for 8:41.")
	b.Shot("way-pairing")

	b.To("/credentials")
	b.Choose("#service", "OnPremSales")
	b.See("Authentication", "Seal it for other nodes too")
	b.Enter("field-userName", "ada")
	b.Click("OK")
	b.Is(`document.activeElement.id === 'field-password'`) // it is missing
	b.Enter("field-password", typedSecret)
	b.Click("Test connection")
	b.See("The connection works.", "db1 is 10.0.0.7")
	b.Shot("way-credential")
	b.Is(`document.getElementById('field-password').value === ` + chromiumtest.Quote(typedSecret))
	b.Enter("field-userName", "grace")
	b.Is(`!document.body.innerText.includes('The connection works.')`) // that was somebody else
	b.Choose("#kind", "Windows")
	b.Is(`document.querySelector('form[action="/do/credentials-set"] [name=kind]').value === 'Windows' && document.getElementById('field-userName').value === 'grace'`)
	b.Is(`(e => { e.click(); return e.checked; })(document.querySelector('[name=alsofor]'))`)
	b.Click("OK")
	b.See("The credential of OnPremSales is set.", "Nodes that can open it: srv-sql-01, srv-sql-02")
	r := c.last()
	if r.LinkedService != "OnPremSales" || r.Kind != "Windows" || r.Values["userName"] != "grace" || r.Values["password"] != typedSecret || len(r.AlsoFor) != 1 {
		t.Errorf("%s %s %v", r.LinkedService, r.Kind, r.AlsoFor)
	}
	if strings.Contains(b.HTML(), typedSecret) {
		t.Error("the password is in the page")
	}
	b.Right("credentials")
}

func TestAPersonFindsOutWhatIsWrongInTheBrowser(t *testing.T) {
	c := full(viewtest.Busy())
	v := visitGateway(t, c, "")
	b := v.open("/diagnostics", 1000, false)
	folder := t.TempDir()
	b.Run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder))
	b.Click("Check network")
	b.See("1 check failed.", "Let TCP port 5671 out to bus.example.", "For the firewall's administrator")
	b.Click("Save report…")
	eventually(t, "no report was saved", func() bool { files, _ := filepath.Glob(filepath.Join(folder, "*.html")); return len(files) == 1 })

	b.To("/diagnostics/connection")
	b.Choose("#type", "PostgreSqlV2")
	b.Is(`document.getElementById('connect-PostgreSqlV2')`)
	b.Is(`(() => { for (const e of document.querySelectorAll('#connect-PostgreSqlV2 [required]')) if (!e.value) e.value = e.type === 'password' ? '` + typedSecret + `' : 'db1'; return true; })()`)
	b.Click("Test connection")
	b.See("The connection works.")
	if r := c.last(); !slices.Contains([]string{r.Values["password"]}, typedSecret) || !strings.Contains(string(r.Definition), "db1") {
		t.Errorf("%s", r.Definition)
	}
	b.Choose("#type", "json")
	b.Enter("json", "{")
	b.Click("Test connection")
	b.See("The connection does not work.")

	b.To("/diagnostics/send")
	b.See("settings.json")
	if _, body := v.do("GET", v.server.Entry("/"), nil); body == "" {
		t.Error("no page")
	}
	if code, body := v.do("GET", "/part?name=settings.json", nil); code != 200 || body != string(c.Part) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := v.do("GET", "/part?name=../../etc/passwd", nil); code != 404 {
		t.Errorf("a part that is none gives %d", code)
	}
	b.Enter("note", "it is slow")
	b.Click("Send logs")
	b.See("Report ID: 5f0c2b7e-1d1c-4b62-9c1e-0a7de0e8a1b4")
	b.asked(c, "send logs it is slow")
	b.To("/diagnostics/archive")
	b.Click("Archive logs")
	b.See("The archive is ready.")
	b.Click("Save the archive…")
	eventually(t, "no archive was saved", func() bool { files, _ := filepath.Glob(filepath.Join(folder, "*.zip")); return len(files) == 1 })
	b.To("/help")
	b.Run(chromedp.Focus("input[type=search]", chromedp.ByQuery), chromedp.KeyEvent("SignInFailed"))
	b.See("SignInFailed ·")
	b.Right("diagnostics")
}

func TestALongLogIsShownInWindows(t *testing.T) {
	log := writeLog(t, t.TempDir(), 200_000)
	c := full(viewtest.Busy())
	b := visitGateway(t, c, log).open("/diagnostics/log", 1000, false)
	b.See("200,000 lines", "line 199999")
	b.Is(`document.querySelectorAll('.logrow').length < 100`)
	b.Shot("way-log")
	b.Run(chromedp.Focus("#log", chromedp.ByQuery), chromedp.KeyEvent(kb.Home))
	b.See("line 0 ", "line 5 ")
	b.Is(`!document.getElementById('log-follow').checked`)
	b.Run(chromedp.KeyEvent(kb.End))
	b.See("line 199999")
	b.Is(`document.getElementById('log-follow').checked`)
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-11-21T12:00:00Z","level":"ERROR","msg":"the newest of all","event":402}` + "\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	b.See("200,001 lines", "the newest of all")
	b.Run(emulation.SetDeviceMetricsOverride(1000, 500, 1, false)) // another height leaves it at the newest line
	b.See("the newest of all")
	b.Run(emulation.SetDeviceMetricsOverride(1000, 900, 1, false))
	b.See("the newest of all")
	b.Is(`document.getElementById('log-follow').checked`)
	b.Choose("[name=level]", "3")
	b.See("20,001 of 200,001 lines match")
	b.Run(chromedp.Focus("[name=search]", chromedp.ByQuery), chromedp.KeyEvent("line 1239"))
	b.See("line 123999")
	b.Is(`(e => { if (e) e.click(); return !!e; })([...document.querySelectorAll('.logrow')].find(e => e.innerText.includes('line 123999')))`)
	b.Is(`document.querySelector('dialog[open]') && document.querySelector('dialog[open]').innerText.includes('ERROR')`)
	b.Shot("way-log-line")
	b.Right("log")
}

func TestAnUpdateIsOfferedAndInstalledInTheBrowser(t *testing.T) {
	c := full(viewtest.Idle())
	c.Now.Update = engine.UpdateStatus{Available: "1.3.0", State: engine.UpdateAvailable, Notes: "- Copies files by SFTP."}
	b := visitGateway(t, c, "").open("/", 640, true)
	b.See("Version 1.3.0 is available.")
	b.Shot("way-update")
	b.Click("Update now")
	b.asked(c, "install update")
	b.Right("update")
}
