package bus

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"dmgateway/engine/bus/amqp"
	"dmgateway/engine/supervise"
)

const (
	// maxFrame is the max-frame-size that is announced.
	maxFrame = 64 << 10
	// maxOut is how many bytes may wait for the client before its frames are not read any more.
	maxOut = 8 << 20
	// maxDeliver is how many bytes of messages a connection prepares ahead for its client.
	maxDeliver = 2 << 20
	// maxPartial is how many bytes of messages that are not whole yet a connection may hold.
	maxPartial = 8 << 20
	// writeTimeout is how long a client may take no bytes at all.
	writeTimeout = 30 * time.Second
	// closeWait is how long the answer to a close is waited for.
	closeWait = time.Second
	// heartbeatEvery is how often, at least, it is seen to that a client hears something.
	heartbeatEvery = 10 * time.Second
)

// conn is one AMQP connection. Its reader goroutine is run, its writer goroutine writeLoop. Frames are appended to out by
// whoever holds mu; the writer takes them from there. A frame handler that has to call into a queue returns a function
// for it, which the reader calls without mu.
type conn struct {
	broker *Broker
	nc     net.Conn
	r      *bufio.Reader
	log    *slog.Logger
	wake   chan struct{} // something for the writer to do
	done   chan struct{} // closed when the reader has ended

	mu       sync.Mutex
	drained  *sync.Cond // signalled when out shrinks or dead is set
	out      []byte
	dead     bool // nothing more is written
	closing  bool // a close was sent
	remote   amqp.Open
	sessions map[uint16]*session
	links    int
	claims   map[string]claim // by queue in lower case, "" is the namespace
	opened   time.Time
	partial  int // bytes of messages that are not whole yet
	ahead    int // bytes of messages being prepared or waiting for a session's window
	wrote    bool
}

func newConn(b *Broker, nc net.Conn) *conn {
	c := &conn{
		broker: b, nc: nc, r: bufio.NewReaderSize(nc, 16<<10), log: b.log.With("peer", peer(nc)),
		wake: make(chan struct{}, 1), done: make(chan struct{}), sessions: map[uint16]*session{}, claims: map[string]claim{},
	}
	c.drained = sync.NewCond(&c.mu)
	return c
}

func peer(nc net.Conn) string {
	if a := nc.RemoteAddr(); a != nil {
		return a.String()
	}
	return "pipe"
}

// run serves the connection to its end.
func (c *conn) run() {
	defer c.broker.forget(c)
	defer c.nc.Close()
	supervise.Contain(c.log, "Service Bus", c.talk)
}

// talk is the whole life of the connection. A defect in it ends this connection only.
func (c *conn) talk() {
	if err := c.guarded(c.handshake); err != nil {
		close(c.done)
		c.log.Debug("a connection to the bus was not opened", "error", err)
		return
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		if err := c.guarded(func() error { c.writeLoop(); return nil }); err != nil {
			c.giveUp()
		}
	})
	err := c.guarded(c.readLoop)
	if c.finish(err) {
		_, _ = io.Copy(io.Discard, c.r) // so that the close is not lost in a reset; ends by its deadline
	}
	close(c.done)
	writer.Wait()
	c.leave()
	if err != nil && !errors.Is(err, io.EOF) {
		c.log.Debug("a connection to the bus ended", "error", err)
	}
}

// guarded calls f; its panic goes to the log and becomes an error that the client may hear.
func (c *conn) guarded(f func() error) (err error) {
	if !supervise.Contain(c.log, "Service Bus", func() { err = f() }) {
		err = &amqp.Error{Condition: amqp.CondInternalError, Description: "a defect of the bus"}
	}
	return err
}

// readLoop reads frames until the connection ends. A nil error is a close by the client.
func (c *conn) readLoop() error {
	var buf []byte
	for {
		c.broker.store.waitForRoom()
		c.waitForWriter()
		if err := c.setReadDeadline(); err != nil {
			return err
		}
		kind, channel, body, grown, err := amqp.ReadFrame(c.r, buf, maxFrame)
		buf = grown
		if err != nil {
			return err
		}
		if kind != amqp.FrameAMQP {
			return &amqp.Error{Condition: amqp.CondFraming, Description: "a frame that is not of AMQP"}
		}
		if len(body) == 0 {
			continue
		}
		p, payload, err := amqp.ParseFrame(body)
		if err != nil {
			return err
		}
		ended, after, err := c.handle(channel, p, payload)
		if err != nil || ended {
			return err
		}
		if after != nil {
			after()
		}
		c.signal()
	}
}

// waitForWriter holds the reader back while the client takes too little of what it asked for.
func (c *conn) waitForWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > maxOut && !c.dead {
		c.drained.Wait()
	}
}

func (c *conn) setReadDeadline() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait := c.broker.options.IdleTimeout
	if c.closing {
		wait = closeWait
	}
	return c.nc.SetReadDeadline(time.Now().Add(wait))
}

// handle is one frame. ended says that the client closed the connection.
func (c *conn) handle(channel uint16, p amqp.Performative, payload []byte) (ended bool, after func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := p.(*amqp.Close); ok {
		if !c.closing {
			c.closing = true
			c.send(0, &amqp.Close{}, nil)
		}
		return true, nil, nil
	}
	if c.closing {
		return false, nil, nil
	}
	s := c.sessions[channel]
	if begin, ok := p.(*amqp.Begin); ok {
		return false, nil, c.begin(channel, begin, s)
	}
	if s == nil {
		return false, nil, &amqp.Error{Condition: amqp.CondNotAllowed, Description: "a frame on a channel without a session"}
	}
	after, err = s.handle(p, payload)
	var bad *sessionError
	if errors.As(err, &bad) {
		s.end(bad.why)
		return false, nil, nil
	}
	return false, after, err
}

// send appends a frame. The caller holds c.mu.
func (c *conn) send(channel uint16, p amqp.Performative, payload []byte) {
	if c.dead {
		return
	}
	c.out = amqp.AppendFrame(c.out, amqp.FrameAMQP, channel, p, payload)
	c.signal()
}

// signal wakes the writer.
func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// finish says goodbye: it sends a close with the reason where the client has not closed and can still hear it, and
// reports whether it did. From then on reading and writing end soon.
func (c *conn) finish(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.nc.SetDeadline(time.Now().Add(closeWait)) // fails only where both have ended
	if err == nil || c.closing || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		c.closing = true
		return false
	}
	why := &amqp.Error{Condition: amqp.CondFraming, Description: err.Error()}
	var ae *amqp.Error
	var de *amqp.DecodeError
	switch {
	case errors.As(err, &ae):
		why = ae
	case errors.As(err, &de):
		why.Condition = amqp.CondDecodeError
	case isTimeout(err):
		why = &amqp.Error{Condition: amqp.CondResourceLimit, Description: "nothing was received within the idle timeout"}
	}
	c.closing = true
	c.send(0, &amqp.Close{Error: why}, nil)
	return true
}

// shutDown closes the connection because the bus closes. Its run returns soon after.
func (c *conn) shutDown() {
	c.closeFor(&amqp.Error{Condition: amqp.CondForced, Description: "the bus is being closed"})
}

func (c *conn) closeFor(why *amqp.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.closing = true
	if !c.opened.IsZero() {
		c.send(0, &amqp.Close{Error: why}, nil)
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(closeWait)) // the reader ends by itself if this fails
}

// leave takes the links of an ended connection away from their queues. Locks stay until they run out.
func (c *conn) leave() {
	c.mu.Lock()
	var links []*link
	for _, s := range c.sessions {
		links = append(links, s.all()...)
	}
	c.sessions = map[uint16]*session{}
	c.mu.Unlock()
	for _, l := range links {
		l.stopWaiting()
	}
}

// writeLoop prepares deliveries and writes what has gathered, until the reader has ended and all is written.
func (c *conn) writeLoop() {
	beat := min(heartbeatEvery, c.broker.options.SignInTimeout)
	// A quarter, because up to two ticks pass without a frame: the first sees one that went out just after the one before.
	if d := time.Duration(c.remote.IdleTimeout) * time.Millisecond / 4; d > 0 {
		beat = min(beat, d)
	}
	beat = max(beat, 50*time.Millisecond)
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	var spare []byte
	for last := false; !last; {
		select {
		case <-c.wake:
		case <-ticker.C:
			c.tick()
		case <-c.done:
			last = true
		}
		if !last {
			c.pump()
		}
		var ok bool
		if spare, ok = c.flush(spare); !ok {
			return
		}
	}
}

// flush writes out and returns its memory for the next time.
func (c *conn) flush(spare []byte) ([]byte, bool) {
	c.mu.Lock()
	b := c.out
	c.out = spare[:0]
	c.drained.Broadcast()
	if len(b) > 0 {
		c.wrote = true
	}
	wait := writeTimeout
	if c.closing {
		wait = closeWait
	}
	c.mu.Unlock()
	for rest := b; len(rest) > 0; {
		part := rest[:min(len(rest), 256<<10)]
		err := c.nc.SetWriteDeadline(time.Now().Add(wait))
		if err == nil {
			_, err = c.nc.Write(part)
		}
		if err != nil {
			c.giveUp()
			return nil, false
		}
		rest = rest[len(part):]
	}
	if len(b) > 0 {
		c.signal() // there may be more to prepare now that the client took this
	}
	if cap(b) > 1<<20 {
		return nil, true
	}
	return b, true
}

// giveUp writes nothing more and lets the reader end too.
func (c *conn) giveUp() {
	c.mu.Lock()
	c.dead, c.out = true, nil
	c.drained.Broadcast()
	c.mu.Unlock()
	_ = c.nc.Close()
}

// tick sends a heartbeat if nothing else was sent, ends links whose token has run out and connections that never signed
// in.
func (c *conn) tick() {
	c.mu.Lock()
	if !c.wrote && !c.dead {
		c.out = amqp.AppendHeartbeat(c.out)
	}
	c.wrote = false
	known := c.opened // until when it was known who this is
	for _, cl := range c.claims {
		if cl.expires.After(known) && c.current(cl) != nil {
			known = cl.expires
		}
	}
	stranger := time.Since(known) > c.broker.options.SignInTimeout
	c.mu.Unlock()
	if stranger {
		c.closeFor(&amqp.Error{Condition: amqp.CondForced, Description: "there is no token that holds"})
		return
	}
	c.recheck()
}
