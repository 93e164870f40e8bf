package credential

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// Where the passphrase of a vault comes from.
const (
	// EnvPassphraseFile names a file that holds the passphrase.
	EnvPassphraseFile = "DMG_PASSPHRASE_FILE"
	// EnvPassphrase holds the passphrase itself; whoever may read the environment of the process sees it.
	EnvPassphrase = "DMG_PASSPHRASE"
	// SystemdCredential is the name of the credential that a systemd unit hands over (LoadCredential=).
	SystemdCredential = "dmgateway-passphrase"
)

const (
	minPassphrase = 12 // characters
	maxPassphrase = 4 << 10
)

// Passphrase protects a vault.
type Passphrase struct {
	text   secret.String
	kind   string // "passphrase" or "credential"
	source string // for people: where it was read
}

// NewPassphrase is one that a person gave.
func NewPassphrase(text secret.String) *Passphrase {
	return &Passphrase{text: text, kind: keyInPassphrase, source: "passphrase"}
}

// check refuses what is no protection.
func (p *Passphrase) check() error {
	if n := utf8.RuneCountInString(p.text.Reveal()); n < minPassphrase {
		return fault.New(fault.BadInput, "the passphrase has %d characters; %d is the least", n, minPassphrase).At(p.source).
			Try("Take a random one: `openssl rand -base64 32 > FILE`.")
	}
	return nil
}

// FindPassphrase reads the passphrase from the systemd credential dmgateway-passphrase, from the file that
// DMG_PASSPHRASE_FILE names, or from DMG_PASSPHRASE, in this order; nil where none of them is there. A line end behind it
// does not belong to it.
func FindPassphrase() (*Passphrase, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		path := filepath.Join(dir, SystemdCredential)
		switch p, err := readPassphrase(path, "credential"); {
		case err == nil:
			return p, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if path := os.Getenv(EnvPassphraseFile); path != "" {
		return readPassphrase(path, keyInPassphrase)
	}
	if text := os.Getenv(EnvPassphrase); text != "" {
		return &Passphrase{text: secret.New(text), kind: keyInPassphrase, source: EnvPassphrase}, nil
	}
	return nil, nil
}

// PassphraseFiles are the files in which a passphrase may lie at this start, there or not. They are nobody else's to read.
func PassphraseFiles() []string {
	var list []string
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		list = append(list, filepath.Join(dir, SystemdCredential))
	}
	if path := os.Getenv(EnvPassphraseFile); path != "" {
		list = append(list, path)
	}
	return list
}

func readPassphrase(path, kind string) (*Passphrase, error) {
	text, err := readSecretFile(path, maxPassphrase)
	if err != nil {
		return nil, fault.New(fault.BadInput, "read the passphrase for the gateway's secrets").At(path).Because(err).
			Try("The file has to hold the passphrase, at most %d bytes, readable by the user that runs the gateway.", maxPassphrase)
	}
	if len(text) == 0 {
		return nil, fault.New(fault.BadInput, "the file with the passphrase for the gateway's secrets is empty").At(path)
	}
	return &Passphrase{text: secret.New(string(text)), kind: kind, source: path}, nil
}

// readSecretFile reads a small regular file without the line end behind its text.
func readSecretFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file") // a pipe or device could hang or never end
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errors.New("it is too large")
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	return bytes.TrimSuffix(data, []byte("\r")), nil
}
