package view_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dmgateway/app/view"
)

// logging is a LogView of a folder that lives until the test ends.
func logging(t testing.TB, folder string) *view.LogView {
	t.Helper()
	v := view.NewLogView(folder)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); v.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return v
}

// settled waits until ok holds of a moment, and gives it.
func settled(t testing.TB, v *view.LogView, ok func(view.LogMoment) bool) view.LogMoment {
	t.Helper()
	changed, stop := v.Watch()
	defer stop()
	limit := time.After(60 * time.Second)
	for {
		if m := v.Snapshot(); ok(m) {
			return m
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("waited in vain; it has %+v", v.Snapshot())
		}
	}
}

// line is the n-th line of a test's log.
func line(n int) string {
	level := []string{"INFO", "INFO", "DEBUG", "INFO", "WARN", "INFO", "INFO", "INFO", "INFO", "ERROR"}[n%10]
	return fmt.Sprintf(`{"time":"2026-11-21T11:%02d:%02d.%03dZ","level":%q,"msg":"line %d","event":%d,"run":"r%d"}`, n/60000%60, n/1000%60, n%1000, level, n, []int{0, 101, 402}[n%3], n%7)
}

// write makes a file of lines; a name that ends in .gz is compressed.
func write(t testing.TB, path string, from, to int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(line(n) + "\n")
	}
	if strings.HasSuffix(path, ".gz") {
		z := gzip.NewWriter(f)
		if _, err := z.Write([]byte(b.String())); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	} else if _, err := f.WriteString(b.String()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func add(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// three has 300 lines in two earlier files and the present one.
func three(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gateway-2026-11-19T10-00-00.000.log.gz"), 0, 100)
	write(t, filepath.Join(dir, "gateway-2026-11-20T10-00-00.000.log"), 100, 200)
	write(t, filepath.Join(dir, "gateway.log"), 200, 300)
	return dir
}

func read(m view.LogMoment) bool { return !m.Reading && m.Known > 0 }

func TestEveryFileOfTheLogIsRead(t *testing.T) {
	t.Parallel()
	v := logging(t, three(t))
	m := settled(t, v, read)
	if m.High-m.Low != 300 || m.Known != 300 || m.More || m.Problem != nil {
		t.Fatalf("%+v", m)
	}
	for _, first := range []int{m.Low, m.Low + 95, m.Low + 150, m.High - 20} {
		v.Show(first, 20)
		m = settled(t, v, func(m view.LogMoment) bool { return m.First <= first && m.First+len(m.Lines) >= first+20 })
		for i := range 20 {
			n := first + i - m.Low
			if l := m.Lines[first+i-m.First]; l.Raw != line(n) || !strings.HasPrefix(l.Text, fmt.Sprintf("line %d", n)) {
				t.Fatalf("line %d is %+v", n, l)
			}
		}
	}
}

func TestALogIsFiltered(t *testing.T) {
	t.Parallel()
	v := logging(t, three(t))
	for i, c := range []struct {
		filter view.LogFilter
		want   int
	}{
		{view.LogFilter{}, 300},
		{view.LogFilter{Level: 3}, 30},
		{view.LogFilter{Level: 2}, 60},
		{view.LogFilter{Level: 1}, 270},
		{view.LogFilter{Part: 8}, 100},
		{view.LogFilter{Part: 9}, 100},
		{view.LogFilter{Part: 7}, 0},
		{view.LogFilter{Search: "LINE 29"}, 13},
		{view.LogFilter{Search: "line run=r3"}, 43},
		{view.LogFilter{Search: "nothing like it"}, 0},
		{view.LogFilter{Search: "msg"}, 0},
		{view.LogFilter{Search: "level"}, 0},
		{view.LogFilter{Search: "error"}, 30},
		{view.LogFilter{Search: "11:00:00.299"}, 1},
		{view.LogFilter{Level: 3, Search: "\"line"}, 0},
	} {
		v.Filter(c.filter)
		m := settled(t, v, func(m view.LogMoment) bool { return m.Generation == i && read(m) })
		if got := m.High - m.Low; got != c.want {
			t.Errorf("%+v: %d lines instead of %d", c.filter, got, c.want)
		}
	}
}

func TestTheLogOfOneRun(t *testing.T) {
	t.Parallel()
	dir := three(t)
	if err := os.Mkdir(filepath.Join(dir, "jobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "jobs", "r5.log"), 7, 12)
	v := logging(t, dir)
	v.Filter(view.LogFilter{Run: "r5"})
	if m := settled(t, v, func(m view.LogMoment) bool { return m.Generation == 1 && read(m) }); m.High-m.Low != 5 {
		t.Errorf("%+v", m)
	}
	v.Filter(view.LogFilter{Run: "../gateway"})
	settled(t, v, func(m view.LogMoment) bool { return m.Generation == 2 && m.High-m.Low == 0 })
	v.Filter(view.LogFilter{})
	settled(t, v, func(m view.LogMoment) bool { return m.Generation == 3 && m.High-m.Low == 300 })
}

func TestWhatIsWrittenComesAndKeepsItsNumber(t *testing.T) {
	t.Parallel()
	dir := three(t)
	v := logging(t, dir)
	m := settled(t, v, read)
	present := filepath.Join(dir, "gateway.log")
	add(t, present, line(300)+"\n"+line(301)[:40])
	m = settled(t, v, func(n view.LogMoment) bool { return n.High == m.High+1 && n.Low == m.Low })
	add(t, present, line(301)[40:]+"\n")
	m = settled(t, v, func(n view.LogMoment) bool { return n.High == m.High+1 })
	// The file gets another name, a last line, and is compressed; a new one begins.
	earlier := filepath.Join(dir, "gateway-2026-11-21T10-00-00.000.log")
	add(t, present, line(302)+"\n")
	if err := os.Rename(present, earlier); err != nil {
		t.Fatal(err)
	}
	write(t, present, 303, 310)
	m = settled(t, v, func(n view.LogMoment) bool { return n.High == m.High+8 && n.Low == m.Low })
	if err := os.Remove(earlier); err != nil {
		t.Fatal(err)
	}
	write(t, earlier+".gz", 200, 303)
	v.Show(m.Low, 310)
	m = settled(t, v, func(n view.LogMoment) bool { return len(n.Lines) == 310 })
	for i, l := range m.Lines {
		if l.Raw != line(i) {
			t.Fatalf("line %d is %s", i, l.Raw)
		}
	}
}

func TestAFolderWithoutALogWaitsForOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	v := logging(t, dir)
	m := settled(t, v, func(m view.LogMoment) bool { return !m.Reading })
	if m.Known != 0 || m.Problem != nil {
		t.Errorf("%+v", m)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "gateway.log"), 0, 3)
	settled(t, v, func(m view.LogMoment) bool { return m.High-m.Low == 3 })
}

func TestDamagedFilesAreReadAsFarAsTheyGo(t *testing.T) {
	t.Parallel()
	dir := three(t)
	packed := filepath.Join(dir, "gateway-2026-11-18T10-00-00.000.log.gz")
	write(t, packed, 0, 5000)
	whole, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packed, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway-2026-11-17T10-00-00.000.log.gz"), []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, filepath.Join(dir, "gateway.log"), "\n\x00\xff no JSON\n"+strings.Repeat("x", 9<<20)+"\n"+line(300)+"\n")
	v := logging(t, dir)
	m := settled(t, v, read)
	if m.Known < 1000 || m.Problem == nil {
		t.Errorf("%d lines, %+v", m.Known, m.Problem)
	}
	v.Show(m.High-3, 3)
	m = settled(t, v, func(m view.LogMoment) bool { return len(m.Lines) > 3 })
	if l := m.Lines[len(m.Lines)-1]; l.Raw != line(300) {
		t.Errorf("%.80s", l.Raw)
	}
}

func TestTheNewestLinesAreCollected(t *testing.T) {
	t.Parallel()
	v := logging(t, three(t))
	settled(t, v, read)
	got := make(chan string, 1)
	v.Collect(2, func(s string) { got <- s })
	if s := <-got; s != line(298)+"\n"+line(299)+"\n" {
		t.Errorf("%q", s)
	}
}

func TestALineIsTakenApart(t *testing.T) {
	t.Parallel()
	d := view.DetailOfLine(view.ParseLogLine(`{"time":"2026-11-21T11:28:50.5Z","level":"ERROR","msg":"queue lost","event":401,"error":"refused"}`), time.UTC)
	if d.Title != "queue lost" || d.Tone != view.Bad || d.Help == "" || d.Do == "" || len(d.Fields) != 4 || d.Fields[3] != (view.Field{Name: "error", Value: "refused"}) {
		t.Errorf("%+v", d)
	}
	for _, text := range []string{"", "plain", "{", "\xff"} {
		view.DetailOfLine(view.ParseLogLine(text), time.UTC)
	}
}

// BenchmarkAMillionLines reads a log of a million lines, 130 MB in one file: ms to the first line, to all, for a search;
// MB that the index takes.
func BenchmarkAMillionLines(b *testing.B) {
	dir := b.TempDir()
	write(b, filepath.Join(dir, "gateway.log"), 0, 1_000_000)
	runtime.GC()
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		v := logging(b, dir)
		v.Show(0, 40)
		settled(b, v, func(m view.LogMoment) bool { return m.Known > 0 && len(m.Lines) > 0 })
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "first-ms")
		settled(b, v, read)
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "all-ms")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB")
		for i, f := range []view.LogFilter{{Level: 3}, {Search: "line 77777"}, {Search: "run=r3"}} {
			begin = time.Now()
			v.Filter(f)
			settled(b, v, func(m view.LogMoment) bool { return m.Generation == i+1 && read(m) })
			b.ReportMetric(float64(time.Since(begin).Milliseconds()), []string{"level-ms", "rare-ms", "common-ms"}[i])
		}
	}
}
