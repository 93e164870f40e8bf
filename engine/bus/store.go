package bus

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the steps that bring the file of queues to its present schema.
func Migrations() fs.FS { return migrations }

const (
	// maxGroup is how many operations one transaction takes at most.
	maxGroup = 1024
	// maxWaiting is how many bytes of messages may wait for their transaction before connections stop reading.
	maxWaiting = 32 << 20
)

// op is one change: apply makes it inside a transaction that it shares with others and may run twice; done learns,
// on the writer's goroutine and after the commit has reached the disk, whether it holds. done must not block.
type op struct {
	size  int
	apply func(*tx) error
	done  func(error)
}

// store is the SQLite file: one goroutine writes, in groups; others read committed messages.
type store struct {
	log     *slog.Logger
	lock    *flock.Flock
	write   *sql.DB
	read    *sql.DB
	tx      *tx
	readOne *sql.Stmt

	mu      sync.Mutex
	room    *sync.Cond // signalled when waiting shrinks
	queue   []op
	waiting int // bytes in queue and in the transaction under way
	closed  bool
	wake    chan struct{}
	stopped chan struct{}

	complained time.Time // when a failed write was last logged; the writer's own
}

// complainEvery is how often a file that cannot be written is worth a line in the log.
const complainEvery = 10 * time.Second

func openStore(path string, log *slog.Logger) (_ *store, err error) {
	s := &store{log: log, lock: flock.New(path + ".lock"), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	s.room = sync.NewCond(&s.mu)
	held, err := s.lock.TryLock()
	if err != nil {
		return nil, fault.New(fault.StoreFailed, "lock the bus's file").At(path).Because(err)
	}
	if !held {
		return nil, fault.New(fault.Conflict, "another process has the bus open").At(path).
			Try("stop the other factory, or give this one another data directory")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := touch(path); err != nil {
		return nil, fault.New(fault.StoreFailed, "create the bus's file").At(path).Because(err)
	}
	if s.write, err = openDB(path, 1, "synchronous(FULL)", "auto_vacuum(INCREMENTAL)", "journal_size_limit(16777216)"); err != nil {
		return nil, openFault(path, err)
	}
	if err := migrate(s.write); err != nil {
		return nil, openFault(path, err)
	}
	if _, err := s.write.Exec("PRAGMA incremental_vacuum"); err != nil {
		return nil, openFault(path, err)
	}
	if s.read, err = openDB(path, 4, "query_only(1)"); err != nil {
		return nil, openFault(path, err)
	}
	if s.readOne, err = s.read.Prepare("SELECT annotations, body FROM message WHERE seq = ?"); err != nil {
		return nil, openFault(path, err)
	}
	if s.tx, err = newTx(s.write); err != nil {
		return nil, openFault(path, err)
	}
	go s.run()
	return s, nil
}

func openFault(path string, err error) error {
	return fault.New(fault.StoreFailed, "open the bus's file").At(path).Because(err).
		Try("Check that the disk is not full and may be written to. If the file is damaged, move it away: a new one is made, the messages in it are lost.")
}

// touch creates the file readable by its owner only, because it holds keys.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func openDB(path string, conns int, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slash := filepath.ToSlash(abs)
	if slash[0] != '/' { // a Windows drive
		slash = "/" + slash
	}
	q := url.Values{"_pragma": {"busy_timeout(10000)"}}
	for _, p := range append(pragmas, "journal_mode(WAL)") {
		q.Add("_pragma", p)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: slash, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func migrate(db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		return err
	}
	_, err = p.Up(context.Background())
	return err
}

// submit queues a change. After close it fails at once.
func (s *store) submit(o op) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		// Not here: the caller may hold locks that done takes.
		go func() { supervise.Contain(s.log, "Service Bus", func() { o.done(errClosed) }) }()
		return
	}
	s.queue = append(s.queue, o)
	s.waiting += o.size
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// do makes a change and waits for it. ctx counts until the change is queued: from then on it happens, within
// milliseconds, and what is in memory must follow.
func (s *store) do(ctx context.Context, apply func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	result := make(chan error, 1)
	s.submit(op{apply: apply, done: func(err error) { result <- err }})
	return <-result
}

// waitForRoom blocks while too much waits to be written.
func (s *store) waitForRoom() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting > maxWaiting && !s.closed {
		s.room.Wait()
	}
}

var errClosed = errors.New("the bus is closed")

// isFull reports whether a write failed because there is no room on the disk.
func isFull(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == sqlitelib.SQLITE_FULL
}

// run is the writer: it takes what has gathered, commits it as one transaction and reports.
func (s *store) run() {
	defer close(s.stopped)
	for {
		s.mu.Lock()
		n := min(len(s.queue), maxGroup)
		group := s.queue[:n:n]
		s.queue = s.queue[n:]
		if len(s.queue) == 0 {
			s.queue = nil
		}
		closed := s.closed
		s.mu.Unlock()
		switch {
		case n > 0:
			s.commit(group)
		case closed:
			return
		default:
			<-s.wake
		}
	}
}

func (s *store) commit(group []op) {
	err := s.tx.run(group)
	if now := time.Now(); err != nil && now.Sub(s.complained) > complainEvery {
		s.complained = now
		s.log.Error("the bus could not write to its file", logging.Key, logging.BusFileFailed, "error", err)
	}
	if err != nil && len(group) > 1 {
		for _, o := range group { // one bad change must not take the others with it
			s.tell(o, s.tx.run([]op{o}))
		}
	} else {
		for _, o := range group {
			s.tell(o, err)
		}
	}
	size := 0
	for _, o := range group {
		size += o.size
	}
	s.mu.Lock()
	s.waiting -= size
	s.room.Broadcast()
	s.mu.Unlock()
}

// tell tells a change's end. A defect in what follows from it does not stop the writer.
func (s *store) tell(o op, err error) {
	supervise.Contain(s.log, "Service Bus", func() { o.done(err) })
}

// load reads annotations and body of a committed message.
func (s *store) load(seq int64) (annotations, body []byte, err error) {
	if err := s.readOne.QueryRow(seq).Scan(&annotations, &body); err != nil {
		return nil, nil, fmt.Errorf("read message %d: %w", seq, err)
	}
	return annotations, body, nil
}

// close writes what is queued, stops the writer and closes the file.
func (s *store) close() error {
	s.mu.Lock()
	s.closed = true
	s.room.Broadcast()
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	<-s.stopped
	s.tx.close()
	return s.release()
}

func (s *store) release() error {
	var errs []error
	if s.readOne != nil {
		errs = append(errs, s.readOne.Close())
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}
