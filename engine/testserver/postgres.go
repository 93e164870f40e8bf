package testserver

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresEnv is the environment variable with the DSN of a PostgreSQL server to use instead of a private one:
// "postgres://user:password@host:port/database". The user must be allowed to create databases.
const PostgresEnv = "DMG_TEST_POSTGRES"

// postgresServer is the process's private server; it runs until the process ends.
var postgresServer struct {
	once    sync.Once
	dsn     string
	missing string // what the machine lacks
	err     error
	count   atomic.Int64 // databases made, for their names
}

// Postgres gives the DSN "postgres://user:password@host:port/database" of an empty PostgreSQL database that belongs to
// the test alone and is dropped when the test ends. The private server takes passwords only, speaks TLS with a
// certificate of its own, and its data is gone when the test process ends, however it ends.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(PostgresEnv)
	if server == "" {
		s := &postgresServer
		s.once.Do(func() { s.dsn, s.missing, s.err = startPostgres() })
		if s.missing != "" {
			Missing(t, "PostgreSQL: %s; install it or set %s", s.missing, PostgresEnv)
		}
		if s.err != nil {
			t.Fatalf("start PostgreSQL: %v", s.err)
		}
		server = s.dsn
	}
	name := fmt.Sprintf("dmg_test_%d_%d", os.Getpid(), postgresServer.count.Add(1))
	administer(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	t.Cleanup(func() { administer(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("the DSN in %s cannot be read", PostgresEnv)
	}
	u.Path = "/" + name
	return u.String()
}

func administer(t testing.TB, dsn, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to the PostgreSQL server for tests: %v", err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// PostgresConnectionString is the ADO-style connection string for a DSN of [Postgres]: "Host=…;Port=…;Database=…;…".
func PostgresConnectionString(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	password, _ := u.User.Password()
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	text := fmt.Sprintf("Host=%s;Port=%s;Database=%s;Username=%s;Password=%s", u.Hostname(), port, strings.TrimPrefix(u.Path, "/"), u.User.Username(), password)
	if mode := u.Query().Get("sslmode"); mode != "" {
		text += ";SSLMode=" + mode
	}
	return text
}

// postgresPrograms finds the folder with initdb and pg_ctl: on the PATH, else the newest of Debian's.
func postgresPrograms() string {
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p)
		}
	}
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(folders)
	for _, f := range slices.Backward(folders) {
		if _, err := os.Stat(filepath.Join(f, "initdb")); err == nil {
			return f
		}
	}
	return ""
}
