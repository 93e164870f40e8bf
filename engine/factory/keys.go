package factory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

// Files of a factory's folder. All but the authority's certificate are readable by their owner only.
const (
	lockFile     = "factory.lock"
	databaseFile = "factory.db"
	stateKeyFile = "state.key"   // encrypts the secrets in the database
	signingFile  = "signing.key" // Ed25519 seed that signs jobs
	tokenFile    = wire.TokenFile
	addressFile  = wire.AddressFile
	caCertFile   = "ca.pem"
	caKeyFile    = "ca.key"
	tlsCertFile  = "server.pem"
	tlsKeyFile   = "server.key"
)

// randomText is n random bytes in unpadded base64url: 43 characters for 32 bytes.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// secretFile reads a file of one line with random text, making it, for its owner only, at first start.
func secretFile(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text := randomText(32)
		return text, writeFile(path, []byte(text+"\n"), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("read the factory's secret: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if b, err := base64.RawURLEncoding.DecodeString(text); err != nil || len(b) != 32 {
		return "", fault.New(fault.BadData, "the factory's secret file is damaged").At(path).
			Try("Restore it from a backup of the factory's folder; without it nothing that it protects can be used.")
	}
	return text, nil
}

// writeFile writes a whole file or none: beside, synced, renamed.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	t, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(t.Name()) // gone already when all went well
	_, err = t.Write(data)
	err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// signingKey is the factory's Ed25519 key; gateways pin its public half when they register.
func signingKey(dir string) (ed25519.PrivateKey, error) {
	text, err := secretFile(dir, signingFile)
	if err != nil {
		return nil, err
	}
	seed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// sealer encrypts secrets of the factory's own for its database, each bound to the row that it belongs to.
type sealer struct{ aead cipher.AEAD }

func newSealer(dir string) (sealer, error) {
	text, err := secretFile(dir, stateKeyFile)
	if err != nil {
		return sealer{}, err
	}
	key, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(text, row string) []byte {
	return s.aead.Seal(nil, nil, []byte(text), []byte(row)) //nolint:gosec // G407: this cipher makes a random nonce itself
}

func (s sealer) open(sealed []byte, row string) (string, error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(row))
	if err != nil {
		return "", fault.New(fault.BadData, "a secret in the factory's database cannot be opened").At(row).Because(err).
			Try("Restore the file %s that belongs to this database.", stateKeyFile)
	}
	return string(text), nil
}
