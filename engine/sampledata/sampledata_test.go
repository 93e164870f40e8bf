package sampledata_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"dmgateway/engine/sampledata"
)

func TestWriteMakesTheSameRowsEachTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	sum := func(n int64) (rows, quantity int64) {
		t.Helper()
		if err := sampledata.Write(t.Context(), path, n); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.QueryRow("select count(*), coalesce(sum(quantity),0) from orders").Scan(&rows, &quantity); err != nil {
			t.Fatal(err)
		}
		return rows, quantity
	}
	for _, n := range []int64{0, 1, 89, 90, 91, 1000} {
		rows, quantity := sum(n)
		again, quantityAgain := sum(n)
		if rows != n || again != n || quantity != quantityAgain {
			t.Errorf("%d rows: got %d and %d, sums %d and %d", n, rows, again, quantity, quantityAgain)
		}
	}
}
