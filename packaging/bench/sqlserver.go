package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"

	_ "github.com/microsoft/go-mssqldb" // the driver "sqlserver"
	_ "github.com/sijms/go-ora/v2"      // the driver "oracle"

	"dmgateway/engine/testserver"
)

func splitAddress(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("%q: %w", address, err)
	}
	return host, port, nil
}

// slower is what the stand-ins get of the rows: they are not made for speed.
func (b *bench) slower() int64 { return max(1000, b.rows/5) }

// some writes the first rows of the table's file to another.
func (b *bench) some(name string) (size int64, err error) {
	if out, err := exec.Command("/bin/bash", "-c", fmt.Sprintf("head -n %d %s > %s", b.slower(), b.path("psql.csv"), b.path(name))).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	info, err := os.Stat(b.path(name))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// fillFrom copies the file of some rows into a table that is created.
func (b *bench) fillFrom(ctx context.Context, name string, to side) error {
	command := b.copy(b.file("DelimitedText", name), to)
	if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("fill: %w\n%s", err, out)
	}
	return nil
}

// sqlserverPairs copies the table out of and into a SQL Server, or its stand-in.
func sqlserverPairs(ctx context.Context, b *bench) ([]pair, error) {
	dsn, err := testserver.StartSQLServer()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		return nil, err
	}
	size, err := b.some("some.csv")
	if err != nil {
		return nil, err
	}
	const columns = `(id bigint primary key, n int, small smallint, amount decimal(18,4), ratio float, flag varchar(1), created datetime2(6), changed datetimeoffset(6),
		day date, code varchar(20), name varchar(100), note varchar(200))`
	run := func(text string) error {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%.60s: %w", text, err)
		}
		return nil
	}
	for _, table := range []string{"bench_src", "bench_dst"} {
		if err := run("create table " + table + " " + columns); err != nil {
			return nil, err
		}
	}
	password, _ := u.User.Password()
	table := func(name string) side {
		return side{
			service: map[string]any{"type": "SqlServer", "typeProperties": map[string]any{
				"connectionString": fmt.Sprintf("Server=tcp:%s,%s;Database=%s;User ID=%s;Password=%s;Encrypt=False", u.Hostname(), u.Port(), u.Query().Get("database"), u.User.Username(), password),
			}},
			dataset: map[string]any{"type": "SqlServerTable", "typeProperties": map[string]any{"schema": "dbo", "table": name}},
			source:  map[string]any{"type": "SqlServerSource"},
			sink:    map[string]any{"type": "SqlServerSink"},
		}
	}
	if err := b.fillFrom(ctx, "some.csv", table("bench_src")); err != nil {
		return nil, err
	}
	freebcp := func(what, direction, file string) []string {
		return []string{"freebcp", u.Query().Get("database") + ".dbo." + what, direction, file, "-S", u.Host, "-U", u.User.Username(), "-P", password, "-c", "-t", "|~|", "-b", "10000"}
	}
	name := func(text string) string {
		return strings.ReplaceAll(text, "SQL Server", "SQL Server (TDS, "+kind(testserver.SQLServerEnv)+")")
	}
	return []pair{
		{
			name: name("SQL Server → delimited text"), goal: "≤ 0.9 × freebcp", bytes: float64(size),
			contenders: contenders(
				have("freebcp", contender{name: "freebcp out", command: freebcp("bench_src", "out", b.path("bcp.txt"))}),
				one("dmgcmd", b.copy(table("bench_src"), b.file("DelimitedText", "tds.csv"))),
			),
		},
		{
			name: name("delimited text → SQL Server"), goal: "≤ 0.9 × freebcp", bytes: float64(size), before: func() error { return run("truncate table bench_dst") },
			setup: func() error {
				if _, err := exec.LookPath("freebcp"); err != nil {
					return nil
				}
				out, err := exec.CommandContext(ctx, "freebcp", freebcp("bench_src", "out", b.path("bcp.txt"))[1:]...).CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w\n%s", err, out)
				}
				return nil
			},
			contenders: contenders(
				have("freebcp", contender{name: "freebcp in", command: freebcp("bench_dst", "in", b.path("bcp.txt"))}),
				one("dmgcmd", b.copy(b.file("DelimitedText", "some.csv"), table("bench_dst"))),
			),
		},
	}, nil
}

// kind says whether a server is real.
func kind(env string) string {
	if os.Getenv(env) != "" {
		return "server given"
	}
	return "stand-in"
}
