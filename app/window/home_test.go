package window

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// drawnCharts are charts that look the same every time: of a gateway that copies, or of one that does not.
func drawnCharts(c *viewtest.Controller) []view.Chart {
	speed := view.Chart{Title: words.T("Rows per second"), Now: words.T("nothing is being copied"), Lines: []view.ChartLine{{Values: make([]float32, 200)}}}
	if c.Now.Jobs.Running > 0 {
		speed.Now, speed.Peak = words.T("%s rows/s", "68,200"), words.T("%s rows/s", "100,000")
		for i := range speed.Lines[0].Values[60:] {
			speed.Lines[0].Values[60+i] = float32(0.68 + 0.1*math.Sin(float64(i)/9) - 0.5*math.Exp(-float64(i)/6))
		}
	}
	machine := view.Chart{Title: words.T("This computer"), Peak: "100 %", Lines: []view.ChartLine{
		{Name: words.T("Processor"), Now: "42 %", Values: make([]float32, 200)},
		{Name: words.T("Memory"), Now: words.T("%s of %s", "3.00 GB", "8.00 GB"), Values: make([]float32, 200)},
	}}
	for i := range 200 {
		machine.Lines[0].Values[i] = float32(0.4 + 0.15*math.Sin(float64(i)/5)*math.Cos(float64(i)/13))
		machine.Lines[1].Values[i] = 0.375
	}
	return []view.Chart{speed, machine}
}

// warned has everything to see to at once.
func warned() *viewtest.Controller {
	c := viewtest.Busy()
	c.Now.Warnings = []engine.Warning{
		{
			ID: "disk", Title: "The disk is nearly full", Text: "The disk of /var/lib/dmgateway has 210 MB left of 97.9 GB.", Grave: true,
			Remedy: "Make room on the disk: without any the gateway can write down no job, so it takes none.",
		},
		{
			ID: "certificate", Title: "The gateway's certificate ends soon", Text: "The gateway's certificate ends in 12 days, on 2026-12-03.",
			Remedy: "Make or import a new certificate on the Settings page (`dmgcmd certificate new`), then set the credentials again that it names.",
		},
		{
			ID: "sleep", Title: "This machine may go to sleep", Text: "This machine sleeps after 30 minutes without input. Jobs are not served meanwhile.",
			Remedy: "Turn sleep and hibernation off for this machine while it is plugged in, or run the gateway on a machine that stays awake.",
		},
	}
	return c
}

func TestHomeLooksAsDrawn(t *testing.T) {
	for _, scene := range viewtest.Scenes {
		inLooks(t, "home-"+scene.Name, scene.Make, func(*testing.T, *Window) {})
	}
	inLooks(t, "home-tall", viewtest.Busy, func(_ *testing.T, w *Window) { w.look(aLook{width: 860, height: 1080, scale: 1}) })
	inLooks(t, "home-warned", warned, func(*testing.T, *Window) {})
}

func TestWarningsAreFoldedAndCanBePutAway(t *testing.T) {
	c := warned()
	w := open(t, c, "light")
	first, second := w.home.warnings.banners[0], w.home.warnings.banners[1]
	if !first.Visible() || second.Visible() || first.others.Text != "Show 2 more warnings" || first.close.Visible() {
		t.Fatalf("folded, it shows %q", first.others.Text)
	}
	test.Tap(first.others)
	if !second.Visible() || !second.close.Visible() || second.lead.Text != "Open Settings" {
		t.Fatal("the others are not shown")
	}
	test.Tap(second.close)
	settle(t, w, func(s view.Snapshot) bool { return len(view.HomeOf(s, viewtest.Now).Warnings) == 2 })
	if w.home.warnings.banners[1].title.Text != "This machine may go to sleep" || w.home.warnings.banners[2].Visible() {
		t.Error("what was put away is shown, or another is not")
	}
	now := c.Now
	now.Warnings = now.Warnings[1:2]
	now.Warnings[0].Grave = true
	c.Tell(engine.Event{Status: &now})
	settle(t, w, func(s view.Snapshot) bool { return len(view.HomeOf(s, viewtest.Now).Warnings) == 1 })
	if first.close.Visible() || first.others.Visible() || !first.lead.Visible() {
		t.Error("a single grave warning can be put away, or folded")
	}
	test.Tap(first.lead)
	if w.at != 1 {
		t.Error("it does not lead to the settings")
	}
}

func TestAllWarningsInGerman(t *testing.T) {
	inLooks(t, "warnings", warned, func(_ *testing.T, w *Window) {
		w.home.warnings.toggle()
		w.look(aLook{width: 700, height: 620, scale: 1})
	})
}

func TestTheHistoryIsSearchedAndRetried(t *testing.T) {
	c := viewtest.Busy()
	w := open(t, c, "light")
	test.Tap(w.home.all)
	p := w.home.history
	if !p.object.Visible() || w.home.overview.Visible() || len(p.found) != 5 || p.count.Text != "5 jobs" {
		t.Fatalf("it shows %d jobs: %q", len(p.found), p.count.Text)
	}
	test.Type(p.search, "invoices")
	if len(p.found) != 1 || p.found[0].ID != "f1" {
		t.Errorf("found: %v", p.found)
	}
	for _, o := range test.LaidOutObjects(p.list) {
		if b, ok := o.(*widget.Button); ok && b.Visible() {
			test.Tap(b)
		}
	}
	until(t, func() bool { return slices.Contains(c.Asked(), "retry f1") })
	p.search.SetText("")
	p.status.SetSelected("Cancelled")
	if len(p.found) != 1 || p.found[0].ID != "c1" {
		t.Errorf("cancelled: %v", p.found)
	}
	p.list.Select(0)
	if w.home.job == nil || w.home.job.id != "c1" {
		t.Error("a row does not lead to the job")
	}
}

func TestTheHistoryLooksAsDrawn(t *testing.T) {
	inLooks(t, "history", viewtest.Busy, func(_ *testing.T, w *Window) {
		w.home.showHistory(true)
		again(w)
	})
	inLooks(t, "history-none", viewtest.Idle, func(_ *testing.T, w *Window) {
		w.home.showHistory(true)
		again(w)
	})
}

// detailed has jobs of which all is known.
func detailed() *viewtest.Controller {
	c := viewtest.Busy()
	c.List[0].Progress.Partitions, c.List[0].Progress.Done = 8, 3
	for i := range c.List {
		r := c.List[i].Result
		if r == nil {
			continue
		}
		r.ExecutionDetails = []engine.ExecutionDetail{{Duration: 112, DetailedDurations: map[string]float64{
			"queuingDuration": 0.34, "preCopyScript": 1.2, "timeToFirstByte": 0.08, "readingFromSource": 96.4, "writingToSink": 41.7,
		}}}
		r.Plan.Partitions, r.PeakMemory = 8, 412_000_000
		if len(r.Errors) > 0 {
			r.Errors = []engine.ErrorInfo{{
				Code: "ConversionFailed", Message: "the value is not a Decimal", Target: "finance.invoices", Row: 18_001, Column: "amount_in_local_currency", Value: "1.204,50 EUR",
				Hint: "Correct the value, or give the column another type or date format.",
			}}
			r.Warnings, r.LogFilePath = []string{"one row was skipped because it could not be converted"}, "/var/lib/dmgateway/skipped/f1"
		}
	}
	return c
}

func TestAJobsDetailsLookAsDrawn(t *testing.T) {
	for name, id := range map[string]string{"running": "r1", "ended": "d1", "error": "f1"} {
		inLooks(t, "job-"+name, detailed, func(_ *testing.T, w *Window) { w.showJob(id) })
	}
}

func TestAJobIsFollowedWhileItIsLookedAt(t *testing.T) {
	c := detailed()
	w := open(t, c, "light")
	test.Tap(w.home.cards[0].object)
	j := w.home.job
	if j == nil || !j.cancel.Visible() || j.again.Visible() || j.percent.Text != "62 %" {
		t.Fatal("it is not shown as one that runs")
	}
	job := c.List[0]
	p := *job.Progress
	p.Share, p.Done = 0.9, 7
	job.Progress = &p
	c.Tell(engine.Event{Job: &job})
	settle(t, w, func(s view.Snapshot) bool { got, _ := s.Find("r1"); return got.Progress.Done == 7 })
	if j.percent.Text != "90 %" || !slices.ContainsFunc(j.values, func(v *text) bool { return v.Text == "7 of 8 done" }) {
		t.Errorf("it stays at %s", j.percent.Text)
	}
	job.Status, job.Ended, job.Retryable, job.Progress = engine.Failed, viewtest.Now, true, nil
	job.Result = &engine.Result{Status: engine.Failed, Errors: []engine.ErrorInfo{{Code: "Lost", Message: "the connection was lost"}}}
	c.Tell(engine.Event{Job: &job})
	settle(t, w, func(s view.Snapshot) bool { got, _ := s.Find("r1"); return got.Status == engine.Failed })
	if j.cancel.Visible() || !j.again.Visible() || len(j.shown.Errors) != 1 {
		t.Error("its end is not shown")
	}
	test.Tap(j.again)
	until(t, func() bool { return slices.Contains(c.Asked(), "retry r1") })
	if w.home.job != nil || w.sheet != nil {
		t.Error("the dialog stays after Run again")
	}
}

func TestRegisteringLooksAsDrawn(t *testing.T) {
	inLooks(t, "registering", func() *viewtest.Controller {
		c := viewtest.New()
		c.Gate = make(chan struct{})
		c.Steps = []engine.RegisterStep{{Text: "Checking the key"}, {Text: "Contacting factory.example:8051"}, {Text: "Proving the key to each other"}}
		return c
	}, func(t *testing.T, w *Window) {
		t.Helper()
		w.home.showRegister(true)
		w.home.register.key.SetText(goodKey)
		w.home.register.send()
		settle(t, w, func(s view.Snapshot) bool { return len(s.Steps) == 3 })
		again(w)
	})
	inLooks(t, "register-wrong", viewtest.New, func(_ *testing.T, w *Window) {
		w.home.showRegister(true)
		w.home.register.key.SetText("ADF#11111111-2222-3333-4444-555555555555@1111x111-2222")
		w.home.register.key.SetText("ADF#11111111-2222-3333-4444-555555555555@1111x111-2222@")
		again(w)
	})
}

func TestLogsAreArchivedAfterRegisteringFailed(t *testing.T) {
	inLooks(t, "register-archive", func() *viewtest.Controller {
		c := viewtest.New()
		c.Steps = []engine.RegisterStep{{Text: "Checking the key"}, {Text: "Contacting factory.example:8051"}}
		c.Err = errors.New("the factory at factory.example:8051 does not answer: connect: connection refused")
		return c
	}, func(t *testing.T, w *Window) {
		t.Helper()
		w.home.showRegister(true)
		w.home.register.key.SetText(goodKey)
		w.home.register.send()
		settle(t, w, func(s view.Snapshot) bool { return s.Failed == view.Registering })
		p := w.home.register
		if !p.save.Visible() {
			t.Fatal("there is no link to archive the logs")
		}
		p.archive.Save("/tmp/none.zip")
		until(t, func() bool { return p.archive.Snapshot().Problem != nil })
		p.applyArchive()
		if !p.archived.Visible() || p.archived.tone != view.Bad {
			t.Error("it is not told that archiving failed")
		}
		p.archived.set("", "")
		again(w)
	})
}

func TestALineIsDrawnWhereItsValuesAre(t *testing.T) {
	c := newChartCard()
	values := make([]float32, view.ChartLength/2)
	for i := range values {
		values[i] = 1
	}
	test.NewTempApp(t)
	c.lines = []view.ChartLine{{Values: values}}
	img := c.draw(200, 60)
	inked := func(x, y int) bool { return img.At(x, y).(color.NRGBA).A > 200 }
	if !inked(190, 0) || img.At(190, 40).(color.NRGBA).A == 0 {
		t.Error("the line or what is below it is not there")
	}
	if img.At(50, 40).(color.NRGBA).A != 0 {
		t.Error("there is something where no value is")
	}
	for _, size := range [][2]int{{0, 0}, {1, 1}, {2, 4}, {3000, 5}} {
		c.draw(size[0], size[1])
	}
	c.lines = []view.ChartLine{{Values: nil}, {Values: []float32{2}}, {Values: []float32{float32(math.NaN()), -1}}}
	c.draw(40, 20)
}

func BenchmarkDrawingAChart(b *testing.B) {
	test.NewTempApp(b)
	c := newChartCard()
	c.lines = drawnCharts(viewtest.Busy())[1].Lines
	for b.Loop() {
		c.draw(380, 56)
	}
}

func TestAHistoryOfAThousandScrollsSmoothly(t *testing.T) {
	c := viewtest.Idle()
	for i := range 1000 {
		c.List = append(c.List, engine.Job{
			ID: fmt.Sprint(i), Pipeline: fmt.Sprint("Pipeline ", i), Status: engine.Succeeded, Ended: viewtest.Now,
			Taken: viewtest.Now.Add(-time.Duration(i) * time.Minute), Result: &engine.Result{RowsCopied: 1},
		})
	}
	w := open(t, c, "light")
	w.home.showHistory(true)
	size(w, 860, 580)
	rows := 0
	for _, o := range test.LaidOutObjects(w.home.history.list) {
		if _, ok := o.(*historyRow); ok {
			rows++
		}
	}
	if rows == 0 || rows > 30 {
		t.Errorf("%d rows exist", rows)
	}
	w.home.history.list.ScrollToBottom()
}
