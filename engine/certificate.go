package engine

import (
	"context"
	"crypto/x509"
	"os"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
)

// GatewayCertificate describes the certificate of a data directory, making it where there is none yet.
func GatewayCertificate(_ context.Context, data string) (*CertificateInfo, error) {
	c, err := gatewayCertificate(data)
	if err != nil {
		return nil, err
	}
	return &CertificateInfo{
		Subject: c.Leaf.Subject.String(), Thumbprint: c.Thumbprint(), NotBefore: c.Leaf.NotBefore, NotAfter: c.Leaf.NotAfter, PEM: string(c.PEM()),
	}, nil
}

func gatewayCertificate(data string) (*credential.Certificate, error) {
	data, err := resolveData(data)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fault.New(fault.Forbidden, "make the data directory").At(data).Because(err)
	}
	vault, err := credential.OpenVault(data, nil)
	if err != nil {
		return nil, err
	}
	return credential.LoadCertificate(vault, hostName())
}

// SealLinkedService gives a linked service with its secrets sealed for the certificates in pem, or, where pem is empty,
// for the certificate of the data directory.
func SealLinkedService(_ context.Context, linkedService []byte, data string, pem []byte) ([]byte, error) {
	var certificates []*x509.Certificate
	if len(pem) > 0 {
		var err error
		if certificates, err = credential.ParseCertificates(pem); err != nil {
			return nil, err
		}
	} else {
		c, err := gatewayCertificate(data)
		if err != nil {
			return nil, err
		}
		certificates = []*x509.Certificate{c.Leaf}
	}
	return credential.Seal(linkedService, certificates...)
}
