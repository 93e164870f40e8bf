package copy

import (
	"context"
	"sync"
	"time"

	"dmgateway/engine/batch"
)

// Limits bound what running copies may take of the machine and its network. One value may serve several runs, which then
// share it. It may be changed from any goroutine while they run. The nil *Limits, and the zero value, bound nothing.
type Limits struct {
	mu      sync.Mutex
	now     LimitValues
	changed chan struct{} // closed at the next change of anything that somebody waits for

	// Allowances are spent before they are earned: a batch goes through when nothing is owed, and what it takes is owed
	// then. So a batch larger than a second's worth passes as well, and the rate holds over time.
	bytes, rows debt

	open   int   // partitions that are being copied
	memory int64 // what they take
}

// LimitValues are the limits, 0 = none.
type LimitValues struct {
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"` // read from the sources
	RowsPerSecond  int64 `json:"rowsPerSecond,omitempty"`
	// Connections is how many partitions or files are copied at once; each takes about one connection on each side.
	Connections int `json:"connections,omitempty"`
	// Memory is what the buffers of all of them may take, in bytes. One partition always runs.
	Memory int64 `json:"memory,omitempty"`
}

// debt is how much was taken that is not earned yet.
type debt struct {
	owed float64
	at   time.Time // when owed was worked out
}

// pay works out what is owed now, at a rate per second.
func (d *debt) pay(now time.Time, rate int64) {
	if !d.at.IsZero() {
		d.owed = max(0, d.owed-now.Sub(d.at).Seconds()*float64(rate))
	}
	d.at = now
}

// wait is how long it takes to earn what is owed.
func (d *debt) wait(rate int64) time.Duration {
	return time.Duration(d.owed / float64(rate) * float64(time.Second))
}

// Set replaces all limits; running copies follow at once. A lower number of connections or less memory takes effect as
// partitions end.
func (l *Limits) Set(v LimitValues) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.BytesPerSecond != l.now.BytesPerSecond {
		l.bytes = debt{}
	}
	if v.RowsPerSecond != l.now.RowsPerSecond {
		l.rows = debt{}
	}
	l.now = v
	l.tell()
}

// Values are the limits that hold now.
func (l *Limits) Values() LimitValues {
	if l == nil {
		return LimitValues{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// tell wakes everybody who waits; l.mu is held.
func (l *Limits) tell() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// change is closed at the next change; l.mu is held.
func (l *Limits) change() <-chan struct{} {
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// take counts rows and bytes that have just been read, and waits until the rates allow more. A cancelled ctx ends it.
func (l *Limits) take(ctx context.Context, rows, bytes int64) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.bytes.owed += float64(bytes) * bound(l.now.BytesPerSecond)
	l.rows.owed += float64(rows) * bound(l.now.RowsPerSecond)
	for {
		now, pause := time.Now(), time.Duration(0)
		if rate := l.now.BytesPerSecond; rate > 0 {
			l.bytes.pay(now, rate)
			pause = l.bytes.wait(rate)
		}
		if rate := l.now.RowsPerSecond; rate > 0 {
			l.rows.pay(now, rate)
			pause = max(pause, l.rows.wait(rate))
		}
		if pause <= 0 {
			l.mu.Unlock()
			return
		}
		changed := l.change()
		l.mu.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		l.mu.Lock()
	}
}

// bound is 1 where a limit holds: what is taken without one is not owed.
func bound(rate int64) float64 {
	if rate > 0 {
		return 1
	}
	return 0
}

// enter waits until one more partition, which takes so much memory, may run. leave must be called when it has ended.
func (l *Limits) enter(ctx context.Context, memory int64) (leave func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	l.mu.Lock()
	for !l.fits(memory) {
		changed := l.change()
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		l.mu.Lock()
	}
	l.open++
	l.memory += memory
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open--
		l.memory -= memory
		l.tell()
	}, nil
}

func (l *Limits) fits(memory int64) bool {
	if l.open == 0 {
		return true
	}
	return (l.now.Connections <= 0 || l.open < l.now.Connections) && (l.now.Memory <= 0 || l.memory+memory <= l.now.Memory)
}

// weight is the memory that one partition takes at most, as far as it is known beforehand.
func (r *run) weight() int64 {
	from, to := r.job.Source.Files, r.job.Sink.Files
	switch {
	case from != nil && from.Format == nil:
		return smallFile
	case from != nil && rowLimit(from.FormatName) == batch.ColumnarRows, to != nil && rowLimit(to.FormatName) == batch.ColumnarRows:
		return columnarMemory
	}
	return pipelineMemory
}
