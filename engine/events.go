package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"dmgateway/engine/supervise"
)

// maxPending is how many distinct things a subscriber may be behind.
const maxPending = 1024

// hub hands events to subscribers. Publishing never waits: what a subscriber has not taken yet is replaced by what is
// newer about the same thing, so that a slow one skips progress but gets every newest status and every job's end.
type hub struct {
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	done   chan struct{}
	closed bool
	work   sync.WaitGroup
}

type subscriber struct {
	keys    []string // in the order in which the things first changed
	pending map[string]Event
	wake    chan struct{}
	out     chan Event
}

func newHub() *hub { return &hub{subs: map[*subscriber]struct{}{}, done: make(chan struct{})} }

// key is what an event is about.
func (ev Event) key() string {
	switch {
	case ev.Status != nil:
		return "status"
	case ev.Job != nil:
		return fmt.Sprintf("job %s %d", ev.Job.ID, ev.Job.Attempt)
	case ev.Notice != nil:
		return "notice " + ev.Notice.ID
	}
	return "show"
}

func (h *hub) publish(ev Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		s.add(ev)
	}
}

// add is called with the hub's lock held.
func (s *subscriber) add(ev Event) {
	key := ev.key()
	if _, waiting := s.pending[key]; !waiting {
		if len(s.keys) >= maxPending {
			s.dropOne()
		}
		s.keys = append(s.keys, key)
	}
	s.pending[key] = ev
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// dropOne makes room by the oldest thing that may be lost: a running job's progress or a notice, at the worst the oldest
// end of a job, which the list of jobs still shows.
func (s *subscriber) dropOne() {
	i := slices.IndexFunc(s.keys, func(key string) bool {
		ev := s.pending[key]
		return ev.Notice != nil || ev.Job != nil && ev.Job.Ended.IsZero()
	})
	if i < 0 {
		i = slices.IndexFunc(s.keys, func(key string) bool { return s.pending[key].Job != nil })
	}
	delete(s.pending, s.keys[i])
	s.keys = slices.Delete(s.keys, i, i+1)
}

// subscribe tells everything from first on until ctx ends or the hub closes; the channel is closed then.
func (h *hub) subscribe(ctx context.Context, first func() Event) <-chan Event {
	s := &subscriber{pending: map[string]Event{}, wake: make(chan struct{}, 1), out: make(chan Event)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.out)
		return s.out
	}
	h.subs[s] = struct{}{}
	s.add(first())
	h.work.Go(func() {
		defer close(s.out)
		defer h.remove(s)
		_ = supervise.Guard(func() error { h.pump(ctx, s); return nil }) // a subscriber without a hub is at its end
	})
	return s.out
}

func (h *hub) remove(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

func (h *hub) pump(ctx context.Context, s *subscriber) {
	for {
		ev, ok := h.next(s)
		if !ok {
			select {
			case <-s.wake:
				continue
			case <-ctx.Done():
				return
			case <-h.done:
				return
			}
		}
		select {
		case s.out <- ev:
		case <-ctx.Done():
			return
		case <-h.done:
			return
		}
	}
}

func (h *hub) next(s *subscriber) (Event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(s.keys) == 0 {
		return Event{}, false
	}
	key := s.keys[0]
	s.keys = slices.Delete(s.keys, 0, 1)
	ev := s.pending[key]
	delete(s.pending, key)
	return ev, true
}

// close ends all subscriptions and waits for them.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	h.mu.Unlock()
	h.work.Wait()
}
