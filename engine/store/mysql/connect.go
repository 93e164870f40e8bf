package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// cancelPatience is how long the server may take to end a cancelled statement before its connection is cut.
const cancelPatience = 5 * time.Second

// conn is a connection that is signed in. It is used from one goroutine; only interrupt may come from another.
type conn struct {
	*wire
	driver driver.Conn
	server *server
	env    store.Env

	id        string // the server's number of the connection
	mariaDB   bool
	maxPacket int  // the largest packet that the server takes
	loads     bool // the server takes LOAD DATA LOCAL
	alias     bool // the server wants a name for new rows, and warns of VALUES()

	stop sync.Once // interrupt, once
}

// address is host:port for messages and for dialling.
func (s *server) address() string {
	if s.isSocket() {
		return s.host
	}
	return net.JoinHostPort(s.host, fmt.Sprint(s.port))
}

// isSocket reports whether the host is the path of a Unix socket.
func (s *server) isSocket() bool { return strings.HasPrefix(s.host, "/") }

func (s *server) network() string {
	if s.isSocket() {
		return "unix"
	}
	return "tcp"
}

// tlsConfig is nil where TLS is not wanted. Only VerifyCA and VerifyFull look at the certificate, and only VerifyFull at
// the name in it; the weaker modes protect from listeners, not from impostors.
func (s *server) tlsConfig(env store.Env) (*tls.Config, error) {
	if s.ssl == sslDisabled || s.isSocket() {
		return nil, nil
	}
	trust := sqlstore.TrustAny
	switch s.ssl {
	case sslVerifyCA:
		trust = sqlstore.TrustCA
	case sslVerifyFull:
		trust = sqlstore.TrustFull
	}
	return sqlstore.ClientTLS(env, s.host, s.certificate, trust)
}

// dialWire connects and reads the server's greeting.
func (s *server) dialWire(ctx context.Context, env store.Env) (*wire, error) {
	secure, err := s.tlsConfig(env)
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{Timeout: s.connectTimeout}).DialContext(ctx, s.network(), s.address())
	if err != nil {
		return nil, s.explainConnect(ctx, err)
	}
	_ = raw.SetDeadline(time.Now().Add(s.connectTimeout))
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	w, err := newWire(raw, secure, s.ssl >= sslRequired)
	if err != nil {
		_ = raw.Close()
		return nil, s.explainConnect(ctx, err)
	}
	return w, nil
}

// signIn connects and signs in; database "" means none.
func (s *server) signIn(ctx context.Context, env store.Env, database string) (*conn, error) {
	w, err := s.dialWire(ctx, env)
	if err != nil {
		return nil, err
	}
	cfg := mysqldriver.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = s.user, s.password.Reveal(), database
	cfg.Addr = s.address()
	cfg.MultiStatements = true
	cfg.MaxAllowedPacket = maxPacket // the driver sends no command; the server's own limit is asked for below
	cfg.ConnectionAttributes = "program_name:Data Management Gateway"
	cfg.Logger = log.New(io.Discard, "", 0)
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) { return w, nil }
	// The driver sends some passwords in clear where nobody can listen: under TLS, or through a socket. TLS is started
	// below it, so it is told of a socket then, and only then.
	if cfg.Net = "tcp"; w.secure != nil || s.isSocket() {
		cfg.Net = "unix"
	}
	connector, err := mysqldriver.NewConnector(cfg)
	if err != nil {
		_ = w.Close()
		return nil, fault.New(fault.Internal, "prepare the connection").Because(err)
	}
	d, err := connector.Connect(ctx)
	if err != nil {
		_ = w.Close()
		if w.broken != nil {
			err = w.broken
		}
		return nil, s.explainConnect(ctx, err)
	}
	_ = w.SetDeadline(time.Time{})
	return &conn{wire: w, driver: d, server: s, env: env}, nil
}

// session makes values the same on every server, and keeps a connection of a copy alive while the other side is slow.
const session = `SET NAMES utf8mb4; SET SESSION time_zone='+00:00', net_write_timeout=31536000, net_read_timeout=31536000, wait_timeout=2147483, lock_wait_timeout=300, sql_select_limit=DEFAULT`

// connect signs in and prepares the session.
func (s *server) connect(ctx context.Context, env store.Env) (*conn, error) {
	c, err := s.signIn(ctx, env, s.database)
	if err != nil {
		return nil, err
	}
	if err := c.prepareSession(ctx); err != nil {
		c.hangUp()
		return nil, explain(ctx, err, "prepare the session", s.address())
	}
	return c, nil
}

func (c *conn) prepareSession(ctx context.Context) error {
	if _, err := c.exec(ctx, session); err != nil {
		return err
	}
	rows, err := c.query(ctx, "SELECT CONNECTION_ID(), VERSION(), @@max_allowed_packet, @@local_infile")
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return errMalformed
	}
	c.id = rows[0][0].text
	c.mariaDB = strings.Contains(strings.ToLower(rows[0][1].text), "mariadb")
	if _, err := fmt.Sscan(rows[0][2].text, &c.maxPacket); err != nil {
		return err
	}
	c.loads = rows[0][3].text == "1"
	c.alias = !c.mariaDB && namesNewRows(rows[0][1].text)
	limit := "max_execution_time"
	if c.mariaDB {
		limit = "max_statement_time"
	}
	_, err = c.exec(ctx, "SET SESSION "+limit+"=0")
	if _, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return nil // older servers have no such limit
	}
	return err
}

// namesNewRows reports whether a version of MySQL is 8.0.20 or later.
func namesNewRows(version string) bool {
	var major, minor, patch int
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	return major > 8 || major == 8 && (minor > 0 || patch >= 20)
}

// hangUp ends the connection; the server rolls back what is open on it.
func (c *conn) hangUp() {
	c.stop.Do(func() {}) // nothing is left to interrupt
	_ = c.SetDeadline(time.Now().Add(cancelPatience))
	_ = c.driver.Close() // a connection that is broken already is what was wanted
	_ = c.Close()
}

// guard has what runs on the server stopped when ctx is cancelled. done must be called when the command has ended.
func (c *conn) guard(ctx context.Context) (done func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		c.interrupt()
	})
	return func() {
		if !stop() {
			<-ended
		}
	}
}

// interrupt stops the statement on the server and cuts the connection: what is read or written on it ends at once.
func (c *conn) interrupt() {
	c.stop.Do(func() {
		if c.id != "" {
			ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
			defer cancel()
			if killer, err := c.server.signIn(ctx, c.env, ""); err == nil {
				_ = killer.SetDeadline(time.Now().Add(cancelPatience))
				if err := killer.send(comQuery, []byte("KILL QUERY "+c.id)); err == nil {
					_, _ = killer.results(nil) // the statement may have ended by itself
				}
				killer.hangUp()
			}
		}
		_ = c.SetDeadline(time.Unix(1, 0))
	})
}

// exec runs a text of any number of statements and drops their rows.
func (c *conn) exec(ctx context.Context, text string) (outcome, error) {
	defer c.guard(ctx)()
	if err := c.sendText(text); err != nil {
		return outcome{}, err
	}
	return c.results(nil)
}

// sendText sends a statement, unless the server would refuse its length.
func (c *conn) sendText(text string) error {
	if c.maxPacket > 0 && len(text) >= c.maxPacket {
		return fault.New(fault.BadInput, "a statement of %d bytes is longer than the server's max_allowed_packet of %d", len(text), c.maxPacket).
			Try("Raise max_allowed_packet at the server.")
	}
	return c.send(comQuery, []byte(text))
}

// query runs a statement and gives its few rows as text. It is for catalogs, not for data.
func (c *conn) query(ctx context.Context, text string) ([][]cell, error) {
	defer c.guard(ctx)()
	if err := c.sendText(text); err != nil {
		return nil, err
	}
	var rows [][]cell
	_, err := c.results(func(row []cell) { rows = append(rows, row) })
	return rows, err
}

// quote puts an identifier in backquotes, which every sql_mode understands.
func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteAll(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = quote(n)
	}
	return strings.Join(list, ", ")
}

// literal is a text for SQL that means the same in every sql_mode.
func literal(text string) string {
	if text == "" {
		return "''"
	}
	return fmt.Sprintf("_utf8mb4 X'%X'", text)
}
