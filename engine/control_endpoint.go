package engine

import (
	"encoding/json"
	"net/http"
)

// endpointRoutes are those about the credentials endpoint and about setting credentials.
func (e *Engine) endpointRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/endpoint", answer(func(r *http.Request) (any, error) { return e.Endpoint(r.Context()) }))
	mux.HandleFunc("POST /v1/endpoint/code", answer(func(r *http.Request) (any, error) { return e.PairingCode(r.Context()) }))
	mux.HandleFunc("POST /v1/endpoint/certificate", asked(func(r *http.Request, in pfxRequest) (any, error) {
		return e.SetEndpointCertificate(r.Context(), in.PFX, in.Password)
	}))
	mux.HandleFunc("GET /v1/credentials", answer(func(r *http.Request) (any, error) { return e.CredentialTargets(r.Context()) }))
	mux.HandleFunc("POST /v1/credentials/set", asked(func(r *http.Request, in CredentialRequest) (any, error) {
		return e.SetCredential(r.Context(), in)
	}))
	mux.HandleFunc("POST /v1/credentials/test", stream(func(r *http.Request, send func(streamed)) error {
		var in CredentialRequest
		if err := readRequest(r, &in); err != nil {
			return err
		}
		return e.TestCredential(r.Context(), in, func(s Stage) {
			part, err := json.Marshal(s)
			if err == nil { // texts and a duration always marshal
				send(streamed{Part: part})
			}
		})
	}))
}
