// Command bench compares whole copies by dmgcmd with psql's \copy over the same server, table and files: wall time,
// rows per second, MB per second of the CSV's size, client CPU and peak memory. It prints a table in Markdown.
//
//	go run ./packaging/bench -dmgcmd bin/dmgcmd [-rows 1000000] [-times 5]
//
// PostgreSQL is started privately, or taken from DMG_BENCH_POSTGRES (host=… user=… style or URL).
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/testserver"
)

func main() {
	dmgcmd := flag.String("dmgcmd", "bin/dmgcmd", "the command line to measure")
	rows := flag.Int64("rows", 1_000_000, "rows of the table")
	times := flag.Int("times", 5, "how often each copy runs; medians are printed")
	flag.Parse()
	if err := run(context.Background(), *dmgcmd, *rows, *times); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	dir, dsn, dmgcmd string
	config           *pgx.ConnConfig
	rows, csvBytes   int64
	times, bundles   int
}

func run(ctx context.Context, dmgcmd string, rows int64, times int) error {
	dmgcmd, err := filepath.Abs(dmgcmd)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dmgateway-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	dsn := os.Getenv("DMG_BENCH_POSTGRES")
	if dsn == "" {
		if dsn, err = testserver.StartPostgres(); err != nil {
			return err
		}
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("read the connection string: %w", err)
	}
	b := &bench{dir: dir, dsn: dsn, dmgcmd: dmgcmd, config: config, rows: rows, times: times}
	if err := b.fill(ctx); err != nil {
		return err
	}
	return b.compare(ctx)
}

// fill makes the table: 12 columns of mixed types, as in the published comparison of this project.
func (b *bench) fill(ctx context.Context) error {
	fmt.Fprintf(os.Stderr, "filling a table with %d rows\n", b.rows)
	return b.sql(ctx, `drop table if exists src, dst`, fmt.Sprintf(`create table src as select
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
}

func (b *bench) sql(ctx context.Context, statements ...string) error {
	conn, err := pgx.ConnectConfig(ctx, b.config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%.40s: %w", s, err)
		}
	}
	return nil
}

type measure struct {
	name      string
	wall, cpu []float64
	rss       int64
}

func (b *bench) compare(ctx context.Context) error {
	csv, own, parquet := filepath.Join(b.dir, "psql.csv"), "own.csv", "own.parquet"
	truncate := func() error { return b.sql(ctx, "truncate dst") }
	checked := func() error {
		return b.sql(ctx, fmt.Sprintf(`do $$ begin if (select count(*) from dst) <> %d then raise 'rows are missing or doubled'; end if; end $$`, b.rows))
	}
	cases := []struct {
		name          string
		before, after func() error
		command       []string
	}{
		{"PostgreSQL → delimited text: psql \\copy", nil, nil, b.psql(`\copy (select * from src) to '` + csv + `' csv`)},
		{"PostgreSQL → delimited text: dmgcmd", nil, nil, b.copy(b.table("src"), b.file("DelimitedText", own))},
		{"delimited text → PostgreSQL: psql \\copy", truncate, checked, b.psql(`\copy dst from '` + csv + `' csv`)},
		{"delimited text → PostgreSQL: dmgcmd", truncate, checked, b.copy(b.file("DelimitedText", own), b.table("dst"))},
		{"PostgreSQL → Parquet: dmgcmd", nil, nil, b.copy(b.table("src"), b.file("Parquet", parquet))},
		{"Parquet → PostgreSQL: dmgcmd", truncate, checked, b.copy(b.file("Parquet", parquet), b.table("dst"))},
	}
	fmt.Printf("%d rows, 12 columns, medians of %d runs\n\n| copy | wall s | rows/s | MB/s | client CPU s | peak MB |\n| --- | --- | --- | --- | --- | --- |\n", b.rows, b.times)
	for _, c := range cases {
		m := measure{name: c.name}
		for range b.times {
			if err := errors.Join(call(c.before), m.run(ctx, c.command), call(c.after)); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if b.csvBytes == 0 {
				info, err := os.Stat(csv)
				if err != nil {
					return err
				}
				b.csvBytes = info.Size()
			}
		}
		wall := median(m.wall)
		fmt.Printf("| %s | %.2f | %.0f | %.0f | %.2f | %d |\n", m.name, wall, float64(b.rows)/wall, float64(b.csvBytes)/1e6/wall, median(m.cpu), m.rss>>20)
	}
	return nil
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (m *measure) run(ctx context.Context, command []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, output.String())
	}
	m.wall = append(m.wall, time.Since(start).Seconds())
	m.cpu = append(m.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	m.rss = max(m.rss, peak(cmd.ProcessState))
	return nil
}

func median(list []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(list), cmp.Compare)
	return sorted[len(sorted)/2]
}

func (b *bench) psql(command string) []string {
	return []string{"psql", "-q", "-d", b.dsn, "-c", command}
}
