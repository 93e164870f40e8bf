package bus

import (
	"strings"
	"time"

	"dmgateway/engine/bus/amqp"
)

// role of a link, from the client's view.
type linkKind uint8

const (
	linkRefused  linkKind = iota
	linkSender            // sends to a queue
	linkReceiver          // receives from a queue or its dead-letter queue
	linkRequest           // sends requests to $cbs or $management
	linkReply             // receives their responses
)

const (
	senderCredit  = 1000
	requestCredit = 100
	// maxReplies is how many responses may wait for the client's credit.
	maxReplies = 1000
)

// cbsPath is the node that takes tokens.
const cbsPath = "$cbs"

// link is one link of a client. Everything is guarded by conn.mu.
type link struct {
	session       *session
	kind          linkKind
	handle        uint32
	detachedHere  bool      // a detach was sent; frames are ignored until the client's comes
	path          string    // queue in lower case, or $cbs
	node          string    // as the client wrote it, in lower case
	queue         *queue    // nil for $cbs
	from          *entity   // of a receiver
	replyTo       string    // of a reply link
	deleteAtOnce  bool      // receive-and-delete
	deliveryCount uint32    // transfers so far
	credit        uint32    // transfers that may come: the client's credit if we send, ours if it sends
	inFlight      uint32    // deliveries being prepared, a part of credit
	drain         bool      // credit that cannot be used at once goes back
	partial       []byte    // of a message that is not whole yet
	head          *transfer // its first frame
	working       uint32    // messages or requests being worked on
	replies       [][]byte  // responses that wait for credit
}

// transfer is what is kept of a message's first frame.
type transfer struct {
	id      uint32
	format  uint32
	settled bool
}

// attach makes a link, or refuses it as Service Bus does: an attach without a terminus, then a detach.
func (s *session) attach(p *amqp.Attach) (after func(), err error) {
	if s.links[p.Handle] != nil || p.Handle > maxHandle {
		return nil, sessionFault(amqp.CondHandleInUse, "the handle is taken or too high")
	}
	l := &link{session: s, handle: p.Handle}
	refusal := s.conn.resolve(l, p)
	if refusal == nil && s.conn.links >= s.conn.broker.options.MaxLinks {
		refusal = &amqp.Error{Condition: amqp.CondResourceLimit, Description: "too many links"}
	}
	s.links[p.Handle] = l
	s.conn.links++
	answer := &amqp.Attach{
		Name: p.Name, Handle: p.Handle, Role: !p.Role, SndSettle: p.SndSettle, RcvSettle: p.RcvSettle,
		Source: p.Source, Target: p.Target, MaxMessageSize: uint64(s.conn.broker.options.MaxMessageSize),
	}
	if refusal != nil {
		l.kind = linkRefused
		if p.Role == amqp.RoleReceiver {
			answer.Source = nil
		} else {
			answer.Target = nil
		}
	}
	s.post(amqp.AppendFrame(nil, amqp.FrameAMQP, s.channel, answer, nil), false)
	switch {
	case refusal != nil:
		l.detach(refusal)
	case l.kind == linkSender || l.kind == linkRequest:
		l.deliveryCount = p.InitialDeliveryCount
		l.topUp()
	case l.kind == linkReceiver:
		return l.startWaiting, nil
	}
	return nil, nil
}

// resolve finds out what a link is for and whether the client may have it. Nothing is said about what exists to a client
// without a claim.
func (c *conn) resolve(l *link, p *amqp.Attach) *amqp.Error {
	address, receiver := p.TargetAddress(), p.Role == amqp.RoleReceiver
	if receiver {
		address = p.SourceAddress()
	}
	if _, rest, ok := strings.Cut(address, "://"); ok {
		_, address, _ = strings.Cut(rest, "/")
	}
	l.node = strings.Trim(strings.ToLower(address), "/")
	path, management := strings.CutSuffix(l.node, "/$management")
	path, dead := strings.CutSuffix(path, "/$deadletterqueue")
	l.path = path
	l.kind = linkSender
	need := Send
	switch {
	case l.node == cbsPath || management:
		l.kind, need = linkRequest, Manage // any right at all
		if receiver {
			l.kind, l.replyTo = linkReply, p.TargetAddress()
		}
	case receiver:
		l.kind, need = linkReceiver, Listen
	}
	if l.node == cbsPath {
		return nil
	}
	if !c.allowed(path, need) {
		return &amqp.Error{Condition: amqp.CondUnauthorized, Description: "no token gives the right to this on " + path}
	}
	if l.queue = c.broker.queue(path); l.queue == nil {
		return &amqp.Error{Condition: amqp.CondNotFound, Description: "there is no queue " + path}
	}
	l.from = &l.queue.main
	if dead {
		l.from = &l.queue.dead
	}
	return c.unsupported(l, p, dead)
}

// unsupported refuses what Service Bus has or refuses and this bus has not.
func (c *conn) unsupported(l *link, p *amqp.Attach, dead bool) *amqp.Error {
	notAllowed := func(why string) *amqp.Error {
		return &amqp.Error{Condition: amqp.CondNotAllowed, Description: why}
	}
	switch {
	case l.kind == linkSender && dead:
		return notAllowed("messages cannot be sent to a dead-letter queue")
	case l.kind == linkReceiver && len(p.SourceFilters()) > 0:
		return notAllowed("the queue has no message sessions and no filters")
	}
	l.deleteAtOnce = p.SndSettle == amqp.SenderSettled
	return nil
}

// allowed reports whether a token gives one of the rights on a queue now. The caller holds c.mu.
func (c *conn) allowed(path string, want Rights) bool {
	for _, p := range []string{path, ""} {
		cl, ok := c.claims[p]
		if !ok || !time.Now().Before(cl.expires) {
			continue
		}
		if r := c.current(cl); r != nil && r.allows(path, want) {
			return true
		}
	}
	return false
}

// current is the rule of a claim, nil if it is gone or has another key now.
func (c *conn) current(cl claim) *Rule {
	if r := c.broker.rule(cl.rule); r != nil && r.Key.Reveal() == cl.key {
		return r
	}
	return nil
}

// need is what a link must be allowed to do to stay.
func (l *link) need() Rights {
	switch l.kind {
	case linkSender:
		return Send
	case linkReceiver:
		return Listen
	}
	return Manage
}

// recheck detaches the links that no token covers any more: it has expired, or its rule was changed.
func (c *conn) recheck() {
	c.detachIf(func(l *link) bool { return l.queue != nil && !c.allowed(l.path, l.need()) },
		&amqp.Error{Condition: amqp.CondUnauthorized, Description: "the token has expired or its rule was removed"})
}

// detachQueue detaches the links to a queue that was deleted.
func (c *conn) detachQueue(q *queue, why *amqp.Error) {
	c.detachIf(func(l *link) bool { return l.queue == q }, why)
}

func (c *conn) detachIf(match func(*link) bool, why *amqp.Error) {
	c.mu.Lock()
	var gone []*link
	for _, s := range c.sessions {
		for _, l := range s.links {
			if !l.detachedHere && match(l) {
				l.detach(why)
				gone = append(gone, l)
			}
		}
	}
	c.mu.Unlock()
	for _, l := range gone {
		l.stopWaiting()
	}
}

// detach ends the link from here. It stays known until the client answers.
func (l *link) detach(why *amqp.Error) {
	if l.detachedHere {
		return
	}
	l.detachedHere = true
	l.dropPartial()
	l.replies = nil
	s := l.session
	s.post(amqp.AppendFrame(nil, amqp.FrameAMQP, s.channel, &amqp.Detach{Handle: l.handle, Closed: true, Error: why}, nil), false)
}

// detached is the client's detach. Links are not resumed, so a detach without closed is answered as a close.
func (s *session) detached(p *amqp.Detach) (after func(), err error) {
	l := s.links[p.Handle]
	if l == nil {
		return nil, sessionFault(amqp.CondUnattached, "a detach of a handle without a link")
	}
	if !l.detachedHere {
		l.detach(nil)
	}
	s.forget(l)
	return l.stopWaiting, nil
}

// startWaiting lets the queue wake this link's connection. It runs without conn.mu.
func (l *link) startWaiting() {
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	l.from.waiting[l] = struct{}{}
}

// stopWaiting is the opposite. It runs without conn.mu.
func (l *link) stopWaiting() {
	if l.kind != linkReceiver {
		return
	}
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	delete(l.from.waiting, l)
}

// topUp gives a sending client new credit when it has used half.
func (l *link) topUp() {
	full := uint32(senderCredit)
	if l.kind == linkRequest {
		full = requestCredit
	}
	if l.detachedHere || l.credit+l.working > full/2 {
		return
	}
	l.credit = full - l.working
	l.session.sendFlow(l)
}

// dropPartial forgets a message that is not whole.
func (l *link) dropPartial() {
	l.session.conn.partial -= len(l.partial)
	l.partial, l.head = nil, nil
}
