package supervise

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// outcome runs a component under a supervisor in a bubble of its own time and gives the restarts within an hour.
func outcome(t *testing.T, o Options, run func(context.Context, *Pulse) error) (restarts []Restart, logged string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log bytes.Buffer
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Restarted = func(r Restart) {
			mu.Lock()
			defer mu.Unlock()
			restarts = append(restarts, r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); New(o).Run(ctx, "Leases", run) }()
		time.Sleep(time.Hour)
		cancel()
		<-ended
		logged = log.String()
	})
	return restarts, logged
}

func TestComponentThatPanicsIsRestartedWithTheKnownSentence(t *testing.T) {
	tries := 0
	restarts, log := outcome(t, Options{}, func(ctx context.Context, _ *Pulse) error {
		if tries++; tries == 1 {
			panic("out of luck")
		}
		<-ctx.Done()
		return nil
	})
	if tries != 2 || len(restarts) != 1 || restarts[0].Component != "Leases" || !strings.Contains(restarts[0].Why.Error(), "out of luck") {
		t.Errorf("%d tries, %v", tries, restarts)
	}
	for _, want := range []string{Sentence + "Leases.", "out of luck", "supervise_test.go"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
}

func TestComponentThatHangsIsLeftBehindAndRestarted(t *testing.T) {
	tries, let := 0, make(chan struct{})
	restarts, _ := outcome(t, Options{}, func(ctx context.Context, p *Pulse) error {
		if tries++; tries == 1 {
			defer p.Working()()
			time.Sleep(30 * time.Minute) // deaf to its context
			close(let)
			return nil
		}
		<-ctx.Done()
		return nil
	})
	if tries != 2 || len(restarts) != 1 || !errors.Is(restarts[0].Why, errSilent) {
		t.Errorf("%d tries, %v", tries, restarts)
	}
	<-let
}

func TestComponentThatWaitsOrWorksInTimeIsLeftAlone(t *testing.T) {
	restarts, _ := outcome(t, Options{Limit: time.Minute}, func(ctx context.Context, p *Pulse) error {
		Every(ctx, p, 10*time.Minute, func(context.Context) { time.Sleep(50 * time.Second) })
		return nil
	})
	if len(restarts) != 0 {
		t.Errorf("restarted: %v", restarts)
	}
}

func TestComponentThatEndsOfItselfIsRestartedWithGrowingPauses(t *testing.T) {
	restarts, _ := outcome(t, Options{}, func(context.Context, *Pulse) error { return nil })
	if n := len(restarts); n < 10 || n > 100 {
		t.Errorf("%d restarts in an hour", n)
	}
}

func TestEachPieceOfWorkCanBeDisturbed(t *testing.T) {
	disturbed := 0
	restarts, _ := outcome(t, Options{Disturb: func(name string) {
		if disturbed++; name == "Leases" && disturbed == 3 {
			panic("disturbed")
		}
	}}, func(ctx context.Context, p *Pulse) error {
		Every(ctx, p, time.Second, func(context.Context) {})
		return nil
	})
	if len(restarts) != 1 || disturbed < 1000 {
		t.Errorf("%d pieces of work, restarts %v", disturbed, restarts)
	}
}

func TestAContainedPanicIsALineOfTheLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	if !Contain(log, "Part", func() {}) || b.Len() > 0 {
		t.Errorf("without a panic: %s", b.String())
	}
	if Contain(log, "Part", func() { panic("of a test") }) {
		t.Error("the panic was not noticed")
	}
	for _, want := range []string{`"event":9`, `"component":"Part"`, "of a test", "supervise_test.go"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the log lacks %s: %s", want, b.String())
		}
	}
}
