package credential

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"

	"software.sslmate.com/src/go-pkcs12"

	"dmgateway/engine/fault"
)

// maxPFX bounds a PFX file; one with a long chain has a few kilobytes.
const maxPFX = 512 << 10

// maxRounds bounds the rounds of key derivation that a PFX file may ask for: seconds of work. Programs write 1 to 600,000.
const maxRounds = 5_000_000

// ImportPFX reads a PFX (PKCS #12) file with certificate, chain and private key, in today's encoding (AES, SHA-256) or
// in those of old programs (3DES, RC2, SHA-1). RSA and EC keys are taken; code SignInFailed means a wrong password, Unsupported a
// key of another type, BadData a file that is none.
func ImportPFX(data []byte, password string) (*Certificate, error) {
	if len(data) > maxPFX {
		return nil, fault.New(fault.BadInput, "the PFX file is larger than %d bytes", maxPFX).Try("Give a PFX file with one certificate, its chain and its private key.")
	}
	if rounds := kdfRounds(data, 0); rounds > maxRounds {
		return nil, fault.New(fault.Unsupported, "the PFX file wants %d rounds to derive a key; %d are the most", rounds, maxRounds).
			Try("Export the certificate again with fewer.")
	}
	key, leaf, others, err := pkcs12.DecodeChain(data, password)
	var unknown pkcs12.NotImplementedError
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return nil, fault.New(fault.SignInFailed, "the password of the PFX file is wrong").Try("Give the password that the certificate was exported with.")
	case errors.As(err, &unknown):
		return nil, fault.New(fault.Unsupported, "the PFX file is encrypted in a way that is not supported").Because(err).
			Try("Export the certificate again, with AES-256 and SHA-256.")
	case err != nil:
		return nil, fault.New(fault.BadData, "the PFX file cannot be read").Because(err).
			Try("Give a PFX file (PKCS #12) with one certificate, its chain and its private key.")
	}
	c, err := assemble(key, append([]*x509.Certificate{leaf}, others...))
	if err != nil && fault.Code(err) == fault.Internal {
		err = fault.New(fault.BadInput, "the PFX file cannot be used").Because(err).
			Try("Export the certificate together with its own private key.")
	}
	return c, err
}

// ExportPFX gives certificate, chain and private key as a PFX file, encrypted with AES-256 and a key derived from the
// password, which must not be empty.
func (c *Certificate) ExportPFX(password string) ([]byte, error) {
	if password == "" {
		return nil, fault.New(fault.BadInput, "a certificate is exported with a password only: the file holds its private key").
			Try("Choose a password and keep it apart from the file.")
	}
	data, err := pkcs12.Modern2023.Encode(c.key, c.Leaf, c.Chain, password)
	if err != nil {
		return nil, fault.New(fault.BadInput, "export the certificate").Because(err)
	}
	return data, nil
}

// kdfRounds is the largest number of rounds that any key derivation in DER asks for: wherever PKCS #12 and PBKDF2 have
// them, they follow the salt.
func kdfRounds(der []byte, depth int) int64 {
	const deepest = 24
	var most int64
	afterSalt := false
	for depth < deepest && len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil || len(rest) == len(der) {
			break
		}
		octets := v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString
		switch {
		case v.IsCompound || octets:
			most = max(most, kdfRounds(v.Bytes, depth+1))
		case afterSalt && v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger:
			n := new(big.Int).SetBytes(v.Bytes)
			if !n.IsInt64() {
				return 1 << 62
			}
			most = max(most, n.Int64())
		}
		afterSalt = octets
		der = rest
	}
	return most
}
