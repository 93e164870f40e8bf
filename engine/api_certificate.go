package engine

import (
	"context"
	"time"
)

// CertificateControl is what can be done with the gateway's certificate.
type CertificateControl interface {
	// Certificate describes the certificate in use.
	Certificate(ctx context.Context) (CertificateInfo, error)
	// NewCertificate makes a new self-signed certificate of a kind ("rsa-3072", "rsa-4096", "ec-p256", "ec-p384"; "" =
	// the first) and changes to it.
	NewCertificate(ctx context.Context, kind string) (CertificateChange, error)
	// ImportCertificate changes to the certificate, chain and private key in a PFX file's bytes.
	ImportCertificate(ctx context.Context, pfx []byte, password string) (CertificateChange, error)
	// ExportCertificate gives certificate, chain and private key as a PFX file's bytes, encrypted with the password, which
	// must not be empty.
	ExportCertificate(ctx context.Context, password string) ([]byte, error)
}

// CertificateInfo describes the gateway's certificate. All of it is public.
type CertificateInfo struct {
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	Thumbprint string    `json:"thumbprint"` // SHA-1 in upper-case hex, as Windows and Azure show it
	SHA256     string    `json:"sha256"`
	Key        string    `json:"key"` // "RSA 3072", "EC P-256"
	NotBefore  time.Time `json:"notBefore"`
	NotAfter   time.Time `json:"notAfter"`
	SelfSigned bool      `json:"selfSigned"`
	// KeptIn says how the private key is protected: "system" (the operating system's key store), "file", "passphrase",
	// "credential" (systemd).
	KeptIn string `json:"keptIn"`
	PEM    string `json:"pem"` // leaf first, then its chain
}

// CertificateChange is what came of a change.
type CertificateChange struct {
	Certificate CertificateInfo `json:"certificate"`
	// SetAgain names the linked services whose credentials only the old certificate opens: they must be set again.
	SetAgain []string `json:"setAgain"`
	// Unknown is set where the factory could not be asked which linked services those are, and says why.
	Unknown string `json:"unknown,omitempty"`
}
