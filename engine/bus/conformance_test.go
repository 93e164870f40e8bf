package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/bus"
)

// TestConformance drives Service Bus queues through Microsoft's Go client, on every way to the bus.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, way := range []func(testing.TB, *bus.Broker) *env{overTCP, overPipe, overWebSocket} {
		e := way(t, openBroker(t, bus.Options{}))
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			conform(t, e)
		})
	}
}

// TestConformanceAzure is the same suite against a real namespace, so that what the bus imitates is what there is. The
// queue has to have a lock duration of a minute, 10 deliveries, and no sessions, duplicate detection or expiry.
func TestConformanceAzure(t *testing.T) {
	connection := os.Getenv("DMG_TEST_SERVICEBUS")
	if connection == "" {
		t.Skip("DMG_TEST_SERVICEBUS is not set to the connection string of a namespace")
	}
	if os.Getenv("DMG_TEST_SERVICEBUS_QUEUE") == "" {
		t.Fatal("DMG_TEST_SERVICEBUS_QUEUE has to name a queue that may be emptied")
	}
	conform(t, &env{name: "azure", real: connection})
}

// session is one client with a sender and a receiver on a queue of its own.
type session struct {
	*env
	client   *azservicebus.Client
	queue    string
	sender   *azservicebus.Sender
	receiver *azservicebus.Receiver
}

func (e *env) session(t testing.TB, o ...bus.QueueOptions) *session {
	t.Helper()
	s := &session{env: e, queue: e.queue(t, o...)}
	s.client = e.client(t, rootRule)
	s.sender = e.sender(t, s.client, s.queue)
	s.receiver = e.receiver(t, s.client, s.queue, nil)
	return s
}

func (s *session) send(t testing.TB, m *azservicebus.Message) {
	t.Helper()
	if err := s.sender.SendMessage(timeout(t), m, nil); err != nil {
		t.Fatal(err)
	}
}

func text(body string) *azservicebus.Message {
	return &azservicebus.Message{Body: []byte(body), MessageID: new("id of " + body[:min(len(body), 40)])}
}

func receiveOne(t testing.TB, r *azservicebus.Receiver) *azservicebus.ReceivedMessage {
	t.Helper()
	ms, err := r.ReceiveMessages(timeout(t), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(ms) != 1 {
		t.Fatalf("%d messages instead of one", len(ms))
	}
	return ms[0]
}

// receiveNothing waits a moment for messages that must not come.
func receiveNothing(t testing.TB, r *azservicebus.Receiver) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	ms, err := r.ReceiveMessages(ctx, 1, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%d messages and %v instead of none", len(ms), err)
	}
}

func (s *session) deadLetters(t testing.TB) *azservicebus.Receiver {
	t.Helper()
	return s.env.receiver(t, s.client, s.queue, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
}

func complete(t testing.TB, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) {
	t.Helper()
	if err := r.CompleteMessage(timeout(t), m, nil); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code azservicebus.Code) {
	t.Helper()
	var sb *azservicebus.Error
	if !errors.As(err, &sb) || sb.Code != code {
		t.Fatalf("error %v instead of code %s", err, code)
	}
}

// conform is the suite. Each part has a queue of its own, or the real one, emptied.
func conform(t *testing.T, e *env) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, *env)
	}{
		{"send, receive and complete", testComplete},
		{"what a message carries", testFields},
		{"abandon raises the delivery count", testAbandon},
		{"renew moves the end of the lock", testRenew},
		{"settle by lock token alone", testByToken},
		{"second settlement says lock lost", testLockLost},
		{"dead-letter with a reason", testDeadLetter},
		{"too many deliveries", testMaxDelivery},
		{"defer and receive by number", testDefer},
		{"batch arrives in order", testBatch},
		{"messages of many frames", testLarge},
		{"too large a message", testTooLarge},
		{"schedule and cancel", testSchedule},
		{"receive and delete", testReceiveAndDelete},
		{"idle receiver releases what it gets", testReleaser},
		{"peek", testPeek},
		{"several links and connections", testSeveral},
		{"lock runs out", testLockExpiry},
		{"message runs out", testTTL},
		{"duplicates are dropped", testDuplicates},
		{"full queue", testFull},
		{"no such queue", testNoQueue},
		{"no message sessions", testNoSessions},
	} {
		t.Run(part.name, func(t *testing.T) {
			if e.real == "" {
				t.Parallel()
			}
			part.run(t, e)
		})
	}
}

func testComplete(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("hello"))
	m := receiveOne(t, s.receiver)
	if string(m.Body) != "hello" || m.MessageID != "id of hello" || m.DeliveryCount != 1 {
		t.Errorf("got %q, ID %q, delivery %d", m.Body, m.MessageID, m.DeliveryCount)
	}
	complete(t, s.receiver, m)
	receiveNothing(t, s.receiver)
}

func testFields(t *testing.T, e *env) {
	s := e.session(t)
	before := time.Now().Add(-5 * time.Second) // a real service's clock is its own
	s.send(t, &azservicebus.Message{
		Body: []byte{0, 1, 255}, MessageID: new("m1"), Subject: new("job"), CorrelationID: new("c1"), ContentType: new("a/b"),
		ReplyTo: new("answers"), To: new("you"), PartitionKey: new("p1"), TimeToLive: new(time.Hour),
		ApplicationProperties: map[string]any{
			"text": "ä", "int": int64(-5), "small": int32(7), "yes": true, "float": 1.5, "time": time.UnixMilli(1700000000123).UTC(),
		},
	})
	m := receiveOne(t, s.receiver)
	if !bytes.Equal(m.Body, []byte{0, 1, 255}) || m.MessageID != "m1" || *m.Subject != "job" || *m.CorrelationID != "c1" ||
		*m.ContentType != "a/b" || *m.ReplyTo != "answers" || *m.To != "you" || *m.PartitionKey != "p1" {
		t.Errorf("got %+v", m)
	}
	p := m.ApplicationProperties
	if len(p) != 6 || p["text"] != "ä" || p["int"] != int64(-5) || p["small"] != int32(7) || p["yes"] != true || p["float"] != 1.5 ||
		!p["time"].(time.Time).Equal(time.UnixMilli(1700000000123)) {
		t.Errorf("got properties %v", p)
	}
	if m.EnqueuedTime.Before(before) || m.LockedUntil.Before(before) || *m.SequenceNumber < 1 || m.LockToken == [16]byte{} {
		t.Errorf("got enqueued %v, locked until %v, number %v", m.EnqueuedTime, m.LockedUntil, *m.SequenceNumber)
	}
	if *m.TimeToLive != time.Hour || !m.ExpiresAt.Equal(m.EnqueuedTime.Add(time.Hour)) {
		t.Errorf("got TTL %v, expires %v, enqueued %v", *m.TimeToLive, m.ExpiresAt, m.EnqueuedTime)
	}
	complete(t, s.receiver, m)
}

func testAbandon(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("again"))
	m := receiveOne(t, s.receiver)
	err := s.receiver.AbandonMessage(timeout(t), m, &azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{"why": "busy"}})
	if err != nil {
		t.Fatal(err)
	}
	m = receiveOne(t, s.receiver)
	if m.DeliveryCount != 2 || m.ApplicationProperties["why"] != "busy" || string(m.Body) != "again" {
		t.Errorf("got delivery %d, %v, %q", m.DeliveryCount, m.ApplicationProperties, m.Body)
	}
	complete(t, s.receiver, m)
}

func testRenew(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("long"))
	m := receiveOne(t, s.receiver)
	first := *m.LockedUntil
	for deadline := time.Now().Add(5 * time.Second); !m.LockedUntil.After(first); {
		if time.Now().After(deadline) {
			t.Fatalf("the lock still ends at %v", first)
		}
		if err := s.receiver.RenewMessageLock(timeout(t), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	complete(t, s.receiver, m)
	err := s.receiver.RenewMessageLock(timeout(t), m, nil)
	wantCode(t, err, azservicebus.CodeLockLost)
}

func testByToken(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("token"))
	m := receiveOne(t, s.receiver)
	if err := s.receiver.Close(timeout(t)); err != nil { // its lock stays
		t.Fatal(err)
	}
	other := e.receiver(t, e.client(t, rootRule), s.queue, nil)
	complete(t, other, &azservicebus.ReceivedMessage{LockToken: m.LockToken})
	err := other.CompleteMessage(timeout(t), &azservicebus.ReceivedMessage{LockToken: m.LockToken}, nil)
	wantCode(t, err, azservicebus.CodeLockLost)
}

func testLockLost(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("twice"))
	m := receiveOne(t, s.receiver)
	other := e.receiver(t, e.client(t, rootRule), s.queue, nil)
	complete(t, other, &azservicebus.ReceivedMessage{LockToken: m.LockToken})
	wantCode(t, s.receiver.AbandonMessage(timeout(t), m, nil), azservicebus.CodeLockLost)
}

func testDeadLetter(t *testing.T, e *env) {
	s := e.session(t)
	for _, byToken := range []bool{false, true} {
		s.send(t, text("bad"))
		m := receiveOne(t, s.receiver)
		if byToken {
			m = &azservicebus.ReceivedMessage{LockToken: m.LockToken}
		}
		err := s.receiver.DeadLetterMessage(timeout(t), m, &azservicebus.DeadLetterOptions{
			Reason: new("unreadable"), ErrorDescription: new("no signature"), PropertiesToModify: map[string]any{"attempt": int64(3)},
		})
		if err != nil {
			t.Fatal(err)
		}
		dead := s.deadLetters(t)
		m = receiveOne(t, dead)
		if *m.DeadLetterReason != "unreadable" || *m.DeadLetterErrorDescription != "no signature" ||
			m.ApplicationProperties["attempt"] != int64(3) || string(m.Body) != "bad" {
			t.Errorf("got %+v", m)
		}
		complete(t, dead, m)
		receiveNothing(t, s.receiver)
	}
}

func testMaxDelivery(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("poison"))
	for i := range 10 {
		m := receiveOne(t, s.receiver)
		if m.DeliveryCount != uint32(i+1) {
			t.Fatalf("delivery %d counts %d", i+1, m.DeliveryCount)
		}
		if err := s.receiver.AbandonMessage(timeout(t), m, nil); err != nil {
			t.Fatal(err)
		}
	}
	dead := s.deadLetters(t)
	m := receiveOne(t, dead)
	if *m.DeadLetterReason != "MaxDeliveryCountExceeded" {
		t.Errorf("the reason is %q", *m.DeadLetterReason)
	}
	complete(t, dead, m)
}

func testDefer(t *testing.T, e *env) {
	s := e.session(t)
	s.send(t, text("later"))
	m := receiveOne(t, s.receiver)
	if err := s.receiver.DeferMessage(timeout(t), m, nil); err != nil {
		t.Fatal(err)
	}
	receiveNothing(t, s.receiver)
	peeked, err := s.receiver.PeekMessages(timeout(t), 1, nil)
	if err != nil || len(peeked) != 1 || peeked[0].State != azservicebus.MessageStateDeferred {
		t.Fatalf("peeked %v, %v", peeked, err)
	}
	ms, err := s.receiver.ReceiveDeferredMessages(timeout(t), []int64{*m.SequenceNumber}, nil)
	if err != nil || len(ms) != 1 || string(ms[0].Body) != "later" || ms[0].DeliveryCount != 2 {
		t.Fatalf("received %v, %v", ms, err)
	}
	if err := s.receiver.RenewMessageLock(timeout(t), ms[0], nil); err != nil {
		t.Fatal(err)
	}
	complete(t, s.receiver, ms[0])
	_, err = s.receiver.ReceiveDeferredMessages(timeout(t), []int64{*m.SequenceNumber}, nil)
	if err == nil {
		t.Fatal("a completed message was received by its number")
	}
}

func testBatch(t *testing.T, e *env) {
	s := e.session(t)
	batch, err := s.sender.NewMessageBatch(timeout(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 50
	for i := range n {
		if err := batch.AddMessage(text(fmt.Sprint(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sender.SendMessageBatch(timeout(t), batch, nil); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; {
		ms, err := s.receiver.ReceiveMessages(timeout(t), n, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			if string(m.Body) != fmt.Sprint(i) {
				t.Fatalf("message %d is %q", i, m.Body)
			}
			complete(t, s.receiver, m)
			i++
		}
	}
}

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
	err := s.sender.SendMessage(timeout(t), &azservicebus.Message{Body: make([]byte, 120<<20)}, nil)
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

func counts(t testing.TB, b *bus.Broker, queue string) bus.Counts {
	t.Helper()
	c, err := b.Counts(queue)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// waitFor asks again and again for something that has to come true soon.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not come true within 20 seconds")
		}
	}
}
