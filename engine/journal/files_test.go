package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"dmgateway/engine/fault"
)

func TestAFullDiskIsSaidSoAndHealsItself(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	var pages int
	if err := j.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		var got int
		if err := j.db.QueryRow("PRAGMA max_page_count = " + itoa(n)).Scan(&got); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	e := entry("big", 1)
	e.Job.Bundle, _ = json.Marshal(string(make([]byte, 1<<20)))
	taken, err := j.Take(t.Context(), e)
	if f := fault.As(err); taken || f == nil || f.Code != fault.DiskFull || !f.Transient || f.Hint == "" {
		t.Fatalf("taken %v, %v", taken, err)
	}
	limit(1 << 30)
	if !take(t, j, e) {
		t.Error("not taken although there is space again")
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestAFileThatCannotBeUsedIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	garbage := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(garbage, []byte("this is not a database, and it is longer than a header would be ............................................"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), garbage); fault.Code(err) != fault.BadData || fault.As(err).Hint == "" {
		t.Errorf("garbage: %v", err)
	}
	if data, _ := os.ReadFile(garbage); string(data[:4]) != "this" {
		t.Error("the damaged file was overwritten")
	}

	torn := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, torn)
	for i := range 50 {
		take(t, j, entry("r"+itoa(i), 1))
	}
	_ = j.Close()
	data, err := os.ReadFile(torn)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i += 7 {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(torn, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), torn); fault.Code(err) != fault.BadData {
		t.Errorf("torn: %v", err)
	}

	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder", "journal.db")); fault.Code(err) != fault.Forbidden {
		t.Errorf("no folder: %v", err)
	}

	newer := filepath.Join(t.TempDir(), "journal.db")
	j = open(t, newer)
	if _, err := j.db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	if _, err := Open(t.Context(), newer); fault.Code(err) != fault.Conflict {
		t.Errorf("newer: %v", err)
	}
}

func TestALockedFileIsSaidSo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if _, err := j.db.Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, err = j.Take(t.Context(), entry("r", 1))
	if f := fault.As(err); f == nil || f.Code != fault.Conflict || !f.Transient {
		t.Errorf("locked: %v", err)
	}
	if _, err := c.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	take(t, j, entry("r", 1))
}

func TestAPathWithOddCharactersIsOpened(t *testing.T) {
	t.Parallel()
	name := "a b%20?#&ü"
	if runtime.GOOS == "windows" {
		name = "a b%20#&ü"
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "journal.db")
	open(t, path)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestACancelledContextIsNoDamage(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Take(ctx, entry("r", 1)); fault.Code(err) != fault.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
