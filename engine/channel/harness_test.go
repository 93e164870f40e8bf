package channel

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"go.uber.org/goleak"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/protocol"
	"dmgateway/engine/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	jobs, status = "jobs", "status"
	factoryID    = "factory-id"
	gatewayID    = "gateway-id"
	nodeID       = "node-id"
	nodeToken    = "0123456789abcdef0123456789abcdef"
	soon         = 30 * time.Second
)

// house is a Service Bus and the two sides of it.
type house struct {
	t       *testing.T
	path    string
	public  ed25519.PublicKey
	private ed25519.PrivateKey

	mu     sync.Mutex
	broker *bus.Broker
	conns  []net.Conn // of the gateway
	dials  int
	down   bool
}

func newHouse(t *testing.T) *house {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, path: filepath.Join(t.TempDir(), "bus.db"), public: public, private: private}
	h.up()
	t.Cleanup(h.kill)
	return h
}

// up opens the broker, with the same rules and queues each time.
func (h *house) up() {
	h.t.Helper()
	b, err := bus.Open(h.path, bus.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx := context.Background()
	err = errors.Join(
		b.SetQueue(ctx, jobs, bus.QueueOptions{LockDuration: time.Minute}), b.SetQueue(ctx, status, bus.QueueOptions{}),
		b.SetRule(ctx, bus.Rule{Name: "gateway", Key: secret.New("a2V5"), Grants: []bus.Grant{{Queue: jobs, Rights: bus.Listen}, {Queue: status, Rights: bus.Send}}}),
		b.SetRule(ctx, bus.Rule{Name: "all", Key: secret.New("a2V5"), Grants: []bus.Grant{{Rights: bus.Manage}}}))
	if err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broker, h.down = b, false
}

// kill ends the broker and with it every connection.
func (h *house) kill() {
	h.mu.Lock()
	b := h.broker
	h.down = true
	h.mu.Unlock()
	if err := b.Close(); err != nil {
		h.t.Error(err)
	}
}

// dial is the gateway's way to the broker.
func (h *house) dial(context.Context) (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials++
	if h.down {
		return nil, errors.New("the broker is down")
	}
	c := h.broker.Dial()
	h.conns = append(h.conns, c)
	return c, nil
}

// cut breaks the gateway's connections, as a cable does.
func (h *house) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_ = c.Close()
	}
	h.conns = nil
}

func (h *house) counts(queue string) bus.Counts {
	h.t.Helper()
	h.mu.Lock()
	b := h.broker
	h.mu.Unlock()
	c, err := b.Counts(queue)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func connectionString(host, rule string) string {
	return "Endpoint=sb://" + host + "/;SharedAccessKeyName=" + rule + ";SharedAccessKey=a2V5"
}

// client is the factory's way to the broker.
func (h *house) client() *azservicebus.Client {
	h.t.Helper()
	c, err := azservicebus.NewClientFromConnectionString(connectionString("factory", "all"), &azservicebus.ClientOptions{
		NewWebSocketConn: func(context.Context, azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.broker.Dial(), nil
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func (h *house) job(run string) protocol.Job {
	return protocol.Job{
		ActivityRun: run, Attempt: 1, Factory: factoryID, Gateway: gatewayID, Bundle: json.RawMessage(`{}`),
		QueuedAt: time.Now().UTC(), Expires: time.Now().Add(time.Hour).UTC(),
	}
}

func (h *house) sign(v any, key ed25519.PrivateKey) []byte {
	h.t.Helper()
	body, err := protocol.SignJSON(v, key)
	if err != nil {
		h.t.Fatal(err)
	}
	return body
}

func (h *house) put(id, subject string, body []byte) {
	h.t.Helper()
	s, err := h.client().NewSender(jobs, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := s.SendMessage(ctx, &azservicebus.Message{MessageID: to.Ptr(id), Subject: to.Ptr(subject), Body: body}, nil); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) putJob(run string) {
	h.t.Helper()
	j := h.job(run)
	h.put(j.MessageID(), protocol.SubjectJob, h.sign(j, h.private))
}

// receive takes n messages from a queue.
func (h *house) receive(queue string, o *azservicebus.ReceiverOptions, n int) []*azservicebus.ReceivedMessage {
	h.t.Helper()
	r, err := h.client().NewReceiverForQueue(queue, o)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	var list []*azservicebus.ReceivedMessage
	for len(list) < n {
		got, err := r.ReceiveMessages(ctx, n-len(list), nil)
		if err != nil || len(got) == 0 {
			h.t.Fatalf("received %d of %d messages of %s: %v", len(list), n, queue, err)
		}
		for _, m := range got {
			if err := r.CompleteMessage(ctx, m, nil); err != nil {
				h.t.Fatal(err)
			}
		}
		list = append(list, got...)
	}
	return list
}

func (h *house) event(m *azservicebus.ReceivedMessage) protocol.Event {
	h.t.Helper()
	e, err := protocol.OpenEvent(m.Body, func(node string) string { return map[string]string{nodeID: nodeToken}[node] })
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// gateway is a Handler and an Outbox that remember what they were told.
type gateway struct {
	mu       sync.Mutex
	changed  chan struct{}
	free     int
	taken    []string
	known    map[string]bool
	cancels  []string
	links    []Link
	linkErr  error
	contacts int
	ready    error
	take     func(protocol.Job) error // before a job is written down
	outbox   []journal.Message
	sentErr  error // of the next Sent
}

func newGateway() *gateway {
	return &gateway{changed: make(chan struct{}), free: 1000, known: map[string]bool{}}
}

func (g *gateway) edit(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	close(g.changed)
	g.changed = make(chan struct{})
}

// until waits for a condition.
func (g *gateway) until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(soon)
	for {
		g.mu.Lock()
		ok, changed := met(), g.changed
		g.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			g.mu.Lock()
			defer g.mu.Unlock()
			t.Fatalf("never: %s; taken %v, links %v, last error %v", what, g.taken, g.links, g.linkErr)
		}
	}
}

func (g *gateway) Ready(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ready
}

func (g *gateway) Free(ctx context.Context) error {
	for {
		g.mu.Lock()
		free, changed := g.free, g.changed
		g.mu.Unlock()
		if free > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gateway) Take(_ context.Context, job protocol.Job) (bool, error) {
	g.mu.Lock()
	take := g.take
	g.mu.Unlock()
	if take != nil {
		if err := take(job); err != nil {
			return false, err
		}
	}
	fresh := false
	g.edit(func() {
		g.taken = append(g.taken, job.ActivityRun)
		fresh = !g.known[job.MessageID()]
		g.known[job.MessageID()] = true
		if fresh {
			g.free--
		}
	})
	return fresh, nil
}

func (g *gateway) Cancel(run string, _ int) { g.edit(func() { g.cancels = append(g.cancels, run) }) }

func (g *gateway) Link(l Link, err error) {
	g.edit(func() { g.links, g.linkErr = append(g.links, l), err })
}

func (g *gateway) Contact() { g.edit(func() { g.contacts++ }) }

func (g *gateway) Outbox(_ context.Context, limit int) ([]journal.Message, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]journal.Message(nil), g.outbox[:min(limit, len(g.outbox))]...), nil
}

func (g *gateway) Sent(_ context.Context, id int64) error {
	var err error
	g.edit(func() {
		if err = g.sentErr; err != nil {
			g.sentErr = nil
			return
		}
		for i, m := range g.outbox {
			if m.ID == id {
				g.outbox = append(g.outbox[:i:i], g.outbox[i+1:]...)
				break
			}
		}
	})
	return err
}

func (g *gateway) connected() bool { return len(g.links) > 0 && g.links[len(g.links)-1] == Connected }

func (h *house) options(g *gateway) Options {
	return Options{
		Connection: secret.New(connectionString("factory", "gateway")), Jobs: jobs, Status: status, Address: "factory.test:1", Dial: h.dial,
		SigningKey: h.public, Factory: factoryID, Gateway: gatewayID, Node: nodeID, Token: secret.New(nodeToken), Handler: g, Outbox: g,
	}
}

// run runs a channel until the test ends or the returned func is called.
func run(t *testing.T, o Options) (*Channel, func()) {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, start(t, c)
}

func start(t *testing.T, c *Channel) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx, nil)
	}()
	stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(soon):
			t.Error("the channel does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func transient(message string) error { return fault.New(fault.DiskFull, "%s", message).AsTransient() }
