package credential

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"dmgateway/engine/fault"
)

// issued makes a certificate for a key, of an authority where one is given.
func issued(t *testing.T, key any, public any, by *x509.Certificate, byKey any, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "c" + serial.String()}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if edit != nil {
		edit(template)
	}
	if by == nil {
		by, byKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, public, byKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ecCertificate is cheap to make.
func ecCertificate(t *testing.T, curve elliptic.Curve) *Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Certificate{Leaf: issued(t, key, key.Public(), nil, nil, nil), key: key}
}

// chained is a certificate of a sub-authority of a root.
func chained(t *testing.T) *Certificate {
	t.Helper()
	authority := func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }
	rootKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	root := issued(t, rootKey, rootKey.Public(), nil, nil, authority)
	subKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	sub := issued(t, nil, subKey.Public(), root, rootKey, authority)
	key, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	return &Certificate{Leaf: issued(t, nil, key.Public(), sub, subKey, nil), Chain: []*x509.Certificate{sub, root}, key: key}
}

func TestEveryKindOfCertificateOpensWhatIsSealedForIt(t *testing.T) {
	t.Parallel()
	rsaOurs, _ := certificates(t)
	list := map[string]*Certificate{"RSA 3072": rsaOurs, "EC P-521": ecCertificate(t, elliptic.P521())}
	for _, kind := range []string{ECP256, ECP384} {
		c, err := NewCertificateOf(kind, "test")
		if err != nil {
			t.Fatal(err)
		}
		list["EC "+strings.ToUpper(strings.Replace(strings.TrimPrefix(kind, "ec-"), "p", "p-", 1))] = c
	}
	var all []*Certificate
	for name, c := range list {
		all = append(all, c)
		if got := KeyName(c.Leaf); got != name {
			t.Errorf("%s is called %s", name, got)
		}
		sealed := sealPassword(t, c)
		opened, err := OpenLinkedService(sealed, c)
		if err != nil || !bytes.Contains(opened, []byte("S3CRET")) {
			t.Errorf("%s: %s, %v", name, opened, err)
		}
		if ids, err := SealedFor(sealed); err != nil || !slices.Equal(ids, []string{c.Thumbprint()}) {
			t.Errorf("%s: recipients %v, %v", name, ids, err)
		}
	}
	together := sealPassword(t, all...)
	for name, c := range list {
		if opened, err := OpenLinkedService(together, c); err != nil || !bytes.Contains(opened, []byte("S3CRET")) {
			t.Errorf("%s among others: %v", name, err)
		}
	}
	if _, err := OpenLinkedService(together, ecCertificate(t, elliptic.P256())); fault.Code(err) != fault.Forbidden {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := NewCertificateOf("dsa", "x"); fault.Code(err) != fault.BadInput {
		t.Errorf("unknown kind: %v", err)
	}
}

func TestKeysThatCannotBeSealedForAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no such weak keys: ", err)
	}
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	for _, c := range []struct {
		name, says string
		leaf       *x509.Certificate
	}{
		{"Ed25519", "cannot decrypt|not decrypt", issued(t, private, public, nil, nil, nil)},
		{"RSA 1024", "1024 bits", issued(t, weak, weak.Public(), nil, nil, nil)},
		{"P-224", "P-224", issued(t, p224, p224.Public(), nil, nil, nil)},
	} {
		for what, err := range map[string]error{"key": CheckKey(c.leaf), "sealing": second(Seal([]byte(wrap(`{"password":"p"}`)), c.leaf))} {
			if fault.Code(err) != fault.Unsupported || fault.As(err).Hint == "" || !slices.ContainsFunc(strings.Split(c.says, "|"), func(s string) bool { return strings.Contains(err.Error(), s) }) {
				t.Errorf("%s of %s: %v", what, c.name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestPFXKeepsCertificateChainAndKey(t *testing.T) {
	t.Parallel()
	ours, _ := certificates(t)
	for name, c := range map[string]*Certificate{"RSA": ours, "chain": chained(t), "P-521": ecCertificate(t, elliptic.P521())} {
		pfx, err := c.ExportPFX("pass wörd")
		if err != nil {
			t.Fatal(err)
		}
		back, err := ImportPFX(pfx, "pass wörd")
		if err != nil || !back.Leaf.Equal(c.Leaf) || !slices.EqualFunc(back.Chain, c.Chain, (*x509.Certificate).Equal) {
			t.Fatalf("%s came back as %+v, %v", name, back, err)
		}
		if opened, err := OpenLinkedService(sealPassword(t, c), back); err != nil || !bytes.Contains(opened, []byte("S3CRET")) {
			t.Errorf("%s: what was sealed before does not open: %v", name, err)
		}
		if _, err := ImportPFX(pfx, "other"); fault.Code(err) != fault.SignInFailed {
			t.Errorf("%s, wrong password: %v", name, err)
		}
		for what, data := range map[string][]byte{"cut": pfx[:len(pfx)/2], "empty": nil, "text": []byte("hello"), "huge": make([]byte, maxPFX+1)} {
			if _, err := ImportPFX(data, "pass wörd"); err == nil || fault.Code(err) == fault.Internal {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		text, err := c.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParsePrivate(text); err != nil || !again.Leaf.Equal(c.Leaf) || len(again.Chain) != len(c.Chain) {
			t.Errorf("%s as PEM: %v", name, err)
		}
	}
	if _, err := ours.ExportPFX(""); fault.Code(err) != fault.BadInput {
		t.Errorf("without password: %v", err)
	}
}

// What other programs write is read, and what is written is read by them.
func TestPFXFilesAreExchangedWithOpenSSL(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing")
		}
		t.Skip("openssl is not installed")
	}
	openssl := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command(tool, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	for name, newkey := range map[string][]string{
		"rsa":     {"-newkey", "rsa:2048"},
		"p256":    {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"},
		"p384":    {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"},
		"p521":    {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"},
		"ed25519": {"-newkey", "ed25519"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			openssl(dir, append([]string{"req", "-x509", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=made elsewhere", "-days", "30"}, newkey...)...)
			for _, encoding := range [][]string{nil, {"-legacy"}, {"-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "sha512"}, {"-certpbe", "NONE", "-keypbe", "PBE-SHA1-3DES", "-provider", "legacy", "-provider", "default"}} {
				openssl(dir, append([]string{"pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-out", "in.pfx", "-passout", "pass:geheim"}, encoding...)...)
				pfx, err := os.ReadFile(filepath.Join(dir, "in.pfx"))
				if err != nil {
					t.Fatal(err)
				}
				c, err := ImportPFX(pfx, "geheim")
				if name == "ed25519" {
					if fault.Code(err) != fault.Unsupported || !strings.Contains(err.Error(), "Ed25519") {
						t.Errorf("%v: %v", encoding, err)
					}
					continue
				}
				if err != nil || c.Leaf.Subject.CommonName != "made elsewhere" {
					t.Fatalf("%v: %v", encoding, err)
				}
				if opened, err := OpenLinkedService(sealPassword(t, c), c); err != nil || !bytes.Contains(opened, []byte("S3CRET")) {
					t.Errorf("%v: %v", encoding, err)
				}
				out, err := c.ExportPFX("anders")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "out.pfx"), out, 0o600); err != nil {
					t.Fatal(err)
				}
				text := openssl(dir, "pkcs12", "-in", "out.pfx", "-passin", "pass:anders", "-nodes")
				key, err := os.ReadFile(filepath.Join(dir, "key.pem"))
				if err != nil || !strings.Contains(text, strings.TrimSpace(string(key))) {
					t.Errorf("%v: openssl reads another key, %v", encoding, err)
				}
			}
		})
	}
}

func TestAPFXFileWithAbsurdlyManyRoundsIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	c := ecCertificate(t, elliptic.P256())
	for rounds, code := range map[int]string{1: "", 600_000: ""} {
		pfx, err := pkcs12.Modern2023.WithIterations(rounds).Encode(c.key, c.Leaf, nil, "p")
		if err != nil {
			t.Fatal(err)
		}
		if got := kdfRounds(pfx, 0); got != int64(rounds) {
			t.Errorf("%d rounds are seen as %d", rounds, got)
		}
		if _, err := ImportPFX(pfx, "p"); fault.Code(err) != code {
			t.Errorf("%d rounds: %v", rounds, err)
		}
		at := bytes.LastIndex(pfx, []byte{0x02, 0x03, 0x09, 0x27, 0xC0}) // of 600,000, in the clear
		if rounds == 1 {
			continue
		}
		for ; at >= 0; at = bytes.LastIndex(pfx[:at], []byte{0x02, 0x03, 0x09, 0x27, 0xC0}) {
			absurd := bytes.Clone(pfx)
			absurd[at+2] = 0x7F
			if _, err := ImportPFX(absurd, "p"); fault.Code(err) != fault.Unsupported {
				t.Errorf("at %d: %v", at, err)
			}
		}
	}
}

// A chain's order in the file says nothing: the key says which certificate is its own.
func TestTheLeafIsTheCertificateOfTheKey(t *testing.T) {
	t.Parallel()
	c := chained(t)
	back, err := assemble(c.key, []*x509.Certificate{c.Chain[1], c.Chain[0], c.Leaf})
	if err != nil || !back.Leaf.Equal(c.Leaf) || !slices.EqualFunc(back.Chain, c.Chain, (*x509.Certificate).Equal) {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := assemble(c.key, c.Chain); err == nil {
		t.Error("a key without its certificate was taken")
	}
	if got := Recipients([]*x509.Certificate{c.Leaf, c.Chain[0], c.Chain[1]}); len(got) != 1 || !got[0].Equal(c.Leaf) {
		t.Errorf("something would be sealed for an authority: %v", got)
	}
}

func TestFormerCertificatesAreKeptUntilRemoved(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newStore()
	v, err := OpenVault(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	first, secondOne := ecCertificate(t, elliptic.P256()), chained(t)
	if err := SaveCertificate(v, first); err != nil {
		t.Fatal(err)
	}
	r, err := LoadRing(v, "m")
	if err != nil {
		t.Fatal(err)
	}
	sealed := sealPassword(t, first)
	if _, err = r.Change(v, secondOne); err != nil {
		t.Fatal(err)
	}
	if v, err = OpenVault(dir, keys); err != nil {
		t.Fatal(err)
	}
	if r, err = LoadRing(v, "m"); err != nil || !r.Present.Leaf.Equal(secondOne.Leaf) || len(r.Former) != 1 || !r.Former[0].Leaf.Equal(first.Leaf) {
		t.Fatalf("after a restart %+v, %v", r, err)
	}
	if _, err := (Opener{Certificates: r.All()}).LinkedService(sealed); err != nil {
		t.Errorf("the former one does not open: %v", err)
	}
	// Back again: each is there once.
	if r, err = r.Change(v, first); err != nil || len(r.Former) != 1 || !r.Former[0].Leaf.Equal(secondOne.Leaf) {
		t.Errorf("changed back: %+v, %v", r, err)
	}
	for thumbprint, code := range map[string]string{first.Thumbprint(): fault.Conflict, "ABCD": fault.NotFound} {
		if _, err := r.Forget(v, thumbprint); fault.Code(err) != code {
			t.Errorf("forget %s: %v", thumbprint, err)
		}
	}
	if r, err = r.Forget(v, strings.ToLower(secondOne.Thumbprint())); err != nil || len(r.Former) != 0 {
		t.Errorf("forget: %+v, %v", r, err)
	}
	for range maxFormer + 3 {
		if r, err = r.Change(v, ecCertificate(t, elliptic.P256())); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := LoadRing(v, "m"); err != nil || len(again.Former) != maxFormer {
		t.Errorf("%d former ones, %v", len(again.Former), err)
	}
}
