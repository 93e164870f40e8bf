package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// cell is one value of a small result, as text.
type cell struct {
	text string
	null bool
}

// query runs a statement with text parameters and gives its few rows as text. It is for catalogs, not for data.
func query(ctx context.Context, c *pgconn.PgConn, sql string, args ...string) ([][]cell, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	rr := c.ExecParams(ctx, sql, params, nil, nil, nil)
	var rows [][]cell
	for rr.NextRow() {
		row := make([]cell, len(rr.Values()))
		for i, v := range rr.Values() {
			row[i] = cell{text: string(v), null: v == nil}
		}
		rows = append(rows, row)
	}
	_, err := rr.Close()
	return rows, err
}

// run runs a script of any number of statements and drops its rows.
func run(ctx context.Context, c *pgconn.PgConn, sql string) error {
	return c.Exec(ctx, sql).Close()
}

// execute runs one statement and gives how many rows it touched.
func execute(ctx context.Context, c *pgconn.PgConn, sql string) (int64, error) {
	tag, err := c.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return tag.RowsAffected(), err
}

// count is a number that the server gave; what is none is 0.
func count(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
