package journal

import (
	"context"
	"database/sql"
	"errors"

	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
)

var _ files.Chunks = (*Checkpoints)(nil)

// ForgetChunks removes the run's lists of files.
func (c *Checkpoints) ForgetChunks(ctx context.Context) error {
	_, err := c.j.db.ExecContext(ctx, "DELETE FROM chunk WHERE run = ?", c.run)
	return c.j.failed("clean up", err)
}

// AddChunks keeps parts of a list of files.
func (c *Checkpoints) AddChunks(ctx context.Context, first int, bodies [][]byte) error {
	return c.j.in(ctx, "write a list of files to", func(tx *sql.Tx) error {
		return putChunks(ctx, tx, c.run, first, bodies)
	})
}

func putChunks(ctx context.Context, tx *sql.Tx, run string, first int, bodies [][]byte) error {
	add, err := tx.PrepareContext(ctx, "INSERT INTO chunk (run, number, body) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer add.Close()
	for i, body := range bodies {
		if _, err := add.ExecContext(ctx, run, first+i, body); err != nil {
			return err
		}
	}
	return nil
}

// Chunk gives a part of a list of files.
func (c *Checkpoints) Chunk(ctx context.Context, number int) ([]byte, error) {
	var body []byte
	err := c.j.db.QueryRowContext(ctx, "SELECT body FROM chunk WHERE run = ? AND number = ?", c.run, number).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.BadData, "the list of files of this run is not whole: part %d is missing", number).At(c.run).
			Try("Run the copy again, as a new run.")
	}
	return body, c.j.failed("read a list of files of", err)
}

// ChunkBytes is how many bytes the run's lists of files take.
func (c *Checkpoints) ChunkBytes(ctx context.Context) (int64, error) {
	var n int64
	err := c.j.db.QueryRowContext(ctx, "SELECT coalesce(sum(length(body)), 0) FROM chunk WHERE run = ?", c.run).Scan(&n)
	return n, c.j.failed("read a list of files of", err)
}

// LoadAll is Load with the lists of files, for another journal to go on from.
func (c *Checkpoints) LoadAll(ctx context.Context) (State, error) {
	state, err := c.Load(ctx)
	if err != nil || state.Plan == nil {
		return State{State: state}, err
	}
	all := State{State: state}
	for i := range files.ChunksOf(state.Plan.Partitions) {
		body, err := c.Chunk(ctx, i)
		if err != nil {
			return State{}, err
		}
		all.Chunks = append(all.Chunks, body)
	}
	return all, nil
}
