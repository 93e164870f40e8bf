package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/bus"
)

func testLarge(t *testing.T, e *env) {
	s := e.session(t)
	body := strings.Repeat("0123456789abcdef", 200<<10/16)
	for range 3 {
		s.send(t, text(body))
	}
	for range 3 {
		m := receiveOne(t, s.receiver)
		if string(m.Body) != body {
			t.Fatalf("%d bytes came back, not those that were sent", len(m.Body))
		}
		complete(t, s.receiver, m)
	}
}

func testTooLarge(t *testing.T, e *env) {
	s := e.session(t)
	size := 2 << 20
	if e.real != "" {
		size = 120 << 20 // beyond what any tier takes
	}
	err := s.sender.SendMessage(timeout(t), &azservicebus.Message{Body: make([]byte, size)}, nil)
	if !errors.Is(err, azservicebus.ErrMessageTooLarge) {
		t.Fatalf("got %v", err)
	}
}

func testSchedule(t *testing.T, e *env) {
	s := e.session(t)
	seqs, err := s.sender.ScheduleMessages(timeout(t), []*azservicebus.Message{text("soon"), text("never")}, time.Now().Add(2*time.Second), nil)
	if err != nil || len(seqs) != 2 {
		t.Fatal(seqs, err)
	}
	if err := s.sender.CancelScheduledMessages(timeout(t), seqs[1:], nil); err != nil {
		t.Fatal(err)
	}
	m := receiveOne(t, s.receiver)
	if string(m.Body) != "soon" || m.ScheduledEnqueueTime == nil || m.EnqueuedTime.Before(m.ScheduledEnqueueTime.Add(-time.Second)) {
		t.Errorf("got %q, scheduled %v, enqueued %v", m.Body, m.ScheduledEnqueueTime, m.EnqueuedTime)
	}
	complete(t, s.receiver, m)
	receiveNothing(t, s.receiver)
}

func testReceiveAndDelete(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("once"))
	r := e.receiver(t, s.client, s.queue, &azservicebus.ReceiverOptions{ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete})
	if m := receiveOne(t, r); string(m.Body) != "once" {
		t.Errorf("got %q", m.Body)
	}
	if err := r.Close(timeout(t)); err != nil {
		t.Fatal(err)
	}
	receiveNothing(t, s.receiver)
}

// testReleaser: credit that is left over gets a message while nobody receives; the client releases it uncounted.
func testReleaser(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("first"))
	ms, err := s.receiver.ReceiveMessages(timeout(t), 5, nil)
	if err != nil || len(ms) != 1 {
		t.Fatal(ms, err)
	}
	complete(t, s.receiver, ms[0])
	s.send(t, text("second"))
	other := e.receiver(t, e.client(t, rootRule), s.queue, nil)
	m := receiveOne(t, other)
	if m.DeliveryCount != 1 {
		t.Errorf("a released delivery counted: %d", m.DeliveryCount)
	}
	complete(t, other, m)
}

func testPeek(t *testing.T, e *env) {
	s := e.session(t)
	for i := range 3 {
		s.send(t, text(fmt.Sprint(i)))
	}
	locked := receiveOne(t, s.receiver)
	ms, err := s.receiver.PeekMessages(timeout(t), 10, nil)
	if err != nil || len(ms) != 3 {
		t.Fatal(ms, err)
	}
	for i, m := range ms {
		if string(m.Body) != fmt.Sprint(i) || m.State != azservicebus.MessageStateActive {
			t.Errorf("peeked %d: %q in state %v", i, m.Body, m.State)
		}
	}
	ms, err = s.receiver.PeekMessages(timeout(t), 10, nil) // goes on behind the last one
	if err != nil || len(ms) != 0 {
		t.Fatal(ms, err)
	}
	ms, err = s.receiver.PeekMessages(timeout(t), 10, &azservicebus.PeekMessagesOptions{FromSequenceNumber: new(*locked.SequenceNumber + 1)})
	if err != nil || len(ms) != 2 {
		t.Fatal(ms, err)
	}
}

func testSeveral(t *testing.T, e *env) {
	s := e.session(t)
	const clients, each = 4, 25
	got := make(chan string, clients*each)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	failed := make(chan error, 2*clients)
	for i := range clients {
		c := e.client(t, rootRule)
		sender, receiver := e.sender(t, c, s.queue), e.receiver(t, c, s.queue, nil)
		go func() {
			for j := range each {
				if err := sender.SendMessage(ctx, text(fmt.Sprintf("%d/%d", i, j)), nil); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
		go func() {
			for ctx.Err() == nil {
				ms, err := receiver.ReceiveMessages(ctx, 10, nil)
				for _, m := range ms {
					if err = receiver.CompleteMessage(ctx, m, nil); err == nil {
						got <- string(m.Body)
					}
				}
				if err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	seen := map[string]bool{}
	for len(seen) < clients*each {
		select {
		case body := <-got:
			if seen[body] {
				t.Fatalf("%s came twice", body)
			}
			seen[body] = true
		case err := <-failed:
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
}

func testLockExpiry(t *testing.T, e *env) {
	s := e.session(t, bus.QueueOptions{LockDuration: time.Second})
	s.send(t, text("slow"))
	m := receiveOne(t, s.receiver)
	again := receiveOne(t, e.receiver(t, e.client(t, rootRule), s.queue, nil))
	if again.DeliveryCount != 2 || again.LockToken == m.LockToken {
		t.Errorf("delivery %d", again.DeliveryCount)
	}
	wantCode(t, s.receiver.CompleteMessage(timeout(t), m, nil), azservicebus.CodeLockLost)
}

func testTTL(t *testing.T, e *env) {
	s := e.session(t, bus.QueueOptions{TTL: time.Second, DeadLetterOnExpiry: true})
	s.send(t, text("stale"))
	dead := s.deadLetters(t)
	m := receiveOne(t, dead)
	if *m.DeadLetterReason != "TTLExpiredException" {
		t.Errorf("the reason is %q", *m.DeadLetterReason)
	}
	complete(t, dead, m)
	receiveNothing(t, s.receiver)

	s = e.session(t, bus.QueueOptions{})
	short := text("short")
	short.TimeToLive = new(50 * time.Millisecond)
	s.send(t, short)
	waitFor(t, func() bool { return counts(t, e.broker, s.queue) == bus.Counts{} })
}

func testDuplicates(t *testing.T, e *env) {
	s := e.session(t, bus.QueueOptions{DuplicateWindow: time.Hour})
	for range 3 {
		s.send(t, text("same"))
	}
	s.send(t, text("other"))
	for _, want := range []string{"same", "other"} {
		m := receiveOne(t, s.receiver)
		if string(m.Body) != want {
			t.Fatalf("got %q instead of %q", m.Body, want)
		}
		complete(t, s.receiver, m)
	}
	s.send(t, text("same")) // remembered beyond its completion
	receiveNothing(t, s.receiver)
}

func testFull(t *testing.T, e *env) {
	s := e.session(t, bus.QueueOptions{MaxMessages: 2})
	s.send(t, text("1"))
	s.send(t, text("2"))
	err := s.sender.SendMessage(timeout(t), text("3"), nil)
	if err == nil || !strings.Contains(err.Error(), "amqp:resource-limit-exceeded") {
		t.Fatalf("got %v", err)
	}
	complete(t, s.receiver, receiveOne(t, s.receiver))
	s.send(t, text("3"))
}

func testNoQueue(t *testing.T, e *env) {
	c := e.client(t, rootRule)
	_, receiving := e.receiver(t, c, "no-such-queue", nil).ReceiveMessages(timeout(t), 1, nil)
	for _, err := range []error{e.sender(t, c, "no-such-queue").SendMessage(timeout(t), text("x"), nil), receiving} {
		if err == nil || !strings.Contains(err.Error(), "amqp:not-found") {
			t.Errorf("got %v", err)
		}
	}
}

func testNoSessions(t *testing.T, e *env) {
	_, err := e.client(t, rootRule).AcceptSessionForQueue(timeout(t), e.queue(t), "s1", nil)
	if err == nil || !strings.Contains(err.Error(), "amqp:not-allowed") {
		t.Fatalf("got %v", err)
	}
}
