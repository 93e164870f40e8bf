// Package sampledata makes the small shop that Try it here and the demonstration copy: a SQLite database with one table
// of mixed types. The rows are computed from their number, so the same number of rows is always the same data.
package sampledata

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Table is the name of the one table.
const Table = "orders"

const schema = `create table orders (
	id integer primary key,
	ordered_at timestamp not null,
	customer text not null,
	city text not null,
	article text not null,
	quantity integer not null,
	unit_price decimal(10,2) not null,
	weight_kg real,
	paid boolean not null,
	ship_on date,
	note text
)`

const columns = 11

var (
	customers = [...]string{"Anna Lindqvist", "Björn Österberg", "Chloé Dubois", "Dmitri Volkov", "Eun-ji Park", "Fátima Álvarez", "Gábor Szabó", "Hélène Moreau", "Ivan Horvat", "Jürgen Weiß", "Keiko 山田", "Łukasz Wójcik"}
	cities    = [...]string{"Aarhus", "Bilbao", "Cork", "Düsseldorf", "Évora", "Firenze", "Göteborg", "Ålesund"}
	articles  = [...]string{"bolt, M8 × 40", "washer 8.4", "hinge \"H2\"", "spring 12 N", "bearing 6204", "gasket DN 50", "belt A-38"}
	start     = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)
)

// Write makes the database file with n rows; a file that is there already is replaced.
func Write(ctx context.Context, path string, n int64) error {
	for _, old := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		if err := os.Remove(old); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("replace the sample database: %w", err)
		}
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(off)&_pragma=synchronous(off)")
	if err != nil {
		return fmt.Errorf("make the sample database: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := fill(ctx, db, n); err != nil {
		return fmt.Errorf("fill the sample database %s: %w", path, err)
	}
	return nil
}

func fill(ctx context.Context, db *sql.DB, n int64) error {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after Commit
	const perInsert = 90
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	insert, err := tx.PrepareContext(ctx, "insert into orders values "+strings.TrimSuffix(strings.Repeat(one+",", perInsert), ","))
	if err != nil {
		return err
	}
	defer insert.Close()
	args := make([]any, 0, perInsert*columns)
	for i := int64(1); i <= n; i++ {
		args = append(args, row(i)...)
		switch {
		case len(args) == cap(args):
			_, err = insert.ExecContext(ctx, args...)
			args = args[:0]
		case i == n:
			_, err = tx.ExecContext(ctx, "insert into orders values "+strings.TrimSuffix(strings.Repeat(one+",", len(args)/columns), ","), args...)
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func row(i int64) []any {
	h := uint64(i) * 0x9E3779B97F4A7C15 // spreads consecutive numbers
	pick := func(n int, shift uint) int { return int(h >> shift % uint64(n)) }
	ordered := start.Add(time.Duration(i) * 37 * time.Second)
	var weight, ship, note any
	if pick(10, 7) > 0 {
		weight = float64(pick(50_000, 11)) / 1000
	}
	if pick(5, 13) > 0 {
		ship = ordered.AddDate(0, 0, 1+pick(9, 17)).Format(time.DateOnly)
	}
	switch pick(8, 19) {
	case 0:
		note = "leave at the gate, ring twice"
	case 1:
		note = "two\nlines"
	case 2:
		note = ""
	}
	return []any{
		i, ordered.Format(time.DateTime), customers[pick(len(customers), 23)], cities[pick(len(cities), 29)],
		articles[pick(len(articles), 31)], 1 + pick(240, 37), fmt.Sprintf("%d.%02d", 1+pick(900, 41), pick(100, 43)),
		weight, pick(4, 47) > 0, ship, note,
	}
}
