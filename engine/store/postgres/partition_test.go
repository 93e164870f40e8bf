package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

// readAll reads every partition and gives the values of the first column, sorted.
func readAll(t *testing.T, src store.Source, parts []store.Partition, schema batch.Schema) []string {
	t.Helper()
	var list []string
	for _, p := range parts {
		rows, err := storetest.ReadRows(t.Context(), src, p, schema)
		if err != nil {
			t.Fatalf("partition %s: %v", p.Spec, err)
		}
		for _, row := range rows {
			list = append(list, row[0])
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return list
}

func TestPartitionsAreAllRowsExactlyOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `
		CREATE TABLE keyed (id int PRIMARY KEY, x text); INSERT INTO keyed SELECT i, 'x' FROM generate_series(-50, 949) i;
		CREATE TABLE skewed (id bigint PRIMARY KEY); INSERT INTO skewed SELECT i FROM generate_series(1, 999) i; INSERT INTO skewed VALUES (9223372036854775807), (-9223372036854775808);
		CREATE TABLE counted (id int PRIMARY KEY); INSERT INTO counted SELECT CASE WHEN i < 990 THEN i ELSE i * 1000 END FROM generate_series(1, 1000) i; ANALYZE counted;
		CREATE TABLE heap (id int, x text); INSERT INTO heap SELECT i, repeat('x', 500) FROM generate_series(1, 1000) i;
		CREATE TABLE "Dated" ("Id" int, "Day" date, at timestamptz, moment timestamp); INSERT INTO "Dated" SELECT i, CASE WHEN i % 5 > 0 THEN date '2026-01-01' + i END,
			timestamptz '2026-01-01 00:00+02' + i * interval '1 minute', timestamp '1960-01-01' + i * interval '1 day' FROM generate_series(1, 1000) i;
		CREATE TABLE parted (id int, region text) PARTITION BY LIST (region); CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
		CREATE TABLE "parted B" PARTITION OF parted FOR VALUES IN ('b'); INSERT INTO parted SELECT i, CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 1000) i;
		CREATE TABLE named (id int, name text, amount numeric(20,2)); INSERT INTO named SELECT i, CASE WHEN i % 7 > 0 THEN 'n' || i END, i * 1.37 FROM generate_series(1, 1000) i;
		CREATE VIEW seen AS SELECT * FROM heap`)
	day := func(column, more string) string {
		return fmt.Sprintf(`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": %q%s}}`, column, more)
	}
	for _, c := range []struct {
		name, dataset, activity string
		parts                   int // 0 = at least 2
		kind                    string
	}{
		{"integer key", `{"tableName": "keyed"}`, `{}`, 4, "range-"},
		{"key over the whole range", `{"tableName": "skewed"}`, `{}`, 4, "range-"},
		{"key by statistics", `{"tableName": "counted"}`, `{}`, 4, "range-"},
		{"blocks", `{"tableName": "heap"}`, `{}`, 4, "blocks-"},
		{"view", `{"tableName": "seen"}`, `{}`, 1, "all"},
		{"switched off", `{"tableName": "keyed"}`, `{"partitionOption": "none"}`, 1, "all"},
		{"range of dates with NULLs", `{"tableName": "Dated"}`, day("Day", ""), 4, "range-"},
		{"range of instants", `{"tableName": "Dated"}`, day("at", ""), 4, "range-"},
		{"range of timestamps", `{"tableName": "Dated"}`, day("moment", ""), 4, "range-"},
		{"bounds only cut", `{"tableName": "Dated"}`, day("Id", `, "partitionLowerBound": 100, "partitionUpperBound": "200"`), 4, "range-"},
		{"range of the key", `{"tableName": "keyed"}`, `{"partitionOption": "DynamicRange"}`, 4, "range-"},
		{"shares of text by hash", `{"tableName": "heap"}`, day("x", ""), 4, "hash-"},
		{"shares by hash with NULLs", `{"tableName": "named"}`, day("name", ""), 4, "hash-"},
		{"range of a decimal", `{"tableName": "named"}`, day("amount", ""), 4, "range-"},
		{"physical where nothing is said", `{"tableName": "parted"}`, `{}`, 2, "part-"},
		{"query by hash", `{}`, `{"query": "SELECT id, name FROM named", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "name"}}`, 4, "hash-"},
		{"physical", `{"tableName": "parted"}`, `{"partitionOption": "PhysicalPartitionsOfTable"}`, 2, "part-"},
		{"physical of a plain table", `{"tableName": "heap"}`, `{"partitionOption": "PhysicalPartitionsOfTable"}`, 1, "all"},
		{"query", `{}`, `{"query": "SELECT * FROM heap"}`, 1, "all"},
		{"query by range", `{}`, `{"query": "SELECT \"Id\", \"Day\" FROM \"Dated\" ORDER BY 1;", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "Day"}}`, 4, "range-"},
		{"query with a condition", `{}`, `{"query": "SELECT id FROM heap WHERE ?AdfDynamicRangePartitionCondition AND id > 0", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "id"}}`, 4, "range-"},
		{
			"query with bounds", `{}`, `{"query": "SELECT id FROM heap WHERE ?AdfRangePartitionColumnName >= ?AdfRangePartitionLowbound AND ?AdfRangePartitionColumnName <= ?AdfRangePartitionUpbound",
			"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "id", "partitionLowerBound": 1, "partitionUpperBound": 1000}}`, 4, "range-",
		},
		{
			"query of physical partitions", `{}`, `{"query": "SELECT id FROM ?AdfTabularPartitionName", "partitionOption": "PhysicalPartitionsOfTable",
			"partitionSettings": {"partitionNames": ["public.parted_a", "\"parted B\""]}}`, 2, "part-",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, schema := d.source(t, c.dataset, c.activity)
			want := readAll(t, src, []store.Partition{{ID: "all"}}, schema)
			parts, err := src.(store.Partitioner).Partitions(t.Context(), 4)
			if err != nil {
				t.Fatal(err)
			}
			if len(parts) != c.parts || !strings.HasPrefix(parts[0].ID, c.kind) {
				t.Errorf("the partitions are %v, want %d of the kind %s", parts, c.parts, c.kind)
			}
			again, _ := d.source(t, c.dataset, c.activity) // as after a restart
			if got := readAll(t, again, parts, schema); !slices.Equal(got, want) {
				t.Errorf("the partitions have %d rows, want %d", len(got), len(want))
			}
		})
	}
}

func TestPartitionsOfOneAttemptSeeOneState(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE moving (id int PRIMARY KEY, x int); INSERT INTO moving SELECT i, 0 FROM generate_series(1, 1000) i`)
	src, schema := d.source(t, `{"tableName": "moving"}`, `{}`)
	parts, err := src.(store.Partitioner).Partitions(t.Context(), 2)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%v, %v", parts, err)
	}
	first, err := storetest.ReadRows(t.Context(), src, parts[0], schema)
	if err != nil {
		t.Fatal(err)
	}
	sqlScript(t, d.dsn, `DELETE FROM moving WHERE id=1000; UPDATE moving SET x=1, id=id+5000 WHERE id > 900; INSERT INTO moving VALUES (0, 9), (2000, 9)`)
	second, err := storetest.ReadRows(t.Context(), src, parts[1], schema)
	if err != nil {
		t.Fatal(err)
	}
	if len(first)+len(second) != 1000 {
		t.Errorf("%d and %d rows, want 1000 in all", len(first), len(second))
	}
	for _, row := range append(first, second...) {
		if row[1] != "0" {
			t.Fatalf("a row is %q, of a later state", row)
		}
	}
}

func TestALostSnapshotIsTransientAndMadeAgain(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)`)
	src, schema := d.source(t, `{"tableName": "t"}`, `{}`)
	parts, err := src.(store.Partitioner).Partitions(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, src, parts[:1], schema)
	sqlScript(t, d.dsn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state='idle in transaction' AND datname=current_database()`)
	poll(t, "the snapshot is gone", func() bool {
		return d.text(t, `SELECT count(*)::text FROM pg_stat_activity WHERE state='idle in transaction' AND datname=current_database()`) == "0"
	})
	if _, err := src.Open(t.Context(), parts[1], schema); !fault.IsTransient(err) {
		t.Fatalf("error %v, want a transient one", err)
	}
	if got := readAll(t, src, parts, schema); len(got) != 100 {
		t.Errorf("afterwards there are %d rows", len(got))
	}
}

func TestWrongPartitionSettingsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE plain (name text, id int)`)
	for name, c := range map[string]struct{ dataset, activity, code string }{
		"no key":         {`{"tableName": "plain"}`, `{"partitionOption": "DynamicRange"}`, fault.BadInput},
		"unknown column": {`{"tableName": "plain"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "nowhere"}}`, fault.NotFound},
		"bounds of text": {`{"tableName": "plain"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "name", "partitionLowerBound": "a"}}`, fault.Unsupported},
		"bad bound":      {`{"tableName": "plain"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "id", "partitionLowerBound": "x", "partitionUpperBound": "9"}}`, fault.BadInput},
		"unknown name":   {`{"tableName": "plain"}`, `{"partitionOption": "PhysicalPartitionsOfTable", "partitionSettings": {"partitionNames": ["nowhere"]}}`, fault.NotFound},
	} {
		src, _ := d.source(t, c.dataset, c.activity)
		_, err := src.(store.Partitioner).Partitions(context.Background(), 4)
		if fault.Code(err) != c.code || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v, want code %s and a hint", name, err, c.code)
		}
	}
	for name, activity := range map[string]string{
		"query without column":     `{"query": "SELECT 1", "partitionOption": "DynamicRange"}`,
		"condition without option": `{"query": "SELECT 1 WHERE ?AdfDynamicRangePartitionCondition"}`,
		"bounds without bounds":    `{"query": "SELECT 1 WHERE 1 < ?AdfRangePartitionUpbound", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "a"}}`,
		"physical without hook":    `{"query": "SELECT 1", "partitionOption": "PhysicalPartitionsOfTable"}`,
		"unknown option":           `{"partitionOption": "Sometimes"}`,
		"unknown setting":          `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumn": "a"}}`,
	} {
		spec := d.spec(t, `{"tableName": "plain"}`, activity)
		decodeSource(spec)
		if err := spec.Activity.Err(); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}
