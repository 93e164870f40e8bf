package filesystem

import (
	"encoding/json"
	"testing"

	"dmgateway/engine/store/storetest"
)

func linkedService(host string) string {
	b, _ := json.Marshal(map[string]string{"host": host})
	return string(b)
}

func TestFiles(t *testing.T) {
	storetest.RunFiles(t, storetest.FileStore{Definition: Definition(), LinkedService: linkedService(t.TempDir())})
}
