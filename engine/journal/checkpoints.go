package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"dmgateway/engine/copy"
)

// State is a run's checkpoint with everything that another node's journal needs to go on.
type State struct {
	copy.State
	// Chunks are the lists of files that the plan's partitions mean, see files.Chunks.
	Chunks [][]byte `json:"chunks,omitempty"`
}

// Checkpoints is the checkpoint of one run, see copy.Checkpoints.
type Checkpoints struct {
	j   *Journal
	run string
}

var _ copy.Checkpoints = (*Checkpoints)(nil)

// Checkpoints gives the checkpoint of a run over all its attempts.
func (j *Journal) Checkpoints(run string) *Checkpoints { return &Checkpoints{j, run} }

// Load gives what earlier attempts saved; the zero State at first.
func (c *Checkpoints) Load(ctx context.Context) (copy.State, error) {
	var state copy.State
	var plan []byte
	err := c.j.db.QueryRowContext(ctx, "SELECT body, prepared FROM plan WHERE run = ?", c.run).Scan(&plan, &state.Prepared)
	if errors.Is(err, sql.ErrNoRows) {
		return copy.State{}, nil
	}
	if err != nil {
		return copy.State{}, c.j.failed("read a checkpoint of", err)
	}
	state.Plan = &copy.Plan{}
	if err := json.Unmarshal(plan, state.Plan); err != nil {
		return copy.State{}, c.j.damaged(fmt.Errorf("read plan: %w", err))
	}
	rows, err := c.j.db.QueryContext(ctx, "SELECT partition, counts FROM committed WHERE run = ?", c.run)
	if err != nil {
		return copy.State{}, c.j.failed("read a checkpoint of", err)
	}
	defer rows.Close()
	for rows.Next() {
		var partition string
		var body []byte
		if err := rows.Scan(&partition, &body); err != nil {
			return copy.State{}, c.j.failed("read a checkpoint of", err)
		}
		var counts copy.PartitionCounts
		if err := json.Unmarshal(body, &counts); err != nil {
			return copy.State{}, c.j.damaged(fmt.Errorf("read counts: %w", err))
		}
		if state.Done == nil {
			state.Done = map[string]copy.PartitionCounts{}
		}
		state.Done[partition] = counts
	}
	return state, c.j.failed("read a checkpoint of", rows.Err())
}

// Planned saves the plan.
func (c *Checkpoints) Planned(ctx context.Context, p copy.Plan) error {
	plan, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("marshal plan: %w", err)
	}
	return c.j.in(ctx, "write a plan to", func(tx *sql.Tx) error {
		if err := forgetCheckpoint(ctx, tx, c.run); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO plan (run, body) VALUES (?, ?)", c.run, plan)
		return err
	})
}

// Prepared says that the sink is ready.
func (c *Checkpoints) Prepared(ctx context.Context) error {
	_, err := c.j.db.ExecContext(ctx, "UPDATE plan SET prepared = 1 WHERE run = ?", c.run)
	return c.j.failed("write a checkpoint to", err)
}

// Committed says that a partition's rows are visible in the sink.
func (c *Checkpoints) Committed(ctx context.Context, partition string, counts copy.PartitionCounts) error {
	return c.j.in(ctx, "write a checkpoint to", func(tx *sql.Tx) error {
		return putCommitted(ctx, tx, c.run, partition, counts)
	})
}

func putCommitted(ctx context.Context, tx *sql.Tx, run, partition string, counts copy.PartitionCounts) error {
	body, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("marshal counts: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO committed (run, partition, counts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", run, partition, body)
	return err
}

// forgetCheckpoint forgets the plan and what is committed. Lists of files stay: they are written before their plan.
func forgetCheckpoint(ctx context.Context, tx *sql.Tx, run string) error {
	return forget(ctx, tx, run, "plan", "committed")
}

// forgetRun forgets everything of a run.
func forgetRun(ctx context.Context, tx *sql.Tx, run string) error {
	return forget(ctx, tx, run, "plan", "committed", "chunk")
}

func forget(ctx context.Context, tx *sql.Tx, run string, tables ...string) error {
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE run = ?", run); err != nil {
			return err
		}
	}
	return nil
}
