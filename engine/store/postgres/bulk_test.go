package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func TestBytesOfAColumnThatHasChangedAreNotGiven(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE t (id int, x int); INSERT INTO t VALUES (1, 1)`)
	src, schema := d.source(t, `{"tableName": "t"}`, `{}`)
	if _, ok := src.(store.BulkSource).BulkLayout(schema); !ok {
		t.Fatal("integers have no layout")
	}
	sqlScript(t, d.dsn, `ALTER TABLE t ALTER x TYPE real`)
	if _, err := src.(store.BulkSource).OpenBulk(t.Context(), store.Partition{ID: "all"}, schema); err == nil || fault.As(err).Hint == "" {
		t.Errorf("error %v", err)
	}
}

func TestALimitToTheFirstRowKeepsTheUsualWay(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE t (id int)`)
	src, schema := d.source(t, `{"tableName": "t"}`, `{"queryTimeout": "00:00:10"}`)
	if _, ok := src.(store.BulkSource).BulkLayout(schema); ok {
		t.Error("the limit would be lost")
	}
}

// drainBulk reads to the end.
func drainBulk(t *testing.T, r store.BulkReader) (all []byte, rows int64) {
	t.Helper()
	defer r.Close()
	for {
		p, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all, r.Rows()
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p...)
	}
}

func TestBulkGivesRowsWithoutHeaderAndTrailer(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE t (id int, x text); CREATE TABLE huge (x text); INSERT INTO huge SELECT repeat('y', 3000000) FROM generate_series(1, 3)`)
	src, _ := d.source(t, `{"tableName": "t"}`, `{}`)
	read := func(src store.Source) ([]byte, int64) {
		schema, err := src.Schema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.(store.BulkSource).OpenBulk(t.Context(), store.Partition{ID: "all"}, schema)
		if err != nil {
			t.Fatal(err)
		}
		return drainBulk(t, r)
	}
	if all, rows := read(src); len(all) != 0 || rows != 0 {
		t.Errorf("no rows are %q, %d", all, rows)
	}
	sqlScript(t, d.dsn, `INSERT INTO t VALUES (7, NULL), (-1, 'é')`)
	want := []byte("\x00\x02\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff\x00\x02\x00\x00\x00\x04\xff\xff\xff\xff\x00\x00\x00\x02é")
	if all, rows := read(src); !bytes.Equal(all, want) || rows != 2 {
		t.Errorf("%q, %d rows, want %q", all, rows, want)
	}
	big, _ := d.source(t, `{"tableName": "huge"}`, `{}`)
	if all, rows := read(big); len(all) != 3*(2+4+3000000) || rows != 3 {
		t.Errorf("%d bytes, %d rows of large ones", len(all), rows)
	}
}

func TestACancelledBulkReadStopsTheServer(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "")
	src, schema := d.source(t, `{}`, queryJSON("SELECT i, pg_sleep(0.01)::text AS x FROM generate_series(1, 100000) i"))
	r, err := src.(store.BulkSource).OpenBulk(t.Context(), store.Partition{ID: "all"}, schema[:1])
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	for err == nil {
		_, err = r.Next(ctx)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	poll(t, "the statement has ended", func() bool {
		return d.text(t, `SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE 'COPY (%' AND state='active' AND datname=current_database()`) == "0"
	})
}
