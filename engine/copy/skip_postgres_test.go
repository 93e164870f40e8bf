package copy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/activity"
	"dmgateway/engine/store/postgres"
	"dmgateway/engine/testserver"
)

// TestSkippingAndComparingWithPostgres loads a file with every sort of bad row into a table, in parallel, and compares the
// table's content with what was copied.
func TestSkippingAndComparingWithPostgres(t *testing.T) {
	dsn := testserver.Postgres(t)
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	table := "skipped"
	if _, err := c.Exec(t.Context(), `CREATE TABLE skipped (id int PRIMARY KEY, name varchar(10) NOT NULL, pay numeric, born date, doc jsonb, fixed char(6), seen timestamptz CHECK (seen < '2100-01-01'))`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Exec(t.Context(), "DROP TABLE skipped") })
	s, dir := filled(t, 0), t.TempDir()
	const n = 60_000
	var text strings.Builder
	text.WriteString("id,name,pay,born,doc,fixed,seen\n")
	bad := 0
	for i := range n {
		id, name, seen := fmt.Sprint(i), fmt.Sprintf("n%d", i), "2020-01-01 10:00:00+02"
		switch i % 1000 {
		case 1:
			id = "x"
		case 2:
			name = "far too long a name"
		case 3:
			name = `\N`
		case 4:
			id = fmt.Sprint(i - 4) // a key that is there already
		case 5:
			seen = "2200-01-01 00:00:00+00"
		case 6:
			text.WriteString("ragged\n")
			bad++
			continue
		default:
			bad--
		}
		bad++
		fmt.Fprintf(&text, "%s,%s,%d.50,1999-12-%02d,\"{\"\"b\"\": 1.0, \"\"a\"\":%d}\",ab,%s\n", id, name, i, i%28+1, i, seen)
	}
	write(t, dir, "a.csv", text.String())
	connection, _ := json.Marshal(testserver.PostgresConnectionString(dsn))
	linked, d := fmt.Sprintf(`{"connectionString":%s}`, connection), postgres.Definition()
	job := skipping(t, fromFiles(t, s, dir), dir, true)
	job.Sink = activity.Sink{Type: "PostgreSqlSink", Store: "postgres", Open: d.Sink(spec(t, linked, `{"tableName":"skipped"}`, `{}`))}
	job.Verification = activity.Verification{Checksum: true, Keys: []string{"id"}, Open: d.Source(spec(t, linked, `{"tableName":"skipped"}`, `{}`))}
	res, err := Run(t.Context(), job, Options{Parallel: 3})
	if err != nil {
		t.Fatal(err)
	}
	if res.RowsRead != n || res.RowsSkipped != int64(bad) || res.RowsCopied != int64(n-bad) {
		t.Errorf("%d read, %d skipped of %d, %d copied", res.RowsRead, res.RowsSkipped, bad, res.RowsCopied)
	}
	if v := res.Consistency; v.VerificationResult != "Verified" || v.Method != methodChecksum {
		t.Errorf("%+v", v)
	}
	if lines, _ := logged(t, dir); len(lines) != bad {
		t.Errorf("%d lines in the log, want %d", len(lines), bad)
	}
	var rows int64
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil || rows != int64(n-bad) {
		t.Errorf("%v, %d rows in the table", err, rows)
	}
	// A value that changes afterwards is found and named.
	if _, err := c.Exec(t.Context(), "TRUNCATE skipped; CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id=777 THEN NEW.pay:=0; END IF; RETURN NEW; END$$; CREATE TRIGGER spoils BEFORE INSERT ON skipped FOR EACH ROW EXECUTE FUNCTION spoil()"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Exec(t.Context(), "DROP FUNCTION spoil CASCADE") })
	res, err = Run(t.Context(), job, Options{Parallel: 3})
	if err == nil || len(res.Consistency.Differences) == 0 || !strings.Contains(strings.Join(res.Consistency.Differences, ";"), "id=777 differs") {
		t.Errorf("%v, %+v", err, res.Consistency)
	}
}
