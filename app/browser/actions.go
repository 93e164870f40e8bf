package browser

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// action carries out what a form asks for. It gives the page that shows what came of it, "" for the one that asked.
type action func(s *Server, f form) (to string)

// stay is an action whose outcome is shown by the page that asked.
func stay(f func(s *Server, f form)) action {
	return func(s *Server, in form) string {
		f(s, in)
		return ""
	}
}

// actions are all that the page can ask for, by name.
func actions() map[string]action {
	return map[string]action{
		"start": stay(func(s *Server, _ form) { s.o.Model.Start() }),
		"stop":  stay(func(s *Server, _ form) { s.o.Model.Stop() }),
		"tryit": stay(func(s *Server, _ form) { s.o.Model.TryIt() }),
		"register": func(s *Server, f form) string {
			if _, whole := view.CheckKey(f.get("key")); whole {
				s.o.Model.Register(f.get("key"), f.get("node"))
			}
			return "/register"
		},
		"unregister": stay(func(s *Server, _ form) { s.o.Model.Unregister() }),
		"dismiss":    stay(func(s *Server, _ form) { s.o.Model.Dismiss() }),
		"warning":    stay(func(s *Server, f form) { s.o.Model.CloseWarning(f.get("key")) }),
		"cancel":     stay(func(s *Server, f form) { s.o.Model.Cancel(f.get("job")) }),
		"retry":      stay(func(s *Server, f form) { s.o.Model.Retry(f.get("job")) }),
		"open":       stay(func(s *Server, f form) { s.openFolder(f.get("what"), f.get("job")) }),

		"update-check":   stay(func(s *Server, _ form) { s.o.Model.CheckUpdate() }),
		"update-install": stay(func(s *Server, _ form) { s.o.Model.InstallUpdate() }),
		"update-give-up": stay(func(s *Server, _ form) { s.o.Model.GiveUpUpdate() }),
		"update-dismiss": stay(func(s *Server, _ form) { s.o.Model.DismissUpdate() }),

		"setting":       stay(func(s *Server, f form) { s.setSetting(f.get("name"), f.last("value")) }),
		"folder-add":    stay(func(s *Server, f form) { s.addFolder(f.get("name"), f.get("folder")) }),
		"folder-remove": stay(func(s *Server, f form) { s.removeFolder(f.get("name"), f.get("folder")) }),

		"certificate-new": func(s *Server, f form) string {
			s.certificates.New(f.get("kind"))
			return "/certificate/new"
		},
		"certificate-import": func(s *Server, f form) string {
			if pfx := f.file("file"); len(pfx) > 0 {
				s.certificates.ImportPFX(pfx, f.get("password"))
			}
			return "/certificate/import"
		},
		"certificate-check":   stay(func(s *Server, _ form) { s.certificates.Check() }),
		"certificate-forget":  stay(func(s *Server, f form) { s.certificates.Forget(f.get("thumbprint")) }),
		"certificate-dismiss": stay(func(s *Server, _ form) { s.certificates.Dismiss() }),

		"pair": func(s *Server, _ form) string {
			s.endpoint.Pair()
			return "/pairing"
		},
		"endpoint-import": func(s *Server, f form) string {
			if pfx := f.file("file"); len(pfx) > 0 {
				s.endpoint.ImportPFX(pfx, f.get("password"))
			}
			return "/endpoint/import"
		},
		"endpoint-own":     stay(func(s *Server, _ form) { s.endpoint.UseOwn() }),
		"endpoint-dismiss": stay(func(s *Server, _ form) { s.endpoint.Dismiss() }),

		"credentials-load": stay(func(s *Server, _ form) { s.credentials.Load() }),
		"credentials-test": stay(func(s *Server, f form) {
			if c, ok := s.credentialForm(f); ok {
				s.credentials.Try(c)
			}
		}),
		"credentials-set": stay(func(s *Server, f form) {
			if c, ok := s.credentialForm(f); ok {
				s.credentials.Set(c)
			}
		}),
		"credentials-stop":    stay(func(s *Server, _ form) { s.credentials.Test.Cancel() }),
		"credentials-changed": stay(func(s *Server, _ form) { s.credentials.Changed() }),

		"proxy-save": stay(func(s *Server, f form) {
			if p := proxyForm(f); len(p.Wrong()) == 0 {
				s.proxy.Save(p)
			}
		}),
		"proxy-test": stay(func(s *Server, f form) {
			if p := proxyForm(f); len(p.Wrong()) == 0 {
				s.proxy.Try(p)
			}
		}),
		"proxy-clear": stay(func(s *Server, _ form) { s.proxy.Clear() }),

		"network":            stay(func(s *Server, _ form) { s.network.Run() }),
		"network-cancel":     stay(func(s *Server, _ form) { s.network.Cancel() }),
		"connection":         stay(func(s *Server, f form) { s.testConnection(f) }),
		"connection-cancel":  stay(func(s *Server, _ form) { s.connection.Cancel() }),
		"connection-changed": stay(func(s *Server, _ form) { s.connection.Clear() }),
		"send":               stay(func(s *Server, f form) { s.report.Send(f.get("note")) }),
		"send-cancel":        stay(func(s *Server, _ form) { s.report.Cancel() }),
		"archive":            stay(func(s *Server, _ form) { s.makeArchive() }),
		"archive-cancel":     stay(func(s *Server, _ form) { s.archive.Cancel() }),
	}
}

// do carries out what a form asks for and leads to a page, which shows what came of it.
func (s *Server) do(w http.ResponseWriter, r *http.Request) {
	f, err := read(r)
	if err != nil {
		status := http.StatusBadRequest
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, words.T("What was sent is too long or damaged."), status)
		return
	}
	name := r.PathValue("what")
	if name == "quit" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, words.T("The gateway has ended. This page can be closed."))
		s.o.Quit()
		return
	}
	act, known := actions()[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	to := act(s, f)
	if to == "" {
		to = local(f.get("back"))
	}
	if to == "" {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // G710: local lets through addresses of this page only
}

// check judges what is being typed: what is wrong with it, in words, and whether it can be sent.
func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	f, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var ready bool
	var what any
	name := r.PathValue("what")
	switch name {
	case "key":
		c := checkKey(f.get("key"))
		ready, what = c.Whole, c
	case "password":
		tone, text, good := view.CheckNewPassword(f.get("password"), f.get("again"))
		ready, what = good, passwordCheck{tone, text}
	case "proxy":
		p := proxyForm(f)
		wrong := p.Wrong()
		ready = len(wrong) == 0
		if p.URL == "" {
			delete(wrong, "url")
		}
		what = wrong
	default:
		http.NotFound(w, r)
		return
	}
	if ready {
		w.Header().Set("X-Ready", "true")
	}
	s.write(w, "check-"+name, what)
}

// form is what a form sent.
type form struct{ r *http.Request }

// read takes in a form, with the files of one that has some.
func read(r *http.Request) (form, error) {
	//nolint:gosec // G120: guard has bounded the body by as much, so that nothing goes to the disk either
	err := r.ParseMultipartForm(maxBody)
	if errors.Is(err, http.ErrNotMultipart) {
		err = nil
	}
	return form{r}, err
}

func (f form) get(name string) string { return f.r.PostFormValue(name) }

func (f form) all(name string) []string { return f.r.PostForm[name] }

// last is the last value: a box that is not ticked sends nothing, so a hidden "false" stands before it.
func (f form) last(name string) string {
	if all := f.r.PostForm[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// values are those whose names begin with a prefix.
func (f form) values(prefix string) map[string]string {
	values := map[string]string{}
	for name, v := range f.r.PostForm {
		if short, ok := strings.CutPrefix(name, prefix); ok && len(v) > 0 {
			values[short] = v[0]
		}
	}
	return values
}

// file is an uploaded file, nil where there is none.
func (f form) file(name string) []byte {
	file, _, err := f.r.FormFile(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil
	}
	return data
}
