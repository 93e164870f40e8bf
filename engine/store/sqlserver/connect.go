package sqlserver

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// conn is one signed-in connection. Its methods are called from one goroutine, except kill.
type conn struct {
	c    *mssql.Conn
	wire *wire
}

// wire counts what goes over a connection and can cut it. It reads ahead: the driver asks for each packet in two pieces,
// its header and its body. Only one goroutine at a time may read.
type wire struct {
	net.Conn
	read, written atomic.Int64
	ahead         []byte // what is read and not asked for yet, in buf
	buf           []byte
}

// readAhead is some packets of the usual size.
const readAhead = 64 << 10

func (w *wire) Read(p []byte) (int, error) {
	if len(w.ahead) == 0 {
		if len(p) >= readAhead {
			n, err := w.Conn.Read(p)
			w.read.Add(int64(n))
			return n, err
		}
		if w.buf == nil {
			w.buf = make([]byte, readAhead)
		}
		n, err := w.Conn.Read(w.buf)
		w.read.Add(int64(n))
		if n == 0 {
			return 0, err
		}
		w.ahead = w.buf[:n] // the next read tells the error again, if it is one to stay
	}
	n := copy(p, w.ahead)
	w.ahead = w.ahead[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written.Add(int64(n))
	return n, err
}

// dialer makes the connections of one sign-in and remembers them, so that the sign-in can be cut off: the driver looks
// at the context only while it dials.
type dialer struct {
	timeout time.Duration

	mu   sync.Mutex
	open []*wire
	cut  bool
	err  error // of the last attempt, which the driver replaces by its own
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: d.timeout, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.err = err
		return nil, err
	}
	d.err = nil
	if d.cut {
		_ = c.Close()
		return nil, context.Canceled
	}
	_ = c.SetDeadline(time.Now().Add(d.timeout))
	if network == "udp" {
		return c, nil
	}
	w := &wire{Conn: c}
	d.open = append(d.open, w)
	return w, nil
}

// used is the connection that the driver signed in on: the last that anything was read from, because a server can send the
// driver on to another, and with several addresses all of them are dialled at once.
func (d *dialer) used() *wire {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.open) - 1; i > 0; i-- {
		if d.open[i].read.Load() > 0 {
			return d.open[i]
		}
	}
	return d.open[0]
}

// cutOff ends every connection.
func (d *dialer) cutOff() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	for _, w := range d.open {
		_ = w.Close()
	}
}

// connect opens a connection and signs in.
func (s *server) connect(ctx context.Context, env store.Env) (*conn, error) {
	return s.connectWatching(ctx, env, nil)
}

// connectWatching is connect; secured is called when TLS is agreed on, unless it is nil.
func (s *server) connectWatching(ctx context.Context, env store.Env, secured func(tls.ConnectionState)) (*conn, error) {
	connector, d, err := s.connector(env, secured)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, d.cutOff)
	c, err := safely(func() (driver.Conn, error) { return connector.Connect(ctx) })
	if !stop() && err == nil {
		d.cutOff()
		return nil, ctx.Err()
	}
	if err != nil {
		d.cutOff()
		return nil, s.explainConnect(ctx, err, d.err)
	}
	out := &conn{c: c.(*mssql.Conn), wire: d.used()}
	_ = out.wire.SetDeadline(time.Time{})
	if s.session != "" {
		if _, err := out.exec(ctx, s.session); err != nil {
			out.close()
			return nil, explain(ctx, err, "prepare the session", s.name())
		}
	}
	return out, nil
}

// safely turns a panic of the driver, which has some for what it does not know, into an error.
func safely[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.StoreFailed, "the driver gave up: %v", p).Try("Report the column types of the table with this message.")
		}
	}()
	return f()
}

// kill cuts the connection; the server rolls back what is not committed. It may be called from any goroutine.
func (c *conn) kill() { _ = c.wire.Close() }

// close ends the connection. It cuts the wire and leaves the driver's Close alone: that gives the connection's buffers back
// to a pool, twice when it is called twice, and also while a goroutine of the connection still reads into them; another
// connection then writes what is not its own.
func (c *conn) close() { c.kill() }

// isBroken reports whether the connection cannot be used any more.
func (c *conn) isBroken() bool { return !c.c.IsValid() }

func named(args []any) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, a := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
		if p, ok := a.(parameter); ok {
			list[i].Name, list[i].Value = p.name, p.value
		}
	}
	return list
}

// parameter is a parameter with a name; the others are @p1, @p2 and so on.
type parameter struct {
	name  string
	value any
}

// exec runs a statement and gives the number of rows that it changed.
func (c *conn) exec(ctx context.Context, text string, args ...any) (int64, error) {
	st, err := c.c.PrepareContext(ctx, text)
	if err != nil {
		return 0, err
	}
	r, err := st.(driver.StmtExecContext).ExecContext(ctx, named(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// rows runs a statement that gives rows. ctx must live until they are closed.
func (c *conn) rows(ctx context.Context, text string, args ...any) (driver.Rows, error) {
	st, err := c.c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.(driver.StmtQueryContext).QueryContext(ctx, named(args))
}

// query gives all rows of a statement with few.
func (c *conn) query(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
	rows, err := c.rows(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	var all [][]driver.Value
	for {
		row := make([]driver.Value, len(rows.Columns()))
		if err = rows.Next(row); err != nil {
			break
		}
		all = append(all, row)
	}
	bad := rows.Close()
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return all, bad
}

// textOf, numberOf and isSet read a value of query.
func textOf(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

func numberOf(v driver.Value) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case bool:
		if v {
			return 1
		}
	}
	return 0
}
