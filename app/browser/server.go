// Package browser shows the gateway as a page in the browser, for machines on which no window can be drawn. It serves
// on loopback only, to whoever comes with a one-time token that the program itself hands to the browser, and has the
// same functions as the window's Home, Register and Settings.
package browser

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"sync"
	"time"

	"dmgateway/app/view"
	"dmgateway/assets"
	"dmgateway/engine"
)

const (
	// entryLife is how long an address with a token can be used, once.
	entryLife = 2 * time.Minute
	// maxBody is the longest form that is read.
	maxBody = 64 << 10
)

// Options is what the page needs to know and may do.
type Options struct {
	Model   *view.Model
	Version engine.VersionInfo
	// Open shows a folder with the desktop's own program.
	Open func(target string) error
	// Quit ends the program.
	Quit func()
	// Now is the time.
	//
	// Default: time.Now.
	Now func() time.Time
}

// Server serves the page.
type Server struct {
	o        Options
	listener net.Listener
	http     *http.Server
	pages    *template.Template
	session  string // the cookie's value

	mu      sync.Mutex
	entries map[string]time.Time // tokens that were not used yet, until when they can be
}

// Listen takes a free port of loopback. Serve answers on it.
func Listen(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	pages, err := template.New("").Funcs(template.FuncMap{"icon": inlineIcon, "folders": view.Folders, "choice": view.ChoiceTitle}).ParseFS(assets.Page(), "*.html")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, listener: listener, pages: pages, session: rand.Text(), entries: map[string]time.Time{}}
	s.http = &http.Server{Handler: s.guard(s.routes()), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	return s, nil
}

// inlineIcon is a drawing of the program's own, written into the page.
func inlineIcon(name string) template.HTML { return template.HTML(assets.Icon(name)) } //nolint:gosec // embedded, not a person's

// Address is where the page is, for whoever has been let in.
func (s *Server) Address() string { return "http://" + s.listener.Addr().String() }

// Entry gives an address that lets one browser in, once and soon, and leads it to path.
func (s *Server) Entry(path string) string {
	token := rand.Text()
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, until := range s.entries {
		if now.After(until) {
			delete(s.entries, t)
		}
	}
	s.entries[token] = now.Add(entryLife)
	return s.Address() + "/enter?token=" + token + "&to=" + path
}

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	stopped := context.AfterFunc(ctx, func() { _ = s.http.Close() }) // nothing is left to lose
	defer stopped()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) cookie() string {
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	return "dmgateway-" + port
}

// guard lets through only what is meant for this server by its own page: the Host is the loopback address itself, so
// that no name that somebody points at it works; the cookie is there; and what changes something comes from the page.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
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
	to := "/"
	if r.URL.Query().Get("to") == "/quit" {
		to = "/quit"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for path, name := range map[string]string{"/{$}": "home", "/register": "register", "/settings": "settings", "/quit": "quit"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { s.page(w, name) })
	}
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /check", s.check)
	mux.HandleFunc("POST /do/{what}", s.do)
	mux.HandleFunc("GET /mark/{name}", func(w http.ResponseWriter, r *http.Request) {
		for _, m := range view.Marks {
			if string(m)+".svg" == r.PathValue("name") {
				svg(w, assets.Mark(string(m)))
				return
			}
		}
		if r.PathValue("name") == "app.svg" {
			svg(w, assets.Mark("app"))
			return
		}
		http.NotFound(w, r)
	})
	static := http.FileServerFS(only{assets.Page(), map[string]bool{"style.css": true, "page.js": true}})
	mux.Handle("GET /style.css", static)
	mux.Handle("GET /page.js", static)
	return mux
}

func svg(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(data) // a browser that went away
}

// only shows some files of a folder.
type only struct {
	fs.FS
	names map[string]bool
}

func (o only) Open(name string) (fs.File, error) {
	if !o.names[name] {
		return nil, fs.ErrNotExist
	}
	return o.FS.Open(name)
}
