// Package credential keeps what is secret: the gateway's certificate, the vault in which the program's own secrets lie,
// and the sealing of data store credentials to that certificate, which only the gateway can open.
package credential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"dmgateway/engine/fault"
)

// Kinds of keys that a certificate can be made with.
const (
	RSA3072 = "rsa-3072"
	RSA4096 = "rsa-4096"
	ECP256  = "ec-p256"
	ECP384  = "ec-p384"
)

// Kinds are all kinds of keys that [NewCertificateOf] makes, the default first.
var Kinds = []string{RSA3072, RSA4096, ECP256, ECP384}

// What is taken of RSA keys that were made elsewhere: weaker ones can be broken, larger ones make every opening slow.
const (
	minRSABits = 2048
	maxRSABits = 16384
)

const certificateFor = 10 * 365 * 24 * time.Hour

// Certificate is a certificate with its private key.
type Certificate struct {
	Leaf *x509.Certificate
	// Chain are the certificates of its authorities, the leaf's issuer first. It is empty for a self-signed one.
	Chain []*x509.Certificate
	key   crypto.Signer // *rsa.PrivateKey or *ecdsa.PrivateKey
}

// NewCertificate makes a self-signed certificate of the default kind, named after the machine.
func NewCertificate(machine string) (*Certificate, error) {
	return NewCertificateOf(RSA3072, "Data Management Gateway "+machine)
}

// NewCertificateOf makes a self-signed certificate of a kind ("" = the default), valid for ten years.
func NewCertificateOf(kind, commonName string) (*Certificate, error) {
	key, err := newKey(kind)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	usage := x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment | x509.KeyUsageDigitalSignature
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		usage = x509.KeyUsageKeyAgreement | x509.KeyUsageDigitalSignature
	}
	now := time.Now().UTC()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateFor), KeyUsage: usage, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read own certificate: %w", err)
	}
	return &Certificate{Leaf: leaf, key: key}, nil
}

func newKey(kind string) (crypto.Signer, error) {
	switch strings.ToLower(kind) {
	case "", RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	case ECP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return nil, fault.New(fault.BadInput, "there is no kind of certificate %q", kind).At("kind").Try("Known: %s.", strings.Join(Kinds, ", "))
}

// Thumbprint of a certificate: SHA-1 in upper-case hex, as Windows and Azure show it. Nothing is trusted by it.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Thumbprint of the certificate, see [Thumbprint].
func (c *Certificate) Thumbprint() string { return Thumbprint(c.Leaf) }

// PEM is the public certificate as text, to seal credentials with.
func (c *Certificate) PEM() []byte { return publicPEM(c.Leaf) }

// ChainPEM is the certificate and then its chain as text. All of it is public.
func (c *Certificate) ChainPEM() []byte {
	text := c.PEM()
	for _, issuer := range c.Chain {
		text = append(text, publicPEM(issuer)...)
	}
	return text
}

func publicPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: c.Raw})
}

// KeyName says which key a certificate has: "RSA 3072", "EC P-256".
func KeyName(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}

// CheckKey refuses a certificate for whose key nothing can be sealed, with the reason; code Unsupported.
func CheckKey(c *x509.Certificate) error {
	refuse := func(format string, args ...any) error {
		return fault.New(fault.Unsupported, format, args...).At(Thumbprint(c)).
			Try("Use a certificate with an RSA key of %d bits or more, or an EC key on P-256, P-384 or P-521.", minRSABits)
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return refuse("the certificate's RSA key has %d bits; %d to %d are supported", bits, minRSABits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return refuse("the certificate's EC key is on the curve %s", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return refuse("the certificate has an Ed25519 key, which can sign but not decrypt, so nothing could be sealed for it")
	}
	return refuse("keys of the type %s are not supported", c.PublicKeyAlgorithm)
}

// ParseCertificates reads public certificates from PEM text or DER.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != typeCertificate {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fault.New(fault.BadInput, "read certificate").Because(err).Try("Export the gateway's certificate again as PEM.")
		}
		list = append(list, c)
	}
	if len(list) > 0 {
		return list, nil
	}
	list, err := x509.ParseCertificates(data)
	if err != nil || len(list) == 0 {
		return nil, fault.New(fault.BadInput, "there is no certificate in the file").Because(err).Try("Give a certificate as PEM or DER.")
	}
	return list, nil
}

// Recipients are those of a list of certificates that something can be sealed for: a chain's authorities are left out,
// which only vouch for others.
func Recipients(list []*x509.Certificate) []*x509.Certificate {
	var leaves []*x509.Certificate
	for _, c := range list {
		if !c.IsCA {
			leaves = append(leaves, c)
		}
	}
	if len(leaves) == 0 && len(list) > 0 {
		return list[:1] // an authority's own certificate, used as a gateway's
	}
	return leaves
}
