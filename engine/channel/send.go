package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/uuid"

	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/supervise"
)

const (
	sendTime  = 30 * time.Second
	outboxLot = 100
	// lookAgain is how often the outbox is looked at without anybody saying that there is something.
	lookAgain = 30 * time.Second
	// newsLife is how long an event without keeping is worth reading.
	newsLife = 5 * time.Minute
	maxNews  = 1024
)

// Report sends an event that need not arrive: progress, started, heartbeat. It does not wait; of several about the same
// thing that could not be sent yet only the newest is.
func (c *Channel) Report(e protocol.Event) {
	key := e.Kind + " " + e.ActivityRun
	c.mu.Lock()
	if _, waiting := c.latest[key]; !waiting {
		if len(c.order) >= maxNews {
			delete(c.latest, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, key)
	}
	c.latest[key] = e
	c.mu.Unlock()
	c.Kick()
}

// Kick says that something was put into the outbox.
func (c *Channel) Kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// send sends the outbox and the news until the connection or ctx ends.
func (c *Channel) send(ctx context.Context, conn *connection, pulse *supervise.Pulse) error {
	timer := time.NewTicker(lookAgain)
	defer timer.Stop()
	for {
		if err := c.sendOutbox(ctx, conn, pulse); err != nil {
			return err
		}
		if err := c.sendNews(ctx, conn, pulse); err != nil {
			return err
		}
		select {
		case <-c.wake:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sendOutbox sends everything that must arrive, oldest first. A message that was sent and could not be struck off is
// sent again with the same MessageID, by which the factory recognises it.
func (c *Channel) sendOutbox(ctx context.Context, conn *connection, pulse *supervise.Pulse) error {
	for {
		list, err := c.o.Outbox.Outbox(ctx, outboxLot)
		if err != nil {
			return err
		}
		for _, m := range list {
			done := pulse.Working()
			if err = c.sendKept(ctx, conn, m); err == nil {
				err = c.o.Outbox.Sent(ctx, m.ID)
			}
			done()
			if err != nil {
				return err
			}
		}
		if len(list) < outboxLot {
			return nil
		}
	}
}

func (c *Channel) sendKept(ctx context.Context, conn *connection, m journal.Message) error {
	err := c.post(ctx, conn, m.Event, m.MessageID, 0)
	if errors.Is(err, azservicebus.ErrMessageTooLarge) && m.Event.Result != nil {
		c.o.Log.Warn("a result is larger than a message may be and is sent without its lists", logging.Key, logging.ResultShortened, "message", m.MessageID)
		m.Event.Result = essential(m.Event.Result)
		err = c.post(ctx, conn, m.Event, m.MessageID, 0)
	}
	return err
}

// essential is a result without its lists, except the beginning of the first error.
func essential(r *report.Result) *report.Result {
	short := *r
	short.Files, short.Warnings, short.ExecutionDetails = nil, nil, nil
	if len(short.Errors) > 0 {
		first := short.Errors[0]
		first.Message, first.Hint, first.Target = shorten(first.Message, 2000), shorten(first.Hint, 1000), shorten(first.Target, 1000)
		short.Errors = []report.Error{first}
	}
	return &short
}

func (c *Channel) sendNews(ctx context.Context, conn *connection, pulse *supervise.Pulse) error {
	for {
		c.mu.Lock()
		if len(c.order) == 0 {
			c.mu.Unlock()
			return nil
		}
		key := c.order[0]
		e := c.latest[key]
		c.order = c.order[1:]
		delete(c.latest, key)
		c.mu.Unlock()
		if c.now().Sub(e.Time) > newsLife {
			continue
		}
		done := pulse.Working()
		err := c.post(ctx, conn, e, e.Kind+"/"+uuid.NewString(), newsLife)
		done()
		if err != nil {
			return err
		}
	}
}

// post signs and sends one event.
func (c *Channel) post(ctx context.Context, conn *connection, e protocol.Event, messageID string, life time.Duration) error {
	body, err := protocol.SignEvent(e, c.o.Token.Reveal())
	if err != nil {
		return fmt.Errorf("sign event: %w", err)
	}
	m := &azservicebus.Message{MessageID: to.Ptr(messageID), Subject: to.Ptr(e.Kind), ContentType: to.Ptr("application/jose"), Body: body}
	if life > 0 {
		m.TimeToLive = to.Ptr(life)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	err = conn.sender.SendMessage(ctx, m, nil)
	if err == nil {
		c.o.Handler.Contact()
		if c.o.Sent != nil {
			c.o.Sent(e.Kind)
		}
		return nil
	}
	if errors.Is(err, azservicebus.ErrMessageTooLarge) {
		return err
	}
	return explain(err, c.bus.host)
}
