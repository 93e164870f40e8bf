package bus

import (
	"database/sql"
	"errors"
	"slices"
	"time"

	"dmgateway/engine/bus/amqp"
)

// peek gives snapshots of messages from a sequence number on, whatever place they are in, without locking them.
func (e *entity) peek(from int64, n, limit int) ([]delivery, error) {
	e.mu.Lock()
	now := time.Now().UnixMilli()
	var seqs []int64
	for seq, m := range e.messages {
		if seq >= from && (m.expires == 0 || m.expires > now || m.place == placeLocked) {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	seqs = seqs[:min(n, len(seqs))]
	ds := make([]delivery, 0, len(seqs))
	for _, seq := range seqs {
		m := e.messages[seq]
		d := e.snapshot(m, m.annotations, m.body)
		d.locked = false // its token is none of the peeker's business
		ds = append(ds, d)
	}
	e.mu.Unlock()

	whole := ds[:0]
	size := 0
	for _, d := range ds {
		if size += d.size; len(whole) > 0 && size > limit {
			break
		}
		if !d.cached {
			var err error
			d.annotations, d.body, err = e.store.load(d.seq)
			if errors.Is(err, sql.ErrNoRows) { // completed meanwhile
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		whole = append(whole, d)
	}
	return whole, nil
}

// acquireDeferred takes deferred messages for a delivery: all of them, or nil where one is not to be had.
func (e *entity) acquireDeferred(seqs []int64) []*message {
	e.mu.Lock()
	defer e.mu.Unlock()
	ms := make([]*message, 0, len(seqs))
	for _, seq := range seqs {
		m := e.messages[seq]
		if m == nil || m.place != placeDeferred || slices.Contains(ms, m) {
			return nil
		}
		ms = append(ms, m)
	}
	for _, m := range ms {
		e.move(m, placeBusy)
	}
	return ms
}

// cancel deletes scheduled messages as one. then gets an *amqp.Error where one is not scheduled any more.
func (q *queue) cancel(seqs []int64, then func(error)) {
	q.mu.Lock()
	var ms []*message
	for _, seq := range seqs {
		m := q.main.messages[seq]
		if m == nil || m.place != placeScheduled || slices.Contains(ms, m) {
			q.mu.Unlock()
			then(&amqp.Error{Condition: amqp.CondNotFound, Description: "not every one of these messages is scheduled"})
			return
		}
		ms = append(ms, m)
	}
	for _, m := range ms {
		q.move(m, placeBusy)
	}
	q.mu.Unlock()
	q.store.submit(op{
		apply: func(t *tx) error {
			for _, m := range ms {
				if err := t.set(t.remove, m.seq); err != nil {
					return err
				}
			}
			return nil
		},
		done: func(err error) {
			q.mu.Lock()
			for _, m := range ms {
				if err != nil {
					q.move(m, placeScheduled)
				} else {
					q.move(m, placeGone)
				}
			}
			q.mu.Unlock()
			then(err)
		},
	})
}
