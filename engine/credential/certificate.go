// Package credential keeps what is secret: the gateway's certificate, the vault in which the program's own secrets lie,
// and the sealing of data store credentials to that certificate, which only the gateway can open.
package credential

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the thumbprint that Windows and Azure show is SHA-1; nothing is trusted by it
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

const (
	keyBits        = 3072
	certificateFor = 10 * 365 * 24 * time.Hour
)

// Certificate is the gateway's certificate with its private key.
type Certificate struct {
	Leaf *x509.Certificate
	key  *rsa.PrivateKey
}

// NewCertificate makes a self-signed certificate with an RSA key of 3072 bits, named after the machine.
func NewCertificate(machine string) (*Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := time.Now().UTC()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Data Management Gateway " + machine},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateFor),
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read own certificate: %w", err)
	}
	return &Certificate{Leaf: leaf, key: key}, nil
}

// Thumbprint of a certificate: SHA-1 in upper-case hex, as Windows and Azure show it.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) //nolint:gosec // see the import
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Thumbprint of the certificate, see [Thumbprint].
func (c *Certificate) Thumbprint() string { return Thumbprint(c.Leaf) }

// PEM is the public certificate as text, to seal credentials with.
func (c *Certificate) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf.Raw})
}

// ParseCertificates reads public certificates from PEM text or DER.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
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

const (
	vaultCertificate = "certificate"
	typeKey          = "PRIVATE KEY"
	typeCertificate  = "CERTIFICATE"
)

// LoadCertificate gives the vault's certificate. At the first start there is none: it makes one and keeps it.
func LoadCertificate(v *Vault, machine string) (*Certificate, error) {
	data, err := v.Get(vaultCertificate)
	if err != nil {
		return nil, err
	}
	if data != nil {
		return decodeCertificate(data)
	}
	c, err := NewCertificate(machine)
	if err != nil {
		return nil, err
	}
	return c, SaveCertificate(v, c)
}

// SaveCertificate keeps c as the gateway's certificate.
func SaveCertificate(v *Vault, c *Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return fmt.Errorf("marshal key: %w", err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: key})
	return v.Put(vaultCertificate, append(data, c.PEM()...))
}

func decodeCertificate(data []byte) (*Certificate, error) {
	bad := func(err error) error {
		return fault.New(fault.BadData, "the gateway's certificate in the vault cannot be read").Because(err).
			Try("Import the certificate from its backup, or make a new one and set the credentials of the linked services again.")
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != typeKey {
		return nil, bad(nil)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, bad(err)
	}
	private, ok := key.(*rsa.PrivateKey)
	block, _ = pem.Decode(rest)
	if !ok || block == nil || block.Type != typeCertificate {
		return nil, bad(nil)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, bad(err)
	}
	if !private.PublicKey.Equal(leaf.PublicKey) {
		return nil, bad(fmt.Errorf("its private key belongs to another certificate"))
	}
	return &Certificate{Leaf: leaf, key: private}, nil
}
