package browser

import (
	"net/http"
	"strings"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/assets"
	"dmgateway/engine"
)

// mostTopics is how many explanations are shown at once.
const mostTopics = 6

type help struct {
	About       string
	Search      string
	Topics      []engine.HelpTopic
	More        string
	Version     []view.Field
	VersionText string
	Keys        []view.Shortcut
	Licence     bool
	Notices     bool
}

func (s *Server) helpPage(r *http.Request, _ view.Snapshot, _ bool) any {
	v := help{
		About: view.About(), Search: r.URL.Query().Get("search"), Version: view.VersionFields(s.o.Version), Keys: view.UsualKeys(),
		Licence: assets.Has("LICENSE"), Notices: assets.Has("NOTICES.txt"),
	}
	v.VersionText = fieldsText(v.Version)
	topics, more := view.HelpTopics(v.Search, mostTopics)
	v.Topics = topics
	switch {
	case more > 0:
		v.More = words.N(int64(more), "%d more; type more words.", "%d more; type more words.")
	case len(topics) == 0 && strings.TrimSpace(v.Search) != "":
		v.More = words.T("No code and no event matches.")
	}
	return v
}

// longText is one of the texts that Help leads to.
type longText struct{ Title, Text string }

func (s *Server) text(w http.ResponseWriter, r *http.Request) {
	titles := map[string]string{"LICENSE": words.T("Licence"), "NOTICES.txt": words.T("Third-party notices"), "PRIVACY.txt": words.T("What leaves this computer")}
	file := r.PathValue("name")
	title, known := titles[file]
	if !known || !assets.Has(file) {
		http.NotFound(w, r)
		return
	}
	if own := "PRIVACY." + words.Current().Tag + ".txt"; file == "PRIVACY.txt" && assets.Has(own) {
		file = own
	}
	s.show(w, r, page{"text", "help", func() string { return title }, func(*Server, *http.Request, view.Snapshot, bool) any {
		return longText{title, assets.Text(file)}
	}})
}
