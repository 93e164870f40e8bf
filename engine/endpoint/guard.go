package endpoint

import (
	"mime"
	"net/http"
	"strings"

	"dmgateway/engine/fault"
)

// policy lets the page load what it brings along, and talk to its own server only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// guard lets through only what is asked under a name of this machine, by a page of this server or by a program.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !s.knows(r.Host) {
			h.Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusMisdirectedRequest)
			_, _ = w.Write([]byte("This is not a name of the gateway's machine. The operator can add one: the setting \"endpointnames\".\n")) // a caller that went away
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			if err := fromOwnPage(r); err != nil {
				s.fail(w, err, nil)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// fromOwnPage refuses what a browser sends on behalf of another page. Programs that are no browser send none of these.
func fromOwnPage(r *http.Request) error {
	refused := fault.New(fault.Forbidden, "another page asked for this").Try("Open the gateway's own page.")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
	default:
		return refused
	}
	if origin, sent := r.Header["Origin"]; sent && (len(origin) != 1 || origin[0] != "https://"+r.Host) {
		return refused
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return fault.New(fault.Unsupported, "the request is no JSON").At("Content-Type").Try("Send it with Content-Type: application/json.")
	}
	return nil
}
