package browser

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

type certificate struct {
	view.CertificateView
	Kinds []view.CertificateKind
	// SetAgainText and SetAgainMore say which credentials have to be set again, "" for none.
	SetAgainText, SetAgainMore string
	Backup                     bool // nobody has exported it from here
	Ask                        ask  // before a former one is removed
	Hint                       passwordCheck
}

// passwordCheck is what is told of a new password while it is typed.
type passwordCheck struct {
	Tone view.Tone
	Text string
}

func (s *Server) certificatePage(r *http.Request, now view.Snapshot, opened bool) any {
	if opened {
		s.mu.Lock()
		s.loaded = ""
		s.mu.Unlock()
		if r.URL.Path != "/certificate/export" { // what was wrong is shown there, where a download leads back to
			s.certificates.Dismiss()
		}
	}
	s.followCertificate(now)
	return s.certificateNow()
}

// followCertificate asks for the certificate where it is not the one that is shown.
func (s *Server) followCertificate(now view.Snapshot) {
	at := now.Status.Certificate.Thumbprint
	s.mu.Lock()
	known := at == "" || at == s.loaded
	s.loaded = at
	s.mu.Unlock()
	if !known {
		s.certificates.Load()
	}
}

func (s *Server) certificateNow() *certificate {
	v := &certificate{CertificateView: s.certificates.Snapshot(), Kinds: view.CertificateKinds()}
	s.mu.Lock()
	v.Backup = v.Known && s.exported != v.Thumbprint
	s.mu.Unlock()
	switch {
	case v.Unknown != "":
		v.SetAgainText, v.SetAgainMore = words.T("Which credentials must be set again is not known."), v.Unknown
	case len(v.SetAgain) > 0 && len(v.Closed) > 0:
		v.SetAgainText = words.T("Set the credentials of these linked services again: %s", strings.Join(v.SetAgain, ", "))
		v.SetAgainMore = words.T("These do not open even now: %s", strings.Join(v.Closed, ", "))
	case len(v.SetAgain) > 0:
		v.SetAgainText = words.T("Set the credentials of these linked services again: %s", strings.Join(v.SetAgain, ", "))
		v.SetAgainMore = words.T("Until then the former certificate opens them: do not remove it yet.")
	}
	v.Ask = ask{
		words.T("Remove this former certificate?"), words.T("What only it opens is lost: those credentials must be set again."),
		words.T("Remove"), words.T("Keep it"),
	}
	tone, text, _ := view.CheckNewPassword("", "")
	v.Hint = passwordCheck{tone, text}
	return v
}

// downloadCertificate sends certificate and key as a PFX file, sealed with the password that was typed twice.
func (s *Server) downloadCertificate(w http.ResponseWriter, r *http.Request) {
	const back = "/certificate/export"
	password := r.PostFormValue("password")
	if _, _, ready := view.CheckNewPassword(password, r.PostFormValue("again")); !ready {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	pfx, err := s.certificates.ExportPFX(ctx, password)
	if err != nil {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	thumbprint := s.certificates.Snapshot().Thumbprint
	s.mu.Lock()
	s.exported = thumbprint
	s.mu.Unlock()
	attach(w, filepath.Base(view.CertificateFile(s.o.Now())), "application/x-pkcs12")
	_, _ = w.Write(pfx) //nolint:gosec // G705: a file that is saved, not shown; a browser that went away
}

// attach makes the answer a file that the browser saves. name is one of the program's own.
func attach(w http.ResponseWriter, name, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

type endpoint struct {
	view.EndpointState
	View view.EndpointView
	Left string // how long the code is good for
	Over bool
}

func (s *Server) endpointPage(r *http.Request, now view.Snapshot, opened bool) any {
	if opened && r.URL.Path == "/endpoint/import" {
		s.endpoint.Dismiss()
	}
	return s.endpointNow(now)
}

func (s *Server) endpointNow(now view.Snapshot) *endpoint {
	v := &endpoint{EndpointState: view.EndpointOf(now, s.o.Now()), View: s.endpoint.Snapshot(), Over: true}
	if v.View.Code != nil {
		v.Left, v.Over = view.CodeLeft(*v.View.Code, s.o.Now())
	}
	return v
}

type proxy struct {
	view.ProxyView
	Modes []proxyMode
	Shown view.ProxyForm
}

type proxyMode struct{ Name, Title string }

func (s *Server) proxyNow() *proxy {
	v := &proxy{ProxyView: s.proxy.Snapshot()}
	v.Shown = v.Stored
	if v.Shown.Mode == "" {
		v.Shown.Mode = view.ProxyModes[0]
	}
	for _, m := range view.ProxyModes {
		v.Modes = append(v.Modes, proxyMode{m, view.ProxyModeTitle(m)})
	}
	return v
}

func proxyForm(f form) view.ProxyForm {
	return view.ProxyForm{
		Mode: f.get("mode"), URL: f.get("url"), User: f.get("user"), Bypass: f.get("bypass"), Password: f.get("password"), NewPassword: f.get("password") != "",
	}
}
