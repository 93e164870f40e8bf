package browser

import (
	"net/http"
	"slices"
	"strings"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

type settings struct {
	Search string
	At     view.Group
	Groups []view.Group
	Shown  []settingGroup
	None   string // why nothing is shown
}

// settingGroup is one group, or what of it matches a search.
type settingGroup struct {
	view.Group
	Settings []view.Setting
	// Part says that what the group has besides its settings is shown, too.
	Part         bool
	Certificate  *certificate
	Endpoint     *endpoint
	Proxy        *proxy
	Registration *registration
}

type registration struct {
	Registered     bool
	Where, Address string
	Ask            ask
	Problem        *view.Problem
}

func (s *Server) settingsPage(r *http.Request, now view.Snapshot, opened bool) any {
	if opened {
		s.loadSettings(now)
	}
	s.followCertificate(now)
	q := r.URL.Query()
	v := settings{Search: strings.TrimSpace(q.Get("search")), At: view.Group(q.Get("group"))}
	if !slices.Contains(view.Groups, v.At) {
		v.At = view.GroupGeneral
	}
	all := view.SettingsOf(now)
	if s.login != nil {
		all = append([]view.Setting{s.login.Snapshot().Setting()}, all...)
	}
	for _, g := range view.Groups {
		group, n := s.settingGroup(g, all, v, now)
		if n == 0 && !hasPart(g) {
			continue
		}
		v.Groups = append(v.Groups, g)
		if group.Part || len(group.Settings) > 0 {
			v.Shown = append(v.Shown, group)
		}
	}
	if len(v.Shown) == 0 && v.Search != "" {
		v.None = words.T("No setting has “%s” in its name or description.", v.Search)
	}
	return v
}

// settingGroup is what is shown of a group; n is how many settings it has in all.
func (s *Server) settingGroup(g view.Group, all []view.Setting, v settings, now view.Snapshot) (group settingGroup, n int) {
	group.Group = g
	whole := v.Search == "" && g == v.At || v.Search != "" && view.Matches(v.Search, g.Title())
	for _, one := range all {
		if groupOf(one) != g {
			continue
		}
		n++
		if whole || v.Search != "" && one.Matches(v.Search) {
			group.Settings = append(group.Settings, one)
		}
	}
	group.Part = hasPart(g) && (whole || v.Search != "" && view.Matches(v.Search, g.Title(), g.About()))
	if !group.Part {
		return group, n
	}
	switch g {
	case view.GroupCertificate:
		group.Certificate = s.certificateNow()
	case view.GroupCredentials:
		group.Endpoint = s.endpointNow(now)
	case view.GroupNetwork:
		group.Proxy = s.proxyNow()
	case view.GroupRegistration:
		group.Registration = registrationOf(now)
	}
	return group, n
}

func groupOf(v view.Setting) view.Group {
	if v.Name == loginSetting {
		return view.GroupGeneral
	}
	return view.GroupOf(v.Name)
}

// loginSetting is the name that [view.LoginView.Setting] has.
const loginSetting = "login"

func hasPart(g view.Group) bool {
	return g == view.GroupCertificate || g == view.GroupCredentials || g == view.GroupNetwork || g == view.GroupRegistration
}

// loadSettings asks for what is shown beside the snapshot.
func (s *Server) loadSettings(now view.Snapshot) {
	s.proxy.Load()
	if s.login != nil {
		s.login.Load()
	}
	s.mu.Lock()
	s.loaded = ""
	s.mu.Unlock()
	s.followCertificate(now)
}

func registrationOf(now view.Snapshot) *registration {
	st := now.Status
	v := &registration{Registered: st.Gateway != "", Address: st.FactoryURL, Where: words.T("This gateway is not registered. Home leads there.")}
	switch {
	case st.Gateway == "":
		v.Address = ""
	case st.Node != "" && st.Factory != "":
		v.Where = words.T("Gateway %s, node %s, of factory %s.", st.Gateway, st.Node, st.Factory)
	case st.Factory != "":
		v.Where = words.T("Gateway %s of factory %s.", st.Gateway, st.Factory)
	default:
		v.Where = words.T("Gateway %s.", st.Gateway)
	}
	v.Ask = ask{
		words.T("Unregister this gateway?"), words.T("This computer forgets the key and takes no more jobs from the factory. Running jobs stop. To come back you need a key again."),
		words.T("Unregister"), words.T("Keep it"),
	}
	if now.Failed == view.Unregistering {
		v.Problem = now.Problem
	}
	return v
}

// setSetting stores one; that of starting at login is the desktop's, not the engine's.
func (s *Server) setSetting(name, value string) {
	if name == loginSetting {
		if s.login != nil {
			s.login.Set(value == "true")
		}
		return
	}
	s.o.Model.SetSetting(name, value)
}

// addFolder and removeFolder change a setting of kind folders.
func (s *Server) addFolder(name, folder string) {
	if folder = strings.TrimSpace(folder); folder != "" {
		s.o.Model.SetSetting(name, view.JoinFolders(append(s.foldersOf(name), folder)))
	}
}

func (s *Server) removeFolder(name, folder string) {
	s.o.Model.SetSetting(name, view.JoinFolders(slices.DeleteFunc(s.foldersOf(name), func(f string) bool { return f == folder })))
}

func (s *Server) foldersOf(name string) []string {
	return view.Folders(view.SettingValue(s.o.Model.Snapshot(), name))
}

// verbose reports whether the log is.
func verbose(now view.Snapshot) bool { return view.SettingValue(now, engine.SettingVerbose) == "true" }
