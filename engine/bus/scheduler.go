package bus

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"dmgateway/engine/supervise"
)

// purgeEvery is how often message IDs are forgotten whose window has passed.
const purgeEvery = 5 * time.Minute

// sweepAgain is when a queue is swept again that could not be.
const sweepAgain = time.Minute

// scheduler calls the sweep of each queue when it asked for it, one after the other, on one goroutine.
type scheduler struct {
	store   *store
	mu      sync.Mutex
	queues  dueHeap
	wake    chan struct{}
	stop    chan struct{}
	stopped chan struct{}
}

func newScheduler(store *store) *scheduler {
	s := &scheduler{store: store, wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	go s.run()
	return s
}

// set asks for a sweep of q at an instant in milliseconds, 0 is never. It replaces what was asked before.
func (s *scheduler) set(q *queue, at int64) {
	if at == 0 {
		at = math.MaxInt64
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.sweepAt == at {
		return
	}
	q.sweepAt = at
	switch {
	case q.sweepIndex < 0 && at != math.MaxInt64:
		heap.Push(&s.queues, q)
	case q.sweepIndex >= 0 && at == math.MaxInt64:
		heap.Remove(&s.queues, q.sweepIndex)
	case q.sweepIndex >= 0:
		heap.Fix(&s.queues, q.sweepIndex)
	}
	if q.sweepIndex == 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// next takes the queue that is due, or says how long to wait.
func (s *scheduler) next(now time.Time) (*queue, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queues) == 0 {
		return nil, purgeEvery
	}
	q := s.queues[0]
	if wait := time.UnixMilli(q.sweepAt).Sub(now); wait > 0 {
		return nil, min(wait, purgeEvery)
	}
	heap.Pop(&s.queues)
	q.sweepAt = 0
	return q, 0
}

func (s *scheduler) run() {
	defer close(s.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	purged := time.Now()
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		q, wait := s.next(time.Now())
		if q != nil {
			if !supervise.Contain(s.store.log, "Service Bus", func() { q.sweep(time.Now()) }) {
				s.set(q, time.Now().Add(sweepAgain).UnixMilli())
			}
			continue
		}
		if now := time.Now(); now.Sub(purged) >= purgeEvery {
			purged = now
			s.purge(now)
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-s.stop:
			return
		}
	}
}

// purge forgets message IDs. If it fails, the next one does it.
func (s *scheduler) purge(now time.Time) {
	s.store.submit(op{
		apply: func(t *tx) error {
			_, err := t.exec("DELETE FROM seen WHERE until <= ?", now.UnixMilli())
			return err
		},
		done: func(error) {},
	})
}

func (s *scheduler) close() {
	close(s.stop)
	<-s.stopped
}

// dueHeap orders queues by their next sweep.
type dueHeap []*queue

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].sweepAt < h[j].sweepAt }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].sweepIndex, h[j].sweepIndex = i, j
}

func (h *dueHeap) Push(x any) {
	q := x.(*queue)
	q.sweepIndex = len(*h)
	*h = append(*h, q)
}

func (h *dueHeap) Pop() any {
	q := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	q.sweepIndex = -1
	return q
}
