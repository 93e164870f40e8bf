package bus_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

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
