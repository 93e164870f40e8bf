package copy

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"dmgateway/engine/testserver"
)

// BenchmarkBetweenPostgresTables copies rows of twelve mixed columns from one database to another: as bytes, decoded,
// and by two psql joined by a pipe.
func BenchmarkBetweenPostgresTables(b *testing.B) {
	const rows = 300_000
	dsn, other := testserver.Postgres(b), testserver.Postgres(b)
	const columns = `(id bigint, i int, s smallint, ok boolean, amount numeric(18,4), ratio double precision, day date, at timestamp, zoned timestamptz, name varchar(60), note text, tag uuid)`
	script(b, dsn, fmt.Sprintf(`CREATE TABLE src %s; INSERT INTO src SELECT g, g %% 1000, g %% 100, g %% 2 = 0, g * 1.2345, g / 7.0, date '2020-01-01' + g %% 3000,
		timestamp '2020-01-01' + g * interval '1 second', timestamptz '2020-01-01 00:00Z' + g * interval '1 minute', 'customer ' || g, repeat(md5(g::text), 2), md5(g::text)::uuid
		FROM generate_series(1, %d) g; ANALYZE src; CHECKPOINT`, columns, rows))
	script(b, other, `CREATE TABLE dst `+columns)
	for _, c := range []struct {
		name  string
		plain bool
	}{{"bytes", false}, {"decoded", true}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				script(b, other, `TRUNCATE dst`)
				job := betweenTables(b, dsn, "src", "dst", `{}`, `{}`)
				job.Sink = betweenTables(b, other, "src", "dst", `{}`, `{}`).Sink
				if res, err := Run(b.Context(), job, Options{plain: c.plain}); err != nil || res.RowsCopied != rows {
					b.Fatal(res, err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("psql", func(b *testing.B) {
		for b.Loop() {
			script(b, other, `TRUNCATE dst`)
			out, err := exec.Command("sh", "-c", fmt.Sprintf(`psql %q -c "COPY src TO STDOUT" | psql %q -c "COPY dst FROM STDIN"`, dsn, other)).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "COPY") {
				b.Skipf("psql: %v %s", err, out)
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkHundredRows copies a hundred rows between two databases, from the job to its result, and beside it does what
// the servers cannot be spared: two sign-ins and the same statements.
func BenchmarkHundredRows(b *testing.B) {
	dsn, other := testserver.Postgres(b), testserver.Postgres(b)
	script(b, dsn, `CREATE TABLE src (id int PRIMARY KEY, name text); INSERT INTO src SELECT i, 'x' FROM generate_series(1, 100) i`)
	script(b, other, `CREATE TABLE dst (id int, name text)`)
	b.Run("job", func(b *testing.B) {
		for b.Loop() {
			job := betweenTables(b, dsn, "src", "dst", `{}`, `{}`)
			job.Sink = betweenTables(b, other, "src", "dst", `{}`, `{}`).Sink
			if res, err := Run(b.Context(), job, Options{}); err != nil || res.RowsCopied != 100 {
				b.Fatal(res, err)
			}
		}
	})
	b.Run("stores", func(b *testing.B) {
		for b.Loop() {
			script(b, dsn, `BEGIN; SELECT * FROM src; COMMIT`)
			script(b, other, `BEGIN; INSERT INTO dst SELECT i, 'x' FROM generate_series(1, 100) i; COMMIT`)
		}
	})
}
