package sftp

import (
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// keys makes a key pair: the public key, and the private one as a file.
func keys(t testing.TB) (ssh.PublicKey, []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return p, pem.EncodeToMemory(block)
}

func TestLinkedServicesAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "host",
		`{"host":"h","authenticationType":"Basic","password":"p"}`:                                                         "userName",
		`{"host":"h","authenticationType":"Basic","userName":"u"}`:                                                         "password",
		`{"host":"h","authenticationType":"SshPublicKey","userName":"u"}`:                                                  "privateKeyContent",
		`{"host":"h","authenticationType":"SshPublicKey","userName":"u","privateKeyContent":"%%%"}`:                        "Base64",
		`{"host":"h","authenticationType":"SshPublicKey","userName":"u","privateKeyContent":"QUJD","privateKeyPath":"/x"}`: "exclude",
		`{"host":"h","authenticationType":"Kerberos","userName":"u"}`:                                                      "Kerberos",
		`{"host":"h","port":70000,"userName":"u","password":"p"}`:                                                          "65535",
		`{"host":"sftp://h/x","userName":"u","password":"p"}`:                                                              "without user",
		`{"host":"h","userName":"u","password":"p","hostKeyFingerprint":"ssh-rsa 2048 xx:00"}`:                             "fingerprint",
		`{"host":"h","userName":"u","password":"p","enableSsl":true}`:                                                      "not supported",
	} {
		ls := object(t, text)
		decode(ls)
		if err := ls.Err(); err == nil || !strings.Contains(err.Error()+fault.As(err).Target, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFingerprintsInEveryForm(t *testing.T) {
	t.Parallel()
	key, _ := keys(t)
	other, _ := keys(t)
	five, two := md5.Sum(key.Marshal()), sha256.Sum256(key.Marshal())
	colons := ssh.FingerprintLegacyMD5(key)
	raw := base64.RawStdEncoding.EncodeToString(two[:])
	for _, text := range []string{
		"ssh-ed25519 256 " + colons, colons, strings.ToUpper(colons), "MD5:" + colons, "md5:" + hex.EncodeToString(five[:]),
		"SHA256:" + raw, raw, raw + "=", "ssh-ed25519 256 " + raw, "256 SHA256:" + raw + " somebody@somewhere (ED25519)",
		"sha256:" + base64.RawURLEncoding.EncodeToString(two[:]), "  ssh-ed25519\tSHA256:" + raw + " ",
	} {
		f, err := parseFingerprint(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if !f.matches(key) || f.matches(other) {
			t.Errorf("%q matches the wrong key", text)
		}
	}
	for _, text := range []string{"", "ssh-rsa", "ssh-rsa 2048", colons[:44], "SHA256:" + raw[:40], "MD5:SHA256:" + raw, "aa:bb"} {
		if f, err := parseFingerprint(text); err == nil {
			t.Errorf("%q is taken as %+v", text, f)
		}
	}
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add("ssh-rsa 2048 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff")
	f.Add("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseFingerprint(text)
		if err == nil && len(p.sum) != md5.Size && len(p.sum) != sha256.Size {
			t.Errorf("%q gives %d bytes", text, len(p.sum))
		}
	})
}

func TestTheServersKeyIsChecked(t *testing.T) {
	s := testserver.SSH(t)
	stat := func(change map[string]any) error {
		f := connect(t, s.LinkedService(change))
		return f.List(t.Context(), s.Root+"/nothing", false, func(store.File) error { return nil })
	}
	for _, f := range s.Fingerprints { // of both keys of the server
		if err := stat(map[string]any{"hostKeyFingerprint": f}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	if err := stat(map[string]any{"hostKeyFingerprint": nil, "skipHostKeyValidation": true}); err != nil {
		t.Error(err)
	}
	other, _ := keys(t)
	err := stat(map[string]any{"hostKeyFingerprint": ssh.FingerprintSHA256(other)})
	if fault.Code(err) != HostKeyRefused || !strings.Contains(err.Error(), "SHA256:") || fault.IsTransient(err) {
		t.Errorf("a wrong fingerprint: %v", err)
	}

	home := t.TempDir()
	t.Setenv("HOME", home)
	err = stat(map[string]any{"hostKeyFingerprint": nil})
	if fault.Code(err) != HostKeyRefused || !strings.Contains(fault.As(err).Hint, "hostKeyFingerprint") {
		t.Errorf("an unknown server: %v", err)
	}
	// What the refusal proposes is taken.
	seen := strings.TrimSpace(err.Error()[strings.Index(err.Error(), "its key is ")+len("its key is "):])
	seen, _, _ = strings.Cut(seen, " (")
	if err := stat(map[string]any{"hostKeyFingerprint": seen}); err != nil {
		t.Errorf("the fingerprint %q that was shown: %v", seen, err)
	}
	if !s.Private {
		return
	}
	public, err := os.ReadFile(filepath.Join(filepath.Dir(s.Root), "host_rsa"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(public)
	if err != nil {
		t.Fatal(err)
	}
	write := func(key ssh.PublicKey) {
		line := "[" + s.Host + "]:" + s.Port + " " + string(ssh.MarshalAuthorizedKey(key))
		if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(signer.PublicKey()) // only the RSA key, though the server would rather show the other
	if err := stat(map[string]any{"hostKeyFingerprint": nil}); err != nil {
		t.Errorf("a known server: %v", err)
	}
	write(other)
	if err := stat(map[string]any{"hostKeyFingerprint": nil}); fault.Code(err) != HostKeyRefused {
		t.Errorf("a known server with another key: %v", err)
	}
}

func TestAServerOfOneWrongKeyIsRefusedForIt(t *testing.T) {
	t.Parallel()
	d := startDouble(t, &ssh.ServerConfig{PasswordCallback: password("geheim")}) // it has an RSA key alone
	other, _ := keys(t)
	ls := strings.Replace(d.linkedService(`"authenticationType":"Basic","password":"geheim"`), `"skipHostKeyValidation":true`,
		`"hostKeyFingerprint":"`+ssh.FingerprintSHA256(other)+`"`, 1)
	err := connect(t, ls).List(t.Context(), "nothing", false, func(store.File) error { return nil })
	if fault.Code(err) != HostKeyRefused || !strings.Contains(err.Error(), "ssh-rsa SHA256:") {
		t.Error(err)
	}
}

func TestPrivateKeysAndWhatIsWrongWithThem(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	sealed := pem.EncodeToMemory(block)
	_, plain := keys(t)
	for _, test := range []struct {
		name, key, phrase, want string
	}{
		{"plain", string(plain), "", ""},
		{"plain with a pass phrase", string(plain), "x", ""},
		{"sealed", string(sealed), "open sesame", ""},
		{"sealed, no pass phrase", string(sealed), "", "sealed with a pass phrase"},
		{"sealed, wrong pass phrase", string(sealed), "open", "does not open it"},
		{"PuTTY's", "PuTTY-User-Key-File-3: ssh-ed25519\n", "", "PuTTY"},
		{"a public key", "ssh-ed25519 AAAA", "", "no private key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ls := object(t, `{"host":"h","userName":"u","authenticationType":"SshPublicKey","privateKeyContent":{"type":"SecureString","value":"`+
				base64.StdEncoding.EncodeToString([]byte(test.key))+`"},"passPhrase":"`+test.phrase+`"}`)
			s := decode(ls)
			if err := ls.Err(); err != nil {
				t.Fatal(err)
			}
			_, err := s.signer(store.Env{})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Error(err)
			}
			if err != nil && (strings.Contains(err.Error(), "open sesame") || fault.As(err).Hint == "") {
				t.Error(err)
			}
		})
	}
}

func TestAKeyFileMustBeAllowed(t *testing.T) {
	t.Parallel()
	s := &server{kind: publicKey, keyPath: filepath.Join(t.TempDir(), "key")}
	env := store.Env{Allow: func(string, bool) error { return fault.New(fault.FolderNotAllowed, "no") }}
	if _, err := s.signer(env); fault.Code(err) != fault.FolderNotAllowed {
		t.Error(err)
	}
	if _, err := s.signer(store.Env{}); fault.Code(err) != fault.BadInput {
		t.Error(err)
	}
}

func TestAWrongKindOfServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	f := connect(t, `{"host":"127.0.0.1","port":`+port+`,"userName":"u","password":"geheim","skipHostKeyValidation":true}`)
	_, err = f.Stat(t.Context(), "x")
	if fault.Code(err) != fault.Unreachable || strings.Contains(err.Error(), "geheim") {
		t.Error(err)
	}
}

// jsonText is a text as it stands between the quotes in JSON.
func jsonText(b []byte) []byte {
	quoted, _ := json.Marshal(string(b))
	return quoted[1 : len(quoted)-1]
}
