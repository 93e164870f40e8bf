package engine

import (
	"context"
	"net/http"
)

// Certificate describes the certificate in use.
func (c *Client) Certificate(ctx context.Context) (CertificateInfo, error) {
	var out CertificateInfo
	return out, c.call(ctx, http.MethodGet, "certificate", nil, &out)
}

// CheckCertificate asks the factory what is sealed for what.
func (c *Client) CheckCertificate(ctx context.Context) (CertificateChange, error) {
	var out CertificateChange
	return out, c.call(ctx, http.MethodGet, "certificate/check", nil, &out)
}

// NewCertificate makes a new self-signed certificate of a kind and changes to it.
func (c *Client) NewCertificate(ctx context.Context, kind string) (CertificateChange, error) {
	var out CertificateChange
	return out, c.call(ctx, http.MethodPost, "certificate/new", kindRequest{kind}, &out)
}

// ImportCertificate changes to what is in a PFX file's bytes.
func (c *Client) ImportCertificate(ctx context.Context, pfx []byte, password string) (CertificateChange, error) {
	var out CertificateChange
	return out, c.call(ctx, http.MethodPost, "certificate/import", pfxRequest{pfx, password}, &out)
}

// ExportCertificate gives the certificate as a PFX file's bytes.
func (c *Client) ExportCertificate(ctx context.Context, password string) ([]byte, error) {
	var out pfxAnswer
	err := c.call(ctx, http.MethodPost, "certificate/export", pfxRequest{Password: password}, &out)
	return out.PFX, err
}

// ForgetCertificate removes a former certificate.
func (c *Client) ForgetCertificate(ctx context.Context, thumbprint string) error {
	return c.call(ctx, http.MethodPost, "certificate/forget", thumbprintRequest{thumbprint}, nil)
}

// ProtectSecrets protects what the gateway keeps secret with a passphrase, or with the system's key store.
func (c *Client) ProtectSecrets(ctx context.Context, passphrase string) (CertificateInfo, error) {
	var out CertificateInfo
	return out, c.call(ctx, http.MethodPost, "certificate/protect", passphraseRequest{passphrase}, &out)
}
