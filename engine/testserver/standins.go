package testserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	// SQLServerEnv is the environment variable with the DSN of a SQL Server to use instead of a private stand-in:
	// "sqlserver://user:password@host:port?database=name". The user must be allowed to create tables, types and
	// procedures; the tests remove what they make.
	SQLServerEnv = "DMG_TEST_SQLSERVER_DSN"
	// OracleEnv is the same for Oracle: "oracle://user:password@host:port/service".
	OracleEnv = "DMG_TEST_ORACLE_DSN"
	// standinsEnv is the folder with the scripts start and stop of the stand-ins; by default shared/testservers beside
	// the checkout.
	standinsEnv = "DMG_TEST_STANDINS"
)

// standin is a server for tests that speaks a database's protocol over a private PostgreSQL. It is not the real
// database: what it accepts proves the client's side of the wire, not the SQL.
type standin struct {
	once    sync.Once
	dsn     string
	missing string
	err     error
}

var tdsStandin, tnsStandin standin

// SQLServer gives the DSN of a SQL Server, real where [SQLServerEnv] says so. All tests of a process share its database,
// so each names its tables for itself alone.
func SQLServer(t testing.TB) (dsn string, real bool) {
	t.Helper()
	return tdsStandin.use(t, SQLServerEnv, "SQL Server", "--tds-only", "TDS_PORT")
}

// Oracle gives the DSN of an Oracle server, real where [OracleEnv] says so; see [SQLServer].
func Oracle(t testing.TB) (dsn string, real bool) {
	t.Helper()
	return tnsStandin.use(t, OracleEnv, "Oracle", "--ora-only", "ORA_PORT")
}

func (s *standin) use(t testing.TB, env, title, flag, port string) (string, bool) {
	t.Helper()
	if dsn := os.Getenv(env); dsn != "" {
		return dsn, true
	}
	s.once.Do(func() { s.dsn, s.missing, s.err = startStandin(env, flag, port) })
	if s.missing != "" {
		Missing(t, "%s: %s; set %s", title, s.missing, env)
	}
	if s.err != nil {
		t.Fatalf("start the stand-in for %s: %v", title, s.err)
	}
	return s.dsn, false
}

// standinFolder finds the scripts: where the environment says, or beside the checkout that holds this package.
func standinFolder() string {
	if f := os.Getenv(standinsEnv); f != "" {
		return f
	}
	at, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(at), "shared", "testservers")
		}
		up := filepath.Dir(at)
		if up == at {
			return ""
		}
		at = up
	}
}

func startStandin(env, flag, port string) (dsn, missing string, err error) {
	folder := standinFolder()
	if _, err := os.Stat(filepath.Join(folder, "start")); err != nil {
		return "", fmt.Sprintf("no stand-in in %q, and no server named", folder), nil
	}
	said, missing, err := runStandin(folder, flag, port)
	if missing != "" || err != nil {
		return "", missing, err
	}
	for line := range strings.Lines(said) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "export "+env+"="); ok {
			return strings.Trim(value, "'"), "", nil
		}
	}
	return "", "", fmt.Errorf("the script did not say %s: %s", env, said)
}
