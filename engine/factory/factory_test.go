package factory

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"dmgateway/engine/credential"
	"dmgateway/engine/factory/client"
	"dmgateway/engine/factory/wire"
	formats "dmgateway/engine/format/all"
	"dmgateway/engine/props"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is a store with a password, which is all that a factory needs of one.
func ledger() store.Definition {
	service := func(o *props.Object) {
		o.String("server")
		o.String("connectionString")
		o.Secret("password")
	}
	return store.Definition{
		Name: "ledger", Title: "Ledger", LinkedServices: []string{"Ledger"}, Datasets: []string{"LedgerTable"}, Sources: []string{"LedgerSource"},
		Sinks: []string{"LedgerSink"},
		Source: func(s store.Spec) store.OpenSource {
			service(s.LinkedService)
			if !s.LinkedService.Has("password") && !s.LinkedService.Has("connectionString") {
				s.LinkedService.Required("password")
			}
			s.Dataset.Required("table")
			s.Activity.String("query")
			return nil
		},
		Sink: func(s store.Spec) store.OpenSink {
			service(s.LinkedService)
			s.Dataset.Required("table")
			return nil
		},
		Test: func(o *props.Object) store.Test { service(o); return nil },
	}
}

func testOptions(dir string) Options {
	return Options{
		Dir: dir, Stores: store.NewRegistry(sqlite.Definition(), ledger()), Formats: formats.Formats(), Log: slog.New(slog.DiscardHandler), Version: "1.0.0",
	}
}

// house is a served factory with a client.
type house struct {
	t *testing.T
	*Factory
	*client.Client
	address string // host:port
	end     func()
}

func open(t *testing.T, o Options, listen string) *house {
	t.Helper()
	f, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, served := make(chan wire.Ready, 1), make(chan error, 1)
	go func() { served <- f.Serve(ctx, l, func(r wire.Ready) { ready <- r }) }()
	var r wire.Ready
	select {
	case r = <-ready:
	case err := <-served:
		t.Fatal(err)
	}
	c, err := client.New(r.URL, r.Token, r.CA)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, Factory: f, Client: c, address: l.Addr().String()}
	ended := false
	h.end = func() {
		if ended {
			return
		}
		ended = true
		c.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(h.end)
	return h
}

// newHouse is a house of its own, with the gateway "plant" and the pipeline "orders" of sample.
func newHouse(t *testing.T) *house {
	t.Helper()
	t.Parallel()
	h := open(t, testOptions(t.TempDir()), "127.0.0.1:0")
	if _, err := h.NewGateway(t.Context(), "plant", "the plant's machines"); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) apply(files map[string]string) {
	h.t.Helper()
	dir := h.t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	if _, err := h.Apply(h.t.Context(), dir); err != nil {
		h.t.Fatal(err)
	}
}

// sample copies one SQLite table to another.
var sample = map[string]string{
	"source.json":   `{"name":"Source","properties":{"type":"SQLite","typeProperties":{"connectionString":"Data Source=/data/in.db"},"connectVia":{"type":"IntegrationRuntimeReference","referenceName":"plant"}}}`,
	"sink.json":     `{"name":"Sink","properties":{"type":"SQLite","typeProperties":{"connectionString":"Data Source=/data/out.db"},"connectVia":{"type":"IntegrationRuntimeReference","referenceName":"plant"}}}`,
	"in.json":       `{"name":"In","properties":{"type":"SQLiteTable","linkedServiceName":{"type":"LinkedServiceReference","referenceName":"Source"},"typeProperties":{"tableName":"orders"}}}`,
	"out.json":      `{"name":"Out","properties":{"type":"SQLiteTable","linkedServiceName":{"type":"LinkedServiceReference","referenceName":"Sink"},"typeProperties":{"tableName":"orders"}}}`,
	"pipeline.json": samplePipeline,
}

const samplePipeline = `{"name":"orders","properties":{"parameters":{"day":{"type":"String","defaultValue":"2026-01-31"}},"activities":[{"name":"Copy orders","type":"Copy",
	"policy":{"retry":1,"retryIntervalInSeconds":0},
	"inputs":[{"type":"DatasetReference","referenceName":"In"}],"outputs":[{"type":"DatasetReference","referenceName":"Out"}],
	"typeProperties":{"source":{"type":"SQLiteSource","query":{"value":"select * from orders where day = '@{pipeline().parameters.day}'","type":"Expression"}},"sink":{"type":"SQLiteSink"}}}]}}`

// fakeNode speaks the protocol as a gateway does, over the network.
type fakeNode struct {
	t    *testing.T
	id   *registration.Identity
	rest *registration.Client
	bus  *azservicebus.Client
	jobs *azservicebus.Receiver
	out  *azservicebus.Sender
	cert *credential.Certificate
}

func (h *house) key(gateway string) registration.Key {
	h.t.Helper()
	text, err := h.Key(h.t.Context(), gateway)
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := registration.ParseKey(text)
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}

// gatewayCertificate is one for all tests, because making it takes long.
var gatewayCertificate = sync.OnceValues(func() (*credential.Certificate, error) { return credential.NewCertificate("machine") })

func testCertificate(t *testing.T) *credential.Certificate {
	t.Helper()
	c, err := gatewayCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *house) node(name string) *fakeNode {
	h.t.Helper()
	cert := testCertificate(h.t)
	id, err := registration.Register(h.t.Context(), h.key("plant"), registration.Options{NodeName: name, Version: "1.0.0", Certificate: cert.Leaf.Raw})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.connect(id, cert)
}

func (h *house) connect(id *registration.Identity, cert *credential.Certificate) *fakeNode {
	h.t.Helper()
	n := &fakeNode{t: h.t, id: id, rest: registration.NewClient(id, nil), cert: cert}
	transport := &http.Transport{TLSClientConfig: registration.PinnedTLS(id.Pin)}
	o := &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: 1, RetryDelay: 10 * time.Millisecond}}
	if strings.Contains(id.Connection.Reveal(), "://"+busHost+"/") {
		o.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			ws, _, err := websocket.Dial(ctx, //nolint:bodyclose // Dial closes what it does not hand out
				"wss://"+id.Location+protocol.PathBus, &websocket.DialOptions{
					Subprotocols: []string{"amqp"}, HTTPClient: &http.Client{Transport: transport},
				})
			if err != nil {
				return nil, err
			}
			return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), nil
		}
	}
	var err error
	if n.bus, err = azservicebus.NewClientFromConnectionString(id.Connection.Reveal(), o); err != nil {
		h.t.Fatal(err)
	}
	if n.jobs, err = n.bus.NewReceiverForQueue(id.Jobs, nil); err != nil {
		h.t.Fatal(err)
	}
	if n.out, err = n.bus.NewSender(id.Status, nil); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = n.bus.Close(ctx) // the factory may be gone already
		n.rest.Close()
		transport.CloseIdleConnections()
	})
	return n
}

func (n *fakeNode) receive() *azservicebus.ReceivedMessage {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	ms, err := n.jobs.ReceiveMessages(ctx, 1, nil)
	if err != nil || len(ms) != 1 {
		n.t.Fatalf("received %d messages: %v", len(ms), err)
	}
	return ms[0]
}

// take receives a job, checks its signature, completes the message and takes the lease.
func (n *fakeNode) take() protocol.Job {
	n.t.Helper()
	m := n.receive()
	var job protocol.Job
	if err := protocol.OpenJSON(m.Body, n.id.SigningKey, &job); err != nil {
		n.t.Fatal(err)
	}
	if m.MessageID != job.MessageID() || m.Subject == nil || *m.Subject != protocol.SubjectJob {
		n.t.Errorf("message %q of job %q", m.MessageID, job.MessageID())
	}
	if err := n.jobs.CompleteMessage(n.t.Context(), m, nil); err != nil {
		n.t.Fatal(err)
	}
	if got := n.lease(job); got != protocol.LeaseHeld {
		n.t.Fatalf("lease of a new job: %s", got)
	}
	return job
}

func (n *fakeNode) lease(job protocol.Job) string {
	n.t.Helper()
	answers, err := n.rest.Lease(n.t.Context(), []protocol.LeaseJob{{ActivityRun: job.ActivityRun, Attempt: job.Attempt}})
	if err != nil {
		n.t.Fatal(err)
	}
	return answers[0]
}

func (n *fakeNode) event(e protocol.Event) protocol.Event {
	e.Factory, e.Gateway, e.Node, e.Time = n.id.Factory, n.id.Gateway, n.id.Node, time.Now()
	return e
}

func (n *fakeNode) send(e protocol.Event) {
	n.t.Helper()
	body, err := protocol.SignEvent(n.event(e), n.id.Token.Reveal())
	if err != nil {
		n.t.Fatal(err)
	}
	n.sendBody(body)
}

func (n *fakeNode) sendBody(body []byte) {
	n.t.Helper()
	if err := n.out.SendMessage(n.t.Context(), &azservicebus.Message{Body: body, Subject: to.Ptr("event")}, nil); err != nil {
		n.t.Fatal(err)
	}
}

func resultOf(job protocol.Job, status string) protocol.Event {
	r := &report.Result{Status: status, RowsRead: 10, RowsCopied: 10, Attempt: job.Attempt}
	if status == report.Failed {
		r.Errors = []report.Error{{Code: "StoreFailed", Message: "no such table", Hint: "Create it."}}
	}
	return protocol.Event{Kind: protocol.EventResult, ActivityRun: job.ActivityRun, Attempt: job.Attempt, Result: r}
}

// eventually looks at a run until it is as wanted.
func (h *house) eventually(run, what string, want func(client.RunDetails) bool) client.RunDetails {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		d, err := h.RunDetails(ctx, run)
		if err == nil && want(d) {
			return d
		}
		select {
		case <-ctx.Done():
			text, _ := json.MarshalIndent(d, "", " ")
			h.t.Fatalf("run is not %s (%v): %s", what, err, text)
		case <-t.C:
		}
	}
}

func (h *house) run(pipeline string) string {
	h.t.Helper()
	id, err := h.Run(h.t.Context(), pipeline, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func hasStatus(status string) func(client.RunDetails) bool {
	return func(d client.RunDetails) bool {
		return d.Status == status && len(d.Activities) == 1 && (d.Ended() || d.Activities[0].Status == status)
	}
}
