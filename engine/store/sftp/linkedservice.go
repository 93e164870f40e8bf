package sftp

import (
	"encoding/base64"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store"
)

// Ways to sign in, as Data Factory spells them.
const (
	basic       = "Basic"
	publicKey   = "SshPublicKey"
	multiFactor = "MultiFactor"
)

// server is a decoded linked service: where the server is, who signs in, and how the server proves what it is.
type server struct {
	host     string
	port     int
	user     string
	kind     string
	password secret.String
	// The private key, as the property has it or in a file, and what it is sealed with.
	key     secret.String
	keyPath string
	phrase  secret.String
	// The server's key: a fingerprint, or nothing at all where skip is set, else the known_hosts files.
	fingerprint *fingerprint
	skip        bool
}

func decode(ls *props.Object) *server {
	s := &server{
		host: strings.TrimSpace(ls.Required("host")), port: int(ls.IntIn("port", 22, 1, 65535)),
		kind: ls.Enum("authenticationType", "", basic, publicKey, multiFactor),
		user: ls.String("userName"), password: ls.Secret("password"),
		key: ls.Secret("privateKeyContent"), keyPath: ls.String("privateKeyPath"), phrase: ls.Secret("passPhrase"),
		skip: ls.Bool("skipHostKeyValidation", false),
	}
	if strings.ContainsAny(s.host, "/@ ") {
		ls.Problem(fault.BadInput, "host", "%q is no name or address of a server; give it without user, sftp:// and folder", s.host)
	}
	s.host = strings.Trim(s.host, "[]")
	if s.user == "" {
		ls.Problem(fault.BadInput, "userName", "the property is missing")
	}
	text := ls.String("hostKeyFingerprint")
	if text != "" && !s.skip {
		f, err := parseFingerprint(text)
		if err != nil {
			ls.Problem(fault.BadInput, "hostKeyFingerprint", "%v", err)
		}
		s.fingerprint = f
	}
	s.signIn(ls)
	return s
}

// signIn checks that what the way of signing in needs is there, and nothing that would be ignored.
func (s *server) signIn(ls *props.Object) {
	hasKey := !s.key.Empty() || s.keyPath != ""
	if s.kind == "" { // the property is required, but what is given says it as well
		switch {
		case hasKey && !s.password.Empty():
			s.kind = multiFactor
		case hasKey:
			s.kind = publicKey
		default:
			s.kind = basic
		}
	}
	if s.kind != publicKey && s.password.Empty() {
		ls.Problem(fault.BadInput, "password", "%s needs a password", s.kind)
	}
	if s.kind == publicKey {
		ls.Warn("password", "has no effect with SshPublicKey; MultiFactor uses both")
	}
	if s.kind == basic {
		for _, name := range []string{"privateKeyContent", "privateKeyPath", "passPhrase"} {
			ls.Warn(name, "has no effect with Basic; MultiFactor uses both")
		}
		return
	}
	switch {
	case !hasKey:
		ls.Problem(fault.BadInput, "privateKeyContent", "%s needs privateKeyContent or privateKeyPath", s.kind)
	case !s.key.Empty() && s.keyPath != "":
		ls.Problem(fault.BadInput, "privateKeyPath", "privateKeyContent and privateKeyPath exclude each other")
	case !s.key.Empty():
		pem, err := keyContent(s.key.Reveal())
		if err != nil {
			ls.Problem(fault.BadInput, "privateKeyContent", "%v", err)
		}
		s.key = secret.New(pem)
	}
}

// keyContent is the key file that Base64 text holds; the file's own text is taken as well.
func keyContent(text string) (string, error) {
	if strings.Contains(text, "-----BEGIN") || strings.HasPrefix(text, putty) {
		return text, nil
	}
	pem, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return "", errors.New("the private key is no Base64 text; encode the whole key file")
	}
	return string(pem), nil
}

// putty begins the files of another program, which this one does not read.
const putty = "PuTTY-User-Key-File"

// signer reads the private key.
func (s *server) signer(env store.Env) (ssh.Signer, error) {
	pem, at := []byte(s.key.Reveal()), "privateKeyContent"
	if s.keyPath != "" {
		at = s.keyPath
		if err := env.Allowed(s.keyPath, false); err != nil {
			return nil, err
		}
		var err error
		if pem, err = os.ReadFile(s.keyPath); err != nil {
			return nil, fault.New(fault.BadInput, "read the private key").At(at).Because(err).
				Try("Check privateKeyPath, and that the account that the gateway runs under may read the file.")
		}
	}
	return parseKey(pem, s.phrase, at)
}

func parseKey(pem []byte, phrase secret.String, at string) (signer ssh.Signer, err error) {
	if phrase.Empty() {
		signer, err = ssh.ParsePrivateKey(pem)
	} else {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(phrase.Reveal()))
	}
	if err == nil {
		return signer, nil
	}
	bad := fault.New(fault.BadInput, "the private key cannot be read").At(at)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, bad.Because(errors.New("it is sealed with a pass phrase")).Try("Give the linked service's passPhrase.")
	}
	if !phrase.Empty() {
		if plain, err := ssh.ParsePrivateKey(pem); err == nil {
			return plain, nil // a pass phrase too many harms nobody
		}
	}
	if strings.HasPrefix(string(pem), putty) {
		return nil, bad.Because(errors.New("it is a file of PuTTY")).Try("Export it with PuTTYgen in OpenSSH's form.")
	}
	if !phrase.Empty() {
		return nil, bad.Because(errors.New("the pass phrase does not open it, or it is damaged")).Try("Check passPhrase and the key.")
	}
	return nil, bad.Because(errors.New("it is no private key in OpenSSH's or PEM form")).
		Try("A key file begins with -----BEGIN OPENSSH PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----; the file that ends in .pub is the public key.")
}

func (s *server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }
