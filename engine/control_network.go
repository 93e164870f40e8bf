package engine

import (
	"encoding/json"
	"net/http"
)

// networkRoutes are those of the proxy and of checking the network.
func (e *Engine) networkRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/proxy", answer(func(r *http.Request) (any, error) { return e.Proxy(r.Context()) }))
	mux.HandleFunc("PUT /v1/proxy", act(func(r *http.Request) error {
		var in ProxySettings
		if err := readRequest(r, &in); err != nil {
			return err
		}
		return e.SetProxy(r.Context(), in)
	}))
	mux.HandleFunc("POST /v1/proxy/test", answer(func(r *http.Request) (any, error) {
		var in *ProxySettings
		if err := readRequest(r, &in); err != nil {
			return nil, err
		}
		return e.TestProxy(r.Context(), in)
	}))
	mux.HandleFunc("POST /v1/network/check", stream(func(r *http.Request, send func(streamed)) error {
		part := func(kind string, v any) error {
			data, err := json.Marshal(map[string]any{kind: v})
			if err == nil {
				send(streamed{Part: data})
			}
			return err
		}
		report, err := e.CheckNetwork(r.Context(), func(c NetworkCheck) { _ = part("check", c) })
		if err != nil {
			return err
		}
		return part("report", report)
	}))
}
