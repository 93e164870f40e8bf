package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/bus/amqp"
	"dmgateway/engine/fault"
)

func openTestStore(t *testing.T, path string) *store {
	t.Helper()
	s, err := openStore(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStoreIsDurableAndPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder?", "bus #1.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	s := openTestStore(t, path)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "auto_vacuum": "2"} {
		var got string
		if err := s.tx.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v", pragma, got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
}

// TestBadChangeAlone: changes that share a transaction share no fate.
func TestBadChangeAlone(t *testing.T) {
	t.Parallel()
	s := openTestStore(t, filepath.Join(t.TempDir(), "bus.db"))
	bad := errors.New("bad")
	release := make(chan struct{})
	s.submit(op{apply: func(*tx) error { <-release; return nil }, done: func(error) {}}) // the others gather behind it
	results := make(chan error, 4)
	for i := range 4 {
		s.submit(op{
			apply: func(t *tx) error {
				if i == 2 {
					return bad
				}
				_, err := t.exec("INSERT INTO queue (name, options) VALUES (?, '{}')", string(rune('a'+i)))
				return err
			},
			done: func(err error) { results <- err },
		})
	}
	close(release)
	var got []error
	for range 4 {
		got = append(got, <-results)
	}
	if !slices.Equal(got, []error{nil, nil, bad, nil}) {
		t.Errorf("results are %v", got)
	}
	var n int
	if err := s.read.QueryRow("SELECT count(*) FROM queue").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d changes were kept, %v", n, err)
	}
}

// TestFileShrinks: the room of messages that are gone is given back when the bus is opened.
func TestFileShrinks(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	path := b.store.lock.Path()
	path = strings.TrimSuffix(path, ".lock")
	for range 20 {
		publish(t, b, make([]byte, 200<<10))
	}
	for _, m := range b.queue("q").main.acquire(100, 1<<30) {
		done := make(chan error)
		b.store.submit(op{apply: func(t *tx) error { return t.set(t.remove, m.seq) }, done: func(err error) { done <- err }})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	shut(t, b)
	before := fileSize(t, path)
	b, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	shut(t, b)
	if after := fileSize(t, path); before < 4_000_000 || after > before/4 {
		t.Errorf("the file had %d bytes and has %d", before, after)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestFullDisk: a message that does not fit is refused, what was acknowledged stays, and all goes on when there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	publish(t, b, []byte("first"))
	limit := func(pages int) {
		if err := b.store.do(t.Context(), func(t *tx) error {
			_, err := t.exec(fmt.Sprint("PRAGMA max_page_count = ", pages))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // below what it has: no more pages
	in, err := unpack(0, amqp.AppendData(nil, make([]byte, 100<<10)), b.queue("q").options.Load())
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error)
	b.queue("q").publish(in, func(_ []int64, err error) { refused <- err })
	err = <-refused
	if s, ok := sendState(err).(amqp.Rejected); !ok || s.Error.Condition != amqp.CondResourceLimit {
		t.Errorf("got %v", err)
	}
	if c, _ := b.Counts("q"); c.Active != 1 || c.Bytes > 1000 {
		t.Errorf("it holds %+v", c)
	}
	limit(1 << 20)
	publish(t, b, make([]byte, 100<<10))
	if c, _ := b.Counts("q"); c.Active != 2 {
		t.Errorf("it holds %+v", c)
	}
}

func TestQueueAdministration(t *testing.T) {
	t.Parallel()
	b := rawBus(t, Options{}, QueueOptions{})
	defer shut(t, b)
	ctx := t.Context()
	for _, name := range []string{"", "$x", "a b", "/a", "a/", strings.Repeat("x", 261), "a;b"} {
		if err := b.CreateQueue(ctx, name, QueueOptions{}); !fault.Is(err, fault.BadInput) {
			t.Errorf("queue %q: %v", name, err)
		}
	}
	if err := b.CreateQueue(ctx, "Q", QueueOptions{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second queue: %v", err)
	}
	if err := b.SetQueue(ctx, "Q", QueueOptions{MaxDeliveryCount: 3}); err != nil {
		t.Error(err)
	}
	if got := b.queue("q").options.Load().MaxDeliveryCount; got != 3 {
		t.Errorf("the option is %d", got)
	}
	if err := b.SetQueue(ctx, "new", QueueOptions{}); err != nil {
		t.Error(err)
	}
	if got := b.Queues(); len(got) != 2 {
		t.Errorf("there are %v", got)
	}
	publish(t, b, []byte("x"))
	r := connected(t, b)
	defer r.nc.Close()
	r.signIn(time.Hour)
	r.attach(1, amqp.RoleReceiver, "q")
	if err := b.DeleteQueue(ctx, "Q"); err != nil {
		t.Error(err)
	}
	d, _ := await[*amqp.Detach](r)
	wantCondition(t, d.Error, amqp.CondNotFound)
	if _, err := b.Counts("q"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted queue has counts: %v", err)
	}
	if err := b.CreateQueue(ctx, "q", QueueOptions{}); err != nil {
		t.Error(err)
	}
	if c, _ := b.Counts("q"); c != (Counts{}) {
		t.Errorf("the new queue holds %+v", c)
	}
	if err := b.SetRule(ctx, Rule{Name: "x"}); !fault.Is(err, fault.BadInput) {
		t.Errorf("a rule without a key: %v", err)
	}
}

// TestADefectInOneChangeStopsNeitherTheWriterNorTheOthers: its transaction is undone, whoever waits hears of it.
func TestADefectInOneChangeStopsNeitherTheWriterNorTheOthers(t *testing.T) {
	t.Parallel()
	s := openTestStore(t, filepath.Join(t.TempDir(), "bus.db"))
	if err := s.do(t.Context(), func(*tx) error { panic("in a change") }); err == nil || !strings.Contains(err.Error(), "in a change") {
		t.Errorf("whoever waited heard %v", err)
	}
	s.submit(op{apply: func(*tx) error { return nil }, done: func(error) { panic("in what follows") }})
	if err := s.do(t.Context(), func(t *tx) error {
		_, err := t.isNew(1, []byte("id"), 1, 2)
		return err
	}); err != nil {
		t.Errorf("the next change: %v", err)
	}
}

// TestADefectInAConnectionEndsOnlyThatOne: a frame that makes the bus panic.
func TestADefectInAConnectionEndsOnlyThatOne(t *testing.T) {
	t.Parallel()
	c := &conn{log: slog.New(slog.DiscardHandler)}
	var ae *amqp.Error
	if err := c.guarded(func() error { panic("in a frame") }); !errors.As(err, &ae) || ae.Condition != amqp.CondInternalError || strings.Contains(ae.Description, "frame") {
		t.Errorf("the client hears %v", err)
	}
	if err := c.guarded(func() error { return errClosed }); !errors.Is(err, errClosed) {
		t.Errorf("an error becomes %v", err)
	}
}
