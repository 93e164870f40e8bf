package archive

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

var since = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	data := []byte(text)
	if strings.HasSuffix(path, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		data = b.Bytes()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func unzip(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(text)
	}
	return all
}

func TestAnArchiveHasTheLogsOfTheTimeRedacted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, logging.Current), `{"time":"2026-01-01T00:00:00Z","msg":"too old"}`+"\ntrace of it\n"+
		`{"time":"2026-01-11T00:00:00Z","msg":"new pwd=hid-1;"}`+"\ngarbage \xff {\n")
	write(t, filepath.Join(dir, "gateway-2026-01-09T00-00-00.000.log.gz"), `{"time":"2026-01-10T00:00:00Z","msg":"packed","password":"hid-2"}`+"\n")
	write(t, filepath.Join(dir, "jobs", "r-1.log"), `{"time":"2026-01-11T00:00:00Z","msg":"of a run"}`+"\n")
	write(t, filepath.Join(dir, "crash-2026-01-11T00-00-00.000.txt"), "panic: Bearer hid-3-12345\n")
	write(t, filepath.Join(dir, "crash.pending"), "raw hid-4")
	sources, left := Logs(dir, since)
	sources = append(sources, JSON("status.json", "the status", map[string]any{"state": "Connected", "token": "hid-5"}), Text("c.pem", "x", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")))
	var b bytes.Buffer
	var last, total int64
	c, err := Pack(t.Context(), &b, sources, left, since, func(d, all int64) { last, total = d, all })
	if err != nil || len(c.Left) != 0 {
		t.Fatal(c, err)
	}
	all := unzip(t, b.Bytes())
	want := map[string]string{
		"logs/gateway.log":                         "new pwd=******;",
		"logs/gateway-2026-01-09T00-00-00.000.log": `"password":"******"`,
		"logs/jobs/r-1.log":                        "of a run",
		"logs/crash-2026-01-11T00-00-00.000.txt":   "panic: Bearer ******",
		"status.json":                              "Connected",
		"c.pem":                                    "BEGIN CERTIFICATE",
		ContentsFile:                               "the log of one run",
	}
	for name, text := range want {
		if !strings.Contains(all[name], text) {
			t.Errorf("%s is %q", name, all[name])
		}
	}
	for name, text := range all {
		if strings.Contains(text, "hid-") || strings.Contains(text, "too old") || strings.Contains(text, "trace of it") || want[name] == "" {
			t.Errorf("%s holds %q", name, text)
		}
	}
	var told Contents
	if err := json.Unmarshal([]byte(all[ContentsFile]), &told); err != nil || told.Bytes != c.Bytes || len(told.Parts) != 6 {
		t.Errorf("%+v, %v", told, err)
	}
	if last == 0 || last > total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	for _, s := range sources {
		looked, err := Look(t.Context(), s, since, 1<<20)
		if err != nil || string(looked) != all[s.Name] {
			t.Errorf("%s is shown as %q, %v", s.Name, looked, err)
		}
	}
	if short, err := Look(t.Context(), sources[0], since, 10); err != nil || len(short) != 10 {
		t.Errorf("%q, %v", short, err)
	}
}

func TestWhatCannotBeReadIsNamedAndTheRestIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gateway-2026-01-08T00-00-00.000.log.gz"), strings.Repeat(`{"time":"2026-01-11T00:00:00Z","msg":"x"}`+"\n", 5000))
	cut := filepath.Join(dir, "gateway-2026-01-08T00-00-00.000.log.gz")
	data, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway-2026-01-09T00-00-00.000.log.gz"), []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	sources, left := Logs(dir, since)
	sources = append(sources,
		Source{Name: "broken", Open: func() (io.ReadCloser, error) { return nil, errors.New("open with pwd=hid-1;") }},
		Source{Name: "panics", Open: func() (io.ReadCloser, error) { panic("ouch") }},
		Text("good", "", []byte("good")))
	var b bytes.Buffer
	c, err := Pack(t.Context(), &b, sources, append(left, "earlier"), since, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := unzip(t, b.Bytes())
	if all["good"] != "good" || len(all["logs/gateway-2026-01-08T00-00-00.000.log"]) == 0 {
		t.Errorf("%d parts", len(all))
	}
	whole := strings.Join(c.Left, "\n")
	for _, want := range []string{"earlier", "01-08", "01-09", "broken: open with pwd=******;", "panics: "} {
		if !strings.Contains(whole, want) {
			t.Errorf("%q lacks %s", whole, want)
		}
	}
}

// limitedDisk fails when it is full.
type limitedDisk struct{ room int }

func (d *limitedDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestAFullDiskAndACancelAreErrors(t *testing.T) {
	t.Parallel()
	sources := []Source{Text("a", "", bytes.Repeat([]byte("0123456789 abcdef"), 1<<16))}
	if _, err := Pack(t.Context(), &limitedDisk{100}, sources, nil, since, nil); err == nil {
		t.Error("a full disk is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Pack(ctx, io.Discard, sources, nil, since, nil); fault.Code(err) != fault.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
}
