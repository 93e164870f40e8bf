package engine

import (
	"archive/zip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

func unzip(t *testing.T, file string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
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

func TestLogsAreSentAndArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 100)
	run, id := w.run("copy")
	w.wait(run)
	waitJob(t, e, id, ended)
	c, err := Dial(t.Context(), e.data)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e.keepNetworkReport(NetworkReport{OK: true})
	contents, err := c.LogContents(t.Context())
	if err != nil || len(contents.Left) != 0 || contents.Bytes == 0 {
		t.Fatal(contents, err)
	}
	shown := map[string]string{}
	for _, p := range contents.Parts {
		text, err := c.LogPart(t.Context(), p.Name)
		if err != nil || p.About == "" {
			t.Errorf("%s: %v", p.Name, err)
		}
		shown[p.Name] = string(text)
	}
	for name, want := range map[string]string{
		"logs/gateway.log": `"event":101`, "logs/jobs/" + id + ".log": "job ended", "settings.json": SettingFolders, "jobs.json": id,
		"status.json": "Connected", "certificate.pem": "BEGIN CERTIFICATE", "machine.json": "memory", NetworkReportFile: `"ok": true`, "stacks.txt": "goroutine",
	} {
		if !strings.Contains(shown[name], want) {
			t.Errorf("%s is shown as %.200q", name, shown[name])
		}
	}
	if _, err := c.LogPart(t.Context(), "../journal.db"); fault.Code(err) != fault.NotFound {
		t.Errorf("another file: %v", err)
	}
	var steps []string
	sent, err := c.SendLogs(t.Context(), "it stopped", func(p LogProgress) { steps = append(steps, p.Doing) })
	if err != nil || sent.ReportID == "" || steps[0] != "Packing" || steps[len(steps)-1] != "Sending" {
		t.Fatal(sent, err, steps)
	}
	if log := logOf(t, e); !strings.Contains(log, `"event":25`) || !strings.Contains(log, sent.ReportID) {
		t.Error("the log does not name the report")
	}
	if _, err := os.Stat(e.outgoingPath(outgoingZip)); err == nil {
		t.Error("the report is still in the data directory")
	}
	list, err := w.client.Reports(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != sent.ReportID || list[0].Note != "it stopped" || list[0].Bytes != sent.Bytes {
		t.Errorf("%+v, %v", list, err)
	}
	file := filepath.Join(t.TempDir(), "report.zip")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.SaveReport(t.Context(), sent.ReportID, f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if all := unzip(t, file); !strings.Contains(all["logs/gateway.log"], `"event":101`) || all["settings.json"] != shown["settings.json"] {
		t.Errorf("the report has %d files", len(all))
	}
	if _, err := c.SendLogs(t.Context(), strings.Repeat("x", protocol.MaxReportNote+1), nil); fault.Code(err) != fault.BadInput {
		t.Errorf("a long note: %v", err)
	}
}

// waiting calls SendLogs while the factory is away and returns once it waits.
func waiting(t *testing.T, e Controller, ctx context.Context) <-chan error { //nolint:revive // t first
	t.Helper()
	waits, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := e.SendLogs(ctx, "", func(p LogProgress) {
			if p.Doing == "Waiting to try again" {
				select {
				case waits <- struct{}{}:
				default:
				}
			}
		})
		done <- err
	}()
	select {
	case <-waits:
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(soon):
		t.Fatal("it does not get on")
	}
	return done
}

func TestABreakWhileSendingLogsIsWaitedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.stop()
	done := waiting(t, e, t.Context())
	if _, err := e.SendLogs(t.Context(), "", nil); fault.Code(err) != fault.Conflict {
		t.Errorf("a second report at once: %v", err)
	}
	w.up()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if list, err := w.client.Reports(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAReportGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.stop()
	done := waiting(t, e, context.Background())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; fault.Code(err) != fault.Cancelled {
		t.Errorf("it ended with %v", err)
	}
	w.up()
	e = openEngine(t, e.data, func(o *Options) { o.stores = w.stores() })
	for deadline := time.Now().Add(soon); !strings.Contains(logOf(t, e), `"event":25`); time.Sleep(20 * time.Millisecond) { // polling, with a deadline
		if time.Now().After(deadline) {
			t.Fatal("the report was not sent")
		}
	}
	if list, err := w.client.Reports(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAReportThatIsGivenUpIsNotSentLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.stop()
	ctx, cancel := context.WithCancel(t.Context())
	done := waiting(t, e, ctx)
	cancel()
	if err := <-done; fault.Code(err) != fault.Cancelled {
		t.Errorf("it ended with %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(e.data, outgoingFolder)); err != nil || len(entries) != 0 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func TestLogsAreArchivedWhileUnregistered(t *testing.T) {
	t.Parallel()
	e := openEngine(t, t.TempDir())
	if _, err := e.SendLogs(t.Context(), "", nil); fault.Code(err) != fault.NotRegistered || !strings.Contains(fault.As(err).Hint, "Archive") {
		t.Errorf("send: %v", err)
	}
	c, err := Dial(t.Context(), e.data)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, control := range map[string]Controller{"engine": e, "client": c} {
		file := filepath.Join(t.TempDir(), "a.zip")
		contents, err := control.ArchiveLogs(t.Context(), file, nil)
		if err != nil || contents.File != file || len(contents.Parts) < 6 {
			t.Fatal(name, contents, err)
		}
		if all := unzip(t, file); !strings.Contains(all["status.json"], "NeedRegistration") {
			t.Errorf("%s: %v", name, all["status.json"])
		}
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := control.ArchiveLogs(t.Context(), file, nil); fault.Code(err) != fault.Conflict {
			t.Errorf("%s: a file that exists: %v", name, err)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
		missing := filepath.Join(t.TempDir(), "no", "folder", "a.zip")
		if _, err := control.ArchiveLogs(t.Context(), missing, nil); fault.Code(err) != fault.Forbidden {
			t.Errorf("%s: no folder: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		cut := filepath.Join(t.TempDir(), "cut.zip")
		if _, err := control.ArchiveLogs(ctx, cut, nil); fault.Code(err) != fault.Cancelled {
			t.Errorf("%s: cut off: %v", name, err)
		}
		if _, err := os.Stat(cut); err == nil {
			t.Errorf("%s: half a file is left", name)
		}
	}
}

func TestABrokenDataDirectoryIsArchivedAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	e := openEngine(t, data)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	garbage := []byte(strings.Repeat("garbage ", 600))
	for _, name := range []string{journalFile, vaultFile, filepath.Join(logging.Folder, "gateway-2026-01-01T00-00-00.000.log.gz"), filepath.Join(logging.Folder, logging.Current)} {
		f, err := os.OpenFile(filepath.Join(data, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if name == journalFile || name == vaultFile {
			err = f.Truncate(0)
		}
		if _, werr := f.Write(garbage); err != nil || werr != nil {
			t.Fatal(err, werr)
		}
		f.Close()
	}
	file := filepath.Join(t.TempDir(), "a.zip")
	contents, err := ArchiveLogs(t.Context(), data, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	left := strings.Join(contents.Left, "\n")
	for _, want := range []string{"status.json", "settings.json", "certificate.pem", "gateway-2026-01-01"} {
		if !strings.Contains(left, want) {
			t.Errorf("%s is not named in %s", want, left)
		}
	}
	all := unzip(t, file)
	if !strings.Contains(all["logs/gateway.log"], "starting") || !strings.Contains(all["logs/gateway.log"], "garbage") || all["machine.json"] == "" {
		t.Errorf("the archive has %d files", len(all))
	}
	if after, err := os.ReadFile(filepath.Join(data, journalFile)); err != nil || string(after) != string(garbage) {
		t.Errorf("the journal was changed, %v", err)
	}
	if _, err := ArchiveLogs(t.Context(), filepath.Join(data, "nothing"), filepath.Join(t.TempDir(), "b.zip"), nil); fault.Code(err) != fault.NotFound {
		t.Errorf("no data directory: %v", err)
	}
}

func TestAJobsLogIsReadByItsRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 10)
	run, id := w.run("copy")
	w.wait(run)
	waitJob(t, e, id, ended)
	lines, err := JobLog(t.Context(), e.data, id)
	if err != nil || len(lines) < 2 || lines[0].Event != logging.JobTaken || lines[len(lines)-1].Event != logging.JobEnded {
		t.Errorf("%+v, %v", lines, err)
	}
	if _, err := JobLog(t.Context(), e.data, "../gateway"); fault.Code(err) != fault.NotFound {
		t.Errorf("a path: %v", err)
	}
}
