package engine

import (
	"context"
	"encoding/json"
	"net/http"
)

// Endpoint describes the HTTPS endpoint.
func (c *Client) Endpoint(ctx context.Context) (EndpointStatus, error) {
	var out EndpointStatus
	return out, c.call(ctx, http.MethodGet, "endpoint", nil, &out)
}

// PairingCode lets one browser or script in.
func (c *Client) PairingCode(ctx context.Context) (PairingCode, error) {
	var out PairingCode
	return out, c.call(ctx, http.MethodPost, "endpoint/code", struct{}{}, &out)
}

// SetEndpointCertificate makes the endpoint show the certificate in a PFX file's bytes; nil goes back to its own.
func (c *Client) SetEndpointCertificate(ctx context.Context, pfx []byte, password string) (EndpointStatus, error) {
	var out EndpointStatus
	return out, c.call(ctx, http.MethodPost, "endpoint/certificate", pfxRequest{pfx, password}, &out)
}

// CredentialTargets are the linked services of this gateway at the factory.
func (c *Client) CredentialTargets(ctx context.Context) ([]CredentialTarget, error) {
	var out []CredentialTarget
	return out, c.call(ctx, http.MethodGet, "credentials", nil, &out)
}

// TestCredential connects to a store as the request says and calls report after each stage.
func (c *Client) TestCredential(ctx context.Context, r CredentialRequest, report func(Stage)) error {
	return c.stream(ctx, http.MethodPost, "credentials/test", r, func(s streamed) {
		var stage Stage
		if json.Unmarshal(s.Part, &stage) == nil && stage.Name != "" {
			report(stage)
		}
	})
}

// SetCredential seals a credential and puts it into the linked service at the factory.
func (c *Client) SetCredential(ctx context.Context, r CredentialRequest) (SealedCredential, error) {
	var out SealedCredential
	return out, c.call(ctx, http.MethodPost, "credentials/set", r, &out)
}
