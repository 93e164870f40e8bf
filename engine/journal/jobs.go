package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// Entry is one attempt of a job in the journal.
type Entry struct {
	Job          protocol.Job
	Source, Sink string // for people
	Status       string // report.Queued, InProgress, Succeeded, Failed, Cancelled
	Taken        time.Time
	Started      time.Time
	Ended        time.Time // zero while it has not ended
	Result       *report.Result
}

// Take writes a job down. It is false, and nothing is changed, where this attempt or a later one is known already. The
// checkpoint that the job brings along replaces what the journal has of another plan, and completes what it has of the
// same.
func (j *Journal) Take(ctx context.Context, e Entry) (bool, error) {
	body, err := json.Marshal(e.Job)
	if err != nil {
		return false, fmt.Errorf("marshal job: %w", err)
	}
	taken := false
	err = j.in(ctx, "write a job to", func(tx *sql.Tx) error {
		var known int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM job WHERE run = ? AND attempt >= ?", e.Job.ActivityRun, e.Job.Attempt).Scan(&known)
		if err != nil || known > 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO job (run, attempt, message_id, body, source, sink, status, taken, expires)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.Job.ActivityRun, e.Job.Attempt, e.Job.MessageID(), body, e.Source, e.Sink, report.Queued, micros(e.Taken), micros(e.Job.Expires))
		if err != nil {
			return err
		}
		taken = true
		return mergeCheckpoint(ctx, tx, e.Job)
	})
	return taken && err == nil, err
}

// mergeCheckpoint takes over what other nodes have done of the run.
func mergeCheckpoint(ctx context.Context, tx *sql.Tx, job protocol.Job) error {
	if len(job.Checkpoint) == 0 || string(job.Checkpoint) == "null" {
		return nil
	}
	var theirs State
	if err := json.Unmarshal(job.Checkpoint, &theirs); err != nil {
		return fault.New(fault.BadData, "the job's checkpoint cannot be read").Because(err)
	}
	if theirs.Plan == nil {
		return nil
	}
	plan, err := json.Marshal(theirs.Plan)
	if err != nil {
		return fmt.Errorf("marshal plan: %w", err)
	}
	var ours []byte
	err = tx.QueryRowContext(ctx, "SELECT body FROM plan WHERE run = ?", job.ActivityRun).Scan(&ours)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if string(ours) != string(plan) {
		if err := forgetRun(ctx, tx, job.ActivityRun); err != nil {
			return err
		}
		if err := putChunks(ctx, tx, job.ActivityRun, 0, theirs.Chunks); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO plan (run, body) VALUES (?, ?)", job.ActivityRun, plan); err != nil {
			return err
		}
	}
	if theirs.Prepared {
		if _, err := tx.ExecContext(ctx, "UPDATE plan SET prepared = 1 WHERE run = ?", job.ActivityRun); err != nil {
			return err
		}
	}
	for partition, counts := range theirs.Done {
		if err := putCommitted(ctx, tx, job.ActivityRun, partition, counts); err != nil {
			return err
		}
	}
	return nil
}

// Start says that an attempt runs, until [Journal.End] or [Journal.Left].
func (j *Journal) Start(ctx context.Context, run string, attempt int, at time.Time) error {
	return j.in(ctx, "write to", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE job SET status = ?, started = CASE started WHEN 0 THEN ? ELSE started END
			WHERE run = ? AND attempt = ? AND ended = 0`, report.InProgress, micros(at), run, attempt)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return putLive(ctx, tx, run)
	})
}

// End is how an attempt ended.
type End struct {
	Run     string
	Attempt int
	At      time.Time
	Result  *report.Result // its Status is the job's
	// Died: the program's deaths ended it, see Journal.Deaths.
	Died bool
	// Event is sent to the factory by the outbox under MessageID; nil reports nothing.
	Event     *protocol.Event
	MessageID string
}

// End writes the end of an attempt and, in the same transaction, the event that reports it. It is false where the attempt
// had ended already. The run's checkpoint is kept only where another attempt can use it: after a failure.
func (j *Journal) End(ctx context.Context, e End) (bool, error) {
	result, err := json.Marshal(e.Result)
	if err != nil {
		return false, fmt.Errorf("marshal result: %w", err)
	}
	ended := false
	err = j.in(ctx, "write a result to", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "UPDATE job SET status = ?, ended = ?, result = ? WHERE run = ? AND attempt = ? AND ended = 0",
			e.Result.Status, micros(e.At), result, e.Run, e.Attempt)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		ended = true
		if e.Result.Status == report.Succeeded {
			if err := forgetRun(ctx, tx, e.Run); err != nil {
				return err
			}
		}
		if e.Event == nil { // the run goes on elsewhere, or here as another attempt
			_, err := tx.ExecContext(ctx, "UPDATE running SET live = 0 WHERE run = ?", e.Run)
			return err
		}
		if err := endLive(ctx, tx, e.Run, e.Died); err != nil {
			return err
		}
		return putOutbox(ctx, tx, e.MessageID, *e.Event)
	})
	return ended && err == nil, err
}

const columns = "body, source, sink, status, taken, started, ended, result"

// Unfinished lists the attempts that have not ended, oldest first.
func (j *Journal) Unfinished(ctx context.Context) ([]Entry, error) {
	return j.list(ctx, "SELECT "+columns+" FROM job WHERE ended = 0 ORDER BY taken, rowid")
}

// List gives the newest attempt of each run, unfinished ones first, then newest first, at most limit.
func (j *Journal) List(ctx context.Context, limit int) ([]Entry, error) {
	return j.list(ctx, "SELECT "+columns+` FROM job AS a
		WHERE attempt = (SELECT max(attempt) FROM job AS b WHERE b.run = a.run)
		ORDER BY ended = 0 DESC, taken DESC, rowid DESC LIMIT ?`, limit)
}

// Get gives the newest attempt of a run; code NotFound where there is none. The beginning of a run's ID is enough where
// only one run begins so.
func (j *Journal) Get(ctx context.Context, run string) (Entry, error) {
	pattern := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(run) + "%"
	list, err := j.list(ctx, "SELECT "+columns+` FROM job AS a WHERE (run = ?1 OR run LIKE ?2 ESCAPE '\')
		AND attempt = (SELECT max(attempt) FROM job AS b WHERE b.run = a.run) ORDER BY run = ?1 DESC, run LIMIT 2`, run, pattern)
	if err != nil {
		return Entry{}, err
	}
	switch {
	case len(list) == 0 || run == "":
		return Entry{}, fault.New(fault.NotFound, "there is no job %q", run).Try("List the jobs to see their IDs.")
	case len(list) == 2 && list[0].Job.ActivityRun != run:
		return Entry{}, fault.New(fault.BadInput, "several jobs begin with %q", run).Try("Give more of the ID.")
	}
	return list[0], nil
}

func (j *Journal) list(ctx context.Context, query string, args ...any) ([]Entry, error) {
	rows, err := j.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, j.failed("read", err)
	}
	defer rows.Close()
	var list []Entry
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, j.failed("read", err)
		}
		list = append(list, e)
	}
	return list, j.failed("read", rows.Err())
}

func scan(rows *sql.Rows) (Entry, error) {
	var e Entry
	var body, result []byte
	var taken, started, ended int64
	if err := rows.Scan(&body, &e.Source, &e.Sink, &e.Status, &taken, &started, &ended, &result); err != nil {
		return e, err
	}
	e.Taken, e.Started, e.Ended = instant(taken), instant(started), instant(ended)
	if err := json.Unmarshal(body, &e.Job); err != nil {
		return e, fmt.Errorf("read job: %w", err)
	}
	if result == nil {
		return e, nil
	}
	e.Result = &report.Result{}
	if err := json.Unmarshal(result, e.Result); err != nil {
		return e, fmt.Errorf("read result: %w", err)
	}
	return e, nil
}

// Prune forgets attempts that ended before the instant, whose messages have expired and which are not among the newest
// keep, with the checkpoints of runs of which nothing is left.
func (j *Journal) Prune(ctx context.Context, before time.Time, keep int) error {
	return j.in(ctx, "clean up", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM job WHERE ended > 0 AND ended < ?1 AND expires < ?1
			AND rowid NOT IN (SELECT rowid FROM job ORDER BY taken DESC LIMIT ?2)`, micros(before), keep)
		if err != nil {
			return err
		}
		for _, table := range []string{"plan", "committed", "chunk", "running"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE run NOT IN (SELECT run FROM job)"); err != nil {
				return err
			}
		}
		return nil
	})
}
