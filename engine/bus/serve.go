package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

// Serve takes plain AMQP connections from l, which it closes, until [Broker.Close] or an error of l; after Close it
// returns nil. Because tokens travel in the clear, l has to listen on a loopback address: else fault.Forbidden.
func (b *Broker) Serve(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		_ = l.Close() // it takes nobody
		return fault.New(fault.Forbidden, "serve plain AMQP on an address that other machines reach").At(l.Addr().String()).
			Try("listen on 127.0.0.1, or use TLS or WebSocket")
	}
	return b.serve(l)
}

// ServeTLS is Serve for AMQP over TLS (amqps, port 5671), on any address.
func (b *Broker) ServeTLS(l net.Listener, config *tls.Config) error {
	return b.serve(tls.NewListener(l, config))
}

func (b *Broker) serve(l net.Listener) error {
	defer l.Close()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.listeners[l] = struct{}{}
	b.wg.Add(1)
	b.mu.Unlock()
	defer b.wg.Done()
	defer func() {
		b.mu.Lock()
		delete(b.listeners, l)
		b.mu.Unlock()
	}()
	for {
		nc, err := l.Accept()
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.closed {
				return nil
			}
			return fault.New(fault.Unreachable, "accept connections to the bus").At(l.Addr().String()).Because(err)
		}
		if c := b.admit(nc); c != nil {
			go c.run()
		}
	}
}

// ServeConn speaks AMQP on nc, which it closes, and returns when the connection is over.
func (b *Broker) ServeConn(nc net.Conn) {
	if c := b.admit(nc); c != nil {
		c.run()
	}
}

// Dial gives a connection to the bus inside this process, without any network: hand it to a client as if it had been
// dialled, for example from azservicebus.ClientOptions.NewWebSocketConn. After Close it is a closed connection.
func (b *Broker) Dial() net.Conn {
	client, server := net.Pipe()
	if c := b.admit(server); c != nil {
		go c.run()
	}
	return client
}

// admit makes a connection of nc and counts it, or closes nc and returns nil when the bus is full or closed.
func (b *Broker) admit(nc net.Conn) *conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.conns) >= b.options.MaxConnections {
		if !b.closed {
			b.log.Warn("the bus refuses a connection: too many are open", logging.Key, logging.BusFull, "limit", b.options.MaxConnections)
		}
		_ = nc.Close() // never used
		return nil
	}
	c := newConn(b, nc)
	b.conns[c] = struct{}{}
	b.wg.Add(1)
	return c
}

// forget is the end of an admitted connection.
func (b *Broker) forget(c *conn) {
	b.mu.Lock()
	delete(b.conns, c)
	b.mu.Unlock()
	b.wg.Done()
}

// WebSocketHandler speaks AMQP over WebSocket, subprotocol "amqp", on whatever path it is mounted; clients of Azure ask
// for /$servicebus/websocket. Browsers of other origins are refused.
func (b *Broker) WebSocketHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"amqp"}})
		if err != nil {
			return // Accept has answered
		}
		if ws.Subprotocol() != "amqp" {
			_ = ws.Close(websocket.StatusPolicyViolation, "the subprotocol has to be amqp")
			return
		}
		b.ServeConn(websocket.NetConn(context.WithoutCancel(r.Context()), ws, websocket.MessageBinary))
	})
}

// isTimeout reports whether err is a deadline that passed.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
