package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// settleTime bounds a settlement over the connection that brought the message: where it is broken, the client itself
// would pause for seconds before each try, and a new connection settles at once. There more time is allowed.
const (
	settleTime      = 3 * time.Second
	settleLaterTime = 15 * time.Second
)

// Reasons of dead-lettered messages.
const (
	reasonUnsigned   = "SignatureInvalid"
	reasonUnreadable = "Unreadable"
	reasonUnknown    = "UnknownSubject"
	reasonForeign    = "WrongGateway"
	reasonExpired    = "Expired"
)

// verdict is what is to become of one message.
type verdict struct {
	token  [16]byte
	id     string
	reason string // of dead-lettering, "" completes
	detail string
}

// handle has one message written down and settles it. An error means that the connection cannot go on.
func (c *Channel) handle(ctx context.Context, conn *connection, m *azservicebus.ReceivedMessage) error {
	v, err := c.judge(ctx, m)
	if err != nil {
		return err // not settled: the message comes again when its lock ends
	}
	if v.reason != "" {
		c.o.Log.Error("a message of the queue was refused", logging.Key, logging.MessageRefused, "message", v.id, "reason", v.reason, "detail", v.detail)
	}
	if err := c.settle(ctx, conn, v, c.settleTime); err != nil {
		c.mu.Lock()
		c.pending = append(c.pending, v)
		c.mu.Unlock()
		return err
	}
	return nil
}

// giveBack makes messages available to others at once.
func (c *Channel) giveBack(ctx context.Context, conn *connection, messages []*azservicebus.ReceivedMessage) error {
	for _, m := range messages {
		timed, cancel := context.WithTimeout(ctx, c.settleTime)
		err := conn.receiver.AbandonMessage(timed, &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil)
		cancel()
		if err != nil {
			return explain(err, c.bus.host)
		}
	}
	return nil
}

func (c *Channel) judge(ctx context.Context, m *azservicebus.ReceivedMessage) (verdict, error) {
	v := verdict{token: m.LockToken, id: m.MessageID}
	subject := ""
	if m.Subject != nil {
		subject = *m.Subject
	}
	switch subject {
	case protocol.SubjectJob:
		return c.judgeJob(ctx, v, m.Body)
	case protocol.SubjectCancel:
		return c.judgeCancel(v, m.Body), nil
	}
	v.reason, v.detail = reasonUnknown, fmt.Sprintf("no gateway of this version knows the subject %q", subject)
	return v, nil
}

func (c *Channel) judgeJob(ctx context.Context, v verdict, body []byte) (verdict, error) {
	var job protocol.Job
	switch err := protocol.OpenJSON(body, c.o.SigningKey, &job); {
	case err != nil:
		v.reason, v.detail = reasonUnsigned, err.Error()
	case job.Gateway != c.o.Gateway || job.Factory != c.o.Factory:
		v.reason, v.detail = reasonForeign, fmt.Sprintf("the job is for gateway %s of factory %s", job.Gateway, job.Factory)
	case job.ActivityRun == "" || job.Attempt < 1 || len(job.Bundle) == 0:
		v.reason, v.detail = reasonUnreadable, "the job lacks its activity run, attempt or bundle"
	case job.MessageID() != v.id:
		v.reason, v.detail = reasonUnreadable, fmt.Sprintf("the message is not that of job %s", job.MessageID())
	case c.now().After(job.Expires):
		v.reason, v.detail = reasonExpired, "the job was to be taken until "+job.Expires.UTC().Format(time.RFC3339)
	default:
		taken, err := c.o.Handler.Take(ctx, job)
		if err == nil && !taken {
			c.o.Log.Info("a job came again and is not run again", logging.Key, logging.JobRepeated, "message", v.id)
		}
		return v, err
	}
	return v, nil
}

func (c *Channel) judgeCancel(v verdict, body []byte) verdict {
	var cancel protocol.Cancel
	switch err := protocol.OpenJSON(body, c.o.SigningKey, &cancel); {
	case err != nil:
		v.reason, v.detail = reasonUnsigned, err.Error()
	case cancel.Gateway != c.o.Gateway:
		v.reason, v.detail = reasonForeign, "the cancel is for gateway "+cancel.Gateway
	case c.now().After(cancel.Expires):
		// The run has long learned of it by its lease.
	default:
		c.o.Handler.Cancel(cancel.ActivityRun, cancel.Attempt)
	}
	return v
}

// settle completes or dead-letters by lock token. A lock that has ended is no error: the work is done, and the message
// that comes again is recognised.
func (c *Channel) settle(ctx context.Context, conn *connection, v verdict, limit time.Duration) error {
	// What was written down is settled even while the gateway stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	m := &azservicebus.ReceivedMessage{LockToken: v.token}
	var err error
	if v.reason == "" {
		err = conn.receiver.CompleteMessage(ctx, m, nil)
	} else {
		err = conn.receiver.DeadLetterMessage(ctx, m, &azservicebus.DeadLetterOptions{
			Reason: to.Ptr(v.reason), ErrorDescription: to.Ptr(shorten(v.detail, 1000)),
		})
	}
	var se *azservicebus.Error
	if errors.As(err, &se) && se.Code == azservicebus.CodeLockLost {
		c.o.Log.Info("a message's lock ended before it was settled; it will come again", logging.Key, logging.LockLost, "message", v.id)
		return nil
	}
	return explain(err, c.bus.host)
}

// settlePending settles over a new connection what the old one left.
func (c *Channel) settlePending(ctx context.Context, conn *connection) error {
	for {
		c.mu.Lock()
		if len(c.pending) == 0 {
			c.mu.Unlock()
			return nil
		}
		v := c.pending[0]
		c.mu.Unlock()
		if err := c.settle(ctx, conn, v, settleLaterTime); err != nil {
			return err
		}
		c.mu.Lock()
		c.pending = c.pending[1:]
		c.mu.Unlock()
	}
}

func shorten(text string, n int) string {
	if len(text) > n {
		return text[:n-3] + "..."
	}
	return text
}
