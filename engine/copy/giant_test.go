package copy

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/format"
	"dmgateway/engine/format/avro"
	"dmgateway/engine/format/json"
	"dmgateway/engine/format/parquet"
)

// giantVariable names the copy that a process started by TestGiantCellsStayBelowTheLimit makes.
const giantVariable = "DMGATEWAY_TEST_GIANT"

const (
	giantCell = 100_000_000
	// giantMost is what such a process may take, in bytes.
	giantMost = 300_000_000
)

// giantText makes a text of the length that compresses badly, has quotes and characters of several bytes in it, and is the same each
// time.
func giantText(w *bufio.Writer, length int, quote string) {
	x := uint32(1)
	for n := 0; n < length; n++ {
		x = x*1664525 + 1013904223
		switch c := x >> 24; c {
		case 0:
			_, _ = w.WriteString(quote)
		case 1:
			_, _ = w.WriteString("ä")
		default:
			_ = w.WriteByte("abcdefghijklmnopqrstuvwxyz 01234"[c%32])
		}
	}
}

// TestGiantCellsStayBelowTheLimit copies a cell of 100 MB between formats, each copy in a process of its own, and looks at the most
// memory that the process took.
func TestGiantCellsStayBelowTheLimit(t *testing.T) {
	switch {
	case os.Getenv(giantVariable) != "":
		t.Skip("a process of this test")
	case testing.Short():
		t.Skip("moves a gigabyte")
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "start.text"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString("id,text\r\n1,\"")
	giantText(w, giantCell, `""`)
	_, _ = w.WriteString("\"\r\n2,short\r\n")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"start.text a.text", "a.text b.json", "a.text b.avro", "b.json c.text", "c.text d.parquet", "d.parquet e.json", "e.json f.parquet", "f.parquet g.avro", "g.avro h.text"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGiantCopy$", "-test.v")
		cmd.Env = append(os.Environ(), giantVariable+"="+step, "DMGATEWAY_TEST_GIANT_DIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", step, err, out)
		}
		peak := int64(-1)
		if _, text, ok := strings.Cut(string(out), "PEAK "); ok {
			if _, err := fmt.Sscan(text, &peak); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: %d MB at most", step, peak/1_000_000)
		if peak > giantMost && !raceDetector {
			t.Errorf("%s took %d MB", step, peak/1_000_000)
		}
	}
	same(t, filepath.Join(dir, "a.text"), filepath.Join(dir, "h.text"))
}

func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(x) < giantCell || string(x) != string(y) {
		t.Errorf("%s has %d bytes, %s %d, and they differ", a, len(x), b, len(y))
	}
}

// TestGiantCopy is the process that TestGiantCellsStayBelowTheLimit starts.
func TestGiantCopy(t *testing.T) {
	step, dir := os.Getenv(giantVariable), os.Getenv("DMGATEWAY_TEST_GIANT_DIR")
	if step == "" {
		t.Skip("started by another test only")
	}
	debug.SetGCPercent(40) // as dmgcmd does for a heap of this size
	from, to, _ := strings.Cut(step, " ")
	formatOf := func(name string) (format.Format, string) {
		switch filepath.Ext(name) {
		case ".json":
			return json.Definition().Decode(format.Spec{Dataset: object(t, `{}`), Settings: object(t, `{}`)}), "json"
		case ".avro":
			return avro.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), "avro"
		case ".parquet":
			return parquet.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), "parquet"
		}
		return textFormat(t), "text"
	}
	source := &activity.FileSource{Open: folder(t, dir), Name: from}
	source.Format, source.FormatName = formatOf(from)
	sink := &activity.FileSink{Open: folder(t, dir), Name: to, Extension: filepath.Ext(to), Behavior: activity.PreserveHierarchy}
	sink.Format, sink.FormatName = formatOf(to)
	job := &activity.Job{
		Name: "Giant", Source: activity.Source{Type: "Files", Files: source}, Sink: activity.Sink{Type: "Files", Files: sink},
	}
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.RowsCopied != 2 {
		t.Fatalf("%v, %+v", err, res)
	}
	fmt.Println("PEAK", systemPeak())
}
