package credential

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"dmgateway/engine/fault"
)

func TestASealedCredentialOpensOnlyAtItsGateway(t *testing.T) {
	t.Parallel()
	c := ecCertificate(t, elliptic.P256())
	sealed, err := SealFor("gw-1", []byte(wrap(`{"password":"S3CRET"}`)), c.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	for gateway, code := range map[string]string{"gw-1": "", "GW-1": "", "": "", "gw-2": fault.Forbidden} {
		_, err := Opener{Certificates: []*Certificate{c}, Gateway: gateway}.LinkedService(sealed)
		if fault.Code(err) != code || code != "" && !strings.Contains(err.Error(), "another gateway") {
			t.Errorf("gateway %q: %v", gateway, err)
		}
	}
	// Sealed with the public certificate alone, it opens wherever the certificate is.
	if sealed, err = Seal([]byte(wrap(`{"password":"S3CRET"}`)), c.Leaf); err != nil {
		t.Fatal(err)
	}
	if _, err := (Opener{Certificates: []*Certificate{c}, Gateway: "gw-2"}).LinkedService(sealed); err != nil {
		t.Error(err)
	}
}

// seals makes a token of any envelope, as somebody might who has the public certificate.
func seals(t *testing.T, c *Certificate, envelope any, zip jose.CompressionAlgorithm) string {
	t.Helper()
	recipient := jose.Recipient{Algorithm: algorithmOf(c.Leaf), Key: c.Leaf.PublicKey, KeyID: c.Thumbprint()}
	e, err := jose.NewMultiEncrypter(jose.A256GCM, []jose.Recipient{recipient}, &jose.EncrypterOptions{Compression: zip})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := e.Encrypt(plain)
	if err != nil {
		t.Fatal(err)
	}
	text, err := generalJSON(sealed.FullSerialize())
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// secondHeader adds a header that says nothing of compression to a token, under a name that only its case tells apart.
func secondHeader(t *testing.T, c *Certificate, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	plain := base64.RawURLEncoding.EncodeToString([]byte(`{"enc":"A256GCM","kid":"` + c.Thumbprint() + `"}`))
	return base64.RawURLEncoding.EncodeToString([]byte(strings.TrimSuffix(string(text), "}") + `,"PROTECTED":"` + plain + `"}`))
}

func TestEnvelopesOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	c := ecCertificate(t, elliptic.P256())
	type m = map[string]any
	envelope := func(edit func(m)) m {
		e := m{"v": 2, "linkedService": "Shop", "certificates": []string{c.Thumbprint()}, "properties": m{"password": "S3CRET"}}
		if edit != nil {
			edit(e)
		}
		return e
	}
	for _, one := range []struct {
		name  string
		token string
		code  string
	}{
		{"as it should be", seals(t, c, envelope(nil), ""), ""},
		{"of a version to come", seals(t, c, envelope(func(e m) { e["v"] = 3 }), ""), fault.Unsupported},
		{"for another certificate", seals(t, c, envelope(func(e m) { e["certificates"] = []string{"AA"} }), ""), fault.Forbidden},
		{"for no certificate", seals(t, c, envelope(func(e m) { delete(e, "certificates") }), ""), fault.Forbidden},
		{"for another linked service", seals(t, c, envelope(func(e m) { e["linkedService"] = "Bank" }), ""), fault.Forbidden},
		{"compressed", seals(t, c, envelope(nil), jose.DEFLATE), fault.BadData},
		{"compressed behind a second header", secondHeader(t, c, seals(t, c, envelope(nil), jose.DEFLATE)), fault.BadData},
		{"too large", seals(t, c, envelope(func(e m) { e["properties"] = m{"password": strings.Repeat("x", MaxSecrets)} }), ""), fault.BadData},
		{"too deep", seals(t, c, envelope(func(e m) {
			e["properties"] = m{"password": json.RawMessage(strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth))}
		}), ""), fault.BadData},
		{"no object", seals(t, c, []int{1}, ""), fault.BadData},
		{"properties that are none", seals(t, c, envelope(func(e m) { e["properties"] = "S3CRET" }), ""), fault.BadData},
		{"a property twice", seals(t, c, envelope(func(e m) { e["properties"] = json.RawMessage(`{"password":"S3CRET","Password":"S3CRET"}`) }), ""), fault.BadData},
	} {
		_, err := OpenLinkedService([]byte(wrap(`{"encryptedCredential":"`+one.token+`"}`)), c)
		if fault.Code(err) != one.code || err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

func TestSealingHasLimits(t *testing.T) {
	t.Parallel()
	c := ecCertificate(t, elliptic.P256())
	var many []*x509.Certificate
	for range MaxRecipients + 1 {
		many = append(many, c.Leaf)
	}
	if _, err := Seal([]byte(wrap(`{"password":"p"}`)), many...); fault.Code(err) != fault.BadInput {
		t.Errorf("%d recipients: %v", len(many), err)
	}
	if _, err := Seal([]byte(wrap(`{"password":"p"}`)), many[1:]...); err != nil {
		t.Errorf("%d recipients: %v", MaxRecipients, err)
	}
	if _, err := Seal([]byte(wrap(`{"password":"`+strings.Repeat("x", MaxSecrets)+`"}`)), c.Leaf); fault.Code(err) != fault.BadInput || len(err.Error()) > 500 {
		t.Errorf("a giant password: %v", fault.Code(err))
	}
	large, err := Seal([]byte(wrap(`{"password":"`+strings.Repeat("x", MaxSecrets-4096)+`"}`)), many[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLinkedService(large, c); err != nil {
		t.Errorf("the largest that can be sealed does not open: %v", err)
	}
	token := tokenOf(t, string(sealPassword(t, c)))
	parts := strings.Repeat("EncryptedCredential="+token+";", maxTokens+1)
	if _, err := OpenLinkedService([]byte(wrap(`{"connectionString":"`+parts+`"}`)), c); fault.Code(err) != fault.BadData {
		t.Errorf("%d sealed credentials: %v", maxTokens+1, err)
	}
}

// What version 1 of the envelope sealed opens for ever.
func TestTheFirstVersionOfTheEnvelopeOpens(t *testing.T) {
	t.Parallel()
	key, err := os.ReadFile("testdata/v1.pem")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile("testdata/v1.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParsePrivate(key)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Opener{Certificates: []*Certificate{c}, Gateway: "any"}.LinkedService(sealed)
	if err != nil || !bytes.Contains(opened, []byte("Server=s;Password=S3CRET")) {
		t.Errorf("%s, %v", opened, err)
	}
}

func TestResealingLeavesWhatIsSealedForOthersClosed(t *testing.T) {
	t.Parallel()
	factory, gateway, node := ecCertificate(t, elliptic.P256()), ecCertificate(t, elliptic.P256()), ecCertificate(t, elliptic.P384())
	mine, err := SealFor("factory", []byte(strings.Replace(wrap(`{"password":"S3CRET"}`), "Shop", "Mine", 1)), factory.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	theirs := sealPassword(t, gateway)
	bundle := `{"linkedServices":[` + string(mine) + `,` + string(theirs) + `,{"name":"open","properties":{"typeProperties":{"password":{"type":"File","path":"/x"}}}}],"activity":{"n":1.50}}`
	from := Opener{Certificates: []*Certificate{factory}, Gateway: "factory"}
	out, err := ResealBundle([]byte(bundle), from, "gw", node.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte(tokenOf(t, string(theirs)))) || bytes.Contains(out, []byte(tokenOf(t, string(mine)))) || !bytes.Contains(out, []byte(`"path":"/x"`)) || !bytes.Contains(out, []byte("1.50")) {
		t.Errorf("resealed as %s", out)
	}
	if _, err := from.Bundle(out); fault.Code(err) != fault.Forbidden {
		t.Errorf("the factory opens it still: %v", err)
	}
	opened, err := Opener{Certificates: []*Certificate{node, gateway}, Gateway: "gw"}.Bundle(out)
	if err != nil || bytes.Count(opened, []byte("S3CRET")) != 2 {
		t.Errorf("%s, %v", opened, err)
	}
	if _, err := (Opener{Certificates: []*Certificate{node, gateway}, Gateway: "other"}).Bundle(out); fault.Code(err) != fault.Forbidden {
		t.Errorf("another gateway: %v", err)
	}
}
