package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/batch"
	"dmgateway/engine/factory"
	"dmgateway/engine/factory/client"
	"dmgateway/engine/factory/wire"
	formats "dmgateway/engine/format/all"
	"dmgateway/engine/store"
	stores "dmgateway/engine/store/all"
	"dmgateway/engine/store/memory"
)

func TestMain(m *testing.M) {
	if os.Getenv(childData) != "" {
		childMain()
		return
	}
	goleak.VerifyTestMain(m)
}

var dbg *slog.Logger

const soon = 60 * time.Second

// world is a factory that serves on loopback, with a store in memory beside the real ones.
type world struct {
	t       *testing.T
	dir     string
	memory  *memory.Server
	address string
	options factory.Options

	client *client.Client
	ready  wire.Ready
	stop   func()
}

func newWorld(t *testing.T, edit ...func(*factory.Options)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), memory: memory.New(), address: "127.0.0.1:0"}
	w.options = factory.Options{
		Dir: filepath.Join(w.dir, "factory"), Stores: w.stores(), Formats: formats.Formats(), Version: "1.0.0",
		Heartbeat: time.Second, Lease: 3 * time.Second,
	}
	for _, e := range edit {
		e(&w.options)
	}
	w.up()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) stores() *store.Registry {
	list := []store.Definition{w.memory.Definition()}
	for _, d := range stores.Stores().All() {
		list = append(list, *d)
	}
	return store.NewRegistry(list...)
}

// up opens the factory and serves at the same address each time.
func (w *world) up() {
	w.t.Helper()
	f, err := factory.Open(context.Background(), w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ready, down := make(chan wire.Ready, 1), make(chan error, 1)
	go func() { down <- f.Serve(ctx, l, func(r wire.Ready) { ready <- r }) }()
	select {
	case w.ready = <-ready:
	case err := <-down:
		w.t.Fatal(err)
	}
	if w.client, err = client.New(w.ready.URL, w.ready.Token, w.ready.CA); err != nil {
		w.t.Fatal(err)
	}
	w.stop = func() {
		w.client.Close()
		cancel()
		if err := <-down; err != nil {
			w.t.Errorf("serve: %v", err)
		}
		if err := f.Close(); err != nil {
			w.t.Errorf("close the factory: %v", err)
		}
		w.stop = func() {}
	}
}

// gateway makes a logical gateway and gives its key.
func (w *world) gateway(name string) string {
	w.t.Helper()
	key, err := w.client.NewGateway(w.t.Context(), name, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// node is an engine that is registered with the key.
func (w *world) node(name, key string) *Engine {
	w.t.Helper()
	e := openEngine(w.t, filepath.Join(w.dir, name), func(o *Options) { o.stores, o.Log = w.stores(), dbg })
	if err := e.Register(w.t.Context(), key, name, nil); err != nil {
		w.t.Fatal(err)
	}
	w.state(e, Connected)
	return e
}

func (w *world) state(c Controller, want State) Status {
	w.t.Helper()
	return waitStatus(w.t, c, func(s Status) bool { return s.State == want })
}

// waitStatus waits for a status.
func waitStatus(t *testing.T, c Controller, met func(Status) bool) Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	events, err := c.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var last Status
	for ev := range events {
		if ev.Status != nil {
			if last = *ev.Status; met(last) {
				return last
			}
		}
	}
	t.Fatalf("the status stays %+v", last)
	return last
}

// waitJob waits for a job's state.
func waitJob(t *testing.T, c Controller, id string, met func(Job) bool) Job {
	t.Helper()
	deadline := time.Now().Add(3 * soon)
	for {
		j, err := c.Job(context.Background(), id)
		if err == nil && met(j) {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("the job stays %+v, %v", j, err)
		}
		time.Sleep(10 * time.Millisecond) // polling, with a deadline
	}
}

func ended(j Job) bool { return !j.Ended.IsZero() }

// put gives a resource to the factory.
func (w *world) put(kind, name, properties string) {
	w.t.Helper()
	if _, err := w.client.Put(w.t.Context(), kind, name, json.RawMessage(properties)); err != nil {
		w.t.Fatalf("%s %s: %v", kind, name, err)
	}
}

// pipeline copies the memory table "in" to "out" through the gateway.
func (w *world) pipeline(gateway string, rows int) string {
	w.t.Helper()
	schema := batch.Schema{{Name: "id", Type: batch.Type{Kind: batch.Int64}}}
	w.memory.Create("in", schema)
	b := batch.New(schema, rows)
	for i := range rows {
		b.Cols[0].AppendInt(int64(i))
	}
	if err := w.memory.Add("in", b); err != nil {
		w.t.Fatal(err)
	}
	via := fmt.Sprintf(`"connectVia":{"referenceName":%q,"type":"IntegrationRuntimeReference"}`, gateway)
	w.put("linkedservices", "Mem", `{"type":"Memory",`+via+`,"typeProperties":{}}`)
	for _, table := range []string{"in", "out"} {
		w.put("datasets", table, `{"type":"MemoryTable","linkedServiceName":{"referenceName":"Mem","type":"LinkedServiceReference"},"typeProperties":{"tableName":"`+table+`"}}`)
	}
	w.put("pipelines", "copy", `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"in","type":"DatasetReference"}],
		"outputs":[{"referenceName":"out","type":"DatasetReference"}],"typeProperties":{"parallelCopies":4,"source":{"type":"MemorySource"},"sink":{"type":"MemorySink","tableOption":"autoCreate"}}}]}`)
	return "copy"
}

// run starts a pipeline and gives the pipeline run and its activity run.
func (w *world) run(pipeline string) (run, job string) {
	w.t.Helper()
	run, err := w.client.Run(w.t.Context(), pipeline, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := w.client.RunDetails(w.t.Context(), run)
	if err != nil || len(d.Activities) != 1 {
		w.t.Fatalf("%+v, %v", d, err)
	}
	return run, d.Activities[0].ActivityRunID
}

// wait waits for the end of a pipeline run at the factory.
func (w *world) wait(run string) client.RunDetails {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	d, err := w.client.WaitRun(ctx, run, nil)
	if err != nil {
		w.t.Fatalf("%+v: %v", d, err)
	}
	return d
}

// distinct counts the rows of the memory table "out", and how many of them differ.
func (w *world) distinct() (rows, different int) {
	_, b := w.memory.Rows("out")
	if b == nil {
		return 0, 0
	}
	seen := map[int64]bool{}
	for i := range b.Len() {
		seen[b.Cols[0].Ints[i]] = true
	}
	return b.Len(), len(seen)
}

// gate lets the memory store's readers wait after a number of partitions was committed.
type gate struct {
	reached chan struct{} // a reader waits
	release chan struct{}
}

// hold makes every reader wait until release is closed.
func (w *world) hold() *gate {
	g := &gate{reached: make(chan struct{}, 100), release: make(chan struct{})}
	w.memory.SetHooks(memory.Hooks{Next: func(ctx context.Context, _ string, _ int64) error {
		select {
		case g.reached <- struct{}{}:
		default:
		}
		select {
		case <-g.release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	return g
}

func (g *gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(soon):
		t.Fatal("no reader came")
	}
}

// logOf is what an engine's log holds.
func logOf(t *testing.T, e *Engine) string {
	t.Helper()
	data, err := os.ReadFile(e.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mustNotHold(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("a secret is in %s", where)
		}
	}
}
