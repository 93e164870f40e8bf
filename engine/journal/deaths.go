package journal

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"
)

// distance is how far the checkpoint of the run ?1 has come, in steps: the plan, the prepared sink, each partition.
const distance = `((SELECT count(*) FROM committed WHERE run = ?1) +
	coalesce((SELECT 1 + prepared FROM plan WHERE run = ?1), 0))`

// putLive says that a run is being worked on. How far it ever came only grows: a run that has to begin again gets on only
// once it is further than before.
func putLive(ctx context.Context, tx *sql.Tx, run string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO running (run, live, best) VALUES (?1, 1, "+distance+`)
		ON CONFLICT (run) DO UPDATE SET live = 1, best = max(best, excluded.best),
			deaths = CASE WHEN best < excluded.best THEN 0 ELSE deaths END`, run)
	return err
}

// Left says that a run, whose attempt has not ended, is left in order: whatever ends the program now is not its doing.
func (j *Journal) Left(ctx context.Context, run string) error {
	_, err := j.db.ExecContext(ctx, "UPDATE running SET live = 0 WHERE run = ?", run)
	return j.failed("write to", err)
}

// Deaths is how many times, one after the other, the program died while the run was worked on and got no further.
func (j *Journal) Deaths(ctx context.Context, run string) (int, error) {
	var n int
	err := j.db.QueryRowContext(ctx, "SELECT deaths FROM running WHERE run = ?", run).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, j.failed("read", err)
}

// GotOn reports whether a run has come further than at any of its starts.
func (j *Journal) GotOn(ctx context.Context, run string) (bool, error) {
	var on bool
	err := j.db.QueryRowContext(ctx, "SELECT best < "+distance+" FROM running WHERE run = ?1", run).Scan(&on)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return on, j.failed("read", err)
}

// settingBoot is when the machine had started, in Unix seconds, when the program last looked.
const settingBoot = "machine.started"

// bootsApart is by how much two readings of one start of the machine may differ: its clock is set now and then.
const bootsApart = time.Minute

// Death is a run that was being worked on when the program died.
type Death struct {
	Run   string
	Times int // one after the other without the run having got on; 0 = it had got on
}

// Reckon is called once after a start, before anything runs. It counts, for each run that was being worked on when the
// program ended, whether that run had got on since it was started, and tells which those were. A machine that started
// anew since then, at the given time, took the program with it: nobody is blamed. The zero time is an unknown one.
func (j *Journal) Reckon(ctx context.Context, boot time.Time) ([]Death, error) {
	var list []Death
	err := j.in(ctx, "write to", func(tx *sql.Tx) error {
		rebooted, err := bootedAnew(ctx, tx, boot)
		if err != nil {
			return err
		}
		if !rebooted {
			if list, err = countDeaths(ctx, tx); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE running SET live = 0")
		return err
	})
	return list, err
}

func countDeaths(ctx context.Context, tx *sql.Tx) ([]Death, error) {
	rows, err := tx.QueryContext(ctx, "SELECT run FROM running WHERE live = 1 ORDER BY run")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Death
	for rows.Next() {
		var d Death
		if err := rows.Scan(&d.Run); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range list {
		err := tx.QueryRowContext(ctx, "UPDATE running SET best = max(best, "+distance+`),
			deaths = CASE WHEN best < `+distance+" THEN 0 ELSE deaths + 1 END WHERE run = ?1 RETURNING deaths", list[i].Run).Scan(&list[i].Times)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// bootedAnew keeps when the machine had started, and says whether that is another start than the one kept.
func bootedAnew(ctx context.Context, tx *sql.Tx, boot time.Time) (bool, error) {
	if boot.IsZero() {
		return false, nil
	}
	var kept string
	err := tx.QueryRowContext(ctx, "SELECT value FROM setting WHERE name = ?", settingBoot).Scan(&kept)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		settingBoot, strconv.FormatInt(boot.Unix(), 10))
	if err != nil {
		return false, err
	}
	seconds, err := strconv.ParseInt(kept, 10, 64)
	if err != nil {
		return false, nil // nothing is known of an earlier one
	}
	return time.Unix(seconds, 0).Sub(boot).Abs() > bootsApart, nil
}

// endLive says that a run is worked on no more. Where the program's deaths ended it, its next attempt is not trusted from
// the beginning; every other end clears it.
func endLive(ctx context.Context, tx *sql.Tx, run string, died bool) error {
	if died {
		_, err := tx.ExecContext(ctx, "UPDATE running SET live = 0, deaths = deaths - 1 WHERE run = ? AND deaths > 0", run)
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM running WHERE run = ?", run)
	return err
}
