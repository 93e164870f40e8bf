package main

import (
	"net"
	"sync"
	"time"
)

// waiting is a proxy in front of a server that measures how long its clients wait for answers: from a request's first byte to
// its answer's, of all connections together, so that two that wait at once count once.
type waiting struct {
	listener net.Listener
	server   string

	mu      sync.Mutex
	clients int // that wait now
	since   time.Time
	total   time.Duration
}

func newWaiting(server string) (*waiting, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &waiting{listener: l, server: server}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go w.serve(c)
		}
	}()
	return w, nil
}

func (w *waiting) port() int { return w.listener.Addr().(*net.TCPAddr).Port }

// take gives the time since the last call.
func (w *waiting) take() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.total
	w.total = 0
	return d
}

func (w *waiting) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		return
	}
	defer server.Close()
	var waits bool // guarded by mu
	mark := func(now bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case now && !waits:
			if w.clients == 0 {
				w.since = time.Now()
			}
			w.clients++
		case !now && waits:
			w.clients--
			if w.clients == 0 {
				w.total += time.Since(w.since)
			}
		}
		waits = now
	}
	defer mark(false)
	go func() {
		defer client.Close()
		pass(client, server, func() { mark(false) })
	}()
	pass(server, client, func() { mark(true) })
}

// pass copies bytes as they come and calls seen for each piece before it goes on.
func pass(to, from net.Conn, seen func()) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			seen()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
