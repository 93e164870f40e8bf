package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/logging"
)

func TestAnEarlierCrashIsToldRedacted(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, logging.Folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "crash.pending"), []byte("panic: open with pwd=crash-3;\n\ngoroutine 1 [running]:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := openEngine(t, data, func(o *Options) { o.Program = true })
	s, err := e.Status(t.Context())
	if err != nil || len(s.Warnings) == 0 || s.Warnings[0].ID != "crash" {
		t.Errorf("%+v, %v", s.Warnings, err)
	}
	if log := logOf(t, e); !strings.Contains(log, `"event":5`) {
		t.Errorf("the log is %s", log)
	}
	contents, err := e.LogContents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range contents.Parts {
		if strings.HasPrefix(p.Name, "logs/crash-") {
			text, err := e.LogPart(t.Context(), p.Name)
			found = err == nil && strings.Contains(string(text), "pwd=******;") && strings.Contains(string(text), "goroutine 1")
		}
		if strings.Contains(p.Name, "pending") {
			t.Error("what was not redacted would be sent")
		}
	}
	if !found {
		t.Errorf("the crash is not in %+v", contents.Parts)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "crash.pending")); err == nil {
		t.Error("an orderly end leaves a crash")
	}
	again := openEngine(t, data, func(o *Options) { o.Program = true })
	if s, err := again.Status(t.Context()); err != nil || len(s.Warnings) > 0 && s.Warnings[0].ID == "crash" {
		t.Errorf("told twice: %+v, %v", s.Warnings, err)
	}
}
