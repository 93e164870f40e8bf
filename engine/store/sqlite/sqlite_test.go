package sqlite

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/store/storetest"
)

func linkedService(path string) string {
	text, _ := json.Marshal(`Data Source="` + path + `"`)
	return fmt.Sprintf(`{"connectionString": %s}`, text)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Store{
		Definition:    Definition(),
		LinkedService: linkedService(filepath.Join(t.TempDir(), "it's a test.db")),
		Lacks: func(typ batch.Type, v string) bool {
			return strings.Contains(v, "NaN") && typ.Kind != batch.Decimal
		},
	})
}
