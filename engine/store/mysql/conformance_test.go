package mysql

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// linked is a linked service's typeProperties for the connection string.
func linked(connectionString string) string {
	text, err := json.Marshal(connectionString)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"connectionString": %s}`, text)
}

// lacks are the values that MySQL has no place for.
func lacks(t batch.Type, value string) bool {
	switch t.Kind {
	case batch.Single, batch.Double, batch.Decimal:
		return strings.Contains(value, "NaN") || strings.Contains(value, "Infinity")
	}
	return false
}

func suite(dsn, sink string) storetest.Store {
	good := testserver.MariaDBConnectionString(dsn)
	return storetest.Store{
		Definition: Definition(), LinkedService: linked(good), BadSignIn: linked(strings.Replace(good, "PWD=", "PWD=wrong", 1)), Lacks: lacks, Sink: sink,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s := suite(testserver.MariaDB(t), "")
	s.Whole = true // the table has no index; that of the upsert below has one
	storetest.Run(t, s)
}

func TestConformanceOfMySQL(t *testing.T) {
	t.Parallel()
	s := suite(testserver.MySQL(t), "")
	s.Whole = true
	storetest.Run(t, s)
}

func TestConformanceOfUpsert(t *testing.T) {
	t.Parallel()
	storetest.Run(t, suite(testserver.MariaDB(t), `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`))
}
