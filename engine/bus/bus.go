// Package bus is the built-in Service Bus: queues that speak AMQP 1.0 as Azure Service Bus does, kept in one SQLite file,
// for when there is no Azure namespace. Microsoft's own clients work against it. README.md beside this file says which
// parts of Service Bus it has and which it has not.
//
// A message is acknowledged only after the transaction that holds it has reached the disk; one goroutine writes, and
// what gathers while it does goes into its next transaction. Locks live in memory: after a restart every message that
// was locked is available again, with its delivery count.
//
// Inside, a connection has a reader and a writer goroutine; see conn.go. Locks are taken in the order conn.mu, queue.mu,
// then those of store and scheduler; Broker.mu is held for look-ups only. Nothing is called back with a lock held.
package bus

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// Options bound what clients may ask for. The zero value of each field is its default.
type Options struct {
	// Log takes what an operator should know. Secrets and message contents never enter it.
	//
	// Default: nothing is logged.
	Log *slog.Logger
	// MaxMessageSize is the largest message in bytes, with all its properties; also the largest batch.
	//
	// Default: 1 MiB.
	MaxMessageSize int
	// MaxConnections is how many connections may be open at the same time. Default: 4096.
	MaxConnections int
	// MaxSessions is how many AMQP sessions a connection may have. Default: 256.
	MaxSessions int
	// MaxLinks is how many links a connection may have. Default: 1024.
	MaxLinks int
	// OpenTimeout is how long a client may take until its AMQP connection is open. Default: 10 seconds.
	OpenTimeout time.Duration
	// SignInTimeout is how long a connection may be open without a valid token. Default: 60 seconds.
	SignInTimeout time.Duration
	// IdleTimeout is after how long without a frame a connection is given up. Default: 2 minutes.
	IdleTimeout time.Duration
}

func (o Options) withDefaults() Options {
	def := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	defTime := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.MaxMessageSize, 1<<20)
	def(&o.MaxConnections, 4096)
	def(&o.MaxSessions, 256)
	def(&o.MaxLinks, 1024)
	defTime(&o.OpenTimeout, 10*time.Second)
	defTime(&o.SignInTimeout, time.Minute)
	defTime(&o.IdleTimeout, 2*time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// QueueOptions are the properties of one queue. The zero value of each field is its default.
type QueueOptions struct {
	// LockDuration is how long a receiver has a message before another may get it. At most 5 minutes, as in Azure.
	//
	// Default: 60 seconds.
	LockDuration time.Duration `json:"lockDuration"`
	// MaxDeliveryCount is after how many deliveries without completion a message goes to the dead-letter queue. Default: 10.
	MaxDeliveryCount int `json:"maxDeliveryCount"`
	// TTL is the longest life of a message, and the life of one that doesn't say. Default: for ever.
	TTL time.Duration `json:"ttl"`
	// DeadLetterOnExpiry moves expired messages to the dead-letter queue; otherwise they are deleted. Default: false.
	DeadLetterOnExpiry bool `json:"deadLetterOnExpiry"`
	// DuplicateWindow is how long a MessageID is remembered; a message with one that is known is acknowledged and dropped.
	//
	// Default: 0, no duplicate detection.
	DuplicateWindow time.Duration `json:"duplicateWindow"`
	// MaxMessages and MaxBytes bound the queue together with its dead-letter queue; senders are refused beyond.
	//
	// Defaults: 100,000 and 1 GiB.
	MaxMessages int64 `json:"maxMessages"`
	MaxBytes    int64 `json:"maxBytes"`
}

func (o QueueOptions) withDefaults() (QueueOptions, error) {
	if o.LockDuration == 0 {
		o.LockDuration = time.Minute
	}
	if o.MaxDeliveryCount == 0 {
		o.MaxDeliveryCount = 10
	}
	if o.MaxMessages == 0 {
		o.MaxMessages = 100_000
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.LockDuration < 0 || o.LockDuration > 5*time.Minute || o.MaxDeliveryCount < 0 || o.MaxDeliveryCount > 1<<20 ||
		o.TTL < 0 || o.DuplicateWindow < 0 || o.MaxMessages < 0 || o.MaxBytes < 0 {
		return o, errors.New("a negative value, or a lock longer than 5 minutes")
	}
	return o, nil
}

// Counts says what is in a queue.
type Counts struct {
	Active     int   // in the queue itself: ready, locked or between the two
	Locked     int   // of Active or Deferred, held by receivers now
	Deferred   int   // received by sequence number only
	Scheduled  int   // waiting for their time
	DeadLetter int   // in the dead-letter queue
	Bytes      int64 // of all of them
}

// Broker is an open bus. Its methods are safe for concurrent use.
type Broker struct {
	options Options
	log     *slog.Logger
	store   *store
	sched   *scheduler
	cached  atomic.Int64
	wg      sync.WaitGroup // connections and listeners

	admin sync.Mutex // held while queues and rules change, in the file and here

	mu        sync.Mutex
	queues    map[string]*queue // by name in lower case
	rules     map[string]*Rule  // by name in lower case; replaced as a whole
	conns     map[*conn]struct{}
	listeners map[net.Listener]struct{}
	closed    bool
}

// Open opens the bus in the SQLite file at path, which it creates if it isn't there; its folder must exist. Only one
// process may have it open: another gets fault.Conflict. The file is readable by its owner only: the keys of the rules
// are in it.
func Open(path string, options Options) (*Broker, error) {
	options = options.withDefaults()
	s, err := openStore(path, options.Log)
	if err != nil {
		return nil, err
	}
	b := &Broker{
		options: options, log: options.Log, store: s, sched: newScheduler(s), queues: map[string]*queue{},
		rules: map[string]*Rule{}, conns: map[*conn]struct{}{}, listeners: map[net.Listener]struct{}{},
	}
	if err := b.load(); err != nil {
		b.sched.close()
		return nil, errors.Join(openFault(path, err), s.close())
	}
	return b, nil
}

// load reads what the file holds, without the bodies of messages.
func (b *Broker) load() error {
	if err := b.loadRules(); err != nil {
		return err
	}
	byID, err := b.loadQueues()
	if err != nil {
		return err
	}
	rows, err := b.store.read.Query(`SELECT seq, queue, dead, state, count, enqueued, expires, due, ttl, priority, durable,
		size, coalesce(length(annotations), 0) FROM message ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		m := &message{place: placeReady, readyIndex: -1, timerIndex: -1}
		var id int64
		var state int
		if err := rows.Scan(&m.seq, &id, &m.dead, &state, &m.count, &m.enqueued, &m.expires, &m.due, &m.ttl, &m.priority,
			&m.durable, &m.size, &m.extra); err != nil {
			return err
		}
		switch state {
		case stateDeferred:
			m.deferred, m.place = true, placeDeferred
		case stateScheduled:
			m.place = placeScheduled
		}
		if q := byID[id]; q != nil {
			q.mu.Lock()
			q.bytes += int64(m.size)
			q.enter(m)
			q.mu.Unlock()
		}
	}
	return rows.Err()
}

func (b *Broker) loadQueues() (map[int64]*queue, error) {
	rows, err := b.store.read.Query("SELECT id, name, options FROM queue")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	byID := map[int64]*queue{}
	for rows.Next() {
		var id int64
		var name, text string
		if err := rows.Scan(&id, &name, &text); err != nil {
			return nil, err
		}
		var o QueueOptions
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return nil, err
		}
		byID[id] = newQueue(b, id, name, o)
		b.queues[strings.ToLower(name)] = byID[id]
	}
	return byID, rows.Err()
}

func (b *Broker) loadRules() error {
	rows, err := b.store.read.Query(`SELECT name, key, coalesce(queue, ''), coalesce(rights, 0)
		FROM rule LEFT JOIN rule_grant ON rule = name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, key string
		var g Grant
		if err := rows.Scan(&name, &key, &g.Queue, &g.Rights); err != nil {
			return err
		}
		r := b.rules[strings.ToLower(name)]
		if r == nil {
			r = &Rule{Name: name, Key: secret.New(key)}
			b.rules[strings.ToLower(name)] = r
		}
		r.Grants = append(r.Grants, g)
	}
	return rows.Err()
}

// Close ends every connection with amqp:connection:forced, waits for what is being written and closes the file. A second
// call does nothing.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	for l := range b.listeners {
		_ = l.Close() // its Serve returns
	}
	b.mu.Unlock()
	for _, c := range b.connections() {
		c.shutDown()
	}
	b.wg.Wait()
	b.sched.close()
	return b.store.close()
}

func (b *Broker) connections() []*conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*conn, 0, len(b.conns))
	for c := range b.conns {
		all = append(all, c)
	}
	return all
}

func (b *Broker) queue(name string) *queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queues[strings.ToLower(name)]
}

// Counts says what is in a queue now. Error: fault.NotFound.
func (b *Broker) Counts(name string) (Counts, error) {
	q := b.queue(name)
	if q == nil {
		return Counts{}, noQueue(name)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	c := Counts{DeadLetter: len(q.dead.messages), Bytes: q.bytes}
	for _, m := range q.main.messages {
		switch {
		case m.deferred:
			c.Deferred++
		case m.place == placeScheduled:
			c.Scheduled++
		default:
			c.Active++
		}
		if m.place == placeLocked {
			c.Locked++
		}
	}
	return c, nil
}

func noQueue(name string) error {
	return fault.New(fault.NotFound, "the bus has no queue %q", name)
}

// Queues names every queue, in no order.
func (b *Broker) Queues() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := make([]string, 0, len(b.queues))
	for _, q := range b.queues {
		names = append(names, q.name)
	}
	return names
}
