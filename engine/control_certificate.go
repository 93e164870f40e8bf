package engine

import "net/http"

// Bodies of requests about the certificate; they never leave the machine.
type (
	kindRequest struct {
		Kind string `json:"kind"`
	}
	pfxRequest struct {
		PFX      []byte `json:"pfx,omitempty"`
		Password string `json:"password"`
	}
	thumbprintRequest struct {
		Thumbprint string `json:"thumbprint"`
	}
	passphraseRequest struct {
		Passphrase string `json:"passphrase"`
	}
	pfxAnswer struct {
		PFX []byte `json:"pfx"`
	}
)

// asked decodes a request's body and answers with what do makes of it.
func asked[T any](do func(r *http.Request, in T) (any, error)) http.HandlerFunc {
	return answer(func(r *http.Request) (any, error) {
		var in T
		if err := readRequest(r, &in); err != nil {
			return nil, err
		}
		return do(r, in)
	})
}

// certificateRoutes are those of CertificateControl.
func (e *Engine) certificateRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/certificate", answer(func(r *http.Request) (any, error) { return e.Certificate(r.Context()) }))
	mux.HandleFunc("GET /v1/certificate/check", answer(func(r *http.Request) (any, error) { return e.CheckCertificate(r.Context()) }))
	mux.HandleFunc("POST /v1/certificate/new", asked(func(r *http.Request, in kindRequest) (any, error) {
		return e.NewCertificate(r.Context(), in.Kind)
	}))
	mux.HandleFunc("POST /v1/certificate/import", asked(func(r *http.Request, in pfxRequest) (any, error) {
		return e.ImportCertificate(r.Context(), in.PFX, in.Password)
	}))
	mux.HandleFunc("POST /v1/certificate/export", asked(func(r *http.Request, in pfxRequest) (any, error) {
		pfx, err := e.ExportCertificate(r.Context(), in.Password)
		return pfxAnswer{pfx}, err
	}))
	mux.HandleFunc("POST /v1/certificate/forget", asked(func(r *http.Request, in thumbprintRequest) (any, error) {
		return struct{}{}, e.ForgetCertificate(r.Context(), in.Thumbprint)
	}))
	mux.HandleFunc("POST /v1/certificate/protect", asked(func(r *http.Request, in passphraseRequest) (any, error) {
		return e.ProtectSecrets(r.Context(), in.Passphrase)
	}))
}
