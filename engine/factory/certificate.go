package factory

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
)

const (
	authorityYears = 20
	serverDays     = 365
	renewBefore    = 60 * 24 * time.Hour
)

// certificate gives the server's certificate for the hosts: the given pair of files, or one of the factory's own
// authority, made or renewed in dir. A renewed certificate keeps its key, because gateways pin the key.
func certificate(dir, certFile, keyFile string, hosts []string, now time.Time) (*tls.Certificate, error) {
	if certFile == "" {
		certFile, keyFile = filepath.Join(dir, tlsCertFile), filepath.Join(dir, tlsKeyFile)
		if err := ownCertificate(dir, hosts, now); err != nil {
			return nil, err
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fault.New(fault.BadInput, "the server's certificate cannot be used").At(certFile).Because(err).
			Try("Give a PEM certificate with its chain and the PEM private key that belongs to it.")
	}
	return &pair, nil
}

func ownCertificate(dir string, hosts []string, now time.Time) error {
	ca, caKey, err := authority(dir, now)
	if err != nil {
		return err
	}
	key, err := keyFile(filepath.Join(dir, tlsKeyFile))
	if err != nil {
		return err
	}
	path := filepath.Join(dir, tlsCertFile)
	if old, err := readCertificate(path); err == nil && stillGood(old, ca, key, hosts, now) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, serverTemplate(hosts, now), ca, key.Public(), caKey)
	if err != nil {
		return fmt.Errorf("make the server's certificate: %w", err)
	}
	chain := append(pemOf("CERTIFICATE", der), pemOf("CERTIFICATE", ca.Raw)...)
	return writeFile(path, chain, 0o600)
}

func stillGood(c, ca *x509.Certificate, key crypto.Signer, hosts []string, now time.Time) bool {
	public, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || !public.Equal(key.Public()) || c.CheckSignatureFrom(ca) != nil {
		return false
	}
	for _, h := range hosts {
		if c.VerifyHostname(h) != nil {
			return false
		}
	}
	return now.After(c.NotBefore) && now.Add(renewBefore).Before(c.NotAfter)
}

func serverTemplate(hosts []string, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: hosts[0], Organization: []string{"Data Management Gateway"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, serverDays),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return t
}

// authority is the factory's own certificate authority, made at first start.
func authority(dir string, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	key, err := keyFile(filepath.Join(dir, caKeyFile))
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, caCertFile)
	ca, err := readCertificate(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ca, key, err
	}
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Data Management Gateway factory authority", Organization: []string{"Data Management Gateway"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(authorityYears, 0, 0), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("make the factory's certificate authority: %w", err)
	}
	if err := writeFile(path, pemOf("CERTIFICATE", der), 0o644); err != nil {
		return nil, nil, err
	}
	ca, err = x509.ParseCertificate(der)
	return ca, key, err
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		panic(err) // the system's random source does not fail
	}
	return n.Add(n, big.NewInt(1))
}

// keyFile reads a P-256 key, making it, for its owner only, at first start.
func keyFile(path string) (crypto.Signer, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writeFile(path, pemOf("PRIVATE KEY", der), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("read a private key of the factory: %w", err)
	}
	damaged := fault.New(fault.BadData, "a private key of the factory is damaged").At(path).Try("Restore it from a backup of the factory's folder.")
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, damaged
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, damaged.Because(err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, damaged
	}
	return key, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fault.New(fault.BadData, "a certificate of the factory is damaged").At(path).Try("Remove the file; the factory makes a new one.")
	}
	return x509.ParseCertificate(block.Bytes)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// hostsOf are the names that the server's certificate is for: this machine's and the ones it is reached by.
func hostsOf(addresses ...string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil && name != "" {
		hosts = append(hosts, strings.ToLower(name))
	}
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			host = a
		}
		if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
			continue
		}
		hosts = append(hosts, strings.ToLower(host))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// pinOf is the hash of the certificate's key, which registering is bound to and gateways pin.
func pinOf(c *tls.Certificate) ([32]byte, error) {
	leaf := c.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return [32]byte{}, err
		}
	}
	return protocol.SPKIHash(leaf), nil
}
