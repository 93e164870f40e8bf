package client_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"dmgateway/engine/factory/client"
	"dmgateway/engine/fault"
)

// serve answers every request as h does; the client trusts it and has the token "secret".
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(s.URL, "secret", ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestErrorsSayWhatTheFactorySaid(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		status    int
		body      string
		code      string
		transient bool
	}{
		{"its own", 404, `{"error":{"code":"NotFound","message":"there is no gateway","target":"plant","hint":"Make one."}}`, fault.NotFound, false},
		{"too many requests", 429, `{"error":{"code":"TooManyRequests","message":"slowly"}}`, "TooManyRequests", true},
		{"of a proxy", 502, `<html>bad gateway</html>`, fault.Unreachable, false},
		{"an answer of something else", 200, `hello`, fault.BadData, false},
		{"no factory in the list", 200, `{"value":[]}`, fault.BadData, false},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = w.Write([]byte(tc.body))
		})
		_, err := c.Info(t.Context())
		if fault.Code(err) != tc.code || fault.IsTransient(err) != tc.transient || fault.As(err).Hint == "" && tc.status != 429 {
			t.Errorf("%s: %v (%+v)", tc.name, err, fault.As(err))
		}
	}
}

func TestTheTokenGoesToTheFactoryAlone(t *testing.T) {
	t.Parallel()
	var asked atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer elsewhere.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if _, err := c.Info(t.Context()); err == nil || asked.Load() {
		t.Errorf("a redirect was followed (%v)", err)
	}
}

func TestAnAuthorityThatIsNotKnownIsNamed(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	c, err := client.New(s.URL, "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Info(t.Context())
	if !fault.Is(err, fault.Unreachable) || fault.IsTransient(err) || !strings.Contains(fault.As(err).Hint, "--ca") {
		t.Errorf("%v: %s", err, fault.As(err).Hint)
	}
}

func TestBadAddressesAndAuthoritiesAreRefused(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range [][2]string{{"factory:8051", ""}, {"http://factory:8051", ""}, {"https://", ""}, {"https://factory:8051", empty}, {"https://factory:8051", empty + ".none"}} {
		if _, err := client.New(tc[0], "t", tc[1]); err == nil {
			t.Errorf("%v is accepted", tc)
		}
	}
}
