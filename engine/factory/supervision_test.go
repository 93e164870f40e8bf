package factory

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/engine/supervise"
)

// lines is a log that a test can read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAComponentThatPanicsOrHangsIsRestartedAlone(t *testing.T) {
	t.Parallel()
	for _, component := range []string{"Factory's outbox", "Factory's sweep", "Factory's dead letters"} {
		for _, how := range []string{"panics", "hangs"} {
			t.Run(component+" "+how, func(t *testing.T) {
				t.Parallel()
				release, log := make(chan struct{}), &lines{}
				defer close(release)
				again := make(chan struct{}, 1)
				var mu sync.Mutex
				beats := 0
				o := testOptions(t.TempDir())
				o.Log, o.limit = slog.New(slog.NewTextHandler(log, nil)), 5*time.Second
				o.disturb = func(name string) {
					if name != component {
						return
					}
					mu.Lock()
					beats++
					n := beats
					mu.Unlock()
					switch {
					case n > 1:
						select {
						case again <- struct{}{}:
						default:
						}
					case how == "hangs":
						<-release
					default:
						panic("disturbed by a test")
					}
				}
				open(t, o, "127.0.0.1:0")
				select {
				case <-again:
				case <-time.After(time.Minute):
					t.Fatal("it does not work again")
				}
				if text := log.String(); strings.Count(text, supervise.Sentence) != 1 || !strings.Contains(text, supervise.Sentence+component+".") {
					t.Errorf("the log says %s", text)
				}
			})
		}
	}
}
