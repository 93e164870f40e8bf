package browser

import (
	"crypto/subtle"
	"net"
	"net/http"
)

// policy lets the page load what it brings along, and talk to its own server only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (s *Server) cookie() string {
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	return "dmgateway-" + port
}

// guard lets through only what is meant for this server by its own page: the Host is the loopback address itself, so
// that no name that somebody points at it works; no other page asks, not even one of another port of this machine; the
// cookie is there; and what changes something comes from the page.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.Host != s.listener.Addr().String() {
			http.Error(w, "This address is not the gateway's.", http.StatusMisdirectedRequest)
			return
		}
		if err := origin.Check(r); err != nil {
			http.Error(w, "Another page asked for this.", http.StatusForbidden)
			return
		}
		if r.URL.Path == "/enter" {
			s.enter(w, r)
			return
		}
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "none", "same-origin":
		default:
			http.Error(w, "Another page asked for this.", http.StatusForbidden)
			return
		}
		c, err := r.Cookie(s.cookie())
		if err != nil || subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.session)) != 1 {
			http.Error(w, "Open this page from the gateway's tray icon, or by starting the program again.", http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// enter takes a token, once, and gives the cookie for it.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	s.mu.Lock()
	until, known := s.entries[token]
	delete(s.entries, token)
	s.mu.Unlock()
	if !known || s.o.Now().After(until) {
		http.Error(w, "This address was used already or is too old. Open the page from the gateway's tray icon, or by starting the program again.", http.StatusUnauthorized)
		return
	}
	//nolint:gosec // G124: the page is served over HTTP on loopback only, where Secure would keep the cookie from coming back
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Value: s.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	to := local(r.URL.Query().Get("to"))
	if to == "" {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // G710: local lets through addresses of this page only
}
