// Package browser shows the gateway as a page in the browser, for machines on which no window can be drawn. It has
// everything that the window has, from the same models of package view.
//
// The page is HTML from the templates in assets/page. Its script (page.js) sends forms, and whenever the server says that
// something has changed (an event stream) it gets the page anew and takes over the differences, so that what a person
// types, the focus and the place on the page stay. The log is read in windows of lines (log.js): the browser never has
// more lines than it shows.
//
// It serves on loopback only, to whoever comes with an address that the program itself hands to the browser, once; see
// guard.go. What is typed as a secret goes to the engine and is never in an answer.
package browser

import (
	"context"
	"crypto/rand"
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"dmgateway/app/view"
	"dmgateway/engine"
)

const (
	// entryLife is how long an address with a token can be used, once.
	entryLife = 2 * time.Minute
	// maxBody is the longest form that is read: a PFX file, or the JSON of a linked service.
	maxBody = 2 << 20
)

// Options is what the page needs to know and may do.
type Options struct {
	Model   *view.Model
	Version engine.VersionInfo
	// Data is the data directory, Log the file of the log; "" leaves out what needs them.
	Data, Log string
	// Login is whether the program starts at login; nil leaves it out.
	Login view.LoginControl
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

	// The dialogs' models: there is one person.
	certificates *view.Certificates
	endpoint     *view.Endpoint
	proxy        *view.Proxy
	credentials  *view.Credentials
	network      *view.NetworkCheck
	connection   *view.ConnectionTest
	report       *view.LogReport
	archive      *view.LogArchive
	login        *view.Login

	part sync.Mutex // one part of a report is fetched at a time

	mu       sync.Mutex
	entries  map[string]time.Time // tokens that were not used yet, until when they can be
	language string               // the setting that is in use
	exported string               // thumbprint of the certificate that was exported from here
	loaded   string               // thumbprint of the certificate that was asked about
	folder   string               // of archives until they are downloaded, "" before the first
	logs     map[string]*view.LogView
}

// Listen takes a free port of loopback. Serve answers on it.
func Listen(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	pages, err := parse()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := o.Model
	s := &Server{
		o: o, listener: listener, pages: pages, session: rand.Text(), entries: map[string]time.Time{}, logs: map[string]*view.LogView{},
		certificates: m.Certificates(o.Now), endpoint: m.Endpoint(), proxy: m.Proxy(), credentials: m.Credentials(), network: m.NetworkCheck(),
		connection: m.ConnectionTest(o.Data), report: m.LogReport(), archive: m.LogArchive(o.Data),
	}
	if o.Login != nil {
		s.login = m.Login(o.Login)
	}
	s.http = &http.Server{Handler: s.guard(s.routes()), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	return s, nil
}

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
	return s.Address() + "/enter?token=" + token + "&to=" + url.QueryEscape(path)
}

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	stopped := context.AfterFunc(ctx, func() { _ = s.http.Close() }) // nothing is left to lose
	defer stopped()
	defer s.removeArchives()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// removeArchives removes archives that wait for their download.
func (s *Server) removeArchives() {
	s.mu.Lock()
	folder := s.folder
	s.folder = ""
	s.mu.Unlock()
	if folder != "" {
		_ = os.RemoveAll(folder) // in the system's folder for what is temporary
	}
}
