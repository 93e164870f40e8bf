package bus

import (
	"errors"
	"time"

	"dmgateway/engine/bus/amqp"
)

// errLockLost: the lock token is of no message that is locked now.
var errLockLost = errors.New("the lock supplied is invalid: it has expired, or the message was settled already")

// verdict is what a receiver decides about a locked message.
type verdict uint8

const (
	verdictComplete verdict = iota
	verdictAbandon
	verdictRelease // as if it had never been delivered
	verdictDefer
	verdictDeadLetter
)

// outcome is a verdict with the application properties that go with it.
type outcome struct {
	verdict
	set amqp.Map
}

// deliver counts a delivery of messages that were acquired, or deletes them for receive-and-delete, and gives snapshots
// of them, locked from then on. then runs on the writer's goroutine, or on this one when reading failed; the messages
// are ready again after an error.
func (e *entity) deliver(ms []*message, lock bool, then func([]delivery, error)) {
	bodies := make([]delivery, len(ms))
	for i, m := range ms {
		bodies[i].annotations, bodies[i].body = m.annotations, m.body
		if m.cached {
			continue
		}
		var err error
		if bodies[i].annotations, bodies[i].body, err = e.store.load(m.seq); err != nil {
			e.undeliver(ms, err)
			then(nil, err)
			return
		}
	}
	e.store.submit(op{
		apply: func(t *tx) error {
			for _, m := range ms {
				if err := countDelivery(t, m, lock); err != nil {
					return err
				}
			}
			return nil
		},
		done: func(err error) {
			if err != nil {
				e.undeliver(ms, err)
				then(nil, err)
				return
			}
			then(e.delivered(ms, bodies, lock), nil)
		},
	})
}

func countDelivery(t *tx, m *message, lock bool) error {
	if !lock {
		return t.set(t.remove, m.seq)
	}
	return t.set(t.count, m.count+1, m.seq)
}

// undeliver puts messages back whose delivery could not be written.
func (e *entity) undeliver(ms []*message, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed { // else the messages are gone, as they should be
		e.log("preparing a delivery failed", "queue", e.name, "error", err)
	}
	for _, m := range ms {
		m.hold = time.Now().Add(time.Second).UnixMilli()
		e.release(m)
	}
}

// release makes a message that is busy or locked available again, where it came from.
func (e *entity) release(m *message) {
	if m.deferred {
		e.move(m, placeDeferred)
	} else {
		e.move(m, placeReady)
	}
}

func (e *entity) delivered(ms []*message, bodies []delivery, lock bool) []delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	until := time.Now().Add(e.options.Load().LockDuration).UnixMilli()
	for i, m := range ms {
		m.count++
		if lock {
			m.token, m.until = newToken(), until
			e.move(m, placeLocked)
		} else {
			e.move(m, placeGone)
		}
		annotations, body := bodies[i].annotations, bodies[i].body
		bodies[i] = e.snapshot(m, annotations, body)
	}
	return bodies
}

// snapshot copies what rendering needs. The caller holds q.mu.
func (e *entity) snapshot(m *message, annotations, body []byte) delivery {
	d := delivery{message: *m, locked: m.place == placeLocked}
	d.annotations, d.body = annotations, body
	if m.dead {
		d.source = e.name
	}
	return d
}

// renew lets a lock begin again and gives its new end.
func (q *queue) renew(token amqp.UUID) (time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.locked(token)
	if m == nil {
		return time.Time{}, errLockLost
	}
	until := time.Now().Add(q.options.Load().LockDuration)
	m.until = until.UnixMilli()
	q.timers.fixTimer(m)
	q.plan()
	return until, nil
}

// locked finds a message by the token of a lock that still holds.
func (q *queue) locked(token amqp.UUID) *message {
	if m := q.locks[token]; m != nil && m.until > time.Now().UnixMilli() {
		return m
	}
	return nil
}

// holds reports whether a lock still holds.
func (q *queue) holds(token amqp.UUID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.locked(token) != nil
}

// settle carries out the outcome of a locked message. then runs without locks, on this goroutine or on the writer's;
// errLockLost and *amqp.Error are for the receiver, anything else is a failed write.
func (q *queue) settle(token amqp.UUID, o outcome, then func(error)) {
	q.mu.Lock()
	m := q.locked(token)
	if m == nil {
		q.mu.Unlock()
		then(errLockLost)
		return
	}
	if m.dead && o.verdict == verdictDeadLetter {
		q.mu.Unlock()
		then(&amqp.Error{Condition: amqp.CondNotAllowed, Description: "the message is in the dead-letter queue already"})
		return
	}
	if len(o.set) == 0 {
		q.carryOut(m, o.verdict, nil, then)
		q.mu.Unlock()
		return
	}
	cached, body := m.cached, m.body
	q.mu.Unlock()
	body, err := q.rewritten(m.seq, cached, body, o.set)
	if err != nil {
		then(err)
		return
	}
	q.mu.Lock()
	still := q.locked(token) == m
	if still {
		q.carryOut(m, o.verdict, body, then)
	}
	q.mu.Unlock()
	if !still { // it ran out while the body was read
		then(errLockLost)
	}
}

// rewritten is the body of a message with properties set.
func (q *queue) rewritten(seq int64, cached bool, body []byte, set amqp.Map) ([]byte, error) {
	if !cached {
		var err error
		if _, body, err = q.store.load(seq); err != nil {
			return nil, err
		}
	}
	return withProperties(body, set)
}

// carryOut does what settle decided; body replaces the message's where it is not nil. The caller holds q.mu.
func (q *queue) carryOut(m *message, v verdict, body []byte, then func(error)) {
	if v == verdictComplete {
		q.remove(m, then)
		return
	}
	e := q.entity(m)
	rewrite := func(t *tx) error {
		if body == nil {
			return nil
		}
		return t.set(t.rewrite, body, len(body)+m.extra, m.seq)
	}
	switch v {
	case verdictDeadLetter:
		q.bury(m, rewrite, body, then)
	case verdictDefer:
		q.change(m, func(t *tx) error {
			if err := rewrite(t); err != nil {
				return err
			}
			return t.set(t.state, stateDeferred, m.seq)
		}, func() {
			q.replaceBody(m, body)
			m.deferred = true
			q.move(m, placeDeferred)
		}, then)
	case verdictRelease:
		q.change(m, func(t *tx) error { return t.set(t.count, m.count-1, m.seq) }, func() {
			m.count--
			e.release(m)
		}, then)
	default:
		q.change(m, rewrite, func() {
			q.replaceBody(m, body)
			e.giveBack(m)
		}, then)
	}
}

// giveBack makes a message whose lock ended available again, unless it was delivered too often.
func (e *entity) giveBack(m *message) {
	if e.exhausted(m) {
		e.exhaust(m)
		return
	}
	e.release(m)
}
