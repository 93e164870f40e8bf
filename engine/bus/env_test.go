package bus_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"dmgateway/engine/bus"
	"dmgateway/engine/secret"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(envChild); path != "" {
		childBroker(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// env is a service under test and a way to it.
type env struct {
	name   string
	broker *bus.Broker // nil for a real namespace
	host   string      // of the connection string
	real   string      // the connection string of a real namespace
	dial   func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error)
}

const rootRule = "root"

func openBroker(t testing.TB, o bus.Options) *bus.Broker {
	t.Helper()
	b, err := bus.Open(filepath.Join(t.TempDir(), "bus.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	setRule(t, b, rootRule, bus.Grant{Rights: bus.Manage})
	return b
}

func setRule(t testing.TB, b *bus.Broker, name string, grants ...bus.Grant) {
	t.Helper()
	if err := b.SetRule(t.Context(), bus.Rule{Name: name, Key: bus.NewKey(), Grants: grants}); err != nil {
		t.Fatal(err)
	}
}

func overTCP(t testing.TB, b *bus.Broker) *env {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &env{name: "tcp", broker: b, host: l.Addr().String()}
}

func overPipe(_ testing.TB, b *bus.Broker) *env {
	return &env{name: "pipe", broker: b, host: "factory", dial: func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
		return b.Dial(), nil
	}}
}

func overWebSocket(t testing.TB, b *bus.Broker) *env {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/$servicebus/websocket", b.WebSocketHandler())
	s := httptest.NewTLSServer(mux)
	t.Cleanup(func() {
		if err := b.Close(); err != nil { // first: Close of the server waits for its handlers
			t.Error(err)
		}
		s.Close()
	})
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(client.CloseIdleConnections)
	host := strings.TrimPrefix(s.URL, "https://")
	return &env{name: "websocket", broker: b, host: host, dial: func(ctx context.Context, a azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
		ws, _, err := websocket.Dial(ctx, a.Host, &websocket.DialOptions{Subprotocols: []string{"amqp"}, HTTPClient: client}) //nolint:bodyclose // websocket.Dial says that it needs no closing
		if err != nil {
			return nil, err
		}
		return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), nil
	}}
}

// client signs in with a rule of the broker.
func (e *env) client(t testing.TB, rule string) *azservicebus.Client {
	t.Helper()
	text := secret.New(e.real)
	if e.real == "" {
		var err error
		if text, err = e.broker.ConnectionString(e.host, rule); err != nil {
			t.Fatal(err)
		}
	}
	return e.clientOf(t, text)
}

func (e *env) clientOf(t testing.TB, connection secret.String) *azservicebus.Client {
	t.Helper()
	o := &azservicebus.ClientOptions{NewWebSocketConn: e.dial}
	o.RetryOptions.MaxRetries = 3
	o.RetryOptions.RetryDelay = 50 * time.Millisecond
	c, err := azservicebus.NewClientFromConnectionString(connection.Reveal(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Log("closing the client:", err)
		}
	})
	return c
}

// queue gives an empty queue. A real namespace has one, with its own options, so a test that needs some is skipped there.
func (e *env) queue(t testing.TB, o ...bus.QueueOptions) string {
	t.Helper()
	if e.real != "" {
		if len(o) > 0 {
			t.Skip("needs a queue with options of its own, which a real namespace does not give")
		}
		name := os.Getenv("DMG_TEST_SERVICEBUS_QUEUE")
		e.empty(t, name, nil)
		e.empty(t, name, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
		return name
	}
	var options bus.QueueOptions
	if len(o) > 0 {
		options = o[0]
	}
	name := fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "."), time.Now().UnixNano())
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("#() ,'=", r) {
			return '-'
		}
		return r
	}, name)
	if err := e.broker.CreateQueue(t.Context(), name, options); err != nil {
		t.Fatal(err)
	}
	return name
}

// empty receives and deletes everything.
func (e *env) empty(t testing.TB, name string, o *azservicebus.ReceiverOptions) {
	t.Helper()
	if o == nil {
		o = &azservicebus.ReceiverOptions{}
	}
	o.ReceiveMode = azservicebus.ReceiveModeReceiveAndDelete
	r, err := e.client(t, "").NewReceiverForQueue(name, o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		ms, err := r.ReceiveMessages(ctx, 100, nil)
		cancel()
		if err != nil || len(ms) == 0 {
			return
		}
	}
}

func (e *env) receiver(t testing.TB, c *azservicebus.Client, queue string, o *azservicebus.ReceiverOptions) *azservicebus.Receiver {
	t.Helper()
	r, err := c.NewReceiverForQueue(queue, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (e *env) sender(t testing.TB, c *azservicebus.Client, queue string) *azservicebus.Sender {
	t.Helper()
	s, err := c.NewSender(queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// timeout is a context for one operation that should not take long.
func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
