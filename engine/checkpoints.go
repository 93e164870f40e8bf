package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/supervise"
)

// checkpointEvery is how often a running job's newest checkpoint goes to the factory.
const checkpointEvery = 5 * time.Second

// checkpoints keeps a run's checkpoint in the journal and at the factory, where another node can go on from it.
//
// The plan, and that the sink is prepared, reach the factory before the first partition is committed: a node that did
// not know would plan other partitions, or run a pre-copy script over committed rows. What is committed may reach it
// later, because the sink itself knows.
type checkpoints struct {
	*journal.Checkpoints
	s *session
	t *task

	dirty chan struct{}
	end   context.CancelFunc
	work  sync.WaitGroup
}

var _ copy.Checkpoints = (*checkpoints)(nil)

// newCheckpoints starts sending; finish ends it.
func (s *session) newCheckpoints(t *task) *checkpoints {
	c := &checkpoints{Checkpoints: s.e.journal.Checkpoints(t.run()), s: s, t: t, dirty: make(chan struct{}, 1)}
	ctx, end := context.WithCancel(s.ctx)
	c.end = end
	c.work.Go(func() { supervise.Contain(s.e.log, "Checkpoints", func() { c.sendNews(ctx) }) })
	return c
}

// finish stops sending; the result makes the last checkpoint needless, and a failed attempt's is sent at once.
func (c *checkpoints) finish() {
	c.end()
	c.work.Wait()
	select {
	case <-c.dirty:
		ctx, cancel := context.WithTimeout(c.s.ctx, 5*time.Second)
		defer cancel()
		c.sendLogged(ctx)
	default:
	}
}

// Planned saves the plan here and at the factory.
func (c *checkpoints) Planned(ctx context.Context, p copy.Plan) error {
	if err := c.Checkpoints.Planned(ctx, p); err != nil {
		return err
	}
	c.s.gotOn(ctx, c.t)
	return c.insist(ctx)
}

// Prepared says here and at the factory that the sink is ready.
func (c *checkpoints) Prepared(ctx context.Context) error {
	if err := c.Checkpoints.Prepared(ctx); err != nil {
		return err
	}
	c.s.gotOn(ctx, c.t)
	return c.insist(ctx)
}

// Committed saves a partition here and, soon, at the factory.
func (c *checkpoints) Committed(ctx context.Context, partition string, counts copy.PartitionCounts) error {
	if err := c.Checkpoints.Committed(ctx, partition, counts); err != nil {
		return err
	}
	c.s.gotOn(ctx, c.t)
	select {
	case c.dirty <- struct{}{}:
	default:
	}
	return nil
}

// insist sends the checkpoint until the factory has it, or says that the lease is lost.
func (c *checkpoints) insist(ctx context.Context) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 10*time.Second
	for {
		err := c.send(ctx)
		if err == nil || !fault.IsTransient(err) && fault.Code(err) != fault.Unreachable {
			return err
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// send sends the newest checkpoint once.
func (c *checkpoints) send(ctx context.Context) error {
	body, err := c.portable(ctx)
	if err != nil {
		return err
	}
	return c.s.rest.Checkpoint(ctx, protocol.CheckpointRequest{ActivityRun: c.t.run(), Attempt: c.t.entry.Job.Attempt, Checkpoint: body})
}

// Bytes that a checkpoint has at most to be sent to the factory, which takes no longer requests.
const (
	mostLists      = 4 << 20 // of lists of files, some 24 a file
	mostCheckpoint = 6 << 20
)

// portable is the checkpoint for another node. A longer one stays here: a run that moves to another node begins again
// there, with a plan of its own. Files that it copies again replace themselves; a table that holds rows of the run refuses
// the new plan.
func (c *checkpoints) portable(ctx context.Context) ([]byte, error) {
	n, err := c.ChunkBytes(ctx)
	if err != nil {
		return nil, err
	}
	var state journal.State
	if n <= mostLists {
		if state, err = c.LoadAll(ctx); err != nil {
			return nil, err
		}
	}
	body, err := json.Marshal(state)
	if err == nil && len(body) > mostCheckpoint {
		body, err = json.Marshal(journal.State{})
	}
	if err != nil {
		return nil, fmt.Errorf("marshal checkpoint: %w", err)
	}
	return body, nil
}

func (c *checkpoints) sendNews(ctx context.Context) {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-c.dirty:
			c.sendLogged(ctx)
		default:
		}
	}
}

// sendLogged sends without insisting. A lost lease stops the job at once.
func (c *checkpoints) sendLogged(ctx context.Context) {
	err := c.send(ctx)
	switch {
	case err == nil || ctx.Err() != nil:
	case fault.Is(err, fault.LeaseLost):
		c.t.cancelled(errLost())
	default:
		c.s.e.log.Info("a checkpoint did not reach the factory", logging.Key, logging.CheckpointNotSent, "run", c.t.run(), "error", err)
	}
}
