package testserver

import (
	"encoding/json"
	"net/url"
	"os"
	"sync"
	"testing"
)

// SFTPEnv is the environment variable with an SFTP server to use instead of a private one:
// "sftp://user:password@host:port/folder?fingerprint=SHA256:…", or with privateKeyPath instead of the password.
const SFTPEnv = "DMG_TEST_SFTP"

// SSHServer is a server for SFTP, and who may use it.
type SSHServer struct {
	Host, Port, User string
	Password         string // "" where the key signs in
	Key              []byte // private, in OpenSSH's form; nil where the password signs in
	KeyPath          string
	Fingerprints     []string // of the server's key: SHA-256 and, of a private server, MD5 with its algorithm
	// Root is an empty folder that the tests may fill; an absolute path. Of a private server it is on this machine.
	Root    string
	Private bool
}

var sshServer struct {
	once    sync.Once
	server  *SSHServer
	missing string
	err     error
}

// SSH gives a server for SFTP: a private OpenSSH that takes one key and no password, whose data is gone when the test
// process ends. Tests share it, so each takes a folder of its own below Root.
func SSH(t testing.TB) *SSHServer {
	t.Helper()
	s := &sshServer
	s.once.Do(func() {
		if at := os.Getenv(SFTPEnv); at != "" {
			s.server, s.err = sshFrom(at)
			return
		}
		s.server, s.missing, s.err = startSSH()
	})
	if s.missing != "" {
		Missing(t, "OpenSSH: %s; install it or set %s", s.missing, SFTPEnv)
	}
	if s.err != nil {
		t.Fatalf("start OpenSSH: %v", s.err)
	}
	return s.server
}

func sshFrom(address string) (*SSHServer, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	s := &SSHServer{Host: u.Hostname(), Port: u.Port(), User: u.User.Username(), Root: u.Path, KeyPath: u.Query().Get("privateKeyPath")}
	s.Password, _ = u.User.Password()
	if s.Port == "" {
		s.Port = "22"
	}
	if f := u.Query().Get("fingerprint"); f != "" {
		s.Fingerprints = []string{f}
	}
	if s.KeyPath != "" {
		s.Key, err = os.ReadFile(s.KeyPath)
	}
	return s, err
}

// LinkedService is the typeProperties of a linked service for the server, with properties changed or (nil) removed.
func (s *SSHServer) LinkedService(change map[string]any) string {
	m := map[string]any{"host": s.Host, "port": s.Port, "userName": s.User}
	if len(s.Fingerprints) > 0 {
		m["hostKeyFingerprint"] = s.Fingerprints[0]
	} else {
		m["skipHostKeyValidation"] = true
	}
	if s.Key != nil {
		m["authenticationType"] = "SshPublicKey"
		m["privateKeyContent"] = map[string]string{"type": "SecureString", "value": string(s.Key)}
	} else {
		m["authenticationType"], m["password"] = "Basic", s.Password
	}
	for name, value := range change {
		if value == nil {
			delete(m, name)
			continue
		}
		m[name] = value
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}
