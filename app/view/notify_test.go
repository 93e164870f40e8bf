package view_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
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
