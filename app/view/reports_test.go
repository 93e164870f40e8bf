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

func withLogs() *viewtest.Controller {
	c := viewtest.Idle()
	c.Contents = engine.LogContents{
		Bytes: 3_200_000, Left: []string{"jobs.json: the journal is locked"},
		Parts: []engine.LogPart{{Name: "logs/gateway.log", About: "the gateway's log", Bytes: 3_000_000}, {Name: "machine.json", About: "something of another version", Bytes: 200_000}},
	}
	c.Part = []byte("a line\xff\n")
	c.Moves = []engine.LogProgress{{Doing: "Packing", Done: 10, Total: 10}, {Doing: "Sending", Done: 500_000, Total: 2_000_000}}
	c.Sent = engine.SentLogs{ReportID: "R-1234", Bytes: 2_000_000}
	return c
}

func TestWhatWouldBeSentIsShownFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withLogs()
		r := run(t, c, nil).LogReport()
		r.List()
		synctest.Wait()
		v := r.Snapshot()
		if v.Loading || v.Title != "2 files, about 3.20 MB" || len(v.Left) != 1 || v.Parts[0] != (view.PartView{Name: "logs/gateway.log", About: "The gateway's log.", Size: "3.00 MB"}) {
			t.Errorf("%+v", v)
		}
		r.Look("logs/gateway.log")
		synctest.Wait()
		if v := r.Snapshot(); v.Looking != "logs/gateway.log" || v.Text != "a line\ufffd\n" || v.Fetching {
			t.Errorf("%+v", v)
		}
		r.Back()
		if v := r.Snapshot(); v.Looking != "" || v.Text != "" {
			t.Errorf("%+v", v)
		}
		for _, asked := range c.Asked() {
			if strings.HasPrefix(asked, "send") {
				t.Error("it was sent before anybody said so")
			}
		}
	})
}

func TestSendingTellsHowFarItIsAndTheReportID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withLogs()
		c.Gate = make(chan struct{})
		r := run(t, c, nil).LogReport()
		r.Send(" it is slow ")
		r.Send("twice")
		synctest.Wait()
		if v := r.Snapshot(); !v.Sending || v.Doing != "Sending: 500 kB of 2.00 MB" || v.Share != 0.25 {
			t.Errorf("%+v", v)
		}
		close(c.Gate)
		synctest.Wait()
		if v := r.Snapshot(); v.Sending || v.ReportID != "R-1234" || v.Problem != nil {
			t.Errorf("%+v", v)
		}
		if asked := c.Asked(); !slices.Equal(asked, []string{"send logs it is slow"}) {
			t.Errorf("%q", asked)
		}
	})
}

func TestSendingCanBeGivenUpAndCanFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withLogs()
		c.Gate = make(chan struct{})
		r := run(t, c, nil).LogReport()
		r.Send("")
		synctest.Wait()
		r.Cancel()
		synctest.Wait()
		if v := r.Snapshot(); v.Sending || v.Problem != nil || !strings.Contains(v.Sent, "cancelled") || v.ReportID != "" {
			t.Errorf("%+v", v)
		}
		close(c.Gate)
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the gateway is not registered") })
		r.Send("")
		synctest.Wait()
		if v := r.Snapshot(); v.Problem == nil || v.Problem.Text != "The gateway is not registered." || v.Sent != "" {
			t.Errorf("%+v", v)
		}
	})
}

func TestAnArchiveIsWrittenOrSaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withLogs()
		a := run(t, c, nil).LogArchive("")
		a.Save("/tmp/x.zip")
		synctest.Wait()
		if v := a.Snapshot(); v.Busy || v.File != "/tmp/x.zip" || len(v.Left) != 1 {
			t.Errorf("%+v", v)
		}
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the file exists already") })
		a.Save("/tmp/x.zip")
		synctest.Wait()
		if v := a.Snapshot(); v.Problem == nil || v.File != "" {
			t.Errorf("%+v", v)
		}
	})
}

func TestTheProposedFileDoesNotExistYet(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	now := time.Date(2026, time.November, 21, 11, 30, 0, 0, time.UTC)
	first := view.ArchiveFile(now)
	if want := filepath.Join(home, "gateway-logs-2026-11-21-1130.zip"); first != want {
		t.Errorf("%s instead of %s", first, want)
	}
	if err := os.WriteFile(first, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := view.ArchiveFile(now); filepath.Base(got) != "gateway-logs-2026-11-21-1130-2.zip" {
		t.Error(got)
	}
	if err := os.Mkdir(filepath.Join(home, "Documents"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := view.NetworkFile(now); filepath.Dir(got) != filepath.Join(home, "Documents") {
		t.Error(got)
	}
}
