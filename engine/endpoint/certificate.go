package endpoint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

const (
	vaultOwn   = "endpoint.certificate"
	vaultGiven = "endpoint.certificate.given"

	ownFor      = 2 * 365 * 24 * time.Hour
	renewBefore = 30 * 24 * time.Hour
)

// load makes the certificate ready that is to be shown: the given one, else its own, which is made where there is none or
// where it is about to expire. own says which. The caller holds turn.
func (s *Server) load() (own bool, err error) {
	data, err := s.o.Vault.Get(vaultGiven)
	if err != nil {
		return false, err
	}
	if data != nil {
		c, err := decode(data)
		if err != nil {
			return false, fault.New(fault.BadData, "the endpoint's certificate cannot be read").Because(err).Try("Import it again, or go back to the endpoint's own certificate.")
		}
		s.use(c)
		return false, nil
	}
	if data, err = s.o.Vault.Get(vaultOwn); err != nil {
		return true, err
	}
	if data != nil {
		if c, err := decode(data); err == nil && !s.renewable(c) {
			s.use(c)
			return true, nil
		}
	}
	if data, err = s.makeOwn(); err != nil {
		return true, err
	}
	if err := s.o.Vault.Put(vaultOwn, data); err != nil {
		return true, err
	}
	c, err := decode(data)
	if err == nil {
		s.use(c)
	}
	return true, err
}

func (s *Server) use(c *tls.Certificate) {
	s.mu.Lock()
	s.certificate = c
	s.mu.Unlock()
}

// renewable reports whether a certificate of its own has to be made anew. A given one is its owner's to renew.
func (s *Server) renewable(c *tls.Certificate) bool {
	return c.Leaf.Subject.Organization == nil && s.o.Now().After(c.Leaf.NotAfter.Add(-renewBefore)) && strings.HasPrefix(c.Leaf.Subject.CommonName, ownName)
}

const ownName = "Data Management Gateway endpoint "

// makeOwn makes a self-signed certificate for the names and addresses that the machine has now.
func (s *Server) makeOwn() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the endpoint's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := s.o.Now().UTC()
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: ownName + s.o.Host}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for name := range s.names() {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the endpoint's certificate: %w", err)
	}
	return encode(key, der)
}

func encode(key any, chain ...[]byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("marshal key: %w", err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, c := range chain {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return data, nil
}

func decode(data []byte) (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(data, data)
	return &c, err
}

// describe adds what the status says of the certificate.
func (s *Server) describe(own bool, st Status) Status {
	s.mu.Lock()
	c := s.certificate
	s.mu.Unlock()
	if c != nil {
		sum := sha256.Sum256(c.Leaf.Raw)
		st.Thumbprint, st.NotAfter, st.Own = strings.ToUpper(hex.EncodeToString(sum[:])), c.Leaf.NotAfter, own
	}
	return st
}

// reload shows another certificate to whoever connects next; the caller holds turn.
func (s *Server) reload() {
	own, err := s.load()
	if err != nil {
		s.o.Log.Error("the endpoint's certificate", logging.Key, logging.EndpointBroken, "error", err)
		return
	}
	s.change(func(st *Status) { *st = s.describe(own, *st) })
}

// SetCertificate shows the certificate of a PFX file from now on; nil goes back to its own.
func (s *Server) SetCertificate(pfx []byte, password string) (Status, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if len(pfx) == 0 {
		if err := s.o.Vault.Delete(vaultGiven); err != nil {
			return s.Status(), err
		}
	} else {
		data, err := s.fromPFX(pfx, password)
		if err != nil {
			return s.Status(), err
		}
		if err := s.o.Vault.Put(vaultGiven, data); err != nil {
			return s.Status(), err
		}
	}
	s.reload()
	s.mu.Lock()
	c, failed := s.config, s.status.State == Failed
	s.mu.Unlock()
	if failed && c.On {
		s.open(c)
	}
	return s.Status(), nil
}

func (s *Server) fromPFX(pfx []byte, password string) ([]byte, error) {
	const what = "the certificate cannot be used for the endpoint"
	given, err := credential.ImportPFX(pfx, password)
	if err != nil {
		return nil, err
	}
	leaf := given.Leaf
	if r, ok := leaf.PublicKey.(*rsa.PublicKey); ok && r.N.BitLen() < 2048 {
		return nil, fault.New(fault.BadInput, what).Because(fmt.Errorf("an RSA key of %d bits is too short", r.N.BitLen())).Try("Use a key of 2048 bits or more.")
	}
	now := s.o.Now()
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return nil, fault.New(fault.BadInput, what).Because(fmt.Errorf("it is valid from %s to %s", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))).
			Try("Give a certificate that is valid now.")
	}
	if !forServers(leaf) {
		return nil, fault.New(fault.BadInput, what).Because(errors.New("it is not meant for servers")).Try("Give a certificate with the purpose Server Authentication.")
	}
	return given.MarshalPrivate()
}

func forServers(c *x509.Certificate) bool {
	for _, u := range c.ExtKeyUsage {
		if u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny {
			return true
		}
	}
	return len(c.ExtKeyUsage) == 0
}
