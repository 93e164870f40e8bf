package bus

import (
	"dmgateway/engine/bus/amqp"
)

const (
	// incomingWindow is how many transfer frames a session takes before it renews its window, at half of it.
	incomingWindow = 5000
	// maxHandle is the highest handle of a link.
	maxHandle = 1023
	// maxUnsettled is how many deliveries of one session may wait for their settlement; beyond, no more are sent.
	maxUnsettled = 10_000
)

// sessionError ends a session and leaves its connection.
type sessionError struct{ why *amqp.Error }

// Error is the condition and its description.
func (e *sessionError) Error() string { return e.why.Error() }

func sessionFault(condition amqp.Symbol, description string) error {
	return &sessionError{&amqp.Error{Condition: condition, Description: description}}
}

// session is one AMQP session. It has the same channel in both directions. Everything is guarded by conn.mu.
type session struct {
	conn    *conn
	channel uint16
	ending  bool // an end was sent; frames are ignored until the client's comes
	links   map[uint32]*link

	nextIncoming uint32 // transfer-id of the next incoming transfer frame
	window       uint32 // transfer frames that may still come in

	nextOutgoing uint32 // transfer-id of the next outgoing transfer frame
	remoteWindow uint32 // transfer frames that the client still takes
	nextDelivery uint32
	unsettled    map[uint32]sent
	held         []heldFrame // frames that wait for the client's window, in order
}

// sent is a delivery that waits for its settlement.
type sent struct {
	link  *link
	queue *queue
	token amqp.UUID
}

// heldFrame is an encoded frame; a transfer needs a place in the window.
type heldFrame struct {
	bytes    []byte
	transfer bool
}

func (c *conn) begin(channel uint16, p *amqp.Begin, old *session) error {
	switch {
	case old != nil:
		return &amqp.Error{Condition: amqp.CondNotAllowed, Description: "a second begin on a channel"}
	case len(c.sessions) >= c.broker.options.MaxSessions || int(channel) >= c.broker.options.MaxSessions:
		return &amqp.Error{Condition: amqp.CondResourceLimit, Description: "too many sessions"}
	}
	s := &session{
		conn: c, channel: channel, links: map[uint32]*link{}, unsettled: map[uint32]sent{},
		nextIncoming: p.NextOutgoingID, window: incomingWindow, remoteWindow: p.IncomingWindow,
	}
	c.sessions[channel] = s
	c.send(channel, &amqp.Begin{
		RemoteChannel: &channel, IncomingWindow: incomingWindow, OutgoingWindow: incomingWindow, HandleMax: maxHandle,
	}, nil)
	return nil
}

// handle is one frame of the session. The caller holds conn.mu.
func (s *session) handle(p amqp.Performative, payload []byte) (after func(), err error) {
	if end, ok := p.(*amqp.End); ok {
		_ = end // the client's reason changes nothing here
		if !s.ending {
			s.conn.send(s.channel, &amqp.End{}, nil)
		}
		return s.remove(), nil
	}
	if s.ending {
		return nil, nil
	}
	switch p := p.(type) {
	case *amqp.Attach:
		return s.attach(p)
	case *amqp.Flow:
		return nil, s.flow(p)
	case *amqp.Transfer:
		return s.transfer(p, payload)
	case *amqp.Disposition:
		return s.disposition(p), nil
	case *amqp.Detach:
		return s.detached(p)
	}
	return nil, &amqp.Error{Condition: amqp.CondNotAllowed, Description: "a performative that has no place in a session"}
}

// remove forgets the session and gives back what its links hold.
func (s *session) remove() (after func()) {
	delete(s.conn.sessions, s.channel)
	links := s.all()
	for _, l := range links {
		s.forget(l)
	}
	for _, h := range s.held {
		s.conn.ahead -= len(h.bytes)
	}
	s.held = nil
	return func() {
		for _, l := range links {
			l.stopWaiting()
		}
	}
}

// end ends the session because of what the client did.
func (s *session) end(why *amqp.Error) {
	s.ending = true
	s.conn.send(s.channel, &amqp.End{Error: why}, nil)
	for _, l := range s.links {
		l.detachedHere = true // sends nothing more; taken away when the client's end comes
	}
}

func (s *session) all() []*link {
	links := make([]*link, 0, len(s.links))
	for _, l := range s.links {
		links = append(links, l)
	}
	return links
}

// forget takes a link out of the session with all that belongs to it.
func (s *session) forget(l *link) {
	if s.links[l.handle] != l {
		return
	}
	delete(s.links, l.handle)
	l.detachedHere = true
	s.conn.links--
	l.dropPartial()
	for id, d := range s.unsettled {
		if d.link == l {
			delete(s.unsettled, id)
		}
	}
}

// prune forgets deliveries whose lock has run out when there are too many: to settle them says "lock lost" either way.
func (s *session) prune() {
	if len(s.unsettled) <= maxUnsettled {
		return
	}
	for id, d := range s.unsettled {
		if !d.queue.holds(d.token) {
			delete(s.unsettled, id)
		}
	}
}

// flow takes the client's view of the windows and, with a handle, of a link.
func (s *session) flow(p *amqp.Flow) error {
	next := uint32(0) // what the client counts from before it has seen our begin
	if p.NextIncomingID != nil {
		next = *p.NextIncomingID
	}
	s.remoteWindow = next + p.IncomingWindow - s.nextOutgoing
	if int32(s.remoteWindow) < 0 {
		s.remoteWindow = 0
	}
	s.release()
	if p.Handle == nil {
		if p.Echo {
			s.sendFlow(nil)
		}
		return nil
	}
	l := s.links[*p.Handle]
	if l == nil {
		return sessionFault(amqp.CondUnattached, "a flow for a handle without a link")
	}
	l.flow(p)
	return nil
}

// sendFlow tells the client our windows, and with a link its credit. It keeps its place among held frames.
func (s *session) sendFlow(l *link) {
	p := &amqp.Flow{
		NextIncomingID: &s.nextIncoming, IncomingWindow: s.window, NextOutgoingID: s.nextOutgoing, OutgoingWindow: incomingWindow,
	}
	if l != nil {
		p.Handle, p.DeliveryCount, p.LinkCredit, p.Drain = &l.handle, &l.deliveryCount, &l.credit, l.drain
	}
	s.post(amqp.AppendFrame(nil, amqp.FrameAMQP, s.channel, p, nil), false)
}

// post sends a frame after those that wait for the window.
func (s *session) post(frame []byte, transfer bool) {
	c := s.conn
	switch {
	case c.dead:
	case len(s.held) > 0 || transfer && s.remoteWindow == 0:
		s.held = append(s.held, heldFrame{frame, transfer})
		c.ahead += len(frame)
	default:
		s.count(transfer)
		c.out = append(c.out, frame...)
		c.signal()
	}
}

func (s *session) count(transfer bool) {
	if transfer {
		s.remoteWindow--
		s.nextOutgoing++
	}
}

// release sends held frames as far as the window allows.
func (s *session) release() {
	for len(s.held) > 0 && (!s.held[0].transfer || s.remoteWindow > 0) {
		h := s.held[0]
		s.held[0] = heldFrame{}
		s.held = s.held[1:]
		s.conn.ahead -= len(h.bytes)
		s.count(h.transfer)
		s.conn.out = append(s.conn.out, h.bytes...)
	}
	if len(s.held) == 0 {
		s.held = nil
	}
	s.conn.signal()
}

// deliver sends a message on a link in as many frames as it takes.
func (s *session) deliver(l *link, tag []byte, settled bool, payload []byte) (id uint32) {
	id = s.nextDelivery
	s.nextDelivery++
	room := int(min(s.conn.remote.MaxFrameSize, 1<<20)) - 128 // more than header and performative ever take
	p := &amqp.Transfer{Handle: l.handle, DeliveryID: &id, DeliveryTag: tag, Settled: settled}
	for {
		part := payload[:min(len(payload), room)]
		payload = payload[len(part):]
		p.More = len(payload) > 0
		s.post(amqp.AppendFrame(nil, amqp.FrameAMQP, s.channel, p, part), true)
		if !p.More {
			return id
		}
		p = &amqp.Transfer{Handle: l.handle}
	}
}

// transfer takes a frame of a message.
func (s *session) transfer(p *amqp.Transfer, payload []byte) (after func(), err error) {
	if s.window == 0 {
		return nil, sessionFault(amqp.CondWindowViolation, "a transfer beyond the window")
	}
	s.window--
	s.nextIncoming++
	if s.window < incomingWindow/2 {
		s.window = incomingWindow
		s.sendFlow(nil)
	}
	l := s.links[p.Handle]
	if l == nil {
		return nil, sessionFault(amqp.CondUnattached, "a transfer on a handle without a link")
	}
	if l.detachedHere {
		return nil, nil
	}
	return l.receive(p, payload), nil
}

// disposition carries out what the client, as a receiver, decided about deliveries.
func (s *session) disposition(p *amqp.Disposition) (after func()) {
	if p.Role != amqp.RoleReceiver || p.State == nil && !p.Settled {
		return nil
	}
	if _, ok := p.State.(amqp.Received); ok {
		return nil
	}
	found := map[uint32]sent{}
	if span := p.Last - p.First; span < uint32(len(s.unsettled)) {
		for id := p.First; ; id++ {
			if d, ok := s.unsettled[id]; ok {
				found[id] = d
			}
			if id == p.Last {
				break
			}
		}
	} else {
		for id, d := range s.unsettled {
			if id-p.First <= span {
				found[id] = d
			}
		}
	}
	if len(found) == 0 && !p.Settled && p.First == p.Last { // settled before, or its link is gone
		s.settled(p.First, amqp.Rejected{Error: lockLost()})
		return nil
	}
	return func() { s.settleAll(found, p) }
}

func lockLost() *amqp.Error {
	return &amqp.Error{Condition: amqp.CondMessageLockLost, Description: errLockLost.Error()}
}

// settleAll settles deliveries in their queues and answers. It runs without conn.mu.
func (s *session) settleAll(found map[uint32]sent, p *amqp.Disposition) {
	o, err := outcomeOf(p.State)
	for id, d := range found {
		answer := func(err error) {
			s.conn.mu.Lock()
			defer s.conn.mu.Unlock()
			delete(s.unsettled, id)
			if !p.Settled && !s.ending {
				s.settled(id, answerState(p.State, err))
			}
		}
		if err != nil {
			answer(err)
			continue
		}
		d.queue.settle(d.token, o, answer)
	}
}

// settled tells the client that a delivery is settled, and how.
func (s *session) settled(id uint32, state amqp.State) {
	s.post(amqp.AppendFrame(nil, amqp.FrameAMQP, s.channel, &amqp.Disposition{
		Role: amqp.RoleSender, First: id, Last: id, Settled: true, State: state,
	}, nil), false)
}
