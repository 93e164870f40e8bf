package sqlserver

import (
	"fmt"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/store/storetest"
)

// lacks are values that SQL Server cannot keep in the column that autoCreate makes.
func lacks(t batch.Type, value string) bool {
	switch t.Kind {
	case batch.Single, batch.Double:
		return strings.Contains(value, "N") || strings.Contains(value, "Inf")
	case batch.Decimal:
		whole, fraction, _ := strings.Cut(strings.TrimLeft(value, "-"), ".")
		_, p, s := decimalFor(t)
		return value == "NaN" || len(whole) > p-s || len(fraction) > s
	}
	return false
}

func TestConformance(t *testing.T) {
	for name, sink := range map[string]string{
		"insert":        `{"tableOption": "autoCreate"}`,
		"table lock":    `{"tableOption": "autoCreate", "sqlWriterUseTableLock": true, "writeBatchSize": 150}`,
		"upsert":        `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`,
		"interim table": `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"], "useTempDB": false}}`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			schema := d.schema()
			wrong := strings.Replace(d.connection, "Password='", "Password='wrong", 1)
			storetest.Run(t, storetest.Store{
				Definition: Definition(), LinkedService: linked(d.connection), BadSignIn: linked(wrong), Lacks: lacks, Merges: true,
				Dataset: func(table string) string { return fmt.Sprintf(`{"schema": %q, "table": %q}`, schema, table) }, Sink: sink,
				Whole: !strings.Contains(sink, "keys"), // without a key there is nothing to divide by
			})
		})
	}
}
