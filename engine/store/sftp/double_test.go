package sftp

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

// double is a server made of the same libraries as the client, for what a private OpenSSH cannot show without accounts
// of its own: passwords, questions, several factors. It has no extensions of OpenSSH, and so shows a server that cannot
// rename over a file.
type double struct {
	net.Listener
	config *ssh.ServerConfig
	folder string
	wg     sync.WaitGroup
}

func startDouble(t *testing.T, config *ssh.ServerConfig) *double {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &double{Listener: l, config: config, folder: t.TempDir()}
	d.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.wg.Go(func() { d.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); d.wg.Wait() })
	return d
}

func (d *double) serve(c net.Conn) {
	defer c.Close()
	_, chans, reqs, err := ssh.NewServerConn(c, d.config)
	if err != nil {
		return
	}
	d.wg.Go(func() { ssh.DiscardRequests(reqs) })
	for n := range chans {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		d.wg.Go(func() {
			for r := range reqs {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		})
		s, err := sftp.NewServer(ch, sftp.WithServerWorkingDirectory(d.folder))
		if err != nil {
			return
		}
		d.wg.Go(func() {
			if err := s.Serve(); err != nil && !errors.Is(err, io.EOF) {
				_ = err // the client went away
			}
			_ = ch.Close()
		})
	}
}

func (d *double) linkedService(more string) string {
	_, port, _ := net.SplitHostPort(d.Addr().String())
	return `{"host":"127.0.0.1","port":` + port + `,"userName":"anna","skipHostKeyValidation":true,` + more + `}`
}

func password(want string) func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
	return func(_ ssh.ConnMetadata, got []byte) (*ssh.Permissions, error) {
		if string(got) != want {
			return nil, errors.New("no")
		}
		return nil, nil
	}
}

func TestConformanceWithAPasswordAndNoExtensions(t *testing.T) {
	if err := sftp.SetSFTPExtensions(); err != nil { // of servers in this process
		t.Fatal(err)
	}
	d := startDouble(t, &ssh.ServerConfig{PasswordCallback: password("geheim")})
	storetest.RunFiles(t, storetest.FileStore{
		Definition: Definition(), Root: "suite",
		LinkedService: d.linkedService(`"authenticationType":"Basic","password":"geheim"`),
		BadSignIn:     d.linkedService(`"authenticationType":"Basic","password":"wrong"`),
	})
}

func TestSigningIn(t *testing.T) {
	key, private := keys(t)
	text := func(b []byte) string { return `"` + string(jsonText(b)) + `"` }
	anna := func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if string(k.Marshal()) != string(key.Marshal()) {
			return nil, errors.New("no")
		}
		return nil, nil
	}
	both := func(m ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if _, err := anna(m, k); err != nil {
			return nil, err
		}
		return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{PasswordCallback: password("geheim")}}
	}
	asks := func(question string, echo bool) func(ssh.ConnMetadata, ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		return func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{question}, []bool{echo})
			if err != nil || len(answers) != 1 || answers[0] != "geheim" {
				return nil, errors.New("no")
			}
			return nil, nil
		}
	}
	_, wrong := keys(t)
	for _, test := range []struct {
		name   string
		server *ssh.ServerConfig
		linked string
		good   bool
	}{
		{"password", &ssh.ServerConfig{PasswordCallback: password("geheim")}, `"password":"geheim"`, true},
		{"password, asked for", &ssh.ServerConfig{KeyboardInteractiveCallback: asks("Password: ", false)}, `"authenticationType":"Basic","password":"geheim"`, true},
		{"a code is asked for", &ssh.ServerConfig{KeyboardInteractiveCallback: asks("Code: ", true)}, `"authenticationType":"Basic","password":"geheim"`, false},
		{"wrong password", &ssh.ServerConfig{PasswordCallback: password("geheim")}, `"password":"Geheim"`, false},
		{"key", &ssh.ServerConfig{PublicKeyCallback: anna}, `"authenticationType":"SshPublicKey","privateKeyContent":` + text(private), true},
		{"wrong key", &ssh.ServerConfig{PublicKeyCallback: anna}, `"authenticationType":"SshPublicKey","privateKeyContent":` + text(wrong), false},
		{"both", &ssh.ServerConfig{PublicKeyCallback: both}, `"authenticationType":"MultiFactor","password":"geheim","privateKeyContent":` + text(private), true},
		{"both, wrong password", &ssh.ServerConfig{PublicKeyCallback: both}, `"authenticationType":"MultiFactor","password":"x","privateKeyContent":` + text(private), false},
		{"both are wanted, only the key is given", &ssh.ServerConfig{PublicKeyCallback: both}, `"authenticationType":"SshPublicKey","privateKeyContent":` + text(private), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := startDouble(t, test.server)
			f := connect(t, d.linkedService(test.linked))
			err := f.List(t.Context(), "", false, func(store.File) error { return nil })
			if test.good && err != nil {
				t.Error(err)
			}
			if !test.good && (fault.Code(err) != fault.SignInFailed || fault.IsTransient(err)) {
				t.Error(err)
			}
		})
	}
}
