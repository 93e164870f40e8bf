package engine

import (
	"context"
	"time"
)

// CertificateControl is what can be done with the gateway's certificate.
type CertificateControl interface {
	// Certificate describes the certificate in use.
	Certificate(ctx context.Context) (CertificateInfo, error)
	// CheckCertificate asks the factory which linked services the gateway cannot open, or opens with former certificates
	// only, and changes nothing.
	CheckCertificate(ctx context.Context) (CertificateChange, error)
	// NewCertificate makes a new self-signed certificate of a kind ("rsa-3072", "rsa-4096", "ec-p256", "ec-p384"; "" =
	// the first) and changes to it.
	NewCertificate(ctx context.Context, kind string) (CertificateChange, error)
	// ImportCertificate changes to the certificate, chain and private key in a PFX file's bytes.
	ImportCertificate(ctx context.Context, pfx []byte, password string) (CertificateChange, error)
	// ExportCertificate gives certificate, chain and private key as a PFX file's bytes, encrypted with the password, which
	// must not be empty.
	ExportCertificate(ctx context.Context, password string) ([]byte, error)
	// ForgetCertificate removes a former certificate by its thumbprint; what only it opens is lost.
	ForgetCertificate(ctx context.Context, thumbprint string) error
	// ProtectSecrets protects everything that the gateway keeps secret, its private key included, with a passphrase of 12
	// characters or more, which each start needs from then on; "" goes back to the operating system's key store or a file.
	ProtectSecrets(ctx context.Context, passphrase string) (CertificateInfo, error)
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
	// Gateway is the ID of the logical gateway that this machine is registered for, "" where it is not: sealed credentials
	// are bound to it.
	Gateway string `json:"gateway,omitempty"`
	// Former are certificates that were changed for others and still open what was sealed for them, the latest first.
	Former []CertificateStatus `json:"former,omitempty"`
}

// CertificateChange is what came of a change.
type CertificateChange struct {
	Certificate CertificateInfo `json:"certificate"`
	// SetAgain names the linked services whose credentials are not sealed for the present certificate: they must be set
	// again, before the former certificates are removed.
	SetAgain []string `json:"setAgain"`
	// Closed are those of SetAgain that do not open even now: they are sealed for no certificate that the gateway has.
	Closed []string `json:"closed,omitempty"`
	// Unknown is set where the factory could not be asked which linked services those are, and says why.
	Unknown string `json:"unknown,omitempty"`
}
