package bus

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"dmgateway/engine/bus/amqp"
)

// place is where a message is in the life of a queue.
type place uint8

const (
	placeBusy      place = iota // a change of it is being written
	placeReady                  // waits for a receiver
	placeLocked                 // a receiver has it
	placeDeferred               // received by sequence number only
	placeScheduled              // waits for its time
	placeGone                   // completed, expired or deleted
)

// States of a message in the file and in x-opt-message-state.
const (
	stateActive    = 0
	stateDeferred  = 1
	stateScheduled = 2
)

// message is one message of a queue. Everything that changes is guarded by the queue's lock; annotations and body are
// never changed in place. Instants are milliseconds since 1970 UTC, 0 is never.
type message struct {
	seq      int64
	dead     bool
	deferred bool // goes back to the deferred ones when its lock ends
	place    place
	priority uint8
	durable  bool
	count    uint32 // deliveries begun
	ttl      int64  // milliseconds, 0 is none
	enqueued int64
	expires  int64
	due      int64 // of a scheduled message
	hold     int64 // not to be looked at before: a change of it failed
	size     int   // bytes of body and annotations
	extra    int   // bytes of annotations

	token amqp.UUID // of the lock, while locked
	until int64     // end of the lock

	cached      bool // annotations and body are in memory
	annotations []byte
	body        []byte

	readyIndex, timerIndex int // places in the queue's heaps, -1 is none
}

func (m *message) state() int {
	switch {
	case m.deferred:
		return stateDeferred
	case m.place == placeScheduled:
		return stateScheduled
	}
	return stateActive
}

// incoming is a message that was checked and is ready to be written.
type incoming struct {
	*message
	id        []byte // message ID, for duplicate detection
	duplicate bool
}

// maxMessageID is Azure's limit.
const maxMessageID = 128

// Annotations that the broker sets; what a sender writes there is dropped.
const (
	annSequence         amqp.Symbol = "x-opt-sequence-number"
	annEnqueuedSequence amqp.Symbol = "x-opt-enqueue-sequence-number"
	annEnqueued         amqp.Symbol = "x-opt-enqueued-time"
	annLockedUntil      amqp.Symbol = "x-opt-locked-until"
	annState            amqp.Symbol = "x-opt-message-state"
	annDeadLetterSource amqp.Symbol = "x-opt-deadletter-source"
	annScheduled        amqp.Symbol = "x-opt-scheduled-enqueue-time"
	annPartitionKey     amqp.Symbol = "x-opt-partition-key"
	annViaPartitionKey  amqp.Symbol = "x-opt-via-partition-key"
	annLockToken        amqp.Symbol = "x-opt-lock-token"
)

// Application properties that say why a message is in the dead-letter queue.
const (
	propReason      = "DeadLetterReason"
	propDescription = "DeadLetterErrorDescription"
)

// accept checks an encoded message and makes an incoming of it. Everything whose type receivers take for granted is
// checked here, so that a sender cannot break a receiver.
func accept(raw []byte, o *QueueOptions, now time.Time) (*incoming, error) {
	parsed, err := amqp.ParseMessage(raw)
	if err != nil {
		return nil, err
	}
	m := &message{enqueued: now.UnixMilli(), place: placeReady, cached: true, readyIndex: -1, timerIndex: -1, priority: 4}
	if h := parsed.Header; h != nil {
		m.durable, m.priority = h.Durable, h.Priority
		if h.TTL != nil {
			m.ttl = int64(*h.TTL)
		}
	}
	if limit := o.TTL.Milliseconds(); limit > 0 && (m.ttl == 0 || m.ttl > limit) {
		m.ttl = limit
	}
	if m.annotations, m.due, err = senderAnnotations(parsed.Annotations); err != nil {
		return nil, err
	}
	if err := deadLetterTexts(parsed.Application); err != nil {
		return nil, err
	}
	if m.due > m.enqueued {
		m.place = placeScheduled
	} else {
		m.due = 0
	}
	m.restartTTL(m.enqueued)
	if parsed.Properties.MessageID == nil { // some clients cannot settle a message without one
		token := newToken()
		parsed.RawProperties = amqp.WithMessageID(parsed.RawProperties, hex.EncodeToString(token[:]))
	}
	m.body = bare(parsed)
	m.extra = len(m.annotations)
	m.size = len(m.body) + m.extra
	in := &incoming{message: m}
	if in.id, err = messageID(parsed.Properties.MessageID); err != nil {
		return nil, err
	}
	return in, nil
}

// restartTTL lets the time to live begin at an instant, or when a scheduled message is due.
func (m *message) restartTTL(from int64) {
	m.expires = 0
	if m.ttl > 0 {
		m.expires = max(from, m.due) + m.ttl
	}
}

func messageID(id any) ([]byte, error) {
	switch id := id.(type) {
	case nil:
		return nil, nil
	case string:
		if len(id) > maxMessageID {
			return nil, invalid("a message ID of %d bytes, %d is the limit", len(id), maxMessageID)
		}
		return []byte(id), nil
	case []byte:
		if len(id) > maxMessageID {
			return nil, invalid("a message ID of %d bytes, %d is the limit", len(id), maxMessageID)
		}
		return amqp.Append(nil, id), nil
	}
	return amqp.Append(nil, id), nil
}

// invalid refuses a message or a change of one. The condition is one that clients do not try again.
func invalid(format string, args ...any) error {
	return &amqp.Error{Condition: amqp.CondNotAllowed, Description: fmt.Sprintf(format, args...)}
}

// senderAnnotations are the annotations that stay with the message, encoded, and when it is scheduled for.
func senderAnnotations(all amqp.Map) (encoded []byte, due int64, err error) {
	var kept amqp.Map
	for _, p := range all {
		key, ok := p.Key.(amqp.Symbol)
		if !ok {
			return nil, 0, invalid("a message annotation with a key of type %T", p.Key)
		}
		switch key {
		case annSequence, annEnqueuedSequence, annEnqueued, annLockedUntil, annState, annDeadLetterSource, annLockToken:
			continue
		case annScheduled:
			at, ok := p.Value.(amqp.Timestamp)
			if !ok && p.Value != nil || at > math.MaxInt64/2 {
				return nil, 0, invalid("%s is not a timestamp", key)
			}
			if !ok {
				continue
			}
			due = int64(at)
		case annPartitionKey, annViaPartitionKey:
			if s, ok := p.Value.(string); p.Value != nil && (!ok || len(s) > maxMessageID) {
				return nil, 0, invalid("%s is not a string of at most %d bytes", key, maxMessageID)
			}
		}
		kept = append(kept, p)
	}
	if kept == nil {
		return nil, due, nil
	}
	return amqp.Append(nil, kept), due, nil
}

func deadLetterTexts(props amqp.Map) error {
	for _, name := range []string{propReason, propDescription} {
		if v := props.Get(name); v != nil {
			if _, ok := v.(string); !ok {
				return invalid("application property %s is not a string", name)
			}
		}
	}
	return nil
}

// bare is what is stored as the body: properties, application properties, body and footer.
func bare(m *amqp.Message) []byte {
	b := make([]byte, 0, len(m.RawProperties)+len(m.RawApplication)+len(m.RawBody))
	b = append(b, m.RawProperties...)
	b = append(b, m.RawApplication...)
	return append(b, m.RawBody...)
}

// maxChange is how many bytes of properties a receiver may add to a message when it settles it.
const maxChange = 64 << 10

// withProperties is a stored body with application properties set.
func withProperties(body []byte, set amqp.Map) ([]byte, error) {
	m, err := amqp.ParseMessage(body)
	if err != nil {
		return nil, err
	}
	for _, p := range set {
		m.Application = m.Application.Set(p.Key, p.Value)
	}
	m.RawApplication = amqp.AppendApplication(nil, m.Application)
	return bare(m), nil
}

// changes checks the properties that a receiver wants to set on a message. Keys may be strings or symbols.
func changes(props amqp.Map) (amqp.Map, error) {
	var set amqp.Map
	size := 0
	for _, p := range props {
		key, ok := amqp.Text(p.Key)
		if !ok {
			return nil, invalid("a property to modify with a key of type %T", p.Key)
		}
		switch v := p.Value.(type) {
		case amqp.List, amqp.Map, amqp.Array, amqp.Described:
			return nil, invalid("property %s to modify is a %T", key, v)
		}
		size += len(key) + len(amqp.Append(nil, p.Value))
		set = set.Set(key, p.Value)
	}
	if size > maxChange {
		return nil, invalid("properties to modify of %d bytes, %d is the limit", size, maxChange)
	}
	return set, deadLetterTexts(set)
}

// delivery is a snapshot of a message for rendering, taken under the queue's lock.
type delivery struct {
	message
	source string // the queue it died in, for a message of the dead-letter queue
	locked bool
}

// render encodes a message for a receiver. inline adds the lock token and the state, for messages that travel inside a
// response.
func (d *delivery) render(inline bool) []byte {
	b := make([]byte, 0, len(d.body)+len(d.annotations)+256)
	ttl := uint32(math.MaxUint32) // "for ever": clients add it to the enqueued time
	if d.ttl > 0 && d.ttl < math.MaxUint32 {
		ttl = uint32(d.ttl)
	}
	b = amqp.AppendHeader(b, amqp.Header{
		Durable: d.durable, Priority: d.priority, TTL: &ttl, DeliveryCount: max(d.count, 1) - 1,
	})
	if inline && d.locked {
		b = amqp.AppendDeliveryAnnotations(b, amqp.Map{{Key: annLockToken, Value: d.token}})
	}
	var all amqp.Map
	if d.annotations != nil {
		v, _, _ := amqp.Decode(d.annotations) // encoded by senderAnnotations
		all, _ = v.(amqp.Map)
	}
	all = append(all,
		amqp.Pair{Key: annSequence, Value: d.seq},
		amqp.Pair{Key: annEnqueuedSequence, Value: d.seq},
		amqp.Pair{Key: annEnqueued, Value: amqp.Timestamp(d.enqueued)})
	if d.locked {
		all = append(all, amqp.Pair{Key: annLockedUntil, Value: amqp.Timestamp(d.until)})
	}
	if inline {
		all = append(all, amqp.Pair{Key: annState, Value: int32(d.state())})
	}
	if d.source != "" {
		all = append(all, amqp.Pair{Key: annDeadLetterSource, Value: d.source})
	}
	b = amqp.AppendAnnotations(b, all)
	return append(b, d.body...)
}

// netBytes is a lock token as a delivery tag: the byte order of a .NET GUID.
func netBytes(u amqp.UUID) []byte {
	b := u
	b[0], b[1], b[2], b[3] = u[3], u[2], u[1], u[0]
	b[4], b[5], b[6], b[7] = u[5], u[4], u[7], u[6]
	return b[:]
}
