package factory

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

// maxEvents is how many events are stored in one transaction.
const maxEvents = 100

// watchStatus receives a status queue from now on, once however often it is asked to.
func (f *Factory) watchStatus(queue string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watching[queue] || f.background.Err() != nil {
		return
	}
	f.watching[queue] = true
	f.component("Factory's events", func(ctx context.Context, pulse *supervise.Pulse) error { return f.receiveLoop(ctx, pulse, queue) })
}

// receiveLoop receives until the factory closes, over as many connections as it takes.
func (f *Factory) receiveLoop(ctx context.Context, pulse *supervise.Pulse, queue string) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 200*time.Millisecond, 30*time.Second
	for ctx.Err() == nil {
		began := time.Now()
		err := f.receive(ctx, pulse, queue)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > time.Minute {
			pause.Reset()
		}
		next := pause.NextBackOff()
		f.o.Log.Warn("receiving status events was cut off; trying again", logging.Key, logging.StatusUnread, "queue", queue, "in", next, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(next):
		}
	}
	return ctx.Err()
}

var errConnectionLost = errors.New("the connection ended")

// receive handles events until the link fails.
func (f *Factory) receive(ctx context.Context, pulse *supervise.Pulse, queue string) error {
	r, err := f.broker.client().NewReceiverForQueue(queue, nil)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = r.Close(ctx) // what it still held comes again
	}()
	for {
		messages, err := r.ReceiveMessages(ctx, maxEvents, nil)
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			return errConnectionLost // the client says no more than this when a connection dies
		}
		done := pulse.Working()
		err = f.handle(ctx, r, messages)
		done()
		if err != nil {
			return err
		}
	}
}

// handle stores a batch of events in one transaction and then settles their messages: stored twice is harmless, settled
// and not stored would be lost.
func (f *Factory) handle(ctx context.Context, r *azservicebus.Receiver, messages []*azservicebus.ReceivedMessage) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	events, bad := f.readEvents(ctx, messages)
	if err := f.storeEvents(ctx, events); err != nil {
		return err // the locks run out and the messages come again
	}
	for i, m := range messages {
		// By token alone: a message outlives the link that it came by.
		token := &azservicebus.ReceivedMessage{LockToken: m.LockToken}
		var err error
		if bad[i] != nil {
			err = r.DeadLetterMessage(ctx, token, &azservicebus.DeadLetterOptions{
				Reason: to.Ptr("EventRefused"), ErrorDescription: to.Ptr(bad[i].Error()),
			})
		} else {
			err = r.CompleteMessage(ctx, token, nil)
		}
		var sb *azservicebus.Error
		if errors.As(err, &sb) && sb.Code == azservicebus.CodeLockLost {
			continue // it comes again and changes nothing
		}
		if err != nil {
			return err
		}
	}
	return nil
}
