package e2e

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dmgateway/engine"
)

// What the soak demands.
const (
	warmUp     = 3 * time.Minute // caches fill and pages are first drawn
	flat       = 24.0            // MB that memory may grow in an hour after that, as a straight line through it says
	windowCost = 3.0             // percent of a core that the interface may cost while jobs run
)

// TestSoak runs the program with its window up and jobs that never stop, for as long as SOAK says, and demands that memory
// stays flat and that following the jobs costs next to nothing. The page changes every half minute, and now and then the
// window is closed and brought back.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK says how long: see make soak")
	}
	s, c := newSession(t), newCloud(t)
	client, p, icon := s.registered(c)
	in, out := filepath.Join(s.home, "in"), filepath.Join(s.home, "out")
	soakPipelines(t, c, client, s.home, in, out)

	file := os.Getenv("SOAK_OUT")
	if file == "" {
		file = filepath.Join(s.home, "soak.csv")
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := csv.NewWriter(f)
	if err := table.Write([]string{"seconds", "page", "jobs_ended", "jobs_running", "rss_mb", "heap_mb", "goroutines", "files", "interface_percent", "drawing_percent", "rest_percent"}); err != nil {
		t.Fatal(err)
	}

	w := &watch{s: s, pid: p.cmd.Process.Pid, client: client}
	w.idle()
	began := time.Now()
	var running []string
	ended, turn, runs := 0, 0, 0
	page := "home"
	for next := began; time.Since(began) < length; next = next.Add(5 * time.Second) {
		time.Sleep(time.Until(next)) // the distance of measurements, not a wait for a state
		jobs := w.jobs()
		running = running[:0]
		for id, status := range jobs {
			if status == engine.InProgress || status == engine.Queued {
				running = append(running, id)
			} else if !w.seen[id] {
				w.seen[id] = true
				if ended++; status != engine.Succeeded {
					t.Errorf("job %s: %s", id, status)
				}
			}
		}
		for ; runs < ended+4; runs++ {
			c.run([]string{"Rows", "Slow"}[runs%2], map[string]any{"file": fmt.Sprintf("%d", runs%8)})
		}
		if now := int(time.Since(began) / (30 * time.Second)); now != turn {
			turn = now
			page = s.turn(turn, icon)
		}
		m := w.measure()
		m.at, m.page, m.ended, m.running = time.Since(began), page, ended, len(running)
		w.all = append(w.all, m)
		if err := table.Write(m.row()); err != nil {
			t.Fatal(err)
		}
		table.Flush()
	}
	w.judge(t, ended, length)
}

// soakPipelines makes two pipelines: Rows copies a table of many rows into a file; Slow copies bytes under the limit that
// the gateway has then, so that progress is always shown.
func soakPipelines(t *testing.T, c *cloud, client *engine.Client, home, in, out string) {
	t.Helper()
	for _, dir := range []string{in, out} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var rows strings.Builder
	rows.WriteString("id,name,price,at\n")
	for i := range 200_000 {
		fmt.Fprintf(&rows, "%d,customer %d of the shop,%d.%02d,2026-01-%02dT06:00:00Z\n", i, i%977, i%1000, i%100, 1+i%28)
	}
	if err := os.WriteFile(filepath.Join(in, "rows.csv"), []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{engine.SettingFolders: home, engine.SettingByteLimit: "2000000", engine.SettingJobLimit: "4"} {
		if err := client.SetSetting(t.Context(), name, value); err != nil {
			t.Fatal(err)
		}
	}
	c.copies(in, out)
	c.put("datasets", "Rows", `{"type": "DelimitedText", "linkedServiceName": {"referenceName": "In", "type": "LinkedServiceReference"},
		"typeProperties": {"location": {"type": "FileServerLocation", "fileName": "rows.csv"}, "firstRowAsHeader": true}}`)
	c.put("datasets", "Parquet", `{"type": "Parquet", "parameters": {"file": {"type": "String"}}, "linkedServiceName": {"referenceName": "Out", "type": "LinkedServiceReference"},
		"typeProperties": {"location": {"type": "FileServerLocation", "fileName": {"value": "@{dataset().file}.parquet", "type": "Expression"}}}}`)
	c.put("datasets", "Bytes", `{"type": "Binary", "parameters": {"file": {"type": "String"}}, "linkedServiceName": {"referenceName": "Out", "type": "LinkedServiceReference"},
		"typeProperties": {"location": {"type": "FileServerLocation", "folderPath": {"value": "@dataset().file", "type": "Expression"}}}}`)
	copies := func(source, sink, from, to string) string {
		return `{"parameters": {"file": {"type": "String"}}, "activities": [{"name": "Copy", "type": "Copy", "inputs": [{"referenceName": "` + from + `", "type": "DatasetReference"}],
			"outputs": [{"referenceName": "` + to + `", "type": "DatasetReference", "parameters": {"file": "@pipeline().parameters.file"}}],
			"typeProperties": {"source": {"type": "` + source + `", "storeSettings": {"type": "FileServerReadSettings"}}, "sink": {"type": "` + sink + `", "storeSettings": {"type": "FileServerWriteSettings"}}}}]}`
	}
	c.put("pipelines", "Rows", copies("DelimitedTextSource", "ParquetSink", "Rows", "Parquet"))
	c.put("pipelines", "Slow", strings.Replace(copies("BinarySource", "BinarySink", "In", "Bytes"), `"FileServerReadSettings"`, `"FileServerReadSettings", "wildcardFileName": "*.csv"`, 1))
}

// turn goes to another page, or closes the window and brings it back; it gives what is shown then.
func (s *session) turn(n int, icon string) string {
	s.t.Helper()
	pages := []string{"home", "settings", "home", "diagnostics", "home", "hidden"}
	page := pages[n%len(pages)]
	if page == "hidden" {
		s.hide()
		return page
	}
	if s.window() == "" {
		s.Click(s.t, icon, "Open")
	}
	s.front()
	s.keys("ctrl+" + map[string]string{"home": "1", "settings": "2", "diagnostics": "3"}[page])
	return page
}

// watch follows what the program needs.
type watch struct {
	s      *session
	pid    int
	client *engine.Client
	seen   map[string]bool
	last   ticks
	before float64 // percent of a core that the interface needs while nothing happens
	all    []sample
}

// sample is what the program needed at a moment, and since the one before it.
type sample struct {
	at                         time.Duration
	page                       string
	ended, running             int
	rss, heap                  float64 // MB
	goroutines, files          int
	interfaces, drawing, other float64 // percent of a core
}

func (m sample) row() []string {
	f := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	return []string{f(m.at.Seconds()), m.page, strconv.Itoa(m.ended), strconv.Itoa(m.running), f(m.rss), f(m.heap), strconv.Itoa(m.goroutines), strconv.Itoa(m.files), f(m.interfaces), f(m.drawing), f(m.other)}
}

// idle measures ten seconds without jobs, with Home shown.
func (w *watch) idle() {
	w.s.t.Helper()
	w.seen = map[string]bool{}
	w.last = w.ticks()
	time.Sleep(10 * time.Second) // the length of the measurement
	w.before = w.measure().interfaces
	w.s.t.Logf("idle: the interface needs %.1f %% of a core", w.before)
}

func (w *watch) jobs() map[string]string {
	w.s.t.Helper()
	list, err := w.client.Jobs(w.s.t.Context(), 50)
	if err != nil {
		w.s.t.Fatal(err)
	}
	jobs := map[string]string{}
	for _, j := range list {
		jobs[j.ID] = j.Status
	}
	return jobs
}

// ticks are processor times in hundredths of a second: the main thread, which has the interface and nothing else; the
// threads with which a driver draws where there is no graphics card; everything.
type ticks struct {
	when                time.Time
	main, drawing, sums float64
}

func (w *watch) ticks() ticks {
	w.s.t.Helper()
	t := ticks{when: time.Now()}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", w.pid))
	if err != nil || len(threads) == 0 {
		w.s.t.Fatalf("the program has ended: %v", err)
	}
	whole, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	if err != nil {
		w.s.t.Fatal(err)
	}
	_, t.sums = spent(string(whole))
	for _, thread := range threads {
		text, err := os.ReadFile(thread + "/stat")
		if err != nil {
			continue // it has ended
		}
		name, time := spent(string(text))
		switch {
		case filepath.Base(thread) == strconv.Itoa(w.pid):
			t.main = time
		case strings.HasPrefix(name, "llvmpipe"):
			t.drawing += time
		}
	}
	return t
}

// spent reads a line of /proc: name, and user and system time together.
func spent(stat string) (name string, hundredths float64) {
	_, rest, _ := strings.Cut(stat, "(")
	end := strings.LastIndex(rest, ")")
	if end < 0 {
		return "", 0
	}
	fields := strings.Fields(rest[end+1:])
	if len(fields) < 13 {
		return "", 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return rest[:end], user + system
}

func (w *watch) measure() sample {
	w.s.t.Helper()
	var m sample
	var inside struct{ Goroutines, Heap int64 }
	if err := w.s.ask("/runtime", &inside); err != nil {
		w.s.t.Fatal(err)
	}
	m.goroutines, m.heap = int(inside.Goroutines), float64(inside.Heap)/1e6
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.pid))
	if err != nil {
		w.s.t.Fatal(err)
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	m.rss = pages * float64(os.Getpagesize()) / 1e6
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.pid))
	m.files = len(files)
	now := w.ticks()
	seconds := now.when.Sub(w.last.when).Seconds()
	m.interfaces, m.drawing = (now.main-w.last.main)/seconds, (now.drawing-w.last.drawing)/seconds
	m.other = (now.sums-w.last.sums)/seconds - m.interfaces - m.drawing
	w.last = now
	return m
}

// judge says what came out, and fails the test where it is too much.
func (w *watch) judge(t *testing.T, ended int, length time.Duration) {
	t.Helper()
	var late []sample
	var home, all float64
	var homes int
	for _, m := range w.all {
		if m.at >= min(warmUp, length/3) {
			late = append(late, m)
		}
		all += m.interfaces
		if m.page == "home" && m.running > 0 {
			home += m.interfaces
			homes++
		}
	}
	if len(late) < 10 || homes == 0 || ended == 0 {
		t.Fatalf("too short to say anything: %d measurements, %d jobs", len(late), ended)
	}
	first, last := late[0], late[len(late)-1]
	slopes := map[string]float64{}
	for name, of := range map[string]func(sample) float64{
		"memory": func(m sample) float64 { return m.rss }, "heap": func(m sample) float64 { return m.heap },
		"goroutines": func(m sample) float64 { return float64(m.goroutines) }, "files": func(m sample) float64 { return float64(m.files) },
	} {
		slopes[name] = slope(late, of)
	}
	cost := home/float64(homes) - w.before
	t.Logf("%s, %d jobs", length, ended)
	t.Logf("memory %.0f to %.0f MB, %+.1f MB an hour; heap %+.1f MB an hour; goroutines %d to %d, %+.1f an hour; files %d to %d, %+.1f an hour",
		first.rss, last.rss, slopes["memory"], slopes["heap"], first.goroutines, last.goroutines, slopes["goroutines"], first.files, last.files, slopes["files"])
	t.Logf("the interface: %.1f %% of a core idle, %.1f %% on Home while jobs run, %.1f %% over everything", w.before, home/float64(homes), all/float64(len(w.all)))
	if grown := slopes["memory"] * length.Hours(); slopes["memory"] > flat && grown > 8 {
		t.Errorf("memory grows by %.1f MB an hour; %.0f is the limit", slopes["memory"], flat)
	}
	if cost > windowCost {
		t.Errorf("following jobs costs %.1f %% of a core; %.0f is the limit", cost, windowCost)
	}
}

// slope is how much something grows in an hour: the straight line with the least squares.
func slope(list []sample, of func(sample) float64) float64 {
	var x, y, xx, xy float64
	for _, m := range list {
		h, v := m.at.Hours(), of(m)
		x, y, xx, xy = x+h, y+v, xx+h*h, xy+h*v
	}
	n := float64(len(list))
	return (n*xy - x*y) / (n*xx - x*x)
}
