package copy

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/memory"
)

func TestRatesHoldOverTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		v    LimitValues
	}{
		{"rows", LimitValues{RowsPerSecond: 4096}},
		{"bytes", LimitValues{BytesPerSecond: 4096 * 30}}, // what 4,096 of these rows take is more than that
	} {
		synctest.Test(t, func(t *testing.T) {
			s := filled(t, 5*4096)
			limits := &Limits{}
			limits.Set(test.v)
			start := time.Now()
			if _, err := Run(t.Context(), memoryJob(t, s), Options{Limits: limits}); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			if took < 4*time.Second {
				t.Errorf("%s: took %v", test.name, took)
			}
			if test.v.RowsPerSecond > 0 && took > 6*time.Second {
				t.Errorf("%s: took %v, more than the limit asks for", test.name, took)
			}
			sameTables(t, s)
		})
	}
}

func TestAChangedLimitTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := filled(t, 5*4096)
		limits := &Limits{}
		limits.Set(LimitValues{RowsPerSecond: 1}) // more than an hour for each batch
		go func() {
			time.Sleep(10 * time.Second)
			limits.Set(LimitValues{})
		}()
		start := time.Now()
		if _, err := Run(t.Context(), memoryJob(t, s), Options{Limits: limits}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 9*time.Second || took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestACancelEndsWaitingForALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := filled(t, 5*4096)
		limits := &Limits{}
		limits.Set(LimitValues{BytesPerSecond: 1})
		ctx, stop := context.WithTimeoutCause(t.Context(), 5*time.Second, fault.New(fault.Cancelled, "somebody cancelled"))
		defer stop()
		start := time.Now()
		res, err := Run(ctx, memoryJob(t, s), Options{Limits: limits})
		if fault.Code(err) != fault.Cancelled || time.Since(start) > 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if res.RowsRead != 4096 || res.RowsCopied != 0 {
			t.Errorf("%d rows read, %d copied", res.RowsRead, res.RowsCopied)
		}
	})
}

func TestConnectionsAndMemoryBoundWhatRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		v    LimitValues
		most int64
	}{
		{"no limit", LimitValues{}, 8},
		{"connections", LimitValues{Connections: 3}, 3},
		{"memory", LimitValues{Memory: 2*pipelineMemory + 1}, 2},
		{"too little memory for one", LimitValues{Memory: 1}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := filled(t, 8*4096)
			var now, most atomic.Int64
			s.SetHooks(memory.Hooks{
				Next: func(_ context.Context, _ string, rows int64) error {
					if rows == 0 {
						if n := now.Add(1); n > most.Load() {
							most.Store(n)
						}
						time.Sleep(time.Second)
					}
					return nil
				},
				BeforeCommit: func(context.Context, string) error { now.Add(-1); return nil },
			})
			limits := &Limits{}
			limits.Set(test.v)
			if _, err := Run(t.Context(), memoryJob(t, s), Options{Parallel: 8, Limits: limits}); err != nil {
				t.Fatal(err)
			}
			if most.Load() != test.most {
				t.Errorf("%s: %d at once, want %d", test.name, most.Load(), test.most)
			}
			if limits.open != 0 || limits.memory != 0 {
				t.Errorf("%s: %d still open, %d bytes", test.name, limits.open, limits.memory)
			}
		})
	}
}

func TestBytesOfFilesAreLimitedToo(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "a.bin"), make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	job := &activity.Job{
		Name:   "Binary",
		Source: activity.Source{Type: "BinarySource", Files: &activity.FileSource{Open: folder(t, from), Recursive: true}},
		Sink:   activity.Sink{Type: "BinarySink", Files: &activity.FileSink{Open: folder(t, to), Behavior: activity.PreserveHierarchy}},
	}
	synctest.Test(t, func(t *testing.T) {
		limits := &Limits{}
		limits.Set(LimitValues{BytesPerSecond: 4 << 20})
		start := time.Now()
		if _, err := Run(t.Context(), job, Options{Limits: limits}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 4*time.Second || took > 7*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
