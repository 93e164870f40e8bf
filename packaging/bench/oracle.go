package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"dmgateway/engine/testserver"
)

// oraclePairs copies the table out of an Oracle, or its stand-in.
func oraclePairs(ctx context.Context, b *bench) ([]pair, error) {
	dsn, err := testserver.StartOracle()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	size, err := b.some("some.csv")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("oracle", dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `create table BENCH_SRC (ID number(19) primary key, N number(10), SMALL number(5), AMOUNT number(18,4), RATIO binary_double, FLAG varchar2(1),
		CREATED timestamp(6), CHANGED timestamp(6) with time zone, DAY date, CODE varchar2(20), NAME varchar2(100), NOTE varchar2(200))`); err != nil {
		return nil, fmt.Errorf("create the table: %w", err)
	}
	password, _ := u.User.Password()
	table := side{
		service: map[string]any{"type": "Oracle", "typeProperties": map[string]any{
			"connectionString": fmt.Sprintf("Host=%s;Port=%s;ServiceName=%s;User Id=%s;Password=%s", u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), password),
		}},
		dataset: map[string]any{"type": "OracleTable", "typeProperties": map[string]any{"table": "BENCH_SRC"}},
		source:  map[string]any{"type": "OracleSource"},
		sink:    map[string]any{"type": "OracleSink"},
	}
	if err := b.fillFrom(ctx, "some.csv", table); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []pair{{
		name: "Oracle (TNS, " + kind(testserver.OracleEnv) + ") → delimited text", goal: "≤ 1.0 × the shortest loop over go-ora's rows", bytes: float64(size),
		contenders: contenders(
			one("go-ora, shortest loop", shell("%s oracle-loop '%s' 'select * from BENCH_SRC' > %s", self, dsn+"?PREFETCH_ROWS=2000", b.path("loop.csv"))),
			one("dmgcmd", b.copy(table, b.file("DelimitedText", "tns.csv"))),
		),
	}}, nil
}

// oracleLoop prints the rows of a query the way a person would write it down first.
func oracleLoop(dsn, query string) {
	db, err := sql.Open("oracle", dsn)
	if err != nil {
		panic(err)
	}
	rows, err := db.Query(query)
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		panic(err)
	}
	values := make([]any, len(columns))
	pointers := make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	out := bufio.NewWriter(os.Stdout)
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			panic(err)
		}
		for i, v := range values {
			if i > 0 {
				fmt.Fprint(out, ",")
			}
			switch v := v.(type) {
			case nil:
			case time.Time:
				fmt.Fprint(out, v.Format("2006-01-02 15:04:05.999999"))
			default:
				fmt.Fprint(out, v)
			}
		}
		fmt.Fprintln(out)
	}
	if err := rows.Err(); err != nil {
		panic(err)
	}
	if err := out.Flush(); err != nil {
		panic(err)
	}
}
