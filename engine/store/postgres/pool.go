package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// pool keeps the connections of one side of a copy between their uses: signing in costs more than a small table takes
// to copy. There is no limit; whoever opens partitions decides how many are used at once.
type pool struct {
	server *server
	env    store.Env

	mu     sync.Mutex
	idle   []*pgconn.PgConn
	closed bool
}

// openPool connects once, so that what is wrong with the server or the sign-in shows.
func (s *server) openPool(ctx context.Context, env store.Env) (*pool, error) {
	p := &pool{server: s, env: env}
	c, err := s.connect(ctx, env)
	if err != nil {
		return nil, err
	}
	p.give(c)
	return p, nil
}

// take gives a connection that is ready, an idle one where there is one.
func (p *pool) take(ctx context.Context) (*pgconn.PgConn, error) {
	if c := p.pop(); c != nil {
		return c, nil
	}
	return p.server.connect(ctx, p.env)
}

func (p *pool) pop() *pgconn.PgConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

// give takes a connection back. One that is in the middle of something is ended. With one that broke the idle ones go
// too: whatever ended it, a restart or a firewall, has most likely ended them, and another try finds new ones.
func (p *pool) give(c *pgconn.PgConn) {
	if c.IsClosed() {
		p.drop(false)
		return
	}
	if c.IsBusy() || c.TxStatus() != 'I' || !p.push(c) {
		hangUp(c)
	}
}

func (p *pool) push(c *pgconn.PgConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, c)
	return true
}

// close ends the idle connections, and from now on those that are given back.
func (p *pool) close() { p.drop(true) }

func (p *pool) drop(forever bool) {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, p.closed || forever
	p.mu.Unlock()
	for _, c := range idle {
		hangUp(c)
	}
}

// query is the function of the same name on a connection of the pool.
func (p *pool) query(ctx context.Context, sql string, args ...string) (rows [][]cell, err error) {
	c, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	defer p.give(c)
	return query(ctx, c, sql, args...)
}

// run is the function of the same name on a connection of the pool. A script that fails inside a transaction ends it.
func (p *pool) run(ctx context.Context, sql string) error {
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.give(c)
	return run(ctx, c, sql)
}

// script runs somebody else's SQL on a connection of its own, which may have changed the session and is not used again.
func (p *pool) script(ctx context.Context, sql, target string) error {
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer hangUp(c)
	if err := run(ctx, c, sql); err != nil {
		return explain(ctx, err, "run the pre-copy script", target)
	}
	if c.TxStatus() != 'I' {
		return fault.New(fault.BadInput, "the pre-copy script leaves a transaction open").At(target).Try("End the script with COMMIT, or leave BEGIN out.")
	}
	return nil
}

// describe is the function of the same name on a connection of the pool.
func (p *pool) describe(ctx context.Context, text, target string) (batch.Schema, []column, error) {
	c, err := p.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer p.give(c)
	return describe(ctx, c, text, target)
}
