package bus

import (
	"errors"
	"slices"
	"sync"
	"time"

	"dmgateway/engine/bus/amqp"
)

const (
	// maxTokens is how many locks or sequence numbers one request may name.
	maxTokens = 1000
	// maxPeekBytes bounds what one response carries.
	maxPeekBytes = 1 << 20
)

// operations of $management, with the right that each needs.
var operations = map[string]struct {
	need Rights
	run  func(*link, amqp.Map, func(response))
}{
	"com.microsoft:renew-lock":                 {Listen, (*link).renewLocks},
	"com.microsoft:update-disposition":         {Listen, (*link).updateDisposition},
	"com.microsoft:peek-message":               {Listen, (*link).peek},
	"com.microsoft:receive-by-sequence-number": {Listen, (*link).receiveDeferred},
	"com.microsoft:schedule-message":           {Send, (*link).schedule},
	"com.microsoft:cancel-scheduled-message":   {Send, (*link).cancelScheduled},
}

// manage carries out one request to $management. respond is called once, without locks.
func (l *link) manage(m *amqp.Message, respond func(response)) {
	name, _ := amqp.Text(m.Application.Get("operation"))
	op, ok := operations[name]
	if !ok {
		respond(response{status: statusNotFound, description: "operation " + name + " is not supported", condition: amqp.CondNotAllowed})
		return
	}
	l.session.conn.mu.Lock()
	allowed := l.session.conn.allowed(l.path, op.need)
	l.session.conn.mu.Unlock()
	if !allowed {
		respond(response{status: statusUnauthorized, description: "no token gives the right to this", condition: amqp.CondUnauthorized})
		return
	}
	body, ok := m.Value.(amqp.Map)
	if !ok {
		respond(badRequest("the body is not a map"))
		return
	}
	op.run(l, body, respond)
}

// badRequest answers with 404 because clients take 400 for a broken connection and try again.
func badRequest(why string) response {
	return response{status: statusNotFound, description: why, condition: amqp.CondArgument}
}

// failure is the response to an operation that a queue refused or could not write.
func failure(err error) response {
	var ae *amqp.Error
	switch {
	case errors.Is(err, errLockLost):
		return response{status: statusLockLost, description: err.Error(), condition: amqp.CondMessageLockLost}
	case errors.As(err, &ae) && ae.Condition == amqp.CondResourceLimit:
		return response{status: statusServerError, description: ae.Description, condition: ae.Condition}
	case errors.As(err, &ae):
		return response{status: statusNotFound, description: ae.Description, condition: ae.Condition}
	}
	e := storeError()
	return response{status: statusServerError, description: e.Description, condition: e.Condition}
}

// listOf reads an array or list of one type from a request.
func listOf[T any](body amqp.Map, key string) ([]T, bool) {
	items, ok := amqp.Items(body.Get(key))
	if !ok || len(items) == 0 || len(items) > maxTokens {
		return nil, false
	}
	list := make([]T, len(items))
	for i, item := range items {
		if list[i], ok = item.(T); !ok {
			return nil, false
		}
	}
	return list, true
}

func (l *link) renewLocks(body amqp.Map, respond func(response)) {
	tokens, ok := listOf[amqp.UUID](body, "lock-tokens")
	if !ok {
		respond(badRequest("lock-tokens is not an array of UUIDs"))
		return
	}
	until := make([]amqp.Timestamp, len(tokens))
	for i, token := range tokens {
		end, err := l.queue.renew(token)
		if err != nil {
			respond(failure(err))
			return
		}
		until[i] = amqp.At(end)
	}
	respond(response{status: statusOK, description: "OK", body: amqp.Map{{Key: "expirations", Value: amqp.Timestamps(until)}}})
}

func (l *link) updateDisposition(body amqp.Map, respond func(response)) {
	tokens, ok := listOf[amqp.UUID](body, "lock-tokens")
	if !ok {
		respond(badRequest("lock-tokens is not an array of UUIDs"))
		return
	}
	o, err := dispositionOf(body)
	if err != nil {
		respond(failure(err))
		return
	}
	var mu sync.Mutex
	left, failed := len(tokens), error(nil)
	for _, token := range tokens {
		l.queue.settle(token, o, func(err error) {
			mu.Lock()
			left--
			if failed == nil {
				failed = err
			}
			last, first := left == 0, failed
			mu.Unlock()
			switch {
			case last && first != nil:
				respond(failure(first))
			case last:
				respond(response{status: statusOK, description: "OK"})
			}
		})
	}
}

// dispositionOf reads the outcome from a request.
func dispositionOf(body amqp.Map) (outcome, error) {
	props, _ := body.Get("properties-to-modify").(amqp.Map)
	status, _ := amqp.Text(body.Get("disposition-status"))
	switch status {
	case "completed":
		return outcome{verdict: verdictComplete}, nil
	case "abandoned":
		set, err := changes(props)
		return outcome{verdictAbandon, set}, err
	case "defered", "deferred": // the first is how the protocol spells it
		set, err := changes(props)
		return outcome{verdictDefer, set}, err
	case "suspended":
		info := slices.Clone(props)
		if reason, ok := body.Get("deadletter-reason").(string); ok {
			info = info.Set(propReason, reason)
		}
		if text, ok := body.Get("deadletter-description").(string); ok {
			info = info.Set(propDescription, text)
		}
		return deadLetter(&amqp.Error{Condition: amqp.CondDeadLetter, Info: info})
	}
	return outcome{}, invalid("disposition-status %q is not known", status)
}

func (l *link) peek(body amqp.Map, respond func(response)) {
	from, ok1 := amqp.Int(body.Get("from-sequence-number"))
	count, ok2 := amqp.Int(body.Get("message-count"))
	if !ok1 || !ok2 || count < 1 {
		respond(badRequest("from-sequence-number or message-count is not a number"))
		return
	}
	ds, err := l.from.peek(from, int(min(count, maxTokens)), maxPeekBytes)
	respond(messages(ds, err))
}

// messages is a response that carries messages.
func messages(ds []delivery, err error) response {
	if err != nil {
		return failure(err)
	}
	if len(ds) == 0 {
		return response{status: statusNoContent, description: "No content", condition: "com.microsoft:message-not-found"}
	}
	list := make(amqp.List, len(ds))
	for i := range ds {
		entry := amqp.Map{{Key: "message", Value: ds[i].render(true)}}
		if ds[i].locked {
			entry = append(entry, amqp.Pair{Key: "lock-token", Value: ds[i].token})
		}
		list[i] = entry
	}
	return response{status: statusOK, description: "OK", body: amqp.Map{{Key: "messages", Value: list}}}
}

func (l *link) receiveDeferred(body amqp.Map, respond func(response)) {
	seqs, ok := listOf[int64](body, "sequence-numbers")
	mode, ok2 := amqp.Int(body.Get("receiver-settle-mode"))
	if !ok || !ok2 {
		respond(badRequest("sequence-numbers or receiver-settle-mode is missing"))
		return
	}
	ms := l.from.acquireDeferred(seqs)
	if ms == nil {
		respond(response{
			status: statusNotFound, description: "not every one of these messages is deferred and free",
			condition: "com.microsoft:message-not-found",
		})
		return
	}
	l.from.deliver(ms, mode == 1, func(ds []delivery, err error) { respond(messages(ds, err)) })
}

func (l *link) schedule(body amqp.Map, respond func(response)) {
	items, ok := amqp.Items(body.Get("messages"))
	if !ok || len(items) == 0 || len(items) > maxTokens {
		respond(badRequest("messages is not a list"))
		return
	}
	at := time.Now()
	in := make([]*incoming, len(items))
	for i, item := range items {
		entry, _ := item.(amqp.Map)
		raw, _ := entry.Get("message").([]byte)
		m, err := accept(raw, l.queue.options.Load(), at)
		if err != nil {
			respond(badRequest(err.Error()))
			return
		}
		in[i] = m
	}
	l.queue.publish(in, func(seqs []int64, err error) {
		if err != nil {
			respond(failure(err))
			return
		}
		respond(response{status: statusOK, description: "OK", body: amqp.Map{{Key: "sequence-numbers", Value: amqp.Longs(seqs)}}})
	})
}

func (l *link) cancelScheduled(body amqp.Map, respond func(response)) {
	seqs, ok := listOf[int64](body, "sequence-numbers")
	if !ok {
		respond(badRequest("sequence-numbers is not an array of long"))
		return
	}
	l.queue.cancel(seqs, func(err error) {
		if err != nil {
			respond(failure(err))
			return
		}
		respond(response{status: statusOK, description: "OK"})
	})
}
