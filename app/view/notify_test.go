package view_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func TestNotificationsDoNotRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var titles []string
		n := view.NewNotifier(func(e engine.Notice) {
			mu.Lock()
			defer mu.Unlock()
			titles = append(titles, e.Title)
		})
		told := func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Sorted(slices.Values(titles))
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.Run(ctx)
		for i := range 5 {
			n.Notice(engine.Notice{ID: "job-failed", Title: fmt.Sprintf("job %d failed", i), Text: "because"})
		}
		n.Notice(engine.Notice{ID: "connection", Title: "lost"})
		n.Notice(engine.Notice{ID: "connection", Title: "back"})
		shown := told()
		if want := []string{"job 0 failed", "lost"}; !slices.Equal(shown, want) {
			t.Fatalf("at once: %q, want %q", shown, want)
		}
		time.Sleep(time.Minute + time.Second)
		shown = told()
		if want := []string{"4 more jobs failed", "back", "job 0 failed", "lost"}; !slices.Equal(shown, want) {
			t.Fatalf("after a minute: %q, want %q", shown, want)
		}
		time.Sleep(time.Hour)
		if shown = told(); len(shown) != 4 {
			t.Errorf("later: %q", shown)
		}
		n.Notice(engine.Notice{ID: "connection", Title: "lost again"})
		if len(told()) != 5 {
			t.Error("what is new is not told")
		}
	})
}

func TestWhatGoesOnFailingIsToldEverMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		start := time.Now()
		n := view.NewNotifier(func(e engine.Notice) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s at %d", e.Title, int(time.Since(start).Minutes())))
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.Run(ctx)
		for range 12 * 6 { // every five minutes for six hours
			n.Notice(engine.Notice{ID: "job-failed", Title: "A job failed"})
			n.Notice(engine.Notice{ID: "warning-disk", Title: "The disk is nearly full"})
			time.Sleep(5 * time.Minute)
		}
		mu.Lock()
		defer mu.Unlock()
		failed := slices.DeleteFunc(slices.Clone(told), func(s string) bool { return strings.HasPrefix(s, "The disk") })
		if len(told)-len(failed) != 1 {
			t.Errorf("a warning that did not change is told again: %q", told)
		}
		if len(failed) < 6 || len(failed) > 13 || !strings.HasPrefix(failed[len(failed)-1], "12 more jobs failed") {
			t.Errorf("told %d times: %q", len(failed), failed)
		}
	})
}

func TestComingAndGoingIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		n := view.NewNotifier(func(e engine.Notice) { told = append(told, e.Title) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.Run(ctx)
		for _, title := range []string{"lost", "back", "lost"} {
			n.Notice(engine.Notice{ID: "connection", Title: title})
		}
		time.Sleep(time.Hour)
		cancel()
		synctest.Wait()
		if !slices.Equal(told, []string{"lost"}) {
			t.Errorf("told %q", told)
		}
	})
}

func TestAWarningIsToldOnceAndAgainWhenItGetsWorse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		n := view.NewNotifier(func(e engine.Notice) { told = append(told, fmt.Sprint(e.Title, " ", e.Error, " ", e.Text)) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.Run(ctx)
		disk := engine.Warning{ID: "disk", Title: "The disk is nearly full", Text: "4 GB are left"}
		worse := disk
		worse.Grave, worse.Text = true, "1 GB is left"
		restarted := engine.Warning{ID: "component", Title: "A component was restarted"}
		for i := range 30 { // a status comes every minute, and the disk is about its limit
			switch {
			case i == 20:
				n.Warnings([]engine.Warning{worse, restarted})
			case i%2 == 0:
				n.Warnings([]engine.Warning{disk, restarted})
			default:
				n.Warnings([]engine.Warning{restarted})
			}
			time.Sleep(time.Minute)
		}
		restarted.Grave = true
		n.Warnings([]engine.Warning{restarted})
		time.Sleep(time.Hour)
		cancel()
		synctest.Wait()
		want := []string{"The disk is nearly full false 4 GB are left.", "The disk is nearly full true 1 GB is left."}
		if len(told) < 3 || told[0] != want[0] || told[1] != want[1] || !strings.HasPrefix(told[len(told)-1], "A component was restarted true") || len(told) > 4 {
			t.Errorf("told %q", told)
		}
	})
}

func TestEveryKindOfNoticeHasItsSwitch(t *testing.T) {
	known := engine.SettingDefinitions()
	for id, setting := range map[string]string{
		"connection": engine.SettingNotifyConnection, "registration": engine.SettingNotifyConnection, "job-failed": engine.SettingNotifyJobs,
		"warning-disk": engine.SettingNotifyWarnings, "report": engine.SettingNotifyReports,
	} {
		if got := view.NoticeSetting(id); got != setting {
			t.Errorf("%s is switched by %q", id, got)
		}
		if !slices.ContainsFunc(known, func(s engine.Setting) bool { return s.Name == setting }) {
			t.Errorf("there is no setting %s", setting)
		}
		for off, want := range map[string]bool{"": true, setting: false, engine.SettingNotifications: false} {
			c := viewtest.Idle()
			c.Set = engine.SettingDefinitions()
			for i := range c.Set {
				if c.Set[i].Name == off {
					c.Set[i].Value = "false"
				}
			}
			if got := view.Wanted(running(t, c), id); got != want {
				t.Errorf("%s with %q off: %v", id, off, got)
			}
		}
	}
}
