package bus

import (
	"container/heap"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"dmgateway/engine/bus/amqp"
)

// queue holds what is known of its messages in memory; the file holds the messages. A change goes through three steps:
// the message becomes busy, the change is written, then it shows here. So nobody ever sees what a crash could undo.
type queue struct {
	store   *store
	sched   *scheduler
	cache   *atomic.Int64 // bytes of message bodies in memory, of all queues
	log     func(msg string, args ...any)
	id      int64
	name    string
	options atomic.Pointer[QueueOptions]

	sweepAt    int64 // guarded by the scheduler
	sweepIndex int

	mu      sync.Mutex
	closed  bool
	main    entity
	dead    entity
	locks   map[amqp.UUID]*message
	timers  timerHeap
	pending int64 // messages being written
	bytes   int64 // of all messages, with those being written
}

// entity is what a receiver attaches to: the queue itself or its dead-letter queue.
type entity struct {
	*queue
	isDead   bool
	messages map[int64]*message
	ready    readyHeap
	waiting  map[*link]struct{} // receivers, to be told of messages
}

// maxCached is how many bytes of bodies stay in memory beside the file.
const maxCached = 32 << 20

func newQueue(b *Broker, id int64, name string, o QueueOptions) *queue {
	q := &queue{
		store: b.store, sched: b.sched, cache: &b.cached, log: b.log.Error, id: id, name: name, sweepIndex: -1,
		locks: map[amqp.UUID]*message{},
	}
	q.options.Store(&o)
	q.main = entity{queue: q, messages: map[int64]*message{}, waiting: map[*link]struct{}{}}
	q.dead = entity{queue: q, isDead: true, messages: map[int64]*message{}, waiting: map[*link]struct{}{}}
	return q
}

func (q *queue) entity(m *message) *entity {
	if m.dead {
		return &q.dead
	}
	return &q.main
}

// move puts a message into another place and keeps every index true. The caller holds q.mu.
func (q *queue) move(m *message, to place) {
	e := q.entity(m)
	if m.place == placeLocked {
		delete(q.locks, m.token)
	}
	if m.readyIndex >= 0 {
		heap.Remove(&e.ready, m.readyIndex)
	}
	m.place = to
	switch to {
	case placeGone:
		delete(e.messages, m.seq)
		q.bytes -= int64(m.size)
		q.uncache(m)
	case placeReady:
		heap.Push(&e.ready, m)
		e.tell()
	case placeLocked:
		q.locks[m.token] = m
	}
	q.timers.fixTimer(m)
	q.plan()
}

// plan tells the scheduler when the next message needs attention.
func (q *queue) plan() {
	at := int64(0)
	if len(q.timers) > 0 && !q.closed {
		at = q.timers[0].timer()
	}
	q.sched.set(q, at)
}

// tell wakes the receivers of e. The caller holds q.mu.
func (e *entity) tell() {
	for l := range e.waiting {
		l.session.conn.signal()
	}
}

// enter makes a written message part of the queue.
func (q *queue) enter(m *message) {
	to := m.place
	m.place = placeBusy
	q.entity(m).messages[m.seq] = m
	if m.cached && q.cache.Add(int64(m.size)) > maxCached {
		q.uncache(m)
	}
	q.move(m, to)
}

func (q *queue) uncache(m *message) {
	if m.cached {
		q.cache.Add(-int64(m.size))
		m.cached, m.annotations, m.body = false, nil, nil
	}
}

// replaceBody notes that a message has another body in the file now, if it has.
func (q *queue) replaceBody(m *message, body []byte) {
	if body == nil {
		return
	}
	q.uncache(m)
	q.bytes += int64(len(body) + m.extra - m.size)
	m.size = len(body) + m.extra
}

// publish writes messages as one and then makes them visible. then learns the sequence numbers (0 for a duplicate that
// was dropped); it runs without locks, on this goroutine when the queue is full, else on the writer's.
func (q *queue) publish(in []*incoming, then func(seqs []int64, err error)) {
	o := q.options.Load()
	size := 0
	for _, m := range in {
		size += m.size
	}
	q.mu.Lock()
	count := int64(len(q.main.messages)+len(q.dead.messages)) + q.pending
	if refusal := q.refusal(o, count+int64(len(in)), q.bytes+int64(size)); refusal != nil {
		q.mu.Unlock()
		then(nil, refusal)
		return
	}
	q.pending += int64(len(in))
	q.bytes += int64(size)
	q.mu.Unlock()
	now := time.Now().UnixMilli()
	q.store.submit(op{
		size:  size,
		apply: func(t *tx) error { return insert(t, q.id, in, now, o.DuplicateWindow.Milliseconds()) },
		done:  func(err error) { then(q.published(in, err)) },
	})
}

func (q *queue) refusal(o *QueueOptions, count, bytes int64) *amqp.Error {
	switch {
	case q.closed:
		return &amqp.Error{Condition: amqp.CondNotFound, Description: "the queue was deleted"}
	case count > o.MaxMessages || bytes > o.MaxBytes:
		return &amqp.Error{Condition: amqp.CondResourceLimit, Description: "queue " + q.name + " is full"}
	}
	return nil
}

func insert(t *tx, queue int64, in []*incoming, now, window int64) error {
	for _, m := range in {
		if m.duplicate = false; window > 0 && m.id != nil {
			isNew, err := t.isNew(queue, m.id, now, now+window)
			if err != nil {
				return err
			}
			if m.duplicate = !isNew; m.duplicate {
				continue
			}
		}
		if err := t.add(queue, m.message); err != nil {
			return err
		}
	}
	return nil
}

func (q *queue) published(in []*incoming, err error) ([]int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending -= int64(len(in))
	seqs := make([]int64, len(in))
	for i, m := range in {
		if err != nil || m.duplicate || q.closed {
			q.bytes -= int64(m.size)
			continue
		}
		seqs[i] = m.seq
		q.enter(m.message)
	}
	return seqs, err
}

// change writes a change of a message and lets it show in memory afterwards. The caller holds q.mu; commit runs with q.mu
// held and has to move the message out of busy; then runs without locks. When writing fails the message goes back to
// where it was, to be looked at again a second later.
func (q *queue) change(m *message, apply func(*tx) error, commit func(), then func(error)) {
	was := m.place
	if was == placeBusy { // one change follows another
		was = placeReady
	}
	q.move(m, placeBusy)
	q.store.submit(op{apply: apply, done: func(err error) {
		q.mu.Lock()
		if err == nil {
			commit()
		} else {
			m.hold = time.Now().Add(time.Second).UnixMilli()
			q.move(m, was)
		}
		q.mu.Unlock()
		if then != nil {
			then(err)
		}
	}})
}

// remove deletes a message. The caller holds q.mu.
func (q *queue) remove(m *message, then func(error)) {
	q.change(m, func(t *tx) error { return t.set(t.remove, m.seq) }, func() { q.move(m, placeGone) }, then)
}

// acquire takes up to n ready messages, as many as fit into limit bytes but at least one. They are busy afterwards.
func (e *entity) acquire(n, limit int) []*message {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now().UnixMilli()
	var got []*message
	for size := 0; len(got) < n && len(e.ready) > 0 && !e.closed; {
		m := e.ready[0]
		switch {
		case m.hold > now:
			return got // writing failed a moment ago; the sweep comes back to it
		case m.expires != 0 && m.expires <= now:
			e.expire(m)
			continue
		case e.exhausted(m):
			e.exhaust(m)
			continue
		}
		if size += m.size; len(got) > 0 && size > limit {
			break
		}
		e.move(m, placeBusy)
		got = append(got, m)
	}
	return got
}

// newToken is a random lock token.
func newToken() amqp.UUID {
	var u amqp.UUID
	_, _ = rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}
