package endpoint

import (
	"crypto/subtle"
	"net/http"

	"dmgateway/assets"
)

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// pages are the files of the page: it has no data of its own and asks the JSON interface for all of it.
func (s *Server) pages(m *http.ServeMux) {
	for path, file := range map[string][2]string{
		"/{$}":          {"index.html", "text/html; charset=utf-8"},
		"/endpoint.css": {"endpoint.css", "text/css; charset=utf-8"},
		"/endpoint.js":  {"endpoint.js", "text/javascript; charset=utf-8"},
		"/texts.js":     {"texts.js", "text/javascript; charset=utf-8"},
	} {
		data, err := assets.Endpoint().ReadFile(file[0])
		if err != nil {
			panic("endpoint: " + err.Error()) // it is embedded
		}
		m.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { show(w, file[1], data) })
	}
	m.HandleFunc("GET /app.svg", func(w http.ResponseWriter, _ *http.Request) { show(w, "image/svg+xml", assets.Mark("app")) })
}

func show(w http.ResponseWriter, kind string, data []byte) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(data) // a browser that went away
}
