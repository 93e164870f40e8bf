// Package channel is the gateway's line to its factory: it receives signed jobs from the queue, has them written down
// before it completes them, sends what waits in the outbox, and connects again for ever when the line breaks.
//
// A message is held for milliseconds, never for as long as a job runs: receive, check, write to the journal, complete.
// It is always settled by its lock token, because a message that came over a connection since lost can only be settled
// so; what could not be settled is settled over the next connection.
package channel

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/outbound"
	"dmgateway/engine/protocol"
	"dmgateway/engine/secret"
	"dmgateway/engine/supervise"
)

// Link is how the connection is.
type Link int

// The states of a link.
const (
	Connecting   Link = iota
	Connected         // receiving, or waiting for a free worker
	Disconnected      // connecting failed; it is tried again
)

// Handler is the gateway behind a channel. Its methods are called from the channel's goroutines and must not call back
// into Run.
type Handler interface {
	// Ready reports whether jobs can be written down at all; it is asked before each connecting.
	Ready(ctx context.Context) error
	// Free waits until a worker is free.
	Free(ctx context.Context) error
	// Take writes a job down durably. It is false for one that is known already. On an error the message stays in the
	// queue and the channel connects anew later.
	Take(ctx context.Context, job protocol.Job) (bool, error)
	// Cancel is told that somebody wants an activity run stopped; mostly it runs elsewhere.
	Cancel(run string, attempt int)
	// Link is told how the connection is, whenever that changes; err says why it is not Connected, where anybody knows.
	Link(l Link, err error)
	// Contact is told each time the queue has answered.
	Contact()
}

// Outbox is what has to be sent; the journal is one.
type Outbox interface {
	Outbox(ctx context.Context, limit int) ([]journal.Message, error)
	Sent(ctx context.Context, id int64) error
}

// Options of a channel. All but Dial and Log have to be given.
type Options struct {
	// Connection is the Service Bus connection string, see protocol.Queue; Jobs and Status are its queues.
	Connection   secret.String
	Jobs, Status string
	// Address of the factory, host:port with its path prefix, and the pinned TLS of its connections: where the built-in
	// Service Bus answers.
	Address string
	TLS     *tls.Config
	// Dial opens a connection to a Service Bus in the same process instead. Nil means there is none.
	Dial func(ctx context.Context) (net.Conn, error)
	// Out is the way out, nil = as the system says. When its settings change the connection is made anew.
	Out *outbound.Out
	// SigningKey is the factory's: messages not signed with it are dead-lettered.
	SigningKey             ed25519.PublicKey
	Factory, Gateway, Node string // GUIDs
	Token                  secret.String
	Handler                Handler
	// Sent is told the kind of each event that the queue has taken. Nil is fine.
	Sent   func(kind string)
	Outbox Outbox
	Log    *slog.Logger
}

// Channel is made by New and works while Run does.
type Channel struct {
	o      Options
	bus    busAddress
	route  route // that worked last
	wake   chan struct{}
	busTLS *tls.Config // of tests; nil trusts whom the system trusts
	// settleTime bounds one settlement.
	settleTime time.Duration
	paused     chan struct{} // closed by Pause
	pauseOnce  sync.Once

	mu      sync.Mutex
	latest  map[string]protocol.Event // not kept when the line is down for long: newer ones replace them
	order   []string
	pending []verdict // could not be settled before the connection broke
	now     func() time.Time
}

// New makes a channel; nothing is connected yet.
func New(o Options) (*Channel, error) {
	bus, err := parseConnection(o.Connection)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Channel{o: o, bus: bus, wake: make(chan struct{}, 1), settleTime: settleTime, paused: make(chan struct{}), latest: map[string]protocol.Event{}, now: time.Now}, nil
}

// lasting is how long a connection has to hold before the pauses between attempts begin at the shortest again.
const lasting = 10 * time.Second

// Run connects, receives and sends until ctx ends; before that it returns only because of a defect in it. pulse, which
// can be nil, is told of each piece of work. Another Run may begin while one hangs whose ctx has ended.
func (c *Channel) Run(ctx context.Context, pulse *supervise.Pulse) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval, pause.Multiplier = 250*time.Millisecond, time.Minute, 2
	c.o.Handler.Link(Connecting, nil)
	for ctx.Err() == nil {
		start, changed := c.now(), c.o.Out.Changed()
		held, err := c.session(ctx, pulse, changed)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var defect *supervise.PanicError
		if errors.As(err, &defect) {
			c.o.Handler.Link(Connecting, nil)
			return err
		}
		next := Disconnected
		if errors.Is(err, errChanged) {
			pause.Reset()
			err = nil
		}
		if held {
			next = Connecting // a short break is nothing to alarm a person with
			if c.now().Sub(start) > lasting {
				pause.Reset()
			}
		}
		c.o.Handler.Link(next, err)
		wait := pause.NextBackOff()
		c.o.Log.Warn("the connection to the queue is down", logging.Key, logging.QueueUnreachable, "error", err, "again", wait)
		sleep(ctx, wait, changed)
	}
	return ctx.Err()
}

// sleep waits, less long where there is a new way out to be tried.
func sleep(ctx context.Context, d time.Duration, changed <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-changed:
	case <-ctx.Done():
	}
}

// errChanged ends a connection whose way out is not the present one any more.
var errChanged = errors.New("the proxy settings were changed")

// session is one connection from its making to its end. held says whether it came about.
func (c *Channel) session(ctx context.Context, pulse *supervise.Pulse, changed <-chan struct{}) (held bool, err error) {
	conn, err := c.begin(ctx, pulse)
	if err != nil {
		return false, err
	}
	defer conn.close()
	c.o.Log.Info("connected to the queue", logging.Key, logging.QueueConnected, "way", conn.route.String())
	c.o.Handler.Link(Connected, nil)
	c.o.Handler.Contact()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var work sync.WaitGroup
	if conn.route != routeInProcess {
		work.Go(func() {
			select {
			case <-changed:
				cancel(errChanged)
			case <-ctx.Done():
			}
		})
	}
	work.Go(func() { cancel(supervise.Guard(func() error { return c.send(ctx, conn, pulse) })) })
	err = supervise.Guard(func() error { return c.receive(ctx, conn, pulse) })
	cancel(err)
	work.Wait()
	// Whichever side noticed first knows why.
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return true, err
}

// begin makes a connection that is ready to receive over.
func (c *Channel) begin(ctx context.Context, pulse *supervise.Pulse) (*connection, error) {
	defer pulse.Working()()
	if err := c.o.Handler.Ready(ctx); err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.settlePending(ctx, conn); err != nil {
		conn.close()
		return nil, err
	}
	return conn, nil
}

// errLost is what an empty answer without an error means: the connection is gone.
func errLost() error {
	return fault.New(fault.Unreachable, "the connection to the queue was lost").AsTransient()
}

// receive takes message after message while workers are free, until the connection or ctx ends. It asks for one at a
// time: whatever else were asked for would lie locked on this link, or wander to and fro, while no worker is free.
func (c *Channel) receive(ctx context.Context, conn *connection, pulse *supervise.Pulse) error {
	for {
		if err := c.o.Handler.Free(ctx); err != nil {
			return err
		}
		wanted, stop := c.untilPaused(ctx)
		messages, err := conn.receiver.ReceiveMessages(wanted, 1, nil)
		paused := wanted.Err() != nil
		stop()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case paused:
			if err := c.giveBack(ctx, conn, messages); err != nil {
				return err
			}
			<-ctx.Done() // the sender goes on; what still arrives the client releases by itself
			return ctx.Err()
		case err != nil:
			return explain(err, c.bus.host)
		case len(messages) == 0:
			return errLost()
		}
		c.o.Handler.Contact()
		done := pulse.Working()
		for _, m := range messages {
			if err = c.handle(ctx, conn, m); err != nil {
				break
			}
		}
		done()
		if err != nil {
			return err
		}
	}
}

// Pause receives nothing more, for as long as Run runs; sending goes on.
func (c *Channel) Pause() { c.pauseOnce.Do(func() { close(c.paused) }) }

// untilPaused ends with ctx, by stop, or when nothing more is to be received.
func (c *Channel) untilPaused(ctx context.Context) (wanted context.Context, stop context.CancelFunc) {
	wanted, stop = context.WithCancel(ctx)
	go func() {
		select {
		case <-c.paused:
			stop()
		case <-wanted.Done():
		}
	}()
	return wanted, stop
}
