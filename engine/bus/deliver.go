package bus

import (
	"errors"
	"slices"

	"dmgateway/engine/bus/amqp"
	"dmgateway/engine/logging"
)

// maxAtOnce is how many messages are prepared for a link in one go.
const maxAtOnce = 256

// flow takes the client's view of a link: for one that receives, how much it may be sent.
func (l *link) flow(p *amqp.Flow) {
	if l.detachedHere {
		return
	}
	if l.kind == linkReceiver || l.kind == linkReply {
		count := uint32(0) // what the client counts from before it has seen our attach
		if p.DeliveryCount != nil {
			count = *p.DeliveryCount
		}
		if p.LinkCredit != nil {
			if l.credit = count + *p.LinkCredit - l.deliveryCount; int32(l.credit) < 0 {
				l.credit = 0
			}
		}
		l.drain = p.Drain
		l.sendReplies()
		if l.drain && l.kind == linkReply {
			l.giveUpCredit()
		}
	}
	if p.Echo {
		l.session.sendFlow(l)
	}
}

// giveUpCredit ends a drain: what credit is left is used up without messages.
func (l *link) giveUpCredit() {
	if !l.drain {
		return
	}
	l.deliveryCount += l.credit
	l.credit = 0
	l.session.sendFlow(l)
	l.drain = false
}

// want is how many deliveries may be prepared for the link now.
func (l *link) want() uint32 {
	if l.kind != linkReceiver || l.detachedHere || l.credit <= l.inFlight {
		return 0
	}
	return min(l.credit-l.inFlight, maxAtOnce)
}

// pump prepares deliveries for every link that wants some, on the writer's goroutine.
func (c *conn) pump() {
	for _, l := range c.receivers() {
		c.pumpLink(l)
	}
}

// receivers are the links that want deliveries, those that got the last one at the end.
func (c *conn) receivers() []*link {
	c.mu.Lock()
	defer c.mu.Unlock()
	var hungry []*link
	for _, s := range c.sessions {
		if s.prune(); len(s.unsettled) > maxUnsettled {
			continue
		}
		for _, l := range s.links {
			if l.want() > 0 {
				hungry = append(hungry, l)
			}
		}
	}
	slices.SortFunc(hungry, func(a, b *link) int { return int(int32(a.deliveryCount - b.deliveryCount)) })
	return hungry
}

func (c *conn) pumpLink(l *link) {
	c.mu.Lock()
	n, room := l.want(), maxDeliver-c.ahead-len(c.out)
	if n == 0 || room <= 0 || c.dead || c.closing {
		c.mu.Unlock()
		return
	}
	l.inFlight += n
	c.mu.Unlock()

	ms := l.from.acquire(int(n), room)
	size := 0
	for _, m := range ms {
		size += m.size
	}

	c.mu.Lock()
	l.inFlight -= n - uint32(len(ms))
	c.ahead += size
	if len(ms) == 0 {
		if l.inFlight == 0 && !l.detachedHere {
			l.giveUpCredit()
		}
		c.mu.Unlock()
		return
	}
	lock := !l.deleteAtOnce
	c.mu.Unlock()
	l.from.deliver(ms, lock, func(ds []delivery, err error) { l.prepared(len(ms), size, ds, err) })
}

// prepared sends deliveries that have been written. Those for a link that is gone by now are given back.
func (l *link) prepared(n, size int, ds []delivery, err error) {
	s, c := l.session, l.session.conn
	c.mu.Lock()
	c.ahead -= size
	l.inFlight -= uint32(n)
	gone := l.detachedHere || c.dead || c.closing
	if err == nil && !gone {
		for i := range ds {
			l.send(&ds[i])
		}
	}
	c.signal()
	c.mu.Unlock()
	if err == nil && gone {
		for i := range ds {
			if ds[i].locked {
				s.giveBack(l.queue, ds[i].token)
			}
		}
	}
}

// giveBack undoes a delivery that never left.
func (s *session) giveBack(q *queue, token amqp.UUID) {
	q.settle(token, outcome{verdict: verdictRelease}, func(err error) {
		if err != nil && !errors.Is(err, errLockLost) {
			s.conn.log.Error("giving back a message failed", logging.Key, logging.BusMessageNotGiven, "error", err)
		}
	})
}

// send sends one delivery. The caller holds conn.mu.
func (l *link) send(d *delivery) {
	tag := netBytes(d.token)
	if !d.locked {
		tag = netBytes(newToken())
	}
	id := l.session.deliver(l, tag, !d.locked, d.render(false))
	l.deliveryCount++
	if l.credit > 0 {
		l.credit--
	}
	if d.locked {
		l.session.unsettled[id] = sent{l, l.queue, d.token}
	}
}

// reply queues a response on a reply link and sends it when there is credit: a response can be ready before the client
// has granted any.
func (l *link) reply(message []byte) {
	if l.detachedHere {
		return
	}
	if len(l.replies) >= maxReplies {
		l.detach(&amqp.Error{Condition: amqp.CondResourceLimit, Description: "too many responses wait for credit"})
		return
	}
	l.replies = append(l.replies, message)
	l.sendReplies()
}

func (l *link) sendReplies() {
	for len(l.replies) > 0 && l.credit > 0 {
		l.session.deliver(l, netBytes(newToken()), true, l.replies[0])
		l.replies = l.replies[1:]
		l.deliveryCount++
		l.credit--
	}
}
