package sftp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"dmgateway/engine/fault"
)

// HostKeyRefused says that the server's key is not the expected one, or nobody has said which key to expect.
const HostKeyRefused = "HostKeyRefused"

// fingerprint is the hash of a server's public key.
type fingerprint struct {
	algorithm string // "ssh-rsa", "" where not said
	sum       []byte // 16 bytes: MD5, 32: SHA-256
}

// parseFingerprint reads the usual forms: "ssh-rsa 2048 aa:bb:…" (MD5), "SHA256:…" as ssh-keygen and ssh show it, each
// with or without algorithm and number of bits before it.
func parseFingerprint(text string) (*fingerprint, error) {
	f := &fingerprint{}
	parts := strings.Fields(text)
	// "2048 SHA256:… comment (RSA)" is what ssh-keygen -l prints: the hash is the first part that is one.
	for i, p := range parts {
		if sum := parseSum(p); sum != nil {
			f.sum = sum
			parts = parts[:i]
			break
		}
	}
	if f.sum == nil {
		return nil, errors.New(`this is no fingerprint such as "ssh-rsa 2048 aa:bb:…" (16 pairs of hexadecimal digits) or "SHA256:…" (43 characters)`)
	}
	for _, p := range parts {
		if _, err := strconv.Atoi(p); err == nil {
			continue // the key's bits
		}
		f.algorithm = strings.ToLower(p)
	}
	return f, nil
}

func parseSum(p string) []byte {
	if rest, ok := cutFold(p, "MD5:"); ok || strings.Count(p, ":") == md5.Size-1 {
		sum, err := hex.DecodeString(strings.ReplaceAll(rest, ":", ""))
		if err != nil || len(sum) != md5.Size {
			return nil
		}
		return sum
	}
	rest, _ := cutFold(p, "SHA256:")
	rest = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(rest, "="))
	sum, err := base64.RawStdEncoding.DecodeString(rest)
	if err != nil || len(sum) != sha256.Size {
		return nil
	}
	return sum
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

func (f *fingerprint) matches(key ssh.PublicKey) bool {
	if len(f.sum) == md5.Size {
		sum := md5.Sum(key.Marshal())
		return bytes.Equal(f.sum, sum[:])
	}
	sum := sha256.Sum256(key.Marshal())
	return bytes.Equal(f.sum, sum[:])
}

// families are the algorithms by which a server can prove that it has a key, by the key's type.
var families = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA},
}

// family are the algorithms for a key's type; nil for one that is not known.
func family(algorithm string) []string {
	for _, f := range families {
		if slices.Contains(f, algorithm) {
			if algorithm == ssh.KeyAlgoRSA {
				return f
			}
			return []string{algorithm}
		}
	}
	return nil
}

// proof is how the server's key is checked: a callback, and the algorithms to offer, one list per try. A server has
// several keys, and which one it shows depends on what is offered.
type proof struct {
	check      ssh.HostKeyCallback
	algorithms [][]string
}

func (s *server) proof() (proof, error) {
	switch {
	case s.skip:
		return proof{check: func(string, net.Addr, ssh.PublicKey) error { return nil }, algorithms: [][]string{nil}}, nil
	case s.fingerprint != nil:
		p := proof{check: s.expected, algorithms: families}
		if f := family(s.fingerprint.algorithm); f != nil {
			p.algorithms = [][]string{f}
		}
		return p, nil
	}
	return s.known()
}

func (s *server) expected(_ string, _ net.Addr, key ssh.PublicKey) error {
	if s.fingerprint.matches(key) {
		return nil
	}
	return fault.New(HostKeyRefused, "the server shows another key than hostKeyFingerprint says: %s", shown(key)).At(s.address()).
		Try("Ask the server's operator for its fingerprint. If the server's key was changed, set hostKeyFingerprint to the new one; otherwise somebody may be in between.")
}

// shown is a key as people compare it, in the form that hostKeyFingerprint takes.
func shown(key ssh.PublicKey) string { return key.Type() + " " + ssh.FingerprintSHA256(key) }

// known takes the keys from the known_hosts files that OpenSSH uses as well.
func (s *server) known() (proof, error) {
	var files []string
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
	}
	files = append(files, "/etc/ssh/ssh_known_hosts")
	files = slices.DeleteFunc(files, func(f string) bool { _, err := os.Stat(f); return err != nil })
	check := ssh.HostKeyCallback(func(string, net.Addr, ssh.PublicKey) error { return &knownhosts.KeyError{} })
	if len(files) > 0 {
		var err error
		if check, err = knownhosts.New(files...); err != nil {
			return proof{}, fault.New(fault.BadInput, "read the known servers").At(strings.Join(files, ", ")).Because(err).
				Try("Correct the file, or set hostKeyFingerprint in the linked service.")
		}
	}
	p := proof{algorithms: [][]string{nil}}
	p.check = func(name string, at net.Addr, key ssh.PublicKey) error {
		err := check(name, at, key)
		unknown, ok := errors.AsType[*knownhosts.KeyError](err)
		switch {
		case err == nil:
			return nil
		case ok && len(unknown.Want) > 0:
			return fault.New(HostKeyRefused, "the server shows another key than known_hosts says: %s", shown(key)).At(s.address()).
				Because(errors.New("known: " + wanted(unknown))).
				Try("Ask the server's operator. If its key was changed, set hostKeyFingerprint to the new one; otherwise somebody may be in between.")
		case ok:
			return fault.New(HostKeyRefused, "the server is not known; its key is %s", shown(key)).At(s.address()).
				Try("Compare with what the server's operator says, and set hostKeyFingerprint to %q.", shown(key))
		}
		return fault.New(HostKeyRefused, "the server's key is refused").At(s.address()).Because(err)
	}
	// The algorithms of the known keys: asked with a key that cannot be right.
	if unknown, ok := errors.AsType[*knownhosts.KeyError](check(s.address(), &net.TCPAddr{IP: net.IPv4zero}, noKey{})); ok && len(unknown.Want) > 0 {
		var all []string
		for _, k := range unknown.Want {
			all = append(all, family(k.Key.Type())...)
		}
		p.algorithms = [][]string{all}
	}
	return p, nil
}

func wanted(e *knownhosts.KeyError) string {
	var all []string
	for _, k := range e.Want {
		all = append(all, shown(k.Key))
	}
	return strings.Join(all, ", ")
}

// noKey is a public key that no server has.
type noKey struct{}

// Type is none that exists.
func (noKey) Type() string { return "none" }

// Marshal has nothing.
func (noKey) Marshal() []byte { return []byte("none") }

// Verify is never asked.
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
