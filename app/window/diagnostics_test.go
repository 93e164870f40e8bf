package window

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// diagnosed is a gateway whose network, logs and connections answer something.
func diagnosed() *viewtest.Controller {
	c := viewtest.Idle()
	ok := func(name, detail string, took time.Duration) engine.NetworkStep {
		return engine.NetworkStep{Name: name, State: "ok", Detail: detail, Took: took}
	}
	c.Network = engine.NetworkReport{
		Started: viewtest.Now, Took: 3 * time.Second,
		Checks: []engine.NetworkCheck{
			{Name: "Data factory", Address: "factory.example:8051", Steps: []engine.NetworkStep{
				ok("name", "factory.example is 10.20.0.5", 3*time.Millisecond), ok("tcp", "10.20.0.5 answers", 12*time.Millisecond),
				ok("tls", "TLS 1.3, the pinned certificate", 31*time.Millisecond), ok("sign-in", "the factory knows this node", 18*time.Millisecond),
			}},
			{Name: "Queue (AMQP)", Address: "bus.example:5671", Steps: []engine.NetworkStep{
				ok("name", "bus.example is 10.20.0.6", 2*time.Millisecond),
				{
					Name: "tcp", State: "failed", Detail: "10.20.0.6:5671 does not answer within 5 seconds: a firewall drops what is sent there", Took: 5 * time.Second,
					Remedy: "let TCP port 5671 out to bus.example; until then the gateway uses WebSockets on port 443, which work",
				},
				{Name: "tls", State: "skipped"},
				{Name: "sign-in", State: "skipped"},
			}},
			{Name: "Queue (WebSocket)", Address: "bus.example:443", Steps: []engine.NetworkStep{
				ok("name", "bus.example is 10.20.0.6", 2*time.Millisecond), ok("tcp", "10.20.0.6 answers", 9*time.Millisecond), ok("tls", "TLS 1.3", 22*time.Millisecond), ok("websocket", "open", 15*time.Millisecond),
			}},
			{Name: "Clock", Steps: []engine.NetworkStep{{Name: "clock", State: "warning", Detail: "this computer's clock is 48 seconds behind", Remedy: "let the system set its time by NTP: from 5 minutes on, sign-ins fail"}}},
			{Name: "Stores in the cloud", Steps: []engine.NetworkStep{{Name: "name", State: "skipped", Detail: "no recent job has used one"}}},
		},
		Needed: []engine.NetworkNeed{
			{Host: "factory.example", Port: 8051, Protocol: "HTTPS", For: "registering, reports", Required: true},
			{Host: "bus.example", Port: 5671, Protocol: "AMQP over TLS", For: "jobs"},
			{Host: "bus.example", Port: 443, Protocol: "WebSocket over TLS", For: "jobs"},
		},
	}
	c.Stages = []engine.Stage{
		{Name: "name", Detail: "db1 is 10.0.0.5", Took: 2 * time.Millisecond},
		{Name: "tcp", Detail: "10.0.0.5:5432 answers", Took: 4 * time.Millisecond},
		{Name: "tls", Detail: "TLS 1.3, db1.example, valid until 1 March 2027", Took: 21 * time.Millisecond},
		{Name: "sign-in", Error: `password authentication failed for user "loader"`, Remedy: "check user and password", Took: 40 * time.Millisecond},
	}
	c.Contents = engine.LogContents{Since: viewtest.Now.AddDate(0, 0, -7), Bytes: 14_300_000, Left: []string{"logs/gateway-2026-11-17T10-00-00.000.log: the file is damaged"}}
	c.Contents.Parts = append(c.Contents.Parts, []engine.LogPart{
		{Name: "logs/gateway.log", About: "the gateway's log", Bytes: 7_300_000},
		{Name: "logs/gateway-2026-11-19T08-12-44.310.log", About: "the gateway's log", Bytes: 6_200_000},
		{Name: "jobs/0a6c1c5e-58b1-4f8f-a2c3-0d1f6e1b2c3d.log", About: "the log of one run", Bytes: 31_000},
		{Name: "settings.json", About: "the settings; secrets are not among them", Bytes: 3_100},
		{Name: "jobs.json", About: "the last jobs with their results", Bytes: 220_000},
		{Name: "stacks.txt", About: "what the program is doing at this moment", Bytes: 48_000},
		{Name: "machine.json", About: "the program and the machine: version, system, memory, disk", Bytes: 9_000},
	}...)
	c.Part = []byte("{\"time\":\"2026-11-21T11:28:50Z\",\"level\":\"INFO\",\"msg\":\"connected\"}\n{\"time\":\"2026-11-21T11:28:51Z\",\"level\":\"INFO\",\"msg\":\"job taken\",\"run\":\"r1\"}\n")
	c.Moves = []engine.LogProgress{{Doing: "Sending", Done: 2_100_000, Total: 3_200_000}}
	c.Sent = engine.SentLogs{ReportID: "5f0c2b7e-1d1c-4b62-9c1e-0a7de0e8a1b4", Bytes: 3_200_000}
	return c
}

// eachLook draws a page of Diagnostics or Help in each look.
func eachLook(t *testing.T, name string, do func(t *testing.T, w *Window)) {
	t.Helper()
	inLooks(t, name, diagnosed, func(t *testing.T, w *Window) {
		t.Helper()
		w.diagnostics.quiet = true
		w.Go(2)
		do(t, w)
		again(w)
	})
}

func TestTheFirstPageOfDiagnosticsLeadsToItsTools(t *testing.T) {
	eachLook(t, "diagnostics", func(*testing.T, *Window) {})
}

func TestTheNetworkIsShownAsATree(t *testing.T) {
	eachLook(t, "network", func(t *testing.T, w *Window) {
		w.ShowTool("network")
		until(t, func() bool { return len(w.diagnostics.network.model.Snapshot().Needs) > 0 })
		w.diagnostics.at.apply()
	})
}

func TestAConnectionIsTestedWithTheFieldsOfItsType(t *testing.T) {
	eachLook(t, "connection", func(t *testing.T, w *Window) {
		w.ShowTool("connection")
		w.diagnostics.test.kind.SetSelected("PostgreSQL")
		for _, o := range test.LaidOutObjects(w.diagnostics.test.form) {
			if f, ok := o.(*field); ok && f.Text == "" {
				f.SetText("example")
			}
		}
		w.diagnostics.test.test()
		until(t, func() bool { return !w.diagnostics.test.model.Snapshot().Busy })
		w.diagnostics.at.apply()
	})
}

// logOf lets a window show a log.
func logOf(t *testing.T, w *Window, text string) *logTool {
	t.Helper()
	w.o.Log = filepath.Join(t.TempDir(), "gateway.log")
	if err := os.WriteFile(w.o.Log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l := w.diagnostics.log
	l.model = view.NewLogView(filepath.Dir(w.o.Log))
	t.Cleanup(func() { l.run(false) })
	w.ShowTool("log")
	return l
}

// shown waits until the log has what ok asks for, and shows it.
func shown(t *testing.T, l *logTool, ok func(view.LogMoment) bool) {
	t.Helper()
	for range 2 { // what is shown is what is read next
		until(t, func() bool { return ok(l.model.Snapshot()) })
		l.show()
		until(t, func() bool {
			m := l.model.Snapshot()
			return len(m.Lines) >= min(m.High-m.Low, l.rows.rows())
		})
		l.show()
	}
}

const logText = `{"time":"2026-11-21T11:28:50Z","level":"INFO","msg":"connected","event":402,"factory":"factory.example:8051"}
{"time":"2026-11-21T11:28:51Z","level":"INFO","msg":"job taken","event":100,"run":"r1","attempt":1,"pipeline":"Orders to lake"}
{"time":"2026-11-21T11:28:51.5Z","level":"DEBUG","msg":"part planned","run":"r1","part":"p-0001","rows":1250000}
{"time":"2026-11-21T11:28:52Z","level":"WARN","msg":"slow answer","store":"postgres","took":"4.2s"}
{"time":"2026-11-21T11:28:58Z","level":"ERROR","msg":"the queue cannot be reached","event":401,"error":"dial tcp 10.20.0.6:5671: i/o timeout"}
{"time":"2026-11-21T11:29:10Z","level":"ERROR","msg":"job failed","event":101,"run":"f1","error":"connect to PostgreSQL at db1:5432: password authentication failed for user \"loader\""}
a line that is no JSON, because another program wrote it
{"time":"2026-11-21T11:29:12Z","level":"INFO","msg":"job ended","event":101,"run":"r1","status":"Succeeded","rows":7512004,"bytes":990000000}
`

func TestTheLogIsShownByLevel(t *testing.T) {
	eachLook(t, "log", func(t *testing.T, w *Window) {
		l := logOf(t, w, logText)
		shown(t, l, func(m view.LogMoment) bool { return m.High-m.Low == 8 && !m.Reading })
		if l.count.Text == "" || l.nothing.Object.Visible() {
			t.Error("lines are not counted")
		}
	})
}

func TestALineOfTheLogIsExplained(t *testing.T) {
	eachLook(t, "log-line", func(t *testing.T, w *Window) {
		l := logOf(t, w, logText)
		shown(t, l, func(m view.LogMoment) bool { return m.High-m.Low == 8 && !m.Reading })
		l.rows.FocusGained()
		for range 3 {
			l.rows.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
		}
		l.rows.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	})
}

func TestALongLogIsScrolledByMouseAndKeys(t *testing.T) {
	w := open(t, diagnosed(), "light")
	w.diagnostics.quiet = true
	var text strings.Builder
	for n := range 100_000 {
		fmt.Fprintf(&text, "{\"time\":\"2026-11-21T11:28:50Z\",\"level\":\"INFO\",\"msg\":\"line %d\"}\n", n)
	}
	l := logOf(t, w, text.String())
	settled := func(first string) {
		t.Helper()
		shown(t, l, func(m view.LogMoment) bool { return m.High-m.Low == 100_000 && !m.Reading })
		until(t, func() bool {
			l.show()
			line, ok := l.rows.line(int(floor(l.rows.top)))
			return ok && line.Text == first
		})
	}
	n := l.rows.rows()
	settled(fmt.Sprintf("line %d", 100_000-n))
	l.rows.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 50*logRowHeight)})
	if l.follow.Checked {
		t.Error("it follows although somebody looks at what was")
	}
	settled(fmt.Sprintf("line %d", 100_000-n-50))
	l.rows.FocusGained()
	l.rows.TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	settled("line 0")
	l.rows.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
	l.rows.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
	settled(fmt.Sprintf("line %d", n+1))
	l.rows.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(l.rows.Size().Width-3, l.rows.Size().Height/2)}})
	l.rows.MouseUp(nil)
	settled(fmt.Sprintf("line %d", (100_000-n)/2))
	l.rows.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
	settled(fmt.Sprintf("line %d", 100_000-n))
	if !l.follow.Checked {
		t.Error("at the end it does not follow")
	}
	var search func()
	w.after = func(_ time.Duration, f func()) func() bool { search = f; return func() bool { return true } }
	l.search.OnChanged("line 99999")
	search()
	until(t, func() bool { return l.model.Snapshot().High-l.model.Snapshot().Low == 1 })
	l.show()
	if !strings.HasPrefix(l.count.Text, "1 of") {
		t.Errorf("%q", l.count.Text)
	}
	l.want(func(f *view.LogFilter) { f.Search = "nothing like it" })
	until(t, func() bool { m := l.model.Snapshot(); return m.Generation == 2 && m.High == m.Low && !m.Reading })
	l.show()
	if l.nothing.Text != "No line of the log matches." {
		t.Errorf("%q", l.nothing.Text)
	}
}

func TestTheLogsAreShownBeforeTheyAreSent(t *testing.T) {
	eachLook(t, "send", func(t *testing.T, w *Window) {
		w.ShowTool("send")
		until(t, func() bool { return !w.diagnostics.send.model.Snapshot().Loading })
		w.diagnostics.at.apply()
	})
}

func TestSentLogsHaveAReportID(t *testing.T) {
	eachLook(t, "sent", func(t *testing.T, w *Window) {
		w.ShowTool("send")
		w.diagnostics.send.start()
		until(t, func() bool { s := w.diagnostics.send.model.Snapshot(); return s.ReportID != "" && !s.Loading })
		w.diagnostics.at.apply()
	})
}

func TestLogsAreArchived(t *testing.T) {
	t.Setenv("HOME", "/home/somebody")
	eachLook(t, "archive", func(t *testing.T, w *Window) {
		w.ShowTool("archive")
		w.diagnostics.archive.start()
		until(t, func() bool { return w.diagnostics.archive.model.Snapshot().File != "" })
		w.diagnostics.at.apply()
	})
}
