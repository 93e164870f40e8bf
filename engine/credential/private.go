package credential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const (
	typeKey         = "PRIVATE KEY"
	typeCertificate = "CERTIFICATE"
)

// MarshalPrivate gives private key, certificate and chain as PEM text. It is a secret: it belongs into the vault, or into
// what is protected alike.
func (c *Certificate) MarshalPrivate() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, fmt.Errorf("marshal key: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: key}), c.ChainPEM()...), nil
}

// ParsePrivate reads what [Certificate.MarshalPrivate] gave.
func ParsePrivate(data []byte) (*Certificate, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != typeKey {
		return nil, errors.New("the private key is missing")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key cannot be read")
	}
	list, err := ParseCertificates(rest)
	if err != nil {
		return nil, err
	}
	return assemble(key, list)
}

// assemble makes a certificate of a private key and public certificates: the one that the key belongs to is the leaf,
// from there on each issuer follows; others are left out.
func assemble(key any, list []*x509.Certificate) (*Certificate, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("private keys of type %T cannot be used", key)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, fmt.Errorf("private keys of type %T cannot be used", key)
	}
	c := &Certificate{key: signer}
	for _, candidate := range list {
		if public.Equal(candidate.PublicKey) {
			c.Leaf = candidate
			break
		}
	}
	if c.Leaf == nil {
		return nil, errors.New("the private key belongs to another certificate")
	}
	if err := CheckKey(c.Leaf); err != nil {
		return nil, err
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
	default:
		return nil, fmt.Errorf("private keys of type %T cannot be used", key)
	}
	c.Chain = chainOf(c.Leaf, list)
	return c, nil
}

// chainOf follows the issuers of a certificate as far as the list goes.
func chainOf(leaf *x509.Certificate, list []*x509.Certificate) []*x509.Certificate {
	var chain []*x509.Certificate
	for at := leaf; len(chain) < len(list); {
		next := issuerOf(at, list)
		if next == nil || next.Equal(at) || next.Equal(leaf) {
			break
		}
		chain = append(chain, next)
		at = next
	}
	return chain
}

func issuerOf(c *x509.Certificate, list []*x509.Certificate) *x509.Certificate {
	for _, candidate := range list {
		if string(candidate.RawSubject) == string(c.RawIssuer) && c.CheckSignatureFrom(candidate) == nil {
			return candidate
		}
	}
	return nil
}
