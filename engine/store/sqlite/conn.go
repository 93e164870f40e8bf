package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"

	"modernc.org/libc"
	_ "modernc.org/sqlite" // prepares the library for this process
	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/fault"
)

const (
	// busyTimeout is how long the library itself waits for another connection's lock. It cannot be cancelled meanwhile,
	// so it is short, and what can be tried again is.
	busyTimeout = 2 * time.Second
	// lockWait is how long is tried again, unless writeBatchTimeout says otherwise.
	lockWait = 2 * time.Minute
)

// conn is one connection to one file. It speaks to the library below the database/sql driver, because only there values
// keep their storage class, go into columns without an allocation each, and a running step can be interrupted. One
// goroutine uses it at a time.
type conn struct {
	tls *libc.TLS
	db  uintptr
	// mu keeps the watching goroutine from interrupting a closed connection.
	mu sync.Mutex
}

// sqlError is an error of the library with its extended result code.
type sqlError struct {
	code    int32
	message string
}

func (e *sqlError) Error() string { return fmt.Sprintf("%s (SQLite error %d)", e.message, e.code) }

// primary is the result code without its extension.
func (e *sqlError) primary() int32 { return e.code & 0xff }

// connect opens the file; flags are SQLITE_OPEN_READONLY, READWRITE and CREATE.
func connect(path string, flags int32) (*conn, error) {
	c := &conn{tls: libc.NewTLS()}
	name, err := libc.CString(path)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	out := libc.Xcalloc(c.tls, 1, 8)
	defer libc.Xfree(c.tls, out)
	rc := lib.Xsqlite3_open_v2(c.tls, name, out, flags|lib.SQLITE_OPEN_NOMUTEX|lib.SQLITE_OPEN_EXRESCODE, 0)
	c.db = **at[uintptr](&out)
	if rc != lib.SQLITE_OK {
		err := c.err(rc)
		_ = c.close()
		return nil, err
	}
	lib.Xsqlite3_busy_timeout(c.tls, c.db, int32(busyTimeout.Milliseconds()))
	// Scripts and queries must not reach other files than the one that was allowed.
	lib.Xsqlite3_limit(c.tls, c.db, lib.SQLITE_LIMIT_ATTACHED, 0)
	return c, nil
}

// patiently runs do again as long as another connection's lock is in its way, until ctx ends or wait (0 = [lockWait])
// is over.
func patiently(ctx context.Context, wait time.Duration, do func() error) error {
	if wait <= 0 {
		wait = lockWait
	}
	deadline := time.Now().Add(wait)
	for {
		err := do()
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select { // the library has waited already, except where it gives up at once
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// at views an address in the library's memory as a pointer.
func at[T any](address *uintptr) **T { return (**T)(unsafe.Pointer(address)) }

// view is n bytes of the library's memory, valid until the library changes them.
func view(address uintptr, n int32) []byte {
	if address == 0 || n <= 0 {
		return nil
	}
	return unsafe.Slice(*at[byte](&address), int(n))
}

func (c *conn) err(rc int32) error {
	message := lib.Xsqlite3_errstr(c.tls, rc)
	if c.db != 0 {
		if code := lib.Xsqlite3_extended_errcode(c.tls, c.db); code&0xff == rc&0xff {
			rc, message = code, lib.Xsqlite3_errmsg(c.tls, c.db)
		}
	}
	return &sqlError{code: rc, message: libc.GoString(message)}
}

// close ends the connection; statements must be closed before.
func (c *conn) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tls == nil {
		return nil
	}
	var err error
	if c.db != 0 {
		if rc := lib.Xsqlite3_close_v2(c.tls, c.db); rc != lib.SQLITE_OK {
			err = c.err(rc)
		}
	}
	c.db = 0
	c.tls.Close()
	c.tls = nil
	return err
}

// watch interrupts the connection's statements from when ctx ends until the returned func is called. It says it again
// and again, because the library forgets an interruption that comes while no statement runs.
func (c *conn) watch(ctx context.Context) (release func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			c.interrupt()
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.db == 0 {
		return
	}
	tls := libc.NewTLS() // c.tls belongs to the goroutine that runs the statement
	lib.Xsqlite3_interrupt(tls, c.db)
	tls.Close()
}

// allowed refuses the pragmas that set where all connections of the process keep their temporary files: a job must not
// choose a folder for the others. Their names cannot be written another way.
func allowed(text string) error {
	text = strings.ToLower(text)
	for _, pragma := range []string{"temp_store_directory", "data_store_directory"} {
		if strings.Contains(text, pragma) {
			return fault.New(fault.Forbidden, "the SQL text sets %s, which would hold for the whole program", pragma).
				Try("Leave it out; the environment variable SQLITE_TMPDIR of the gateway says where temporary files go.")
		}
	}
	return nil
}

// exec runs SQL text of any number of statements and drops their rows.
func (c *conn) exec(ctx context.Context, text string) error {
	if err := cmp.Or(ctx.Err(), allowed(text)); err != nil {
		return err
	}
	release := c.watch(ctx)
	defer release()
	sql, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, sql)
	if rc := lib.Xsqlite3_exec(c.tls, c.db, sql, 0, 0, 0); rc != lib.SQLITE_OK {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.err(rc)
	}
	return nil
}

// prepare compiles the first statement of text. rest is the text behind it.
func (c *conn) prepare(text string) (s *stmt, rest string, err error) {
	if err := allowed(text); err != nil {
		return nil, "", err
	}
	sql, err := libc.CString(text)
	if err != nil {
		return nil, "", err
	}
	defer libc.Xfree(c.tls, sql)
	out := libc.Xcalloc(c.tls, 2, 8)
	defer libc.Xfree(c.tls, out)
	tail := out + 8
	if rc := lib.Xsqlite3_prepare_v2(c.tls, c.db, sql, int32(len(text)+1), out, tail); rc != lib.SQLITE_OK {
		return nil, "", c.err(rc)
	}
	rest = text[min(int(**at[uintptr](&tail)-sql), len(text)):]
	handle := **at[uintptr](&out)
	if handle == 0 {
		return nil, rest, nil
	}
	return &stmt{c: c, handle: handle, columns: int(lib.Xsqlite3_column_count(c.tls, handle))}, rest, nil
}

// query runs a statement with arguments of type int64 or string and calls row for each row.
func (c *conn) query(ctx context.Context, text string, args []any, row func(*stmt) error) error {
	s, _, err := c.prepare(text)
	if err != nil {
		return err
	}
	defer s.close()
	for i, a := range args {
		switch a := a.(type) {
		case int64:
			s.bindInt(i, a)
		case string:
			s.bindText(i, []byte(a))
		}
	}
	release := c.watch(ctx)
	defer release()
	for {
		more, err := s.step(ctx)
		if err != nil || !more {
			return err
		}
		if row != nil {
			if err := row(s); err != nil {
				return err
			}
		}
	}
}

// changes is how many rows the last INSERT, UPDATE or DELETE touched.
func (c *conn) changes() int64 { return int64(lib.Xsqlite3_changes(c.tls, c.db)) }
