package view_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// run lets a model of c live until the test ends.
func run(t *testing.T, c *viewtest.Controller, onEvent func(engine.Event)) *view.Model {
	t.Helper()
	m := view.New(c, onEvent)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return m
}

// running is what a model of c shows once it has heard everything.
func running(t *testing.T, c *viewtest.Controller) view.Snapshot {
	t.Helper()
	m := run(t, c, nil)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if s := m.Snapshot(); s.Known && len(s.Jobs) == len(c.List) && len(view.SettingsOf(s)) == len(c.Set) {
			return s
		}
	}
	t.Fatal("the model did not hear everything")
	return view.Snapshot{}
}

func TestWhatIsAskedForIsDoneAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.New()
		c.Gate = make(chan struct{})
		c.Steps = []engine.RegisterStep{{Name: "key", Text: "Reading the key"}, {Name: "contact", Text: "Contacting the factory"}}
		m := run(t, c, nil)
		m.Register("key", "node")
		synctest.Wait()
		s := m.Snapshot()
		if s.Doing != view.Registering {
			t.Fatalf("it does %q", s.Doing)
		}
		steps := view.StepsOf(s)
		if want := []view.Step{{Text: "Reading the key", Done: true}, {Text: "Contacting the factory"}}; !slices.Equal(steps, want) {
			t.Errorf("the steps are %+v", steps)
		}
		m.Start() // refused: one thing at a time
		close(c.Gate)
		synctest.Wait()
		if s := m.Snapshot(); s.Doing != view.Nothing || s.Success != view.RegisterSuccess {
			t.Errorf("afterwards: %+v", s)
		}
		if got := c.Asked(); !slices.Equal(got, []string{"register key node"}) {
			t.Errorf("asked %q", got)
		}
	})
}

func TestAFailureIsToldWithItsStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.New()
		c.Steps = []engine.RegisterStep{{Text: "Reading the key"}, {Text: "Contacting the factory"}}
		c.Err = errors.New("no route to host")
		m := run(t, c, nil)
		m.Register("key", "")
		synctest.Wait()
		s := m.Snapshot()
		if s.Failed != view.Registering || s.Problem == nil || s.Problem.Text != "No route to host." {
			t.Fatalf("told: %+v", s.Problem)
		}
		if steps := view.StepsOf(s); !steps[0].Done || !steps[1].Failed {
			t.Errorf("the steps are %+v", steps)
		}
		m.Dismiss()
		if s := m.Snapshot(); s.Problem != nil || s.Failed != view.Nothing {
			t.Error("it cannot be dismissed")
		}
	})
}

func TestEndedJobsStayEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Busy()
		m := run(t, c, nil)
		synctest.Wait()
		job, _ := m.Snapshot().Find("r1")
		late := job
		job.Status, job.Ended = engine.Succeeded, viewtest.Now
		c.Tell(engine.Event{Job: &job})
		c.Tell(engine.Event{Job: &late})
		synctest.Wait()
		if got, _ := m.Snapshot().Find("r1"); got.Status != engine.Succeeded {
			t.Errorf("the job is %s again", got.Status)
		}
		again := late
		again.Attempt = 2
		c.Tell(engine.Event{Job: &again})
		synctest.Wait()
		if got, _ := m.Snapshot().Find("r1"); got.Status != engine.InProgress {
			t.Errorf("a new attempt is not shown: %s", got.Status)
		}
	})
}

func TestJobsAreNewestFirstAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		m := run(t, c, nil)
		synctest.Wait()
		for i := range 1050 {
			c.Tell(engine.Event{Job: &engine.Job{ID: fmt.Sprint(i), Status: engine.Succeeded, Taken: viewtest.Now.Add(time.Duration(i) * time.Second)}})
		}
		synctest.Wait()
		jobs := m.Snapshot().Jobs
		if len(jobs) != 1000 || jobs[0].ID != "1049" || jobs[999].ID != "50" {
			t.Errorf("%d jobs, from %s to %s", len(jobs), jobs[0].ID, jobs[len(jobs)-1].ID)
		}
	})
}

func TestCancellingIsShownUntilItHasHappenedOrFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Busy()
		m := run(t, c, nil)
		synctest.Wait()
		cancelling := func(id string) bool {
			for _, j := range view.HomeOf(m.Snapshot(), viewtest.Now).Running {
				if j.ID == id {
					return j.Cancelling
				}
			}
			return false
		}
		m.Cancel("r1")
		synctest.Wait()
		if !cancelling("r1") {
			t.Error("it is not shown")
		}
		c.Do(func(c *viewtest.Controller) { c.Err = errors.New("gone") })
		m.Cancel("r2")
		synctest.Wait()
		if s := m.Snapshot(); cancelling("r2") || s.Problem == nil {
			t.Error("the failure is not shown")
		}
	})
}

func TestOfSeveralValuesForASettingTheLastCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		m := run(t, c, nil)
		synctest.Wait()
		c.Do(func(c *viewtest.Controller) { c.SettingErr = errors.New("not a number") })
		m.SetSetting(engine.SettingJobLimit, "x")
		synctest.Wait()
		if got := setting(m, engine.SettingJobLimit); got.Error != "Not a number." || got.Shown != "4" {
			t.Errorf("%+v", got)
		}
		c.Do(func(c *viewtest.Controller) { c.SettingErr = nil })
		m.SetSetting(engine.SettingJobLimit, "1")
		m.SetSetting(engine.SettingJobLimit, "16")
		synctest.Wait()
		if got := setting(m, engine.SettingJobLimit); got.Error != "" || got.Shown != "16" || !got.Changed {
			t.Errorf("%+v", got)
		}
	})
}

func setting(m *view.Model, name string) view.Setting {
	for _, s := range view.SettingsOf(m.Snapshot()) {
		if s.Name == name {
			return s
		}
	}
	return view.Setting{}
}

func TestItSubscribesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &flaky{Controller: viewtest.Idle()}
		m := view.New(c, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go m.Run(ctx)
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if !m.Snapshot().Known || c.times < 3 {
			t.Errorf("subscribed %d times", c.times)
		}
		cancel()
		synctest.Wait()
	})
}

// flaky ends the first subscriptions at once.
type flaky struct {
	*viewtest.Controller
	times int
}

func (f *flaky) Subscribe(ctx context.Context) (<-chan engine.Event, error) {
	f.times++
	switch f.times {
	case 1:
		return nil, errors.New("not yet")
	case 2:
		c := make(chan engine.Event)
		close(c)
		return c, nil
	}
	return f.Controller.Subscribe(ctx)
}

func TestWatchersAreToldOnceForManyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Busy()
		m := run(t, c, nil)
		synctest.Wait()
		changed, stop := m.Watch()
		defer stop()
		<-changed
		job, _ := m.Snapshot().Find("r1")
		for range 50 {
			c.Tell(engine.Event{Job: &job})
		}
		synctest.Wait()
		<-changed
		select {
		case <-changed:
			t.Error("told twice")
		default:
		}
	})
}

func TestHomeOfEveryScene(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scene   string
		mode    view.Mode
		title   string
		running int
		recent  int
	}{
		{"new", view.Welcome, "Not registered", 0, 0},
		{"idle", view.Overview, "Connected", 0, 0},
		{"busy", view.Overview, "Connected", 3, 5},
		{"broken", view.Overview, "Disconnected", 0, 5},
		{"stopped", view.Overview, "Stopped", 0, 0},
	} {
		t.Run(c.scene, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(viewtest.Scenes, func(s viewtest.Scene) bool { return s.Name == c.scene })
			h := view.HomeOf(running(t, viewtest.Scenes[i].Make()), viewtest.Now)
			if h.Mode != c.mode || h.Face.Title != c.title || len(h.Running) != c.running || len(h.Recent) != c.recent {
				t.Errorf("mode %s, title %s, %d running, %d recent", h.Mode, h.Face.Title, len(h.Running), len(h.Recent))
			}
		})
	}
	if h := view.HomeOf(view.Snapshot{}, viewtest.Now); h.Mode != view.Waiting || h.CanStart || h.CanStop || h.CanRegister {
		t.Errorf("before the engine has spoken: %+v", h)
	}
}

func TestJobsInWords(t *testing.T) {
	t.Parallel()
	h := view.HomeOf(running(t, viewtest.Busy()), viewtest.Now)
	first, second, third := h.Running[0], h.Running[1], h.Running[2]
	if first.Percent != "62 %" || first.Numbers != "4,612,096 rows · 611 MB · 68,200 rows/s · 8.93 MB/s" || first.Left != "about 45 s left" {
		t.Errorf("%+v", first)
	}
	if second.Share >= 0 || second.Title != "Archive scans (attempt 2)" || second.Numbers != "312 files · 18.4 GB · 92.0 MB/s" {
		t.Errorf("%+v", second)
	}
	if third.Numbers != "Waiting for a free place" {
		t.Errorf("%+v", third)
	}
	failed := h.Recent[1]
	if failed.Tone != view.Bad || !strings.Contains(failed.Error, "password authentication failed") {
		t.Errorf("%+v", failed)
	}
	job, _ := running(t, viewtest.Busy()).Find("f1")
	d := view.DetailOf(job, viewtest.Now)
	if len(d.Errors) != 1 || d.Errors[0].Hint == "" || !strings.Contains(d.JSON, `"code": "SignInFailed"`) {
		t.Errorf("%+v", d)
	}
}

func TestTheSampleIsFollowedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.New()
		c.Sample = engine.Sample{Folder: "/data/sample", Run: "s1"}
		m := run(t, c, nil)
		m.TryIt()
		synctest.Wait()
		sample := func() view.SampleView { return *view.HomeOf(m.Snapshot(), viewtest.Now).Sample }
		if got := sample(); got.Done {
			t.Errorf("%+v", got)
		}
		c.Tell(engine.Event{Job: &engine.Job{ID: "s1", Status: engine.Succeeded, Result: &engine.Result{RowsCopied: 100_000}}})
		synctest.Wait()
		if got := sample(); !got.Done || got.Tone != view.Good || !strings.Contains(got.Title, "100,000 rows") {
			t.Errorf("%+v", got)
		}
	})
}
