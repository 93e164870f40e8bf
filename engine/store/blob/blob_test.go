package blob

import (
	"encoding/json"
	"regexp"
	"testing"

	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

func linkedService(connection string) string {
	b, _ := json.Marshal(map[string]string{"connectionString": connection})
	return string(b)
}

func TestFiles(t *testing.T) {
	connection := testserver.Azurite(t)
	wrong := regexp.MustCompile(`AccountKey=.{8}`).ReplaceAllString(connection, "AccountKey=AAAAAAAA")
	storetest.RunFiles(t, storetest.FileStore{
		Definition: Definition(), LinkedService: linkedService(connection), BadSignIn: linkedService(wrong), Root: testserver.Container(),
	})
}
