package view

import (
	"context"
	"sync"
)

// watched is what a model of a dialog has in common with [Model]: a lock, and those who wait for changes.
type watched struct {
	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
}

// change changes something under the lock and tells the watchers.
func (w *watched) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	for c := range w.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Watch gives a channel that gets a value after something changed; it is ready at once, for the first look. stop ends it.
func (w *watched) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers == nil {
		w.watchers = map[chan struct{}]struct{}{}
	}
	w.watchers[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, c)
	}
}

// task is one thing at a time that a person can cancel.
type task struct {
	m    *Model
	mu   sync.Mutex
	stop context.CancelFunc
}

// start lets the model carry out f, unless the last one is still under way; it reports whether it will.
func (t *task) start(begin func(), f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil {
		return false
	}
	mine, stop := context.WithCancel(context.Background())
	t.stop = stop
	begin()
	t.m.later(func(ctx context.Context) {
		release := context.AfterFunc(ctx, stop)
		defer func() {
			release()
			stop()
		}()
		f(mine)
	})
	return true
}

// done lets the next one start. It is called before the outcome is told.
func (t *task) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop = nil
}

// cancel ends what is under way.
func (t *task) cancel() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil {
		t.stop()
	}
}
