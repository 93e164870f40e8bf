package bus

import (
	"fmt"
	"time"

	"dmgateway/engine/bus/amqp"
)

// Reasons for dead-lettering that the broker gives itself, in Azure's words.
const (
	reasonMaxDelivery = "MaxDeliveryCountExceeded"
	reasonExpired     = "TTLExpiredException"
)

// exhausted reports whether a message was delivered as often as the queue allows. Nothing leaves the dead-letter queue
// that way.
func (q *queue) exhausted(m *message) bool {
	return !m.dead && !m.deferred && m.count >= uint32(q.options.Load().MaxDeliveryCount)
}

// exhaust moves an exhausted message to the dead-letter queue. The caller holds q.mu.
func (q *queue) exhaust(m *message) {
	q.buryFor(m, reasonMaxDelivery, fmt.Sprintf("the message was delivered %d times without being completed", m.count))
}

// expire ends the life of a message. The caller holds q.mu.
func (q *queue) expire(m *message) {
	if q.options.Load().DeadLetterOnExpiry {
		q.buryFor(m, reasonExpired, "the message expired before it was received")
		return
	}
	q.remove(m, nil)
}

// buryFor moves a message to the dead-letter queue for a reason of the broker's own. Its body is read by the writer, in
// the transaction, because the caller holds q.mu.
func (q *queue) buryFor(m *message, reason, description string) {
	set := amqp.Map{{Key: propReason, Value: reason}, {Key: propDescription, Value: description}}
	cached, body := m.cached, m.body
	var changed []byte
	q.change(m, func(t *tx) error {
		var err error
		if changed, err = q.rewritten(m.seq, cached, body, set); err != nil {
			return err
		}
		if err := t.set(t.rewrite, changed, len(changed)+m.extra, m.seq); err != nil {
			return err
		}
		return t.set(t.bury, m.seq)
	}, func() { q.buried(m, changed) }, nil)
}

// bury moves a message to the dead-letter queue. The caller holds q.mu.
func (q *queue) bury(m *message, rewrite func(*tx) error, body []byte, then func(error)) {
	q.change(m, func(t *tx) error {
		if err := rewrite(t); err != nil {
			return err
		}
		return t.set(t.bury, m.seq)
	}, func() { q.buried(m, body) }, then)
}

// buried shows in memory that a message is in the dead-letter queue now. There it lives for ever.
func (q *queue) buried(m *message, body []byte) {
	q.replaceBody(m, body)
	delete(q.main.messages, m.seq)
	m.dead, m.deferred, m.expires = true, false, 0
	q.dead.messages[m.seq] = m
	q.move(m, placeReady)
}

// sweep does what is due: ends locks, activates scheduled messages, expires old ones.
func (q *queue) sweep(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	ms := now.UnixMilli()
	for len(q.timers) > 0 && q.timers[0].timer() <= ms {
		m := q.timers[0]
		held := m.hold != 0
		m.hold = 0
		switch {
		case m.place == placeLocked:
			q.entity(m).giveBack(m)
		case m.place == placeScheduled:
			q.activate(m, ms)
		case m.expires != 0 && m.expires <= ms:
			q.expire(m)
		case held:
			q.timers.fixTimer(m)
			q.entity(m).tell()
		}
	}
	q.plan()
}

// activate makes a scheduled message ready. The caller holds q.mu.
func (q *queue) activate(m *message, now int64) {
	expires := int64(0)
	if m.ttl > 0 {
		expires = now + m.ttl
	}
	q.change(m, func(t *tx) error { return t.set(t.activate, now, expires, m.seq) }, func() {
		m.enqueued, m.expires, m.due = now, expires, 0
		q.move(m, placeReady)
	}, nil)
}
