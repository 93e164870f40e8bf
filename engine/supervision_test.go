package engine

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/engine/supervise"
)

// once disturbs one component at one piece of work, and never again.
type once struct {
	component string
	how       func()
	beat      int // the piece of work, from 1
	mu        sync.Mutex
	beats     int
}

func (o *once) disturb(component string) {
	if component != o.component {
		return
	}
	o.mu.Lock()
	o.beats++
	now := o.beats == o.beat
	o.mu.Unlock()
	if now {
		o.how()
	}
}

func TestAComponentThatPanicsOrHangsIsRestartedAloneAndJobsGoOn(t *testing.T) {
	t.Parallel()
	for _, component := range []string{"Connection", "Leases", "Heartbeats", "Self-checks", "Credentials endpoint"} {
		for _, how := range []string{"panics", "hangs"} {
			t.Run(component+" "+how, func(t *testing.T) {
				t.Parallel()
				release := make(chan struct{})
				o := &once{component: component, how: func() { panic("disturbed by a test") }}
				o.beat = 2
				if component == "Self-checks" || component == "Credentials endpoint" {
					o.beat = 1 // they work seldom
				}
				if how == "hangs" {
					o.how = func() { <-release } // deaf to everything else
				}
				w := newWorld(t)
				e := openEngine(t, filepath.Join(w.dir, "n1"), func(opt *Options) {
					opt.stores, opt.Log, opt.disturb, opt.limit = w.stores(), dbg, o.disturb, 8*time.Second
				})
				defer close(release)
				if err := e.Register(t.Context(), w.gateway("gw"), "n1", nil); err != nil {
					t.Fatal(err)
				}
				waitStatus(t, e, func(s Status) bool {
					return len(s.Warnings) > 0 && s.Warnings[0].ID == "component" && strings.Contains(s.Warnings[0].Text, component)
				})
				run, _ := w.run(w.pipeline("gw", 1000))
				if d := w.wait(run); d.Status != Succeeded {
					t.Errorf("after the restart a job ends as %+v", d)
				}
				w.state(e, Connected)
				log := logOf(t, e)
				if n := strings.Count(log, supervise.Sentence); n != 1 || !strings.Contains(log, supervise.Sentence+component+".") {
					t.Errorf("the log tells %d restarts", n)
				}
			})
		}
	}
}
