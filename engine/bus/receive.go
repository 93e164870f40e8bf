package bus

import (
	"errors"
	"time"

	"dmgateway/engine/bus/amqp"
)

// receive takes a frame of a message that the client sends.
func (l *link) receive(p *amqp.Transfer, payload []byte) (after func()) {
	if l.kind != linkSender && l.kind != linkRequest {
		l.detach(&amqp.Error{Condition: amqp.CondNotAllowed, Description: "a transfer on a link that receives"})
		return nil
	}
	if l.head == nil {
		if l.credit == 0 || p.DeliveryID == nil {
			l.detach(&amqp.Error{Condition: amqp.CondTransferLimit, Description: "a transfer without credit or delivery-id"})
			return nil
		}
		l.head = &transfer{id: *p.DeliveryID, format: p.Format}
		l.credit--
		l.deliveryCount++
	}
	l.head.settled = l.head.settled || p.Settled
	if p.Aborted {
		l.dropPartial()
		l.topUp()
		return nil
	}
	c := l.session.conn
	switch {
	case len(l.partial)+len(payload) > c.broker.options.MaxMessageSize:
		l.detach(&amqp.Error{Condition: amqp.CondMessageSize, Description: "the message is larger than max-message-size"})
		return nil
	case p.More && c.partial+len(payload) > maxPartial+c.broker.options.MaxMessageSize:
		l.detach(&amqp.Error{Condition: amqp.CondResourceLimit, Description: "too many messages are under way in parts"})
		return nil
	}
	l.partial = append(l.partial, payload...)
	c.partial += len(payload)
	if p.More {
		return nil
	}
	head, message := *l.head, l.partial
	l.dropPartial()
	l.working++
	if l.kind == linkRequest {
		return func() { l.request(head, message) }
	}
	return func() { l.publish(head, message) }
}

// publish puts a message or a batch into the queue and settles it when it is on disk. It runs without conn.mu.
func (l *link) publish(head transfer, raw []byte) {
	in, err := unpack(head.format, raw, l.queue.options.Load())
	if err != nil {
		l.answer(head, err)
		return
	}
	l.queue.publish(in, func(_ []int64, err error) { l.answer(head, err) })
}

// unpack checks a message, or each message of a batch.
func unpack(format uint32, raw []byte, o *QueueOptions) ([]*incoming, error) {
	at := time.Now()
	if format != amqp.FormatBatch {
		m, err := accept(raw, o, at)
		return []*incoming{m}, err
	}
	envelope, err := amqp.ParseMessage(raw)
	if err != nil {
		return nil, err
	}
	in := make([]*incoming, 0, len(envelope.Data))
	for _, data := range envelope.Data {
		m, err := accept(data, o, at)
		if err != nil {
			return nil, err
		}
		in = append(in, m)
	}
	if len(in) == 0 {
		return nil, invalid("a batch without messages")
	}
	return in, nil
}

// answer settles a transfer of the client.
func (l *link) answer(head transfer, err error) {
	s := l.session
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	l.working--
	if l.detachedHere {
		return
	}
	if !head.settled {
		s.post(amqp.AppendFrame(nil, amqp.FrameAMQP, s.channel, &amqp.Disposition{
			Role: amqp.RoleReceiver, First: head.id, Last: head.id, Settled: true, State: sendState(err),
		}, nil), false)
	}
	l.topUp()
}

// sendState is what a sender hears about its message.
func sendState(err error) amqp.State {
	var ae *amqp.Error
	var de *amqp.DecodeError
	switch {
	case err == nil:
		return amqp.Accepted{}
	case errors.As(err, &ae):
		return amqp.Rejected{Error: ae}
	case errors.As(err, &de):
		return amqp.Rejected{Error: &amqp.Error{Condition: amqp.CondNotAllowed, Description: "the message is malformed: " + de.Reason}}
	case isFull(err):
		return amqp.Rejected{Error: &amqp.Error{Condition: amqp.CondResourceLimit, Description: "the bus's disk is full"}}
	}
	return amqp.Rejected{Error: storeError()}
}
