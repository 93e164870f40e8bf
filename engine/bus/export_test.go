package bus

// Receiving is how many receivers with credit a queue has.
func (b *Broker) Receiving(name string) int {
	q := b.queue(name)
	q.mu.Lock()
	var links []*link
	for l := range q.main.waiting {
		links = append(links, l)
	}
	q.mu.Unlock()
	n := 0
	for _, l := range links {
		l.session.conn.mu.Lock()
		if l.credit > 0 && !l.detachedHere {
			n++
		}
		l.session.conn.mu.Unlock()
	}
	return n
}
