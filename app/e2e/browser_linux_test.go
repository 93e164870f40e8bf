package e2e

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"

	"dmgateway/app/browser/chromiumtest"
)

// desktopOpens puts a program in the place of the desktop's own that opens addresses and folders; it gives what was
// opened so far.
func (s *session) desktopOpens() (opened func() []string) {
	s.t.Helper()
	list, bin := filepath.Join(s.home, "opened"), filepath.Join(s.home, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\necho \"$1\" >> '"+list+"'\n"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() []string {
		text, _ := os.ReadFile(list) // it is not there before the first
		return strings.Fields(string(text))
	}
}

// TestTheFirstMinuteInTheBrowser is the way of a newcomer whose machine cannot draw a window: from the first question to
// copied rows, and through every page and dialog of a gateway that really works, to its end.
func TestTheFirstMinuteInTheBrowser(t *testing.T) {
	s := newSession(t)
	opened := s.desktopOpens()
	data := filepath.Join(s.home, "data")
	begun := time.Now()
	p := s.start("-data", data, "-browser")
	s.until("the page", patience, func() bool { return len(opened()) > 0 })
	shown := time.Since(begun)
	b := chromiumtest.Open(t, opened()[0], 900, false)
	downloads := t.TempDir()
	b.Run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(downloads))
	downloaded := func(pattern string) (file string) {
		t.Helper()
		s.until("the download of "+pattern, patience, func() bool {
			files, _ := filepath.Glob(filepath.Join(downloads, pattern))
			if len(files) == 1 {
				file = files[0]
			}
			return file != ""
		})
		return file
	}

	b.See("Welcome")
	b.Shot("first-question")
	asked := time.Now()
	b.Click("Try it here")
	b.See("Open result")
	t.Logf("the page was asked for after %s; the copies were there %s after Try it here", shown.Round(time.Millisecond), time.Since(asked).Round(time.Millisecond))
	b.Shot("first-home")
	b.Right("home")
	b.Click("Open result")
	result := filepath.Join(data, "sample", "result")
	s.until("the result in the desktop's own program", patience, func() bool { return opened()[len(opened())-1] == "file://"+result })
	if files, err := filepath.Glob(filepath.Join(result, "*")); err != nil || len(files) < 2 {
		t.Fatalf("the result is %v, %v", files, err)
	}
	b.To("/history")
	b.Shot("first-history")
	b.Right("history")
	b.Is(`(e => { if (e) e.click(); return !!e; })(document.querySelector('tbody .title'))`)
	b.See("Rows read")
	b.Shot("first-job")
	b.Right("job")

	for _, group := range []string{"general", "jobs", "folders", "network", "credentials", "certificate", "updates", "registration"} {
		b.To("/settings?group=" + group)
		b.Is(`document.getElementById('group-` + group + `')`)
		b.Shot("first-settings-" + group)
		b.Right("settings, " + group)
	}
	b.To("/settings?group=network")
	b.Click("Test")
	b.Shot("first-proxy-test")

	b.To("/settings?group=certificate")
	b.Click("View…")
	b.See("SHA-256")
	b.Shot("first-certificate")
	b.To("/certificate/export")
	b.Enter("password", "only for this test 7")
	b.Enter("again", "only for this test 7")
	b.Click("Export")
	if info, err := os.Stat(downloaded("*.pfx")); err != nil || info.Size() < 1000 {
		t.Errorf("the certificate's file is %v, %v", info, err)
	}
	b.Shot("first-certificate-export")
	b.To("/certificate/new")
	b.Shot("first-certificate-new")
	b.Click("Make and use it")
	b.Is(`location.pathname === '/settings'`) // it worked, so it goes back by itself
	b.See("The gateway has a new certificate.")
	b.Shot("first-certificate-made")
	b.To("/settings?group=credentials")
	b.Click("Show pairing code")
	b.See("It works once")
	b.Shot("first-pairing")
	b.To("/credentials")
	b.Shot("first-credentials")
	b.Right("credentials")

	b.To("/diagnostics")
	b.Shot("first-diagnostics")
	b.Click("Check network")
	b.See("Everything that was tried works.")
	b.Shot("first-network")
	b.Right("network")
	b.To("/diagnostics/connection")
	b.Shot("first-connection")
	b.To("/diagnostics/log")
	b.See("lines", "Follow")
	b.Shot("first-log")
	b.Right("log")
	b.To("/diagnostics/send")
	b.See("settings.json")
	b.Shot("first-send")
	b.Enter("note", "the first minute")
	b.Click("Send logs")
	b.See("Report ID: ")
	b.Shot("first-sent")
	b.To("/diagnostics/archive")
	b.Click("Archive logs")
	b.See("The archive is ready.")
	b.Shot("first-archive")
	b.Click("Save the archive…")
	z, err := zip.OpenReader(downloaded("*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) < 3 {
		t.Errorf("the archive has %d files", len(z.File))
	}
	z.Close()
	b.To("/help?search=SignInFailed")
	b.See("SignInFailed ·")
	b.Shot("first-help")
	b.Right("help")

	b.To("/quit")
	b.Shot("first-quit")
	b.Is(`(e => { if (e) e.click(); return !!e; })(document.querySelector('form[action="/do/quit"] button'))`)
	s.end(p, patience)
}
