package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/testserver"
)

// servers are those that were started.
type servers struct {
	postgres postgresServer
	blobs    io.Closer // the input of the blob endpoint, which ends with it
}

// postgresServer holds the table that everything begins with.
type postgresServer struct {
	dsn    string
	config *pgx.ConnConfig
}

// start starts the server, fills the table, and writes it as a file by psql.
func (s *postgresServer) start(b *bench) (err error) {
	if s.dsn, err = testserver.StartPostgres(); err != nil {
		return err
	}
	if s.config, err = pgx.ParseConfig(s.dsn); err != nil {
		return fmt.Errorf("read the connection string: %w", err)
	}
	fmt.Fprintf(os.Stderr, "filling a table with %d rows\n", b.rows)
	err = s.sql(fmt.Sprintf(`create table src as select
		i::bigint as id,
		(i::bigint * 7919 %% 1000003)::int as n,
		case when i %% 10 = 0 then null else (i %% 30000)::smallint end as small,
		((i::bigint * 104729 %% 100000000)::numeric / 10000)::numeric(18,4) as amount,
		sqrt(i)::double precision as ratio,
		i %% 3 = 0 as flag,
		timestamp '2020-01-01' + i * interval '1.000037 second' as created,
		case when i %% 7 = 0 then null else timestamptz '2020-01-01 00:00:00+00' + i * interval '61.5 second' end as changed,
		date '2000-01-01' + (i %% 9000)::int as day,
		('code-' || i %% 5000)::varchar(20) as code,
		(case when i %% 50 = 0 then 'a "quoted", text ' else 'a plain, text ' end || md5(i::text))::varchar(100) as name,
		case when i %% 5 = 0 then null else repeat(md5((i + 1)::text), 1 + (i %% 4)::int) end as note
		from generate_series(1, %d) i`, b.rows), `alter table src add primary key (id)`,
		`create table dst (like src)`, `vacuum analyze src`, `select count(*) from src`)
	if err != nil {
		return err
	}
	if out, err := exec.Command("psql", "-q", "-d", s.dsn, "-c", `\copy (select * from src) to '`+b.path("psql.csv")+`' csv`).CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w\n%s", err, out)
	}
	info, err := os.Stat(b.path("psql.csv"))
	if err == nil {
		b.csvBytes = info.Size()
	}
	return err
}

func (s *postgresServer) sql(statements ...string) error {
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	for _, text := range statements {
		if _, err := conn.Exec(ctx, text); err != nil {
			return fmt.Errorf("%.40s: %w", text, err)
		}
	}
	return nil
}

func (s *postgresServer) psql(command string) []string {
	return []string{"psql", "-q", "-d", s.dsn, "-c", command}
}

// equal checks that dst holds the rows of src.
func (s *postgresServer) equal() error {
	return s.sql(`do $$ begin
		if (select count(*) from dst) <> (select count(*) from src) then raise 'rows are missing or doubled'; end if;
		if exists (table src except table dst limit 1) then raise 'rows differ'; end if;
	end $$`)
}

func (s *postgresServer) counted() error {
	return s.sql(`do $$ begin if (select count(*) from dst) <> (select count(*) from src) then raise 'rows are missing or doubled'; end if; end $$`)
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// pgSide is a table of PostgreSQL as a side of a copy.
func (b *bench) pgSide(table string) side {
	c := b.servers.postgres.config
	return side{
		service: map[string]any{"type": "PostgreSql", "typeProperties": map[string]any{
			"connectionString": fmt.Sprintf("Host=%s;Port=%d;Database=%s;Username=%s;Password=%s;SSLMode=Disable", c.Host, c.Port, c.Database, c.User, c.Password),
		}},
		dataset: map[string]any{"type": "PostgreSqlTable", "typeProperties": map[string]any{"schema": "public", "table": table}},
		source:  map[string]any{"type": "PostgreSqlSource"},
		sink:    map[string]any{"type": "PostgreSqlSink"},
	}
}

func postgresPairs(_ context.Context, b *bench) ([]pair, error) {
	s := &b.servers.postgres
	size := float64(b.csvBytes)
	truncate := func() error { return s.sql("truncate dst") }
	first := true
	check := func() error { // every value once, then the counts
		if first {
			first = false
			return s.equal()
		}
		return s.counted()
	}
	partitioned := b.pgSide("src")
	partitioned.source = map[string]any{"type": "PostgreSqlSource", "partitionOption": "DynamicRange", "partitionSettings": map[string]any{"partitionColumnName": "id"}}
	return []pair{
		{
			name: "PostgreSQL → delimited text", goal: "≤ 0.70 × psql, ≤ 64 MB", bytes: size,
			contenders: contenders(
				one(`psql \copy`, s.psql(`\copy (select * from src) to '`+b.path("out.csv")+`' csv`)),
				one("dmgcmd", b.copy(b.pgSide("src"), b.file("DelimitedText", "own.csv"))),
			),
		},
		{
			name: "delimited text → PostgreSQL", goal: "≤ 0.50 × psql, ≤ 64 MB", bytes: size, before: truncate, after: check,
			setup: func() error { first = true; return nil },
			contenders: contenders(
				one(`psql \copy`, s.psql(`\copy dst from '`+b.path("psql.csv")+`' csv`)),
				one("dmgcmd", b.copy(b.file("DelimitedText", "psql.csv"), b.pgSide("dst"))),
			),
		},
		{
			name: "PostgreSQL → PostgreSQL", goal: "≤ 0.8 × psql piped into psql", bytes: size, before: truncate, after: check,
			setup: func() error { first = true; return nil },
			contenders: contenders(
				one("psql | psql (text)", shell(`psql -q -d '%[1]s' -c 'copy src to stdout' | psql -q -d '%[1]s' -c 'copy dst from stdin'`, s.dsn)),
				one("psql | psql (binary)", shell(`psql -q -d '%[1]s' -c 'copy src to stdout (format binary)' | psql -q -d '%[1]s' -c 'copy dst from stdin (format binary)'`, s.dsn)),
				one("dmgcmd, 4 partitions", b.copy(partitioned, b.pgSide("dst"), "--parallel", "4")),
				one("dmgcmd", b.copy(b.pgSide("src"), b.pgSide("dst"))),
			),
		},
		{
			name: "PostgreSQL → Parquet", goal: "≤ 0.80 × psql piped into duckdb, ≤ 200 MB", bytes: size,
			contenders: contenders(
				b.duckdb("psql | duckdb", shell(`psql -q -d '%s' -c 'copy (select * from src) to stdout csv' | %s`, s.dsn,
					b.duckCommand(`copy (`+duckRead("/dev/stdin")+`) to '`+b.path("duck.parquet")+`' (format parquet)`))),
				one("dmgcmd", b.copy(b.pgSide("src"), b.file("Parquet", "own.parquet"))),
			),
		},
		{
			name: "Parquet → PostgreSQL", bytes: size, before: truncate, after: s.counted,
			contenders: contenders(
				b.duckdb("duckdb | psql", shell(`%s | psql -q -d '%s' -c 'copy dst from stdin csv'`,
					b.duckCommand(`copy (from '`+b.path("own.parquet")+`') to '/dev/stdout' (format csv, header false)`), s.dsn)),
				one("dmgcmd", b.copy(b.file("Parquet", "own.parquet"), b.pgSide("dst"))),
			),
		},
	}, nil
}
