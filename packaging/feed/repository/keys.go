package repository

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// Roles that have a key each, as TUF names them.
const (
	Root      = metadata.ROOT
	Targets   = metadata.TARGETS
	Snapshot  = metadata.SNAPSHOT
	Timestamp = metadata.TIMESTAMP
)

// Roles in the order in which they trust each other.
func Roles() []string { return []string{Root, Targets, Snapshot, Timestamp} }

// PEM types of key files.
const (
	plainKey     = "PRIVATE KEY"                  // PKCS #8
	encryptedKey = "ENCRYPTED DMGATEWAY FEED KEY" // PKCS #8, encrypted as go-securesystemslib does (scrypt, secretbox)
)

// Keys is a folder of Ed25519 keys: ROLE.key each, and root.json, the root metadata that is trusted, which is no
// secret. A key that is not needed can be kept elsewhere.
type Keys struct {
	Dir string
	// Passphrase encrypts the keys of root and targets when they are made, and opens what is encrypted. Nil = they lie
	// in the clear, readable by their owner only.
	Passphrase []byte

	weak bool // of tests: encrypt so that it takes little time
}

func (k Keys) file(role string) string { return filepath.Join(k.Dir, role+".key") }
func (k Keys) anchor() string          { return filepath.Join(k.Dir, "root.json") }

// RootJSON is the root that is trusted, for builds to pin.
func (k Keys) RootJSON() ([]byte, error) {
	text, err := os.ReadFile(k.anchor())
	if err != nil {
		return nil, fmt.Errorf("the trusted root is missing beside the keys: %w", err)
	}
	if _, err := trustedmetadata.New(text); err != nil {
		return nil, fmt.Errorf("%s is no root: %w", k.anchor(), err)
	}
	return text, nil
}

// has reports whether the key of a role is there.
func (k Keys) has(role string) bool {
	_, err := os.Stat(k.file(role))
	return !errors.Is(err, fs.ErrNotExist)
}

// create makes a key and writes it to file, which must not exist.
func (k Keys) create(role, file string) (*signature.ED25519Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	block := pem.Block{Type: plainKey, Bytes: text}
	if len(k.Passphrase) > 0 && (role == Root || role == Targets) {
		block.Type = encryptedKey
		strength := encrypted.OWASP
		if k.weak {
			strength = encrypted.Legacy
		}
		if block.Bytes, err = encrypted.EncryptWithCustomKDFParameters(text, k.Passphrase, strength); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(pem.Encode(f, &block), f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return signature.LoadED25519Signer(private)
}

// signer reads the key of a role.
func (k Keys) signer(role string) (*signature.ED25519Signer, error) {
	file := k.file(role)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key of %s is needed for this, and %s is not there: bring it from where it is kept", role, file)
	}
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read %s: take that right away (chmod 600), and make a new key if others use this machine", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s is no key file", file)
	}
	if block.Type == encryptedKey {
		if len(k.Passphrase) == 0 {
			return nil, fmt.Errorf("%s is encrypted: give its passphrase with -passphrase-file", file)
		}
		if block.Bytes, err = encrypted.Decrypt(block.Bytes, k.Passphrase); err != nil {
			return nil, fmt.Errorf("%s cannot be decrypted, the passphrase is another one: %w", file, err)
		}
	} else if block.Type != plainKey {
		return nil, fmt.Errorf("%s is no key file but %q", file, block.Type)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	key, ok := private.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is no Ed25519 key", file)
	}
	return signature.LoadED25519Signer(key)
}

// public gives the key of a signer as TUF writes it, and its ID.
func public(s signature.Signer) (*metadata.Key, string, error) {
	p, err := s.PublicKey()
	if err != nil {
		return nil, "", err
	}
	key, err := metadata.KeyFromPublicKey(p)
	if err != nil {
		return nil, "", err
	}
	id, err := key.ID()
	return key, id, err
}
