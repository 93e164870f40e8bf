package bus

import (
	"context"
	"database/sql"
	"fmt"

	"dmgateway/engine/supervise"
)

// tx is the writer's connection with its prepared statements. Its methods are for op.apply only.
type tx struct {
	conn  *sql.Conn
	stmts []*sql.Stmt
	next  int64 // sequence number of the next message

	begin, commit, rollback      *sql.Stmt
	insert, remove, count, state *sql.Stmt
	bury, rewrite, activate      *sql.Stmt
	see                          *sql.Stmt
}

func newTx(db *sql.DB) (*tx, error) {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	t := &tx{conn: conn}
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&t.begin, "BEGIN IMMEDIATE"},
		{&t.commit, "COMMIT"},
		{&t.rollback, "ROLLBACK"},
		{&t.insert, `INSERT INTO message (seq, queue, dead, state, count, enqueued, expires, due, ttl, priority, durable, size,
			annotations, body) VALUES (?, ?, 0, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&t.remove, "DELETE FROM message WHERE seq = ?"},
		{&t.count, "UPDATE message SET count = ? WHERE seq = ?"},
		{&t.state, "UPDATE message SET state = ? WHERE seq = ?"},
		{&t.bury, "UPDATE message SET dead = 1, state = 0, expires = 0 WHERE seq = ?"},
		{&t.rewrite, "UPDATE message SET body = ?, size = ? WHERE seq = ?"},
		{&t.activate, "UPDATE message SET state = 0, enqueued = ?, expires = ? WHERE seq = ?"},
		{&t.see, `INSERT INTO seen (queue, id, until) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET until = excluded.until WHERE until <= ?`},
	} {
		stmt, err := conn.PrepareContext(ctx, p.sql) //nolint:sqlclosecheck // close does, with all the others
		if err != nil {
			t.close()
			return nil, err
		}
		*p.to = stmt
		t.stmts = append(t.stmts, stmt)
	}
	var last sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'message'").Scan(&last); err != nil {
		t.close()
		return nil, err
	}
	t.next = last.Int64 + 1
	return t, nil
}

func (t *tx) close() {
	for _, s := range t.stmts {
		_ = s.Close() // the connection goes next
	}
	_ = t.conn.Close()
}

// run makes a group of changes as one transaction.
func (t *tx) run(group []op) error {
	if _, err := t.begin.Exec(); err != nil {
		return err
	}
	for _, o := range group {
		if err := supervise.Guard(func() error { return o.apply(t) }); err != nil {
			return t.undo(err)
		}
	}
	if _, err := t.commit.Exec(); err != nil {
		return t.undo(err)
	}
	return nil
}

func (t *tx) undo(cause error) error {
	if _, err := t.rollback.Exec(); err != nil { // after some errors SQLite has rolled back by itself
		return fmt.Errorf("%w (rollback: %w)", cause, err)
	}
	return cause
}

// exec runs any other statement.
func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	return t.conn.ExecContext(context.Background(), query, args...)
}

// add inserts a message with the next sequence number.
func (t *tx) add(queue int64, m *message) error {
	m.seq = t.next
	t.next++
	_, err := t.insert.Exec(m.seq, queue, m.state(), m.enqueued, m.expires, m.due, m.ttl, m.priority, m.durable, m.size,
		m.annotations, m.body)
	return err
}

// isNew records a message ID until an instant and reports whether it wasn't on record.
func (t *tx) isNew(queue int64, id []byte, now, until int64) (bool, error) {
	r, err := t.see.Exec(queue, id, until, now)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

func (t *tx) set(stmt *sql.Stmt, args ...any) error {
	_, err := stmt.Exec(args...)
	return err
}
