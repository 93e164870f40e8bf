package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// linked is a linked service's typeProperties for the server, with a suffix for the password.
func linked(t testing.TB, dsn, suffix string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the server's DSN is no URL")
	}
	password, _ := u.User.Password()
	text := fmt.Sprintf("Host=%s;Port=%s;ServiceName=%s;User Id=%s;Password='%s'", u.Hostname(), u.Port(), strings.Trim(u.Path, "/"),
		u.User.Username(), strings.ReplaceAll(password+suffix, "'", "''"))
	out, _ := json.Marshal(map[string]string{"connectionString": text})
	return string(out)
}

// lacks says which values Oracle, or the stand-in, cannot keep.
func lacks(real bool) func(batch.Type, string) bool {
	return func(t batch.Type, v string) bool {
		switch t.Kind {
		case batch.String:
			return v == "" // which is NULL
		case batch.Binary:
			return v == `\x`
		case batch.Decimal:
			_, _, err := scientific([]byte(v))
			return err != nil
		case batch.Duration:
			return !real && strings.HasPrefix(v, "-") // the stand-in gives the sign to the days alone
		}
		return false
	}
}

func TestConformance(t *testing.T) {
	dsn, real := testserver.Oracle(t)
	dropTables(t, dsn)
	storetest.Run(t, storetest.Store{
		Definition:    Definition(),
		LinkedService: linked(t, dsn, ""),
		BadSignIn:     linked(t, dsn, "wrong"),
		Lacks:         lacks(real),
		Merges:        true,
		Whole:         !real, // the stand-in has no row ids, and the suite's tables have no key
	})
}

func TestConformanceOfUpsert(t *testing.T) {
	dsn, real := testserver.Oracle(t)
	dropTables(t, dsn)
	storetest.Run(t, storetest.Store{
		Definition:    Definition(),
		LinkedService: linked(t, dsn, ""),
		Sink:          `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`,
		Lacks:         lacks(real),
		Merges:        true,
		Whole:         !real,
	})
}

// dropTables removes what the suite left, before and after.
func dropTables(t *testing.T, dsn string) {
	t.Helper()
	drop := func() {
		c := testSession(t, dsn)
		defer c.hangUp()
		rows, err := c.query(context.Background(), "SELECT TABLE_NAME FROM USER_TABLES")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			name := row[0].text
			switch {
			case strings.HasPrefix(name, "TYPES_"), strings.HasPrefix(name, "DMGATEWAY_"):
			default:
				switch name {
				case "NULLS", "EMPTY", "COLUMNS", "INSPECTED", "PARTS", "CANCELLED", "RETRIED", "RESUMED", "TWICE", "LATE", "PARALLEL", "PARALLELVALUES",
					"UPSERTED", "KEYED", "MISFIT", "UNKEYED":
				default:
					continue
				}
			}
			if err := c.run(context.Background(), `DROP TABLE "`+name+`" PURGE`); err != nil {
				t.Fatal(err)
			}
		}
	}
	drop()
	t.Cleanup(drop)
}
