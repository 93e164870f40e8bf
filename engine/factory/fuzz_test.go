package factory

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dmgateway/engine/protocol"
)

// FuzzHTTP sends the factory whatever a stranger, a node or a person could: every answer is one, none is a defect.
func FuzzHTTP(f *testing.F) {
	factory, err := Open(f.Context(), testOptions(f.TempDir()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := factory.Close(); err != nil {
			f.Error(err)
		}
	})
	handler := factory.Handler()
	arm := "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/" + factory.Name()
	for _, path := range []string{protocol.PathRegisterBegin, protocol.PathRegister, protocol.PathLease, protocol.PathCheckpoint, protocol.PathReports + "/x"} {
		f.Add("POST", path, []byte(`{"factory":"`+factory.ID()+`","nonce":"AAAA"}`), true)
	}
	f.Add("PUT", arm+"/linkedservices/a?api-version=2018-06-01", []byte(`{"properties":{"type":"Ledger","typeProperties":{"server":"s","password":"p"}}}`), true)
	f.Add("PUT", arm+"/pipelines/p?api-version=2018-06-01", []byte(`{"properties":{"activities":[{"name":"c","type":"Copy"}]}}`), true)
	f.Add("POST", arm+"/pipelines/p/createRun?api-version=2018-06-01", []byte(`{}`), true)
	f.Add("GET", arm+"/integrationRuntimes?api-version=2018-06-01", []byte(nil), false)
	f.Add("GET", "/?login=x", []byte(nil), false)
	f.Fuzz(func(t *testing.T, method, path string, body []byte, signedIn bool) {
		r, err := http.NewRequest(method, "https://factory.example"+path, bytes.NewReader(body))
		if err != nil || !strings.HasPrefix(path, "/") || strings.EqualFold(method, http.MethodConnect) {
			return
		}
		if signedIn {
			r.Header.Set("Authorization", "Bearer "+factory.token)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code < 200 || w.Code == http.StatusInternalServerError {
			t.Errorf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), factory.token) {
			t.Error("an answer holds the factory's token")
		}
	})
}
