package factory

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/supervise"
)

// Times of looking at dead-letter queues: a job that its gateway put aside fails within moments, not when it expires.
const (
	deadLetterEvery = 5 * time.Second
	deadLetterWait  = 2 * time.Second
)

// deadLetterLoop looks at the dead-letter queue of each gateway that has a job nobody took.
func (f *Factory) deadLetterLoop(ctx context.Context, pulse *supervise.Pulse) error {
	supervise.Every(ctx, pulse, deadLetterEvery, func(ctx context.Context) {
		if err := f.lookAtDeadLetters(ctx, time.Now()); err != nil && ctx.Err() == nil {
			f.o.Log.Warn("looking at rejected jobs failed; trying again", logging.Key, logging.DeadLettersUnread, "error", err)
		}
	})
	return ctx.Err()
}

func (f *Factory) lookAtDeadLetters(ctx context.Context, now time.Time) error {
	gateways, err := collect(ctx, f.db, func(scan func(...any) error) (id string, err error) { return id, scan(&id) },
		"SELECT DISTINCT gateway FROM activity_runs WHERE phase = 'sent' AND queued < ?", micros(now.Add(-deadLetterWait)))
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range gateways {
		some, err := f.broker.hasDeadLetters(ctx, jobQueue(id))
		if err == nil && some {
			err = f.takeDeadLetters(ctx, jobQueue(id))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// takeDeadLetters fails the runs whose jobs lie in the dead-letter queue, and removes the messages.
func (f *Factory) takeDeadLetters(ctx context.Context, queue string) error {
	r, err := f.broker.client().NewReceiverForQueue(queue, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = r.Close(closing) // what it still held stays there
	}()
	timed, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	messages, err := r.ReceiveMessages(timed, maxEvents, nil)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := f.inTx(ctx, func(tx *sql.Tx) error { return f.failMessage(ctx, tx, m.MessageID, whyDead(m)) }); err != nil {
			return err
		}
		if err := r.CompleteMessage(timed, &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil); err != nil {
			return err
		}
	}
	return nil
}

// whyDead is the reason that the gateway, or the Service Bus, gave.
func whyDead(m *azservicebus.ReceivedMessage) error {
	reason, description := "without a reason", ""
	if m.DeadLetterReason != nil {
		reason = *m.DeadLetterReason
	}
	if m.DeadLetterErrorDescription != nil {
		description = ": " + *m.DeadLetterErrorDescription
	}
	subject := protocol.SubjectJob
	if m.Subject != nil {
		subject = *m.Subject
	}
	return fault.New(JobRejected, "the gateway put the %s aside: %s%s", subject, reason, description).
		Try("Look at the gateway's log. If it is of an older version, update it; if its key was recreated, register it again.")
}
