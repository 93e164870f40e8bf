package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

func TestQueryIsRead(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_QUERY", "ID NUMBER(9) NOT NULL, F BINARY_FLOAT, D DATE, Z TIMESTAMP(6) WITH TIME ZONE, V VARCHAR2(20)")
	mustRun(t, c, "INSERT INTO DMG_QUERY VALUES (1, 0.7, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05.5 +00:00', 'a')",
		"INSERT INTO DMG_QUERY VALUES (2, NULL, NULL, NULL, NULL)")
	s, err := openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT V, ID AS \"The Id\", F, D, Z FROM DMG_QUERY ORDER BY ID;"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"a", "1", "0.7", "2026-01-02 00:00:00", "2026-01-02 03:04:05.5+00"}, {storetest.Null, "2", storetest.Null, storetest.Null, storetest.Null}}
	if got := all(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Names that repeat are no trouble where nothing needs a name.
	s, err = openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT a.V, b.V FROM DMG_QUERY a, DMG_QUERY b WHERE a.ID = b.ID AND a.ID = 1"}`)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := storetest.ReadRows(t.Context(), s, store.Partition{ID: "all"}, batch.Schema{{Name: "V"}}); err != nil || len(rows) != 1 || rows[0][0] != "a" {
		t.Errorf("%q, error %v", rows, err)
	}
}

func TestWrongQueriesAreExplained(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	for query, code := range map[string]string{
		"SELECT * FROM DMG_NO_SUCH_TABLE":   fault.NotFound,
		"SELECT NO_SUCH_COLUMN FROM DUAL":   fault.NotFound,
		"SELEC 1 FROM DUAL":                 fault.BadInput,
		"SELECT 1 FROM DUAL WHERE (1 = 1":   fault.BadInput,
		"DELETE FROM DMG_NO_SUCH_TABLE":     "",
		"SELECT 1 FROM DUAL; DROP TABLE XX": "",
	} {
		_, err := openSource(t, dsn, `{}`, fmt.Sprintf(`{"oracleReaderQuery": %q}`, query))
		if err == nil || code != "" && fault.Code(err) != code || fault.As(err).Hint == "" || strings.Contains(err.Error(), "error occur") {
			t.Errorf("%s: %v (%s), want %s and a hint", query, err, fault.Code(err), code)
		}
	}
}

func TestTablesAreFoundAsTheServerWould(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_FOUND", "ID NUMBER(9) PRIMARY KEY, V VARCHAR2(20)")
	mustRun(t, c, "INSERT INTO DMG_FOUND VALUES (1, 'a')")
	user := testServer(t, dsn).user
	for _, dataset := range []string{
		`{"tableName": "DMG_FOUND"}`, `{"tableName": "dmg_found"}`, `{"table": "dmg_Found"}`,
		fmt.Sprintf(`{"schema": %q, "table": "DMG_FOUND"}`, strings.ToUpper(user)), fmt.Sprintf(`{"tableName": "%s.dmg_found"}`, strings.ToLower(user)),
	} {
		s, err := openSource(t, dsn, dataset, `{}`)
		if err != nil {
			t.Errorf("%s: %v", dataset, err)
			continue
		}
		if rows := all(t, s); len(rows) != 1 {
			t.Errorf("%s: %q", dataset, rows)
		}
	}
}

func TestRangesAreAllRowsOnce(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_RANGES", "ID NUMBER(9) PRIMARY KEY, D DATE, N NUMBER")
	text := "INSERT INTO DMG_RANGES VALUES (:1, :2, :3)"
	for i := range 60 {
		var at, n any
		if i%7 != 0 {
			at, n = fmt.Sprintf("2026-01-%02d 00:00:00", i%28+1), fmt.Sprintf("%d.%d", i, i)
		}
		if at != nil {
			mustRun(t, c, fmt.Sprintf("INSERT INTO DMG_RANGES VALUES (%d, TO_DATE('%s', 'YYYY-MM-DD HH24:MI:SS'), %s)", i, at, n))
		} else if err := c.run(t.Context(), text, i, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct{ dataset, activity string }{
		"the primary key by itself": {`{"tableName": "DMG_RANGES"}`, `{}`},
		"dates":                     {`{"tableName": "DMG_RANGES"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "d"}}`},
		"fractions":                 {`{"tableName": "DMG_RANGES"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "N", "partitionLowerBound": "10", "partitionUpperBound": "20"}}`},
		"a query":                   {`{}`, `{"oracleReaderQuery": "SELECT * FROM DMG_RANGES", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "ID"}}`},
		"a query with a condition":  {`{}`, `{"oracleReaderQuery": "SELECT * FROM DMG_RANGES WHERE ?AdfDynamicRangePartitionCondition", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "ID"}}`},
		"a query with bounds":       {`{}`, `{"oracleReaderQuery": "SELECT * FROM DMG_RANGES WHERE ?AdfRangePartitionColumnName BETWEEN ?AdfRangePartitionLowbound AND ?AdfRangePartitionUpbound", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "ID", "partitionLowerBound": "0", "partitionUpperBound": "59"}}`},
	} {
		s, err := openSource(t, dsn, tt.dataset, tt.activity)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parts, err := s.Partitions(t.Context(), 4)
		if err != nil || len(parts) < 2 {
			t.Errorf("%s: %d parts, error %v, %s", name, len(parts), err, s.Explain())
			continue
		}
		var ids []string
		for _, p := range parts {
			rows, err := storetest.ReadRows(t.Context(), s, p, batch.Schema{{Name: "ID"}})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, p.Spec, err)
			}
			for _, row := range rows {
				ids = append(ids, row[0])
			}
		}
		slices.Sort(ids)
		if len(ids) != 60 || len(slices.Compact(ids)) != 60 {
			t.Errorf("%s: %d rows, want 60 different ones", name, len(ids))
		}
	}
}

func TestWatermarkReadsWhatCameSince(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_SINCE", "ID NUMBER(9), D DATE, TS TIMESTAMP(6), TZ TIMESTAMP(6) WITH TIME ZONE, V VARCHAR2(9)")
	for i := 1; i <= 5; i++ {
		mustRun(t, c, fmt.Sprintf("INSERT INTO DMG_SINCE VALUES (%[1]d, DATE '2026-01-0%[1]d', TIMESTAMP '2026-01-0%[1]d 01:02:03.000004', TIMESTAMP '2026-01-0%[1]d 01:02:03.5 +00:00', 'x')", i))
	}
	for column, after := range map[string]string{"id": "3", "D": "2026-01-03 00:00:00", "TS": "2026-01-03 01:02:03.000004", "TZ": "2026-01-03 01:02:03.5+00"} {
		s, err := openSource(t, dsn, `{"tableName": "DMG_SINCE"}`, `{}`)
		if err != nil {
			t.Fatal(err)
		}
		high, ok, err := s.Highest(t.Context(), column)
		if err != nil || !ok {
			t.Errorf("%s: %q, %v, error %v", column, high, ok, err)
			continue
		}
		s.Between(column, after, high)
		if rows := all(t, s); len(rows) != 2 || high != strings.ReplaceAll(after, "03 0", "05 0") && column != "id" {
			t.Errorf("%s up to %s: %d rows, want 2", column, high, len(rows))
		}
	}
	s, err := openSource(t, dsn, `{"tableName": "DMG_SINCE"}`, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Highest(t.Context(), "V"); fault.Code(err) != fault.Unsupported {
		t.Errorf("a text as watermark: %v", err)
	}
}
