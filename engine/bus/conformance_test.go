package bus_test

import (
	"context"
	"errors"
	"os"
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
