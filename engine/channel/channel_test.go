package channel

import (
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
)

func TestAJobIsTakenAndItsMessageCompleted(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	_, stop := run(t, h.options(g))
	h.putJob("r1")
	g.until(t, "r1 is taken", func() bool { return slices.Equal(g.taken, []string{"r1"}) })
	stop()
	if c := h.counts(jobs); c.Active+c.DeadLetter != 0 {
		t.Errorf("left in the queue: %+v", c)
	}
	if g.contacts == 0 || !slices.Equal(g.links, []Link{Connecting, Connected}) {
		t.Errorf("contacts %d, links %v", g.contacts, g.links)
	}
}

func TestAJobThatComesAgainIsCompletedAndNotRunAgain(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	_, stop := run(t, h.options(g))
	h.putJob("r1")
	h.putJob("r1")
	h.putJob("r2")
	g.until(t, "all three are there", func() bool { return len(g.taken) == 3 })
	stop()
	if c := h.counts(jobs); c.Active+c.DeadLetter != 0 || len(g.known) != 2 {
		t.Errorf("queue %+v, known %v", c, g.known)
	}
}

func TestWhatIsNotTheFactorysIsDeadLettered(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(edit func(*protocol.Job)) protocol.Job {
		j := h.job("bad")
		edit(&j)
		return j
	}
	good := string(h.sign(h.job("bad"), h.private))
	header, rest, _ := strings.Cut(good, ".")
	for _, c := range []struct {
		name, id, subject string
		body              []byte
		reason            string
	}{
		{"signed by a stranger", "bad.1", protocol.SubjectJob, h.sign(h.job("bad"), stranger), reasonUnsigned},
		{"not signed", "bad.1", protocol.SubjectJob, []byte(`{"activityRun":"bad"}`), reasonUnsigned},
		{"empty", "bad.1", protocol.SubjectJob, nil, reasonUnsigned},
		{"algorithm none", "bad.1", protocol.SubjectJob, []byte("eyJhbGciOiJub25lIn0." + strings.Split(rest, ".")[0] + "."), reasonUnsigned},
		{"changed on the way", "bad.1", protocol.SubjectJob, []byte(header + "." + "e30" + "." + strings.Split(rest, ".")[1]), reasonUnsigned},
		{"another gateway's", "bad.1", protocol.SubjectJob, h.sign(changed(func(j *protocol.Job) { j.Gateway = "other" }), h.private), reasonForeign},
		{"another factory's", "bad.1", protocol.SubjectJob, h.sign(changed(func(j *protocol.Job) { j.Factory = "other" }), h.private), reasonForeign},
		{"expired", "bad.1", protocol.SubjectJob, h.sign(changed(func(j *protocol.Job) { j.Expires = time.Now().Add(-time.Second) }), h.private), reasonExpired},
		{"no attempt", "bad.0", protocol.SubjectJob, h.sign(changed(func(j *protocol.Job) { j.Attempt = 0 }), h.private), reasonUnreadable},
		{"under another message ID", "bad.2", protocol.SubjectJob, h.sign(h.job("bad"), h.private), reasonUnreadable},
		{"unknown subject", "bad.1", "reboot", h.sign(h.job("bad"), h.private), reasonUnknown},
		{"another gateway's cancel", "c", protocol.SubjectCancel, h.sign(protocol.Cancel{ActivityRun: "bad", Gateway: "other", Expires: time.Now().Add(time.Hour)}, h.private), reasonForeign},
		{"a stranger's cancel", "c", protocol.SubjectCancel, h.sign(protocol.Cancel{ActivityRun: "bad", Gateway: gatewayID, Expires: time.Now().Add(time.Hour)}, stranger), reasonUnsigned},
		{"a job sent again as a cancel", "c", protocol.SubjectCancel, h.sign(h.job("bad"), h.private), reasonUnsigned},
		{"a cancel sent again as a job", "bad.1", protocol.SubjectJob, h.sign(protocol.Cancel{ActivityRun: "bad", Attempt: 1, Gateway: gatewayID, Expires: time.Now().Add(time.Hour)}, h.private), reasonUnsigned},
	} {
		h.put(c.id, c.subject, c.body)
		t.Run(c.name, func(t *testing.T) {
			_, stop := run(t, h.options(g))
			m := h.receive(jobs, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter}, 1)[0]
			stop()
			if m.DeadLetterReason == nil || *m.DeadLetterReason != c.reason || m.DeadLetterErrorDescription == nil || *m.DeadLetterErrorDescription == "" {
				t.Errorf("dead-lettered because of %v: %v", deref(m.DeadLetterReason), deref(m.DeadLetterErrorDescription))
			}
		})
	}
	if len(g.taken)+len(g.cancels) != 0 {
		t.Errorf("taken %v, cancelled %v", g.taken, g.cancels)
	}
}

func deref(s *string) string {
	if s == nil {
		return "nothing"
	}
	return *s
}

func TestACancelIsHandedOverAndAnOldOneDropped(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	h.put("c1", protocol.SubjectCancel, h.sign(protocol.Cancel{ActivityRun: "old", Gateway: gatewayID, Expires: time.Now().Add(-time.Minute)}, h.private))
	h.put("c2", protocol.SubjectCancel, h.sign(protocol.Cancel{ActivityRun: "r", Gateway: gatewayID, Expires: time.Now().Add(time.Minute)}, h.private))
	_, stop := run(t, h.options(g))
	g.until(t, "r is cancelled", func() bool { return slices.Equal(g.cancels, []string{"r"}) })
	stop()
	if c := h.counts(jobs); c.Active+c.DeadLetter != 0 {
		t.Errorf("left in the queue: %+v", c)
	}
}

func TestNoMoreMessagesAreTakenThanWorkersAreFree(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	g.free = 2
	for i := range 5 {
		h.putJob(fmt.Sprint("r", i))
	}
	run(t, h.options(g))
	g.until(t, "two are taken", func() bool { return len(g.taken) == 2 && g.free == 0 })
	// Another receiver gets the other three: they are not locked by this one.
	if list := h.receive(jobs, nil, 3); len(list) != 3 {
		t.Errorf("%d messages are free", len(list))
	}
	h.putJob("later")
	g.edit(func() { g.free = 1 })
	g.until(t, "the next is taken", func() bool { return slices.Contains(g.taken, "later") })
}

func TestAPausedChannelTakesNothingAndGoesOnSending(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	c, stop := run(t, h.options(g))
	h.putJob("r1")
	g.until(t, "taken", func() bool { return len(g.taken) == 1 })
	c.Pause()
	c.Pause()
	h.putJob("r2")
	g.edit(func() { g.outbox = append(g.outbox, result(1, "r1")) })
	c.Kick()
	g.until(t, "the outbox is empty", func() bool { return len(g.outbox) == 0 })
	// Somebody else gets the job at once, long before a lock would have ended.
	if m := h.receive(jobs, nil, 1)[0]; m.MessageID != "r2.1" {
		t.Errorf("got %s", m.MessageID)
	}
	stop()
	if len(g.taken) != 1 {
		t.Errorf("taken %v", g.taken)
	}
}

// The trap: a message received over a connection that has since dropped can be settled by its lock token alone.
func TestAMessageHeldWhileTheConnectionBreaksIsSettledOverTheNext(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	g.take = func(protocol.Job) error { h.cut(); return nil }
	_, stop := run(t, h.options(g))
	h.putJob("r1")
	g.until(t, "the first job is taken", func() bool { return len(g.taken) == 1 })
	g.edit(func() { g.take = nil })
	h.putJob("r2")
	g.until(t, "the next job is taken", func() bool { return slices.Contains(g.taken, "r2") })
	stop()
	if c := h.counts(jobs); c.Active+c.DeadLetter != 0 || !slices.Equal(g.taken, []string{"r1", "r2"}) {
		t.Errorf("queue %+v, taken %v: the message was not settled by its token", c, g.taken)
	}
}

// The same where nothing answers for longer than a settlement may take.
func TestAMessageHeldWhileTheBrokerIsAwayIsSettledLater(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	g.take = func(protocol.Job) error {
		h.mu.Lock()
		h.down = true
		h.mu.Unlock()
		h.cut()
		return nil
	}
	c, err := New(h.options(g))
	if err != nil {
		t.Fatal(err)
	}
	c.settleTime = 100 * time.Millisecond
	stop := start(t, c)
	h.putJob("r1")
	g.until(t, "disconnected", func() bool { return len(g.taken) == 1 && g.links[len(g.links)-1] == Disconnected })
	h.mu.Lock()
	h.down = false
	h.mu.Unlock()
	g.until(t, "connected again", g.connected)
	stop()
	if c := h.counts(jobs); c.Active+c.DeadLetter != 0 || !slices.Equal(g.taken, []string{"r1"}) {
		t.Errorf("queue %+v, taken %v", c, g.taken)
	}
}

// The trap: ReceiveMessages answers a broken connection with neither messages nor an error.
func TestABrokenConnectionIsNoticedAndMadeAgain(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	run(t, h.options(g))
	g.until(t, "connected", g.connected)
	h.cut()
	g.until(t, "the break is told", func() bool { return len(g.links) > 2 && g.links[2] == Connecting })
	if f := fault.As(g.linkErr); f != nil && f.Code != fault.Unreachable {
		t.Errorf("told: %v", f)
	}
	for i := range 3 {
		g.until(t, "connected", g.connected)
		h.cut()
		h.putJob(fmt.Sprint("r", i))
		g.until(t, "a job is taken", func() bool { return len(g.taken) == i+1 })
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dials > 20 {
		t.Errorf("%d dials for 4 breaks: it is tried again without a pause", h.dials)
	}
}

func TestABrokerThatIsKilledAndRestartedIsFoundAgain(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	run(t, h.options(g))
	g.until(t, "connected", g.connected)
	h.kill()
	g.until(t, "disconnected", func() bool { return g.links[len(g.links)-1] == Disconnected })
	if f := fault.As(g.linkErr); f.Code != fault.Unreachable || f.Hint == "" || !strings.Contains(f.Message, "factory.test:1") {
		t.Errorf("told: %v", g.linkErr)
	}
	h.up()
	h.putJob("r1")
	g.until(t, "the job is taken", func() bool { return slices.Equal(g.taken, []string{"r1"}) })
	g.until(t, "connected again", g.connected)
}

func TestAMessageThatCannotBeWrittenDownStaysInTheQueue(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	g.take = func(protocol.Job) error {
		g.edit(func() { g.ready = transient("the disk is full") })
		return transient("the disk is full")
	}
	if err := h.broker.SetQueue(t.Context(), jobs, bus.QueueOptions{LockDuration: time.Second}); err != nil {
		t.Fatal(err)
	}
	run(t, h.options(g))
	h.putJob("r1")
	g.until(t, "told", func() bool { return fault.Is(g.linkErr, fault.DiskFull) && g.links[len(g.links)-1] == Disconnected })
	if c := h.counts(jobs); c.Active != 1 || c.DeadLetter != 0 {
		t.Errorf("queue %+v", c)
	}
	g.edit(func() { g.ready, g.take = nil, nil })
	g.until(t, "taken in the end", func() bool { return slices.Equal(g.taken, []string{"r1"}) })
}

func TestAQueueThatRefusesTheGatewayIsToldApart(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	for _, c := range []struct{ connection, jobs, code string }{
		{connectionString("factory", "nobody"), jobs, fault.SignInFailed},
		{strings.Replace(connectionString("factory", "gateway"), "a2V5", "b3RoZXI=", 1), jobs, fault.SignInFailed},
		{connectionString("factory", "all"), "no-such-queue", fault.NotFound},
	} {
		o := h.options(g)
		o.Connection, o.Jobs = secret.New(c.connection), c.jobs
		_, stop := run(t, o)
		g.until(t, c.code, func() bool { return fault.Code(g.linkErr) == c.code })
		stop()
	}
	o := h.options(g)
	_, stop := run(t, o)
	g.until(t, "connected", g.connected)
	if err := h.broker.DeleteRule(t.Context(), "gateway"); err != nil {
		t.Fatal(err)
	}
	g.until(t, "the rule that was taken away is noticed", func() bool { return fault.Code(g.linkErr) == fault.SignInFailed })
	stop()
}

func result(id int64, run string) journal.Message {
	return journal.Message{ID: id, MessageID: protocol.ResultMessageID(run, 1), Event: protocol.Event{
		Kind: protocol.EventResult, Node: nodeID, ActivityRun: run, Attempt: 1, Time: time.Now(), Result: &report.Result{Status: report.Succeeded},
	}}
}

func TestTheOutboxIsSentInOrderUnderItsOwnMessageIDs(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	for i := range 3 {
		g.outbox = append(g.outbox, result(int64(i), fmt.Sprint("r", i)))
	}
	c, _ := run(t, h.options(g))
	g.until(t, "the outbox is empty", func() bool { return len(g.outbox) == 0 })
	g.edit(func() { g.outbox = append(g.outbox, result(9, "r3")) })
	c.Kick()
	for i, m := range h.receive(status, nil, 4) {
		e := h.event(m)
		if m.MessageID != fmt.Sprintf("result/r%d.1", i) || *m.Subject != protocol.EventResult || e.ActivityRun != fmt.Sprint("r", i) || e.Result.Status != report.Succeeded {
			t.Errorf("message %d is %s with %+v", i, m.MessageID, e)
		}
	}
}

func TestAResultThatCouldNotBeStruckOffIsSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	g.outbox = []journal.Message{result(1, "r")}
	g.sentErr = transient("the disk is full")
	run(t, h.options(g))
	list := h.receive(status, nil, 2)
	if list[0].MessageID != "result/r.1" || list[1].MessageID != list[0].MessageID {
		t.Errorf("sent %s and %s", list[0].MessageID, list[1].MessageID)
	}
	g.until(t, "the outbox is empty", func() bool { return len(g.outbox) == 0 })
}

func TestAResultTooLargeForAMessageLosesItsLists(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	m := result(1, "r")
	m.Event.Result.Status, m.Event.Result.RowsRead = report.Failed, 42
	m.Event.Result.Files = []string{strings.Repeat("f", 2<<20)}
	m.Event.Result.Errors = []report.Error{{Code: "X", Message: strings.Repeat("m", 1<<20)}, {Code: "Y"}}
	g.outbox = []journal.Message{m}
	run(t, h.options(g))
	e := h.event(h.receive(status, nil, 1)[0])
	if e.Result.Status != report.Failed || e.Result.RowsRead != 42 || len(e.Result.Files) != 0 || len(e.Result.Errors) != 1 || e.Result.Errors[0].Code != "X" {
		t.Errorf("arrived: %+v", e.Result)
	}
}

func TestNewsIsReplacedByNewerNewsWhileTheLineIsDown(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	g.ready = transient("not yet")
	c, _ := run(t, h.options(g))
	progress := func(run string, rows int64, at time.Time) protocol.Event {
		return protocol.Event{Kind: protocol.EventProgress, Node: nodeID, ActivityRun: run, Time: at, Progress: &report.Progress{RowsRead: rows}}
	}
	c.Report(progress("stale", 1, time.Now().Add(-time.Hour)))
	for rows := range int64(50) {
		c.Report(progress("a", rows, time.Now()))
		c.Report(progress("b", 10*rows, time.Now()))
	}
	g.edit(func() { g.ready = nil })
	list := h.receive(status, nil, 2)
	for i, want := range []struct {
		run  string
		rows int64
	}{{"a", 49}, {"b", 490}} {
		if e := h.event(list[i]); e.ActivityRun != want.run || e.Progress.RowsRead != want.rows {
			t.Errorf("arrived %s with %d rows", e.ActivityRun, e.Progress.RowsRead)
		}
	}
	if list[0].MessageID == list[1].MessageID {
		t.Error("two messages have one ID")
	}
}

// The built-in bus is reached by WebSocket at the factory's own address, below its path prefix, over its pinned key.
func TestTheBuiltInBusIsReachedAtTheFactorysAddress(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	mux := http.NewServeMux()
	mux.Handle("/adf"+protocol.PathBus, h.broker.WebSocketHandler())
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	o := h.options(g)
	o.Dial, o.Address = nil, server.Listener.Addr().String()+"/adf"
	o.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
	_, stop := run(t, o)
	h.putJob("r1")
	g.until(t, "taken", func() bool { return len(g.taken) == 1 })
	// The connection outlives the operation that made it.
	h.putJob("r2")
	g.until(t, "taken over the same connection", func() bool { return len(g.taken) == 2 })
	stop()
	if !slices.Equal(g.links, []Link{Connecting, Connected}) {
		t.Errorf("links %v", g.links)
	}
}

func TestAMQPWithoutTLSIsUsedOnLoopback(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.broker.Serve(l) }()
	t.Cleanup(func() {
		h.kill()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	o := h.options(g)
	o.Dial, o.Connection = nil, secret.New(connectionString(l.Addr().String(), "gateway")+";UseDevelopmentEmulator=true")
	_, stop := run(t, o)
	h.putJob("r1")
	g.until(t, "taken", func() bool { return len(g.taken) == 1 })
	stop()
}

func TestTheOtherWayIsTriedWhereAPortIsClosed(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	o := h.options(g)
	o.Dial, o.Connection = nil, secret.New(connectionString(closed, "gateway"))
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.routes(t.Context()); !slices.Equal(got, []route{routeAMQP, routeWebSocket}) {
		t.Errorf("at first %v", got)
	}
	if _, err := c.connect(t.Context()); fault.Code(err) != fault.Unreachable || !strings.Contains(err.Error(), closed) {
		t.Errorf("got %v", err)
	}
	c.route = routeWebSocket
	if got := c.routes(t.Context()); !slices.Equal(got, []route{routeWebSocket, routeAMQP}) {
		t.Errorf("after WebSocket worked %v", got)
	}
}

func TestConnectionStringsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, host, code string }{
		{"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k", "ns.servicebus.windows.net", ""},
		{"SharedAccessKey=k=;endpoint=sb://127.0.0.1:5672;UseDevelopmentEmulator=true", "127.0.0.1:5672", ""},
		{"Endpoint=sb://localhost;UseDevelopmentEmulator=true", "localhost", ""},
		{"Endpoint=sb://[::1]:5672;UseDevelopmentEmulator=TRUE", "[::1]:5672", ""},
		{"Endpoint=sb://factory/;UseDevelopmentEmulator=true", "factory", ""},
		{"Endpoint=sb://ns.example;UseDevelopmentEmulator=true;SharedAccessKey=S3CRET", "", fault.Forbidden},
		{"Endpoint=sb://localhost.example;UseDevelopmentEmulator=true", "", fault.Forbidden},
		{"Endpoint=https://ns.example/;SharedAccessKey=S3CRET", "", fault.BadData},
		{"", "", fault.BadData},
	} {
		b, err := parseConnection(secret.New(c.text))
		if fault.Code(err) != c.code || err == nil && b.host != c.host {
			t.Errorf("%s: host %q, %v", c.text, b.host, err)
		}
		if err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("the error tells the key: %v", err)
		}
	}
}
