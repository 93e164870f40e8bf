package bus

import (
	"crypto/rand"
	"errors"
	"io"
	"time"

	"dmgateway/engine/bus/amqp"
)

// containerID is how the bus names itself.
const containerID = "dmgateway-bus"

var errNotAMQP = errors.New("the client does not speak AMQP 1.0 with SASL")

// handshake does SASL and open, within the time that the options allow.
func (c *conn) handshake() error {
	c.mu.Lock()
	closing, err := c.closing, c.nc.SetDeadline(time.Now().Add(c.broker.options.OpenTimeout))
	c.mu.Unlock()
	if closing || err != nil {
		return errors.Join(err, errClosed)
	}
	if err := c.protocol(amqp.HeaderSASL); err != nil {
		return err
	}
	if err := c.sasl(); err != nil {
		return err
	}
	if err := c.protocol(amqp.HeaderAMQP); err != nil {
		return err
	}
	p, err := c.readOpening(amqp.FrameAMQP)
	if err != nil {
		return err
	}
	open, ok := p.(*amqp.Open)
	if !ok {
		return errNotAMQP
	}
	return c.answerOpen(open)
}

// protocol reads a protocol header and answers with the one that is wanted.
func (c *conn) protocol(want [8]byte) error {
	var got [8]byte
	if _, err := io.ReadFull(c.r, got[:]); err != nil {
		return err
	}
	if _, err := c.nc.Write(want[:]); err != nil {
		return err
	}
	if got != want {
		return errNotAMQP
	}
	return nil
}

func (c *conn) readOpening(want byte) (amqp.Performative, error) {
	kind, _, body, _, err := amqp.ReadFrame(c.r, nil, maxFrame)
	if err != nil {
		return nil, err
	}
	if kind != want {
		return nil, errNotAMQP
	}
	p, _, err := amqp.ParseFrame(body)
	return p, err
}

// sasl offers ANONYMOUS: who it is says the token in $cbs.
func (c *conn) sasl() error {
	const anonymous amqp.Symbol = "ANONYMOUS"
	if err := c.writeOpening(amqp.FrameSASL, &amqp.Mechanisms{Names: []amqp.Symbol{anonymous}}); err != nil {
		return err
	}
	p, err := c.readOpening(amqp.FrameSASL)
	if err != nil {
		return err
	}
	init, ok := p.(*amqp.Init)
	if !ok || init.Mechanism != anonymous {
		return errors.Join(errNotAMQP, c.writeOpening(amqp.FrameSASL, &amqp.Outcome{Code: 1}))
	}
	return c.writeOpening(amqp.FrameSASL, &amqp.Outcome{Code: 0})
}

func (c *conn) writeOpening(kind byte, p amqp.Performative) error {
	_, err := c.nc.Write(amqp.AppendFrame(nil, kind, 0, p, nil))
	return err
}

func (c *conn) answerOpen(open *amqp.Open) error {
	o := c.broker.options
	answer := &amqp.Open{
		ContainerID: containerID + "-" + rand.Text(), MaxFrameSize: maxFrame, ChannelMax: uint16(min(o.MaxSessions, 1<<16) - 1),
		IdleTimeout: uint32(o.IdleTimeout.Milliseconds() / 2), // half, so that a client that is a little late is not lost
	}
	if err := c.writeOpening(amqp.FrameAMQP, answer); err != nil {
		return err
	}
	if open.MaxFrameSize < amqp.MinMaxFrameSize {
		why := &amqp.Error{Condition: amqp.CondInvalidField, Description: "max-frame-size below 512"}
		return errors.Join(why, c.writeOpening(amqp.FrameAMQP, &amqp.Close{Error: why}))
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remote, c.opened = *open, time.Now()
	if c.closing { // the bus was closed meanwhile
		c.send(0, &amqp.Close{Error: &amqp.Error{Condition: amqp.CondForced, Description: "the bus is being closed"}}, nil)
	}
	return nil
}
