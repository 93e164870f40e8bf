package browser

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/assets"
	"dmgateway/engine"
)

// page is one that has an address.
type page struct {
	template string
	nav      string // the entry of the navigation under which it is
	title    func() string
	// view gives what the template shows, V there. opened says that a person has come to the page just now; otherwise it is
	// shown anew because something has changed.
	view func(s *Server, r *http.Request, now view.Snapshot, opened bool) any
}

// content is what the templates know.
type content struct {
	Nav, Title, Lang, Theme string
	Here                    string // the page's own address, to come back to
	Version                 engine.VersionInfo
	Now                     view.Snapshot
	V                       any
}

// Busy says that something is under way that only one can be of: registering, starting, stopping.
func (c content) Busy() bool { return c.Now.Doing != view.Nothing }

// lookHeader is on requests of the page's script, which shows anew what a person has open already.
const lookHeader = "X-Look"

func pageAt(path string) (page, bool) {
	p, ok := pages()[path]
	return p, ok
}

// pages are all by their addresses; jobs and texts have one for each besides.
func pages() map[string]page {
	return map[string]page{
		"/":                       {"home", "home", func() string { return words.T("Home") }, (*Server).homePage},
		"/register":               {"register", "home", func() string { return words.T("Register this gateway") }, (*Server).registerPage},
		"/history":                {"history", "home", func() string { return words.T("Job history") }, (*Server).historyPage},
		"/job":                    {"job", "home", func() string { return words.T("Job") }, (*Server).jobPage},
		"/settings":               {"settings", "settings", func() string { return words.T("Settings") }, (*Server).settingsPage},
		"/certificate":            {"certificate", "settings", func() string { return words.T("Certificate") }, (*Server).certificatePage},
		"/certificate/new":        {"certificate-new", "settings", func() string { return words.T("New certificate") }, (*Server).certificatePage},
		"/certificate/import":     {"certificate-import", "settings", func() string { return words.T("Import a certificate") }, (*Server).certificatePage},
		"/certificate/export":     {"certificate-export", "settings", func() string { return words.T("Export the certificate") }, (*Server).certificatePage},
		"/pairing":                {"pairing", "settings", func() string { return words.T("Pairing code") }, (*Server).endpointPage},
		"/endpoint/import":        {"endpoint-import", "settings", func() string { return words.T("Certificate of the page") }, (*Server).endpointPage},
		"/credentials":            {"credentials", "settings", func() string { return words.T("Set credentials") }, (*Server).credentialsPage},
		"/diagnostics":            {"diagnostics", "diagnostics", func() string { return words.T("Diagnostics") }, (*Server).diagnosticsPage},
		"/diagnostics/log":        {"log", "diagnostics", func() string { return words.T("Log") }, (*Server).logPage},
		"/diagnostics/network":    {"network", "diagnostics", func() string { return words.T("Check network") }, (*Server).networkPage},
		"/diagnostics/connection": {"connection", "diagnostics", func() string { return words.T("Test connection") }, (*Server).connectionPage},
		"/diagnostics/send":       {"send", "diagnostics", func() string { return words.T("Send logs") }, (*Server).sendPage},
		"/diagnostics/archive":    {"archive", "diagnostics", func() string { return words.T("Archive logs") }, (*Server).archivePage},
		"/help":                   {"help", "help", func() string { return words.T("Help") }, (*Server).helpPage},
		"/quit":                   {"quit", "quit", func() string { return words.T("Quit the gateway?") }, (*Server).quitPage},
	}
}

func parse() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"t":  words.T,
		"of": words.Of, "icon": inlineIcon, "sign": sign, "args": args, "folders": view.Folders, "choice": view.ChoiceTitle, "join": strings.Join,
		"count": func(n int) string { return view.Count(int64(n)) }, "kind": view.KindTitle, "field": view.FieldTitle, "hint": view.FieldHint,
	}).ParseFS(assets.Page(), "*.html")
}

// inlineIcon is a drawing of the program's own, written into the page.
func inlineIcon(name string) template.HTML { return template.HTML(assets.Icon(name)) } //nolint:gosec // embedded, not a person's

// sign is the icon of a tone.
func sign(t view.Tone) template.HTML {
	name := map[view.Tone]string{view.Good: "succeeded", view.Busy: "running", view.Warning: "warning", view.Bad: "failed"}[t]
	if name == "" {
		name = "cancelled"
	}
	return inlineIcon(name)
}

// args are names and values for a template within a template.
func args(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, p page) {
	now := s.o.Model.Snapshot()
	s.useLanguage(view.SettingValue(now, engine.SettingLanguage))
	v := p.view(s, r, now, r.Header.Get(lookHeader) == "")
	if v == nil {
		http.NotFound(w, r)
		return
	}
	s.write(w, p.template, content{
		Nav: p.nav, Title: p.title(), Lang: words.Current().Tag, Theme: view.SettingValue(now, engine.SettingTheme), Here: r.URL.RequestURI(),
		Version: s.o.Version, Now: now, V: v,
	})
}

func (s *Server) write(w http.ResponseWriter, name string, c any) {
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name+".html", c); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // a browser that went away
}

// useLanguage speaks the language of the setting, once it is known and whenever it changes.
func (s *Server) useLanguage(setting string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if setting == "" || setting == s.language {
		return
	}
	if s.language != "" {
		words.Use(setting)
	}
	s.language = setting
}

// local is an address of this page, "" for any other.
func local(back string) string {
	u, err := url.Parse(back)
	if err != nil || u.Scheme != "" || u.Host != "" {
		return ""
	}
	if _, ok := pageAt(u.Path); !ok {
		return ""
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}
