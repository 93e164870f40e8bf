package copy

import (
	"context"
	"maps"
	"sync"
)

// memoryCheckpoints keeps a run's state for as long as the run: the tries that the activity's policy allows go on from
// each other, and nothing survives the process.
type memoryCheckpoints struct {
	mu    sync.Mutex
	state State
}

var _ Checkpoints = (*memoryCheckpoints)(nil)

// Load gives the state so far.
func (c *memoryCheckpoints) Load(context.Context) (State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	s.Done = maps.Clone(s.Done)
	return s, nil
}

// Planned keeps the plan.
func (c *memoryCheckpoints) Planned(_ context.Context, p Plan) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Plan = &p
	return nil
}

// Prepared keeps that the sink is ready.
func (c *memoryCheckpoints) Prepared(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Prepared = true
	return nil
}

// Committed keeps a partition.
func (c *memoryCheckpoints) Committed(_ context.Context, partition string, n PartitionCounts) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Done == nil {
		c.state.Done = map[string]PartitionCounts{}
	}
	c.state.Done[partition] = n
	return nil
}
