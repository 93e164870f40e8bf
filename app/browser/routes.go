package browser

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"dmgateway/app/view"
	"dmgateway/assets"
)

// betweenEvents is the least time between two news to a browser.
const betweenEvents = 300 * time.Millisecond

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for path, p := range pages() {
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { s.show(w, r, p) })
	}
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /check/{what}", s.check)
	mux.HandleFunc("POST /do/{what}", s.do)
	mux.HandleFunc("GET /text/{name}", s.text)
	mux.HandleFunc("GET /log/stream", s.logStream)
	mux.HandleFunc("POST /log/want", s.logWant)
	mux.HandleFunc("POST /log/line", s.logLine)
	mux.HandleFunc("GET /log/newest", s.logNewest)
	mux.HandleFunc("GET /part", s.reportPart)
	mux.HandleFunc("GET /download/archive", s.downloadArchive)
	mux.HandleFunc("GET /download/network", s.downloadNetwork)
	mux.HandleFunc("POST /download/certificate", s.downloadCertificate)
	mux.HandleFunc("GET /mark/{name}", mark)
	static := http.FileServerFS(only{assets.Page(), []string{"style.css", "page.js", "log.js"}})
	for _, name := range []string{"style.css", "page.js", "log.js"} {
		mux.Handle("GET /"+name, static)
	}
	return mux
}

// mark is the drawing of a state, or the program's own.
func mark(w http.ResponseWriter, r *http.Request) {
	for _, m := range append([]view.Mark{"app"}, view.Marks...) {
		if string(m)+".svg" == r.PathValue("name") {
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = w.Write(assets.Mark(string(m))) // a browser that went away
			return
		}
	}
	http.NotFound(w, r)
}

// events tells the browser whenever the page should look again.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	watch := func(f func() (<-chan struct{}, func())) (<-chan struct{}, func()) { return f() }
	model, endModel := watch(s.o.Model.Watch)
	defer endModel()
	certificates, endCertificates := watch(s.certificates.Watch)
	defer endCertificates()
	endpoint, endEndpoint := watch(s.endpoint.Watch)
	defer endEndpoint()
	proxy, endProxy := watch(s.proxy.Watch)
	defer endProxy()
	credentials, endCredentials := watch(s.credentials.Watch)
	defer endCredentials()
	test, endTest := watch(s.credentials.Test.Watch)
	defer endTest()
	network, endNetwork := watch(s.network.Watch)
	defer endNetwork()
	connection, endConnection := watch(s.connection.Watch)
	defer endConnection()
	report, endReport := watch(s.report.Watch)
	defer endReport()
	archive, endArchive := watch(s.archive.Watch)
	defer endArchive()
	var login <-chan struct{}
	if s.login != nil {
		var endLogin func()
		login, endLogin = watch(s.login.Watch)
		defer endLogin()
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-model:
		case <-certificates:
		case <-endpoint:
		case <-proxy:
		case <-credentials:
		case <-test:
		case <-network:
		case <-connection:
		case <-report:
		case <-archive:
		case <-login:
		case <-time.After(20 * time.Second): // so that a browser which is gone is noticed
		}
		fmt.Fprint(w, "data: changed\n\n")
		if flush.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(betweenEvents):
		}
	}
}

// only shows some files of a folder.
type only struct {
	fs.FS
	names []string
}

func (o only) Open(name string) (fs.File, error) {
	if !slices.Contains(o.names, name) {
		return nil, fs.ErrNotExist
	}
	return o.FS.Open(name)
}
