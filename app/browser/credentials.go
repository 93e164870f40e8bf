package browser

import (
	"net/http"
	"strings"

	"dmgateway/app/view"
	"dmgateway/engine"
)

// valuePrefix begins the names of the fields of a form that are values to sign in with, placePrefix of those that say
// where a store is.
const (
	valuePrefix = "value."
	placePrefix = "place."
)

type credentials struct {
	view.CredentialsView
	Test view.TestView
	// Target is the chosen one, Kind the chosen way to sign in to it; nil before.
	Target *view.CredentialTarget
	Kind   *engine.CredentialKind
}

func (s *Server) credentialsPage(r *http.Request, _ view.Snapshot, opened bool) any {
	if opened {
		s.credentials.Test.Clear()
		s.credentials.Load()
	}
	q := r.URL.Query()
	v := credentials{CredentialsView: s.credentials.Snapshot(), Test: s.credentials.Test.Snapshot()}
	for i := range v.Targets {
		if v.Targets[i].Name == q.Get("service") || len(v.Targets) == 1 {
			v.Target = &v.Targets[i]
		}
	}
	if v.Target != nil {
		v.Kind = chosen(v.Target.Kinds, q.Get("kind"))
	}
	return v
}

// chosen is the kind with a name, or the first.
func chosen(kinds []engine.CredentialKind, name string) *engine.CredentialKind {
	for i := range kinds {
		if kinds[i].Name == name {
			return &kinds[i]
		}
	}
	if len(kinds) > 0 {
		return &kinds[0]
	}
	return nil
}

// credentialForm is what was chosen and typed. ok is false where something is missing, which the browser has said.
func (s *Server) credentialForm(f form) (out view.CredentialForm, ok bool) {
	out = view.CredentialForm{LinkedService: f.get("service"), Kind: f.get("kind"), Values: f.values(valuePrefix), AlsoFor: f.all("alsofor")}
	for _, t := range s.credentials.Snapshot().Targets {
		if t.Name != out.LinkedService {
			continue
		}
		kind := chosen(t.Kinds, out.Kind)
		return out, kind != nil && len(view.Missing(*kind, out.Values)) == 0
	}
	return out, false
}

type connection struct {
	Test  view.TestView
	Types []engine.ConnectionType
	Type  *engine.ConnectionType // nil: JSON
	Kind  *engine.CredentialKind
	Text  string // the outcome for the clipboard
}

// jsonType is the choice of a linked service's JSON in place of a type of store.
const jsonType = "json"

func (s *Server) connectionPage(r *http.Request, _ view.Snapshot, opened bool) any {
	if opened {
		s.connection.Cancel()
		s.connection.Clear()
	}
	v := connection{Test: s.connection.Snapshot(), Types: engine.ConnectionTypes()}
	v.Text = v.Test.StagesText()
	q := r.URL.Query()
	if q.Get("type") == jsonType {
		return v
	}
	v.Type = &v.Types[0]
	for i := range v.Types {
		if v.Types[i].Name == q.Get("type") {
			v.Type = &v.Types[i]
		}
	}
	v.Kind = chosen(v.Type.Kinds, q.Get("kind"))
	return v
}

func (s *Server) testConnection(f form) {
	if f.get("type") == jsonType {
		s.connection.JSON(f.get("json"))
		return
	}
	place := f.values(placePrefix)
	for name, v := range place {
		place[name] = strings.TrimSpace(v)
	}
	s.connection.Fields(f.get("type"), f.get("kind"), filled(place), filled(f.values(valuePrefix)))
}

// filled leaves out what is empty.
func filled(values map[string]string) map[string]string {
	for name, v := range values {
		if v == "" {
			delete(values, name)
		}
	}
	return values
}
