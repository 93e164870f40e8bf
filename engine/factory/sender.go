package factory

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/supervise"
)

// sender keeps one link for each queue that was sent to lately.
type sender struct {
	client *azservicebus.Client
	mu     sync.Mutex // protects links
	links  map[string]*azservicebus.Sender
}

func newSender(c *azservicebus.Client) *sender {
	return &sender{client: c, links: map[string]*azservicebus.Sender{}}
}

func (s *sender) send(ctx context.Context, queue string, m *azservicebus.Message) error {
	s.mu.Lock()
	link := s.links[queue]
	if link == nil {
		var err error
		if link, err = s.client.NewSender(queue, nil); err != nil {
			s.mu.Unlock()
			return err
		}
		s.links[queue] = link
	}
	s.mu.Unlock()
	err := link.SendMessage(ctx, m, nil)
	if err != nil {
		s.forget(ctx, queue, link)
	}
	return err
}

// forget closes a link that failed; the next message gets a new one.
func (s *sender) forget(ctx context.Context, queue string, link *azservicebus.Sender) {
	s.mu.Lock()
	if s.links[queue] == link {
		delete(s.links, queue)
	}
	s.mu.Unlock()
	_ = link.Close(ctx) // it failed already; what matters is told by send
}

// close gives up all links. One that cannot be closed properly, because its queue is gone, is closed with the connection.
func (s *sender) close(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for queue, link := range s.links {
		_ = link.Close(ctx)
		delete(s.links, queue)
	}
}

// letter is one message of the outbox.
type letter struct {
	id                        int64
	queue, messageID, subject string
	body                      []byte
	expires                   time.Time
}

func scanLetter(scan func(...any) error) (letter, error) {
	var l letter
	var expires int64
	err := scan(&l.id, &l.queue, &l.messageID, &l.subject, &l.body, &expires)
	l.expires = instant(expires)
	return l, err
}

// poke wakes the send loop.
func (f *Factory) poke() {
	select {
	case f.posts <- struct{}{}:
	default: // it will look anyway
	}
}

// sendLoop empties the outbox whenever it is poked, and keeps trying, ever more slowly, while the Service Bus refuses.
func (f *Factory) sendLoop(ctx context.Context, pulse *supervise.Pulse) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 200*time.Millisecond, 30*time.Second
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.posts:
		case <-timer.C:
		}
		next := time.Minute
		done := pulse.Working()
		err := f.sendOutbox(ctx, time.Now())
		done()
		if err == nil {
			pause.Reset()
		} else if ctx.Err() == nil {
			next = pause.NextBackOff()
			f.o.Log.Warn("queueing jobs failed; trying again", logging.Key, logging.SendingFailed, "in", next, "error", err)
		}
		timer.Reset(next)
	}
}

// sendOutbox sends what waits, oldest first; queues side by side, so that one that is gone does not hold up the others.
func (f *Factory) sendOutbox(ctx context.Context, now time.Time) error {
	waiting, err := collect(ctx, f.db, scanLetter, "SELECT id, queue, message_id, subject, body, expires FROM outbox WHERE expires > ? ORDER BY id", micros(now))
	if err != nil {
		return err
	}
	queues := map[string][]letter{}
	for _, l := range waiting {
		queues[l.queue] = append(queues[l.queue], l)
	}
	var mu sync.Mutex
	var errs []error
	var work sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, letters := range queues {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			for _, l := range letters {
				if err := supervise.Guard(func() error { return f.sendLetter(ctx, l) }); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

// sendLetter sends one message and forgets it. A crash in between sends it twice, under the same message ID.
func (f *Factory) sendLetter(ctx context.Context, l letter) error {
	timed, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := f.sender.send(timed, l.queue, &azservicebus.Message{
		MessageID: to.Ptr(l.messageID), Subject: to.Ptr(l.subject), ContentType: to.Ptr("application/jose"),
		TimeToLive: to.Ptr(max(time.Until(l.expires), time.Second)), Body: l.body,
	})
	if errors.Is(err, azservicebus.ErrMessageTooLarge) {
		return f.tooLarge(ctx, l)
	}
	if err != nil {
		return busFault(err, "queue message "+l.messageID+" of "+l.queue)
	}
	_, err = f.db.ExecContext(ctx, "DELETE FROM outbox WHERE id = ?", l.id)
	return err
}

// tooLarge fails the run of a job that no message can hold.
func (f *Factory) tooLarge(ctx context.Context, l letter) error {
	return f.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE id = ?", l.id); err != nil {
			return err
		}
		return f.failMessage(ctx, tx, l.messageID, fault.New(fault.BadInput, "the job of %d bytes is larger than a message of the Service Bus may be", len(l.body)).
			Try("Copy fewer files or a smaller selection in one activity, or use a namespace that allows larger messages (Premium)."))
	})
}

// failMessage ends the run whose present attempt has the message ID and that nobody has taken.
func (f *Factory) failMessage(ctx context.Context, tx *sql.Tx, messageID string, why error) error {
	runs, err := collect(ctx, tx, scanRun, "SELECT "+runColumns+" FROM activity_runs WHERE phase = 'sent' AND id || '.' || attempt = ?", messageID)
	if err != nil {
		return err
	}
	for i := range runs {
		r, now := &runs[i], time.Now()
		if (protocol.Job{ActivityRun: r.ID, Attempt: r.Attempt}).MessageID() != messageID {
			continue
		}
		r.end(now, r.failure(report.Failed, why))
		if err := r.save(ctx, tx, now); err != nil {
			return err
		}
	}
	return nil
}
