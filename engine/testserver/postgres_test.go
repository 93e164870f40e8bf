package testserver

import (
	"context"
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPostgresGivesEachTestAnEmptyDatabase(t *testing.T) {
	ctx := context.Background()
	for range 2 {
		t.Run("database", func(t *testing.T) {
			c, err := pgx.Connect(ctx, Postgres(t))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(ctx)
			runtime.GC() // must not take the server away
			var tables int
			if err := c.QueryRow(ctx, "SELECT count(*) FROM pg_tables WHERE schemaname='public'").Scan(&tables); err != nil || tables != 0 {
				t.Fatalf("a new database has %d tables, error %v", tables, err)
			}
			if _, err := c.Exec(ctx, "CREATE TABLE leftover (a int)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPostgresConnectionString(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p@127.0.0.1:5433/db":              "Host=127.0.0.1;Port=5433;Database=db;Username=u;Password=p",
		"postgres://u:p@h/db?sslmode=require":           "Host=h;Port=5432;Database=db;Username=u;Password=p;SSLMode=require",
		"postgres://u:p%40x@[::1]:1/db?sslmode=disable": "Host=::1;Port=1;Database=db;Username=u;Password=p@x;SSLMode=disable",
	} {
		if got := PostgresConnectionString(dsn); got != want {
			t.Errorf("connection string of %s is %s, want %s", dsn, got, want)
		}
	}
}
