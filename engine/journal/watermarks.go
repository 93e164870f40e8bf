package journal

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
)

var _ copy.Watermarks = (*Journal)(nil)

// Mark implements copy.Watermarks.
func (j *Journal) Mark(ctx context.Context, key string) (string, error) {
	return j.text(ctx, "SELECT value FROM watermark WHERE key = ?", key)
}

// text gives the one text that a query selects, "" where there is none.
func (j *Journal) text(ctx context.Context, query string, args ...any) (string, error) {
	var text string
	err := j.db.QueryRowContext(ctx, query, args...).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, j.failed("read", err)
}

// SetMark implements copy.Watermarks. A key without a mark takes any.
func (j *Journal) SetMark(ctx context.Context, key, from, to string) error {
	var moved *fault.Error
	err := j.in(ctx, "write a watermark to", func(tx *sql.Tx) error {
		var now string
		err := tx.QueryRowContext(ctx, "SELECT value FROM watermark WHERE key = ?", key).Scan(&now)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		switch now {
		case to:
			return nil
		case from, "": // none at all: another node has begun the run, with its own mark
		default:
			moved = fault.New(fault.Conflict, "the watermark was at %q when the run began, and is at %q now: another run of the same activity has moved it", from, now).
				At(key).Try("Rows between the two may be in the sink twice; run one copy of the activity at a time.")
			return nil
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO watermark (key, value, changed) VALUES (?, ?, ?)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed = excluded.changed`, key, to, micros(time.Now()))
		return err
	})
	if err == nil && moved != nil {
		return moved
	}
	return err
}

// ForgetMark makes a key begin anew, with what is known of a run of it that was not finished.
func (j *Journal) ForgetMark(ctx context.Context, key string) error {
	run, err := j.text(ctx, "SELECT run FROM open_run WHERE key = ?", key)
	if err != nil {
		return err
	}
	return j.in(ctx, "write a watermark to", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM watermark WHERE key = ?", key); err != nil {
			return err
		}
		return closeRun(ctx, tx, key, run)
	})
}

// OpenRun gives the run of a key that was begun and not finished, or writes down that run has begun.
func (j *Journal) OpenRun(ctx context.Context, key, run string) (string, error) {
	err := j.in(ctx, "write a run to", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO open_run (key, run) VALUES (?, ?) ON CONFLICT DO NOTHING", key, run)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT run FROM open_run WHERE key = ?", key).Scan(&run)
	})
	return run, err
}

// CloseRun forgets a run of a key that has succeeded, and its checkpoint.
func (j *Journal) CloseRun(ctx context.Context, key, run string) error {
	return j.in(ctx, "write a run to", func(tx *sql.Tx) error { return closeRun(ctx, tx, key, run) })
}

func closeRun(ctx context.Context, tx *sql.Tx, key, run string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM open_run WHERE key = ? AND run = ?", key, run); err != nil {
		return err
	}
	return forgetRun(ctx, tx, run)
}
