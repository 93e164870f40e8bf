package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MariaDBEnv and MySQLEnv are the environment variables with the DSN of a server to use instead of a private one:
// "user:password@tcp(host:port)/". The user must be allowed to create databases.
const (
	MariaDBEnv = "DMG_TEST_MARIADB"
	MySQLEnv   = "DMG_TEST_MYSQL"
)

// mariaServer is the process's private server; it runs until the process ends.
var mariaServer struct {
	once    sync.Once
	dsn     string
	missing string // what the machine lacks
	err     error
	count   atomic.Int64 // databases made, for their names
}

// MariaDB gives the DSN "user:password@tcp(host:port)/database" of an empty MariaDB database that belongs to the test
// alone and is dropped when the test ends. The private server speaks TLS with a certificate of its own, takes LOAD DATA
// LOCAL, and its data is gone when the test process ends, however it ends.
func MariaDB(t testing.TB) string {
	t.Helper()
	server := os.Getenv(MariaDBEnv)
	if server == "" {
		s := &mariaServer
		s.once.Do(func() { s.dsn, s.missing, s.err = startMariaDB() })
		if s.missing != "" {
			Missing(t, "MariaDB: %s; install it or set %s", s.missing, MariaDBEnv)
		}
		if s.err != nil {
			t.Fatalf("start MariaDB: %v", s.err)
		}
		server = s.dsn
	}
	return mariaDatabase(t, server, MariaDBEnv)
}

// MySQL gives the DSN of an empty database of the real MySQL server that [MySQLEnv] names, or skips the test: no free
// package of it is common enough to start one, so CI does not ask for it.
func MySQL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(MySQLEnv)
	if server == "" {
		t.Skipf("set %s to the DSN of a MySQL server", MySQLEnv)
	}
	return mariaDatabase(t, server, MySQLEnv)
}

func mariaDatabase(t testing.TB, server, env string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(server)
	if err != nil {
		t.Fatalf("the DSN in %s cannot be read", env)
	}
	name := fmt.Sprintf("dmg_test_%d_%d", os.Getpid(), mariaServer.count.Add(1))
	cfg.DBName = ""
	administerMaria(t, cfg, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	t.Cleanup(func() { administerMaria(t, cfg, "DROP DATABASE IF EXISTS "+name) })
	own := cfg.Clone()
	own.DBName = name
	return own.FormatDSN()
}

func administerMaria(t testing.TB, cfg *mysql.Config, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if _, err := db.ExecContext(ctx, text); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// MariaDBConnectionString is the ADO-style connection string for a DSN of [MariaDB]: "Server=…;Port=…;Database=…;…".
func MariaDBConnectionString(dsn string) string {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return ""
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("Server=%s;Port=%s;Database=%s;UID=%s;PWD=%s", host, port, cfg.DBName, cfg.User, cfg.Passwd)
}

func mariaProgram(names ...string) string {
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
		if p := "/usr/sbin/" + n; isFile(p) {
			return p
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
