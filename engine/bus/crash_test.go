package bus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/bus"
	"dmgateway/engine/secret"
)

// envChild makes the test program a broker on the file that it names, until it is killed.
const envChild = "DMG_TEST_BUS_CHILD"

const childKey = "key of the child"

func childBroker(path string) {
	ctx := context.Background()
	b, err := bus.Open(path, bus.Options{})
	if err == nil {
		err = b.SetQueue(ctx, "q", bus.QueueOptions{LockDuration: 5 * time.Minute})
	}
	if err == nil {
		err = b.SetRule(ctx, bus.Rule{Name: rootRule, Key: secret.New(childKey), Grants: []bus.Grant{{Rights: bus.Manage}}})
	}
	l, err2 := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(err, err2); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("listening", l.Addr())
	fmt.Println("ended", b.Serve(l))
	os.Exit(1)
}

// startChild starts a broker process; kill kills it as kill -9 does, and waits for its end.
func startChild(t *testing.T, path string) (e *env, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	host, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !ok {
		t.Fatalf("the broker says %q, %v", line, err)
	}
	return &env{host: host, real: "Endpoint=sb://" + host + ";SharedAccessKeyName=root;SharedAccessKey=" + childKey +
		";UseDevelopmentEmulator=true"}, kill
}

// ledger is what clients were told by brokers that were killed under them.
type ledger struct {
	mu        sync.Mutex
	sent      map[string]bool // acknowledged sends
	tried     map[string]bool // completions that were asked for: acknowledged, or on disk when the broker was killed, or not
	completed map[string]bool // acknowledged completions
	doubled   []string        // received after an acknowledged completion
}

func (l *ledger) received(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.completed[id] {
		l.doubled = append(l.doubled, id)
	}
}

func (l *ledger) note(m map[string]bool, id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	m[id] = true
	return len(m)
}

// TestKilledBroker kills the broker's process under load, again and again: no acknowledged send is lost, and no message
// comes back after its completion was acknowledged.
func TestKilledBroker(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bus.db")
	l := &ledger{sent: map[string]bool{}, tried: map[string]bool{}, completed: map[string]bool{}}
	for round := range 5 {
		e, kill := startChild(t, path)
		load(t, e, l, round, (round+1)*150, kill)
	}
	left := remaining(t, path)
	for id := range left {
		l.received(id)
	}
	for id := range l.sent {
		if !left[id] && !l.tried[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	if len(l.doubled) > 0 {
		t.Errorf("completed and received again: %v", l.doubled)
	}
	t.Logf("%d sends and %d completions acknowledged over 5 kills, %d messages left", len(l.sent), len(l.completed), len(left))
}

// remaining opens the file of a broker that is gone and receives everything in its queue.
func remaining(t *testing.T, path string) map[string]bool {
	t.Helper()
	b, err := bus.Open(path, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	e := overPipe(t, b)
	r := e.receiver(t, e.client(t, rootRule), "q", nil)
	left := map[string]bool{}
	for n := counts(t, b, "q").Active; n > 0; {
		ms, err := r.ReceiveMessages(timeout(t), n, nil)
		if err != nil {
			t.Fatalf("%d messages are not delivered: %v", n, err)
		}
		for _, m := range ms {
			if left[m.MessageID] {
				t.Errorf("%s is in the queue twice", m.MessageID)
			}
			left[m.MessageID] = true
		}
		n -= len(ms)
	}
	if c := counts(t, b, "q"); c.Locked != len(left) || c.DeadLetter > 0 {
		t.Errorf("the queue holds %+v instead of %d locked messages", c, len(left))
	}
	return left
}

// load sends and completes until so many sends are acknowledged in all, then kills the broker under it.
func load(t *testing.T, e *env, l *ledger, round, until int, kill func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	enough := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	c := e.client(t, rootRule)
	sender, receiver := e.sender(t, c, "q"), e.receiver(t, c, "q", nil)
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d/%d/%d", round, g, i)
				if sender.SendMessage(ctx, &azservicebus.Message{MessageID: &id, Body: []byte(id)}, nil) == nil &&
					l.note(l.sent, id) >= until {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			ms, _ := receiver.ReceiveMessages(ctx, 20, nil)
			for _, m := range ms {
				l.received(m.MessageID)
				if m.MessageID[len(m.MessageID)-1]%3 == 0 {
					continue
				}
				l.note(l.tried, m.MessageID)
				wg.Go(func() {
					if receiver.CompleteMessage(ctx, m, nil) == nil {
						l.note(l.completed, m.MessageID)
					}
				})
			}
		}
	})
	select {
	case <-enough:
	case <-time.After(60 * time.Second):
		t.Error("too few sends were acknowledged within a minute")
	}
	kill()
	cancel()
	wg.Wait()
}

// TestDeliveryCountSurvivesKill: a message that takes its receiver down with it must not look new for ever.
func TestDeliveryCountSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bus.db")
	for i := range 3 {
		e, kill := startChild(t, path)
		c := e.client(t, rootRule)
		if i == 0 {
			if err := e.sender(t, c, "q").SendMessage(timeout(t), text("poison"), nil); err != nil {
				t.Fatal(err)
			}
		}
		if m := receiveOne(t, e.receiver(t, c, "q", nil)); m.DeliveryCount != uint32(i+1) {
			t.Errorf("delivery %d counts %d", i+1, m.DeliveryCount)
		}
		kill()
	}
}

// TestReopen: what a queue holds is the same after closing and opening the file, in every place a message can be.
func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bus.db")
	open := func() *bus.Broker {
		b, err := bus.Open(path, bus.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open()
	setRule(t, b, rootRule, bus.Grant{Rights: bus.Manage})
	setRule(t, b, "Narrow", bus.Grant{Queue: "q", Rights: bus.Listen}, bus.Grant{Queue: "r", Rights: bus.Send})
	narrow, err := b.ConnectionString("h", "narrow")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.CreateQueue(t.Context(), "q", bus.QueueOptions{DuplicateWindow: time.Hour, MaxDeliveryCount: 7}); err != nil {
		t.Fatal(err)
	}
	e := overPipe(t, b)
	c := e.client(t, rootRule)
	sender, receiver := e.sender(t, c, "q"), e.receiver(t, c, "q", nil)
	for _, body := range []string{"deferred", "dead", "locked", "ready"} {
		if err := sender.SendMessage(timeout(t), text(body), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sender.ScheduleMessages(timeout(t), []*azservicebus.Message{text("scheduled")}, time.Now().Add(time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	deferred := receiveOne(t, receiver)
	if err := receiver.DeferMessage(timeout(t), deferred, nil); err != nil {
		t.Fatal(err)
	}
	if err := receiver.DeadLetterMessage(timeout(t), receiveOne(t, receiver), nil); err != nil {
		t.Fatal(err)
	}
	receiveOne(t, receiver)
	want := counts(t, b, "q")
	if want.Locked != 1 || want.Active != 2 || want.Deferred != 1 || want.Scheduled != 1 || want.DeadLetter != 1 {
		t.Fatalf("counts are %+v", want)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = open()
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	want.Locked = 0 // locks live in memory
	if got := counts(t, b, "Q"); got != want {
		t.Errorf("counts are %+v instead of %+v", got, want)
	}
	if again, err := b.ConnectionString("h", "narrow"); err != nil || again.Reveal() != narrow.Reveal() {
		t.Errorf("the rule has changed: %v", err)
	}
	e = overPipe(t, b)
	c = e.client(t, rootRule)
	sender, receiver = e.sender(t, c, "q"), e.receiver(t, c, "q", nil)
	if err := sender.SendMessage(timeout(t), text("ready"), nil); err != nil { // a duplicate
		t.Fatal(err)
	}
	for _, want := range []struct {
		body  string
		count uint32
	}{{"locked", 2}, {"ready", 1}} {
		m := receiveOne(t, receiver)
		if string(m.Body) != want.body || m.DeliveryCount != want.count {
			t.Errorf("got %q, delivery %d, instead of %v", m.Body, m.DeliveryCount, want)
		}
		complete(t, receiver, m)
	}
	ms, err := receiver.ReceiveDeferredMessages(timeout(t), []int64{*deferred.SequenceNumber}, nil)
	if err != nil || string(ms[0].Body) != "deferred" {
		t.Errorf("the deferred message: %v", err)
	}
	receiveNothing(t, receiver)
}

// TestOneProcess: a second broker on the same file would hand out the same messages.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bus.db")
	_, kill := startChild(t, path)
	_, err := bus.Open(path, bus.Options{})
	wantFault(t, err, "Conflict")
	kill()
	b, err := bus.Open(path, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
