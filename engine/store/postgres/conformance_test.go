package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

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

func TestConformance(t *testing.T) {
	t.Parallel()
	good := testserver.PostgresConnectionString(testserver.Postgres(t))
	storetest.Run(t, storetest.Store{
		Definition:    Definition(),
		LinkedService: linked(good),
		BadSignIn:     linked(strings.Replace(good, "Password=", "Password=wrong", 1)),
	})
}

func TestConformanceOfUpsert(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Store{
		Definition:    Definition(),
		LinkedService: linked(testserver.PostgresConnectionString(testserver.Postgres(t))),
		Sink:          `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`,
	})
}
