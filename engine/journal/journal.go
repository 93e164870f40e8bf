// Package journal is what a gateway remembers in one SQLite file: the jobs that it took, how far each is, what became of
// them, the messages that still have to be sent, and the settings. What a method has returned from is durable.
package journal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"dmgateway/engine/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the steps that bring a journal to its present schema.
func Migrations() fs.FS { return migrations }

// Journal is an open journal. Its methods may be called from several goroutines.
type Journal struct {
	db   *sql.DB
	path string
}

// Open opens the journal file or makes it. A file that is damaged, locked by another program or written by a newer
// version is refused, with what to do; nothing is thrown away.
func Open(ctx context.Context, path string) (*Journal, error) {
	q := url.Values{}
	for _, pragma := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"} {
		q.Add("_pragma", pragma)
	}
	q.Set("_txlock", "immediate")
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	// One connection: SQLite writes one at a time anyway, and nobody then waits inside it with a lock held.
	db.SetMaxOpenConns(1)
	j := &Journal{db: db, path: path}
	if err := j.migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return j, nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.failed("close", j.db.Close()) }

func (j *Journal) migrate(ctx context.Context) error {
	var state string
	if err := j.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&state); err != nil {
		return j.failed("open", err)
	}
	if state != "ok" {
		return j.damaged(errors.New(state))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("embedded migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, j.db, files)
	if err != nil {
		return j.failed("prepare", err)
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return j.failed("prepare", err)
	}
	if current > target {
		return fault.New(fault.Conflict, "the journal was written by a newer version of this program").At(j.path).
			Try("Start the newer version again.")
	}
	if _, err := p.Up(ctx); err != nil {
		return j.failed("prepare", err)
	}
	return nil
}

func (j *Journal) damaged(err error) error {
	return fault.New(fault.BadData, "the journal is damaged").At(j.path).Because(err).
		Try("Check the disk. Then move the file away and start again: the factory gives jobs that had not ended to this gateway again; the history here is lost.")
}

// failed gives an error of the database its code and remedy; nil stays nil.
func (j *Journal) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Cancelled, "%s the journal", what).Because(err)
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return fault.New(fault.StoreFailed, "%s the journal", what).At(j.path).Because(err)
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fault.New(fault.DiskFull, "%s the journal: the disk is full", what).At(j.path).Because(err).AsTransient().
			Try("Make space on the disk of the data directory; jobs go on by themselves then.")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fault.New(fault.Conflict, "%s the journal: another program holds it locked", what).At(j.path).Because(err).AsTransient().
			Try("Close whatever has the file open: another gateway, a backup or a database tool.")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return j.damaged(err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fault.New(fault.Forbidden, "%s the journal: the file cannot be written", what).At(j.path).Because(err).
			Try("Check the rights of the data directory: the user running the program has to own it.")
	}
	return fault.New(fault.StoreFailed, "%s the journal", what).At(j.path).Because(err).Try("Check the disk and free space of the data directory.")
}

// in runs fn in one transaction.
func (j *Journal) in(ctx context.Context, what string, fn func(tx *sql.Tx) error) error {
	tx, err := j.db.BeginTx(ctx, nil)
	if err != nil {
		return j.failed(what, err)
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback()
		return j.failed(what, err)
	}
	return j.failed(what, tx.Commit())
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// Setting gives a stored setting and whether there is one.
func (j *Journal) Setting(ctx context.Context, name string) (string, bool, error) {
	var value string
	err := j.db.QueryRowContext(ctx, "SELECT value FROM setting WHERE name = ?", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, j.failed("read", err)
}

// SetSetting stores a setting.
func (j *Journal) SetSetting(ctx context.Context, name, value string) error {
	_, err := j.db.ExecContext(ctx, "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return j.failed("write", err)
}

// ClearSetting removes a setting; one that is absent is no error.
func (j *Journal) ClearSetting(ctx context.Context, name string) error {
	_, err := j.db.ExecContext(ctx, "DELETE FROM setting WHERE name = ?", name)
	return j.failed("write", err)
}
