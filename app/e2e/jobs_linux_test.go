package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine"
)

// notification waits for the next one on the desktop: title and text.
func (s *session) notification() (title, text string) {
	s.t.Helper()
	select {
	case n := <-s.Notified:
		return fmt.Sprint(n[3]), fmt.Sprint(n[4])
	case <-time.After(patience):
		s.t.Fatal("no notification came")
		return "", ""
	}
}

// fails runs a pipeline and waits until its job has failed at the gateway.
func (s *session) fails(c *cloud, client *engine.Client, jobs int) {
	s.t.Helper()
	c.run("Copy", nil)
	s.until(fmt.Sprintf("%d failed jobs", jobs), patience, func() bool {
		list, err := client.Jobs(s.t.Context(), 10)
		if err != nil {
			s.t.Fatal(err)
		}
		n := 0
		for _, j := range list {
			if j.Status == engine.Failed {
				n++
			}
		}
		return n == jobs
	})
}

// TestAFailedJobIsToldOnceAndShowsItsDetails lets two jobs fail one after the other: the first is told by the desktop, the
// second is not told again at once, and the window has everything about them.
func TestAFailedJobIsToldOnceAndShowsItsDetails(t *testing.T) {
	s, c := newSession(t), newCloud(t)
	client, _, _ := s.registered(c)
	forbidden := filepath.Join(s.home, "forbidden") // no folder is allowed to jobs
	c.copies(forbidden, forbidden)

	s.fails(c, client, 1)
	title, text := s.notification()
	if title != "A job failed" || !strings.Contains(text, "Copy") || !strings.Contains(text, "forbidden") {
		t.Errorf("the notification is %q: %q", title, text)
	}
	s.fails(c, client, 2)
	// What comes next is of another kind: notifications come in the order of what happened.
	if _, err := c.RecreateKey(t.Context(), gateway); err != nil {
		t.Fatal(err)
	}
	if title, text := s.notification(); title != "The gateway has to be registered again" {
		t.Errorf("the second notification is %q: %q", title, text)
	}

	s.read("Key no longer valid") // the rows below move when that appears
	s.click(what{text: "Copy…", after: "Recent jobs"})
	s.read("Failed…")
	s.read("Code: FolderNotAllowed")
	s.wait(what{kind: button, text: "Run again"}, nil)
	s.click(what{kind: button, text: "Show log"})
	s.read("job ended…")
}

// TestSendLogsFromTheTrayEndsInAReportID sends the logs with the window closed before, and looks for the report at the
// factory.
func TestSendLogsFromTheTrayEndsInAReportID(t *testing.T) {
	s, c := newSession(t), newCloud(t)
	_, _, icon := s.registered(c)
	s.hide()
	s.Click(t, icon, "Send logs…")
	s.front()
	s.read("What will be sent")
	note := what{kind: entry}
	s.click(note)
	s.write("the job of monday")
	s.click(what{kind: button, text: "Send logs"})
	o := s.wait(what{text: "Report ID: …"}, nil)
	id := strings.TrimPrefix(o.Text, "Report ID: ")
	r, err := c.Report(t.Context(), id)
	if err != nil || r.Note != "the job of monday" || r.Bytes == 0 {
		t.Fatalf("the factory has %+v, %v", r, err)
	}
	file, err := os.Create(filepath.Join(s.home, "report.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := c.SaveReport(t.Context(), id, file); err != nil {
		t.Errorf("the report cannot be fetched: %v", err)
	}
}

// TestASecondStartBringsTheWindowToTheFront starts the program again while its window is behind another, minimised, and
// closed.
func TestASecondStartBringsTheWindowToTheFront(t *testing.T) {
	s := newSession(t)
	data := filepath.Join(s.home, "data")
	s.start("-data", data)
	s.icon()
	s.front()
	again := func() {
		t.Helper()
		s.end(s.start("-data", data), patience)
		s.front()
	}
	s.cover()
	again()
	s.x("windowminimize", "--sync", s.window())
	again()
	s.hide()
	again()
	if out, err := s.tool("xdotool", "search", "--name", "^"+title+"$"); err != nil || len(strings.Fields(out)) != 1 {
		t.Errorf("the windows are %q, %v", out, err)
	}
}
