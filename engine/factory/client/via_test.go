package client

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"dmgateway/engine/outbound"
)

func TestAClientTakesTheWayOutThatItIsGiven(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 8)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	out, err := outbound.New(outbound.Settings{Mode: outbound.Custom, URL: proxy.URL}, outbound.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewVia(out, "https://factory.example:8051", "token", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Objects(t.Context()); err == nil {
		t.Error("a proxy that refuses was passed")
	}
	if len(asked) == 0 || <-asked != "CONNECT factory.example:8051" {
		t.Error("the proxy was not asked for the factory")
	}
}
