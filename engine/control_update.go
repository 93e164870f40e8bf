package engine

import (
	"encoding/json"
	"net/http"
)

// updateRoutes are those of updates.
func (e *Engine) updateRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/update/check", answer(func(r *http.Request) (any, error) { return e.CheckUpdate(r.Context()) }))
	mux.HandleFunc("POST /v1/update/dismiss", act(func(r *http.Request) error { return e.DismissUpdate(r.Context()) }))
	mux.HandleFunc("POST /v1/update/install", stream(func(r *http.Request, send func(streamed)) error {
		return e.InstallUpdate(r.Context(), func(s UpdateStep) {
			if data, err := json.Marshal(s); err == nil {
				send(streamed{Part: data})
			}
		})
	}))
}
