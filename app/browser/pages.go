package browser

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"dmgateway/app/view"
	"dmgateway/engine"
)

// betweenEvents is the least time between two news to a browser.
const betweenEvents = 300 * time.Millisecond

// content is what the templates know.
type content struct {
	Page, Title string
	Home        view.Home
	Settings    []view.Setting
	Status      engine.Status
	Version     engine.VersionInfo
	NodeName    string
	Failure     string // begins what is told when registering failed, "" where it did not
	Problem     *view.Problem
	Steps       []view.Step
	Busy        bool
	Thumbprint  string
	ValidUntil  string
	Quit        string
}

var titles = map[string]string{"home": "Home", "register": "Register", "settings": "Settings", "quit": "Quit"}

func (s *Server) page(w http.ResponseWriter, name string) {
	snapshot := s.o.Model.Snapshot()
	c := content{
		Page: name, Title: titles[name], Home: view.HomeOf(snapshot, s.o.Now()), Settings: settings(snapshot), Status: snapshot.Status, Version: s.o.Version,
		Busy: snapshot.Doing != view.Nothing, Problem: snapshot.Problem, Thumbprint: snapshot.Status.Certificate.Thumbprint, NodeName: snapshot.Status.Node,
		Quit: view.QuitQuestion(snapshot),
	}
	if c.NodeName == "" {
		c.NodeName = view.SettingValue(snapshot, engine.SettingNodeName)
	}
	if at := snapshot.Status.Certificate.NotAfter; !at.IsZero() {
		c.ValidUntil = at.In(s.o.Now().Location()).Format("2 January 2006")
	}
	if snapshot.Doing == view.Registering || snapshot.Failed == view.Registering {
		c.Steps = view.StepsOf(snapshot)
	}
	if snapshot.Failed == view.Registering {
		c.Failure = view.RegisterFailure
	}
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name+".html", c); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // a browser that went away
}

// settings are those that mean something here: the page has its colours from the browser.
func settings(s view.Snapshot) []view.Setting {
	return slices.DeleteFunc(view.SettingsOf(s), func(v view.Setting) bool { return v.Name == engine.SettingTheme })
}

// check looks at a key as it is typed.
func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	pieces, whole := view.CheckKey(r.PostFormValue("key"))
	c := struct {
		Pieces []view.KeyPiece
		Hint   string
		Whole  bool
	}{pieces, "", whole}
	if r.PostFormValue("key") != "" {
		c.Hint = view.KeyHint(pieces)
		for _, p := range pieces {
			if p.Tone == view.Bad {
				c.Hint = p.Text
				break
			}
		}
	}
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, "pieces.html", c); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Key-Whole", strconv.FormatBool(whole))
	_, _ = out.WriteTo(w) // a browser that went away
}

// do carries out what a form asks for and leads back to a page, which shows what came of it.
func (s *Server) do(w http.ResponseWriter, r *http.Request) {
	m, back := s.o.Model, "/"
	switch r.PathValue("what") {
	case "start":
		m.Start()
	case "stop":
		m.Stop()
	case "tryit":
		m.TryIt()
	case "dismiss":
		m.Dismiss()
	case "cancel":
		m.Cancel(r.PostFormValue("job"))
	case "register":
		back = "/register"
		if _, whole := view.CheckKey(r.PostFormValue("key")); whole {
			m.Register(r.PostFormValue("key"), r.PostFormValue("node"))
		}
	case "unregister":
		m.Unregister()
	case "setting":
		back = "/settings"
		m.SetSetting(r.PostFormValue("name"), r.PostFormValue("value"))
	case "open":
		s.openSample()
	case "quit":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "The gateway has ended. This page can be closed.")
		s.o.Quit()
		return
	default:
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// openSample opens the one folder that the page may open.
func (s *Server) openSample() {
	if sample := s.o.Model.Snapshot().Sample; sample != nil {
		go func() { _ = s.o.Open(sample.Folder) }() // the page shows the path too
	}
}

// events tells the browser whenever the page should look again.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	changed, stop := s.o.Model.Watch()
	defer stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-changed:
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
