package oracle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

func TestCancelStopsALongStatement(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := testSession(t, dsn)
	defer c.hangUp()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	// Never ends by itself.
	_, err := c.query(ctx, "SELECT COUNT(*) FROM ALL_TAB_COLUMNS A, ALL_TAB_COLUMNS B, ALL_TAB_COLUMNS C, ALL_TAB_COLUMNS D, ALL_TAB_COLUMNS E, ALL_TAB_COLUMNS F, ALL_TAB_COLUMNS G, ALL_TAB_COLUMNS H, ALL_TAB_COLUMNS I, ALL_TAB_COLUMNS J, ALL_TAB_COLUMNS K")
	if took := time.Since(start); took > cancelPatience+5*time.Second {
		t.Errorf("it took %v", took)
	}
	if err == nil || !errors.Is(explain(ctx, err, "read", "x"), context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestQueryTimeoutEndsAQueryWithoutRows(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	columns := make([]string, 40) // so that there is much to join, whichever other tables there are
	for i := range columns {
		columns[i] = fmt.Sprintf("C%d NUMBER(9)", i)
	}
	table(t, dsn, "DMG_TIMEOUT", strings.Join(columns, ", "))
	s, err := openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT COUNT(*) AS N FROM ALL_TAB_COLUMNS A, ALL_TAB_COLUMNS B, ALL_TAB_COLUMNS C, ALL_TAB_COLUMNS D, ALL_TAB_COLUMNS E, ALL_TAB_COLUMNS F, ALL_TAB_COLUMNS G, ALL_TAB_COLUMNS H", "queryTimeout": "00:00:01"}`)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), store.Partition{ID: "all"}, batch.Schema{{Name: "N"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Next(t.Context(), batch.New(r.Schema(), 0))
	if !errors.Is(err, errTimeout) || fault.As(err).Hint == "" {
		t.Errorf("error %v", err)
	}
	if again := r.Next(t.Context(), batch.New(r.Schema(), 0)); again == nil || errors.Is(again, io.EOF) {
		t.Errorf("a reader that failed goes on with %v", again)
	}
}

func TestDeadServerIsUnreachable(t *testing.T) {
	for name, json := range map[string]string{
		"nothing listens": `{"connectionString": "Host=127.0.0.1;Port=1;ServiceName=X;User Id=u;Password=hunter2"}`,
		"no such name":    `{"connectionString": "Host=no-such-host.invalid;ServiceName=X;User Id=u;Password=hunter2"}`,
	} {
		s := decodeServer(parse(t, json))
		_, err := s.connect(t.Context(), store.Env{}, reading{})
		if fault.Code(err) != fault.Unreachable || fault.As(err).Hint == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownServiceIsNotFound(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	s := testServer(t, dsn)
	s.service = "NO_SUCH_SERVICE"
	_, err := s.connect(t.Context(), store.Env{}, reading{})
	if fault.Code(err) != fault.NotFound || !strings.Contains(err.Error(), "12514") || fault.As(err).Hint == "" {
		t.Errorf("error %v (%s)", err, fault.Code(err))
	}
}

func TestCutConnectionIsUnreachableAndLeavesNothing(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_CUT", "ID NUMBER(9)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}
	k := openSink(t, dsn, `{"tableName": "DMG_CUT"}`, `{}`, "run-cut")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"write", "commit"} {
		opened, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		w := opened.(*writer)
		if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}, {"2"}})); err != nil {
			t.Fatal(err)
		}
		_ = w.c.wire.Close()
		if when == "write" {
			err = w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"3"}}))
		} else {
			_, err = w.Commit(t.Context())
		}
		if fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) {
			t.Errorf("%s: %v (%s)", when, err, fault.Code(err))
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_CUT"); err != nil || rows[0][0].text != "0" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
	mustRun(t, c, "INSERT INTO DMG_CUT VALUES (1)")
	s, err := openSource(t, dsn, `{"tableName": "DMG_CUT"}`, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := s.Open(t.Context(), store.Partition{ID: "all"}, batch.Schema{{Name: "ID"}})
	if err != nil {
		t.Fatal(err)
	}
	r := opened.(*reader)
	_ = r.c.wire.Close()
	if err := r.Next(t.Context(), batch.New(r.Schema(), 0)); fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) {
		t.Errorf("read: %v (%s)", err, fault.Code(err))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestFinishConnectsAgain cuts the connection that waited while writers worked on theirs.
func TestFinishConnectsAgain(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	table(t, dsn, "DMG_FINISH", "ID NUMBER(9)")
	k := openSink(t, dsn, `{"tableName": "DMG_FINISH"}`, `{}`, "run-finish")
	types, err := k.Prepare(t.Context(), batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}})); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = k.c.wire.Close()
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := k.Committed(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("committed are %v, error %v", done, err)
	}
}

func TestWriteThatWaitsForALockEndsInTime(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_LOCKED", "ID NUMBER(9) PRIMARY KEY")
	holder := testSession(t, dsn)
	defer holder.hangUp()
	tx, err := holder.c.Begin()
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, holder, "INSERT INTO DMG_LOCKED VALUES (1)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}
	for name, activity := range map[string]string{"cancelled": `{}`, "late": `{"writeBatchTimeout": "00:00:01"}`} {
		k := openSink(t, dsn, `{"tableName": "DMG_LOCKED"}`, activity, "run-locked-"+name)
		types, err := k.Prepare(t.Context(), want, false)
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if name == "cancelled" {
			ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		}
		err = w.Write(ctx, storetest.Fill(t, types, [][]string{{"0"}, {"1"}}))
		cancel()
		switch {
		case name == "cancelled" && !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("a cancelled write gives %v", err)
		case name == "late" && (!errors.Is(err, errBatchTimeout) || !fault.IsTransient(err) || fault.As(err).Hint == ""):
			t.Errorf("a late write gives %v", err)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_LOCKED"); err != nil || rows[0][0].text != "0" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
}
