package bus

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"dmgateway/engine/bus/amqp"
	"dmgateway/engine/fault"
)

// queueName is what Azure takes: letters, digits, and . - _ / inside.
var queueName = regexp.MustCompile(`^[A-Za-z0-9]$|^[A-Za-z0-9][\w./-]{0,258}[A-Za-z0-9]$`)

// CreateQueue creates a queue and, beneath it, name/$DeadLetterQueue. Names are compared without regard to case. Errors:
// fault.Conflict where there is one of that name, fault.BadInput, fault.StoreFailed.
func (b *Broker) CreateQueue(ctx context.Context, name string, options QueueOptions) error {
	return b.putQueue(ctx, name, options, true)
}

// SetQueue creates a queue or changes the options of the one of that name. Locks and lives of messages that are there
// stay as they are. Errors: fault.BadInput, fault.StoreFailed.
func (b *Broker) SetQueue(ctx context.Context, name string, options QueueOptions) error {
	return b.putQueue(ctx, name, options, false)
}

func (b *Broker) putQueue(ctx context.Context, name string, options QueueOptions, isNew bool) error {
	o, err := options.withDefaults()
	if err != nil || !queueName.MatchString(name) {
		return fault.New(fault.BadInput, "queue %q cannot be", name).Because(err).
			Try("use letters, digits, '.', '-', '_' and '/', at most 260")
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	b.admin.Lock()
	defer b.admin.Unlock()
	if isNew && b.queue(name) != nil {
		return queueExists(name)
	}
	var id int64
	err = b.store.do(ctx, func(t *tx) error {
		r, err := t.exec("INSERT INTO queue (name, options) VALUES (?, ?) ON CONFLICT DO NOTHING", name, string(text))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			if isNew || err != nil {
				return queueExists(name)
			}
			_, err = t.exec("UPDATE queue SET options = ? WHERE name = ?", string(text), name)
			return err
		}
		id, err = r.LastInsertId()
		return err
	})
	switch {
	case fault.Is(err, fault.Conflict):
		return err
	case err != nil:
		return storeFault("create queue", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if id == 0 {
		if q := b.queues[strings.ToLower(name)]; q != nil {
			q.options.Store(&o)
		}
		return nil
	}
	b.queues[strings.ToLower(name)] = newQueue(b, id, name, o)
	return nil
}

func queueExists(name string) error {
	return fault.New(fault.Conflict, "the bus has a queue %q already", name)
}

// DeleteQueue deletes a queue with all its messages and its dead-letter queue, and detaches its links. Grants on it stay
// and hold for a later queue of that name. It is no error if there is none. Error: fault.StoreFailed.
func (b *Broker) DeleteQueue(ctx context.Context, name string) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	b.mu.Lock()
	q := b.queues[strings.ToLower(name)]
	delete(b.queues, strings.ToLower(name))
	b.mu.Unlock()
	if q == nil {
		return nil
	}
	q.mu.Lock()
	q.closed = true
	q.plan()
	q.cachedAway()
	q.mu.Unlock()
	for _, c := range b.connections() {
		c.detachQueue(q, &amqp.Error{Condition: amqp.CondNotFound, Description: "the queue was deleted"})
	}
	err := b.store.do(context.WithoutCancel(ctx), func(t *tx) error {
		for _, s := range []string{
			"DELETE FROM message WHERE queue = ?", "DELETE FROM seen WHERE queue = ?", "DELETE FROM queue WHERE id = ?",
		} {
			if _, err := t.exec(s, q.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return storeFault("delete queue", name, err)
	}
	return nil
}

// cachedAway gives the memory of a deleted queue's bodies back. The caller holds q.mu.
func (q *queue) cachedAway() {
	for _, e := range []*entity{&q.main, &q.dead} {
		for _, m := range e.messages {
			if m.place != placeBusy { // a delivery may be reading it
				q.uncache(m)
			}
		}
	}
}
