package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestFeeds(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scriptParams("testdata/feed", nil, map[string]func(*testscript.TestScript, bool, []string){"served": served}))
}

// served: served READY-FILE PATH STATUS [TEXT] asks a factory for a file of its feed, as anybody may, and compares the
// answer's status, and its text where one is given.
func served(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: served READY-FILE PATH STATUS [TEXT]")
	}
	var ready struct{ URL, CA string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &ready))
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(ts.ReadFile(ready.CA))) {
		ts.Fatalf("%s holds no certificate", ready.CA)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	web := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := web.Get(ready.URL + "/gateway/v1/updates/" + args[1])
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if got := strconv.Itoa(answer.StatusCode); got != args[2] {
		ts.Fatalf("%s: %s, want %s: %s", args[1], got, args[2], text)
	}
	if len(args) == 4 && !strings.Contains(string(text), args[3]) {
		ts.Fatalf("%s: %q has no %q", args[1], text, args[3])
	}
}
