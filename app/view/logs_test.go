package view_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/app/view"
)

func TestLogLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, level, text string }{
		{`{"time":"2026-11-23T12:02:15Z","level":"INFO","msg":"job taken","run":"r1","attempt":1}`, "INFO", "job taken  run=r1  attempt=1"},
		{`{"level":"ERROR","msg":"two\nlines","error":{"code":"X"}}`, "ERROR", `two lines  error={"code":"X"}`},
		{`time=2026-11-23T12:02:15Z level=WARN msg="the disk is full" path=/x`, "WARN", "the disk is full  path=/x"},
		{`time=2026-11-23T12:02:15Z level=INFO msg=starting`, "INFO", "starting"},
		{`panic: something`, "", "panic: something"},
		{`{"broken`, "", `{"broken`},
	} {
		got := view.ParseLogLine(c.line)
		if got.Level != c.level || got.Text != c.text {
			t.Errorf("%s\n gives %+v", c.line, got)
		}
	}
}

func FuzzLogLines(f *testing.F) {
	f.Add(`{"time":"x","level":1,"msg":null}`)
	f.Add("time=2026-11-23T12:02:15Z level= msg=\"")
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "\n") {
			t.Skip()
		}
		view.ParseLogLine(line)
	})
}

func TestTheLogIsFiltered(t *testing.T) {
	t.Parallel()
	lines := []view.LogLine{{Level: "DEBUG", Text: "a"}, {Level: "INFO", Text: "Copied Orders"}, {Level: "WARN", Text: "slow orders"}, {Level: "ERROR", Text: "b"}, {Text: "c"}}
	for _, c := range []struct {
		level, search string
		want          int
	}{{"Everything", "", 5}, {"Information", "", 4}, {"Warnings", "", 2}, {"Errors", "", 1}, {"Everything", "ORDERS", 2}, {"Errors", "orders", 0}} {
		if got := view.FilterLog(lines, c.level, c.search); len(got) != c.want {
			t.Errorf("%s %q leaves %d", c.level, c.search, len(got))
		}
	}
}

func TestTheLogIsFollowedThroughItsRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gateway.log")
	seen := make(chan []view.LogLine, 16)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		view.FollowLog(ctx, path, func(l []view.LogLine) { seen <- l })
	}()
	defer func() { cancel(); <-done }()
	expect := func(want ...string) {
		t.Helper()
		var got []string
		for deadline := time.After(10 * time.Second); ; {
			select {
			case lines := <-seen:
				got = nil
				for _, l := range lines {
					got = append(got, l.Text)
				}
			case <-deadline:
				t.Fatalf("the log shows %q, want %q", got, want)
			}
			if strings.Join(got, "|") == strings.Join(want, "|") {
				return
			}
		}
	}
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flag, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(0, "one\ntw")
	expect("one")
	write(os.O_APPEND, "o\n")
	expect("one", "two")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(0, "three\n")
	expect("one", "two", "three")
}
