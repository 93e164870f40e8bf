package credential

import (
	"crypto/elliptic"
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/jsonobject"
)

func FuzzToken(f *testing.F) {
	ours := ecForFuzz(f)
	sealed, err := SealFor("gw", []byte(wrap(`{"password":"S3CRET"}`)), ours.Leaf)
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(sealed), `"encryptedCredential":"`)
	token, _, _ := strings.Cut(rest, `"`)
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"protected":"e30","recipients":[{"header":{"kid":"` + ours.Thumbprint() + `","alg":"ECDH-ES+A256KW","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}},"encrypted_key":"AA"}],"iv":"AA","ciphertext":"AA","tag":"AA"}`))
	f.Fuzz(func(t *testing.T, jwe []byte) {
		o := Opener{Certificates: []*Certificate{ours}, Gateway: "gw"}
		out, err := o.decrypt(base64.RawURLEncoding.EncodeToString(jwe), "Shop")
		if err == nil && len(out) != 1 {
			t.Fatalf("%s opened as %v", jwe, out)
		}
	})
}

func ecForFuzz(f *testing.F) *Certificate {
	f.Helper()
	c, err := NewCertificateOf(ECP256, "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// Nothing of a connection string is lost by taking it apart, and no secret part stays where it can be read.
func FuzzConnectionString(f *testing.F) {
	for _, s := range []string{"a=1;Password=x;b=2", `a="x;y";PWD={a;}}b};`, "Password='", "=;=;;", "a=1;Pass word = 'x;''y'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var texts []string
		for _, p := range splitConnection(s) {
			texts = append(texts, p.text)
			_ = p.value()
		}
		if joined := strings.Join(texts, ";"); joined != s {
			t.Fatalf("%q was cut into %q", s, texts)
		}
		open, taken := takeParts(s, func(name string) bool { return secretParts[name] })
		for _, p := range taken {
			if !secretParts[p.name] {
				t.Fatalf("%q was taken from %q", p.text, s)
			}
		}
		for _, p := range splitConnection(open) {
			if secretParts[p.name] {
				t.Fatalf("%q can be read in %q, which came from %q", p.text, open, s)
			}
		}
	})
}

func FuzzPFX(f *testing.F) {
	c := ecForFuzz(f)
	pfx, err := c.ExportPFX("p")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pfx, "p")
	f.Add([]byte{0x30, 0x80}, "")
	f.Fuzz(func(_ *testing.T, data []byte, password string) {
		if len(data) > 4<<10 {
			return // the time goes into deriving keys
		}
		_, _ = ImportPFX(data, password)
	})
}

func TestWhateverIsSealedComesBack(t *testing.T) {
	t.Parallel()
	c := ecCertificate(t, elliptic.P256())
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.String().Draw(t, "password")
		server := rapid.StringMatching(`[a-z0-9.\\]{1,20}`).Draw(t, "server")
		gateway := rapid.SampledFrom([]string{"", "gw"}).Draw(t, "gateway")
		in := wrap(`{"server":` + string(jsonobject.Quote(server)) + `,"password":` + string(jsonobject.Quote(password)) + `,"authHeaders":{"type":"SecureString","value":` + string(jsonobject.Quote(password)) + `}}`)
		sealed, err := SealFor(gateway, []byte(in), c.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Opener{Certificates: []*Certificate{c}, Gateway: "gw"}.LinkedService(sealed)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := openDocument(out, "$")
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := doc.types.Text("password"); got != strings.ToValidUTF8(password, "\uFFFD") && got != password {
			t.Fatalf("%q came back as %q", password, got)
		}
	})
}
