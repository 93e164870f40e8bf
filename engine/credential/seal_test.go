package credential

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// testCertificates are made once: making an RSA key takes longer than all tests with it.
var testCertificates = sync.OnceValue(func() []*Certificate {
	var list []*Certificate
	for range 2 {
		c, err := NewCertificate("test")
		if err != nil {
			panic(err)
		}
		list = append(list, c)
	}
	return list
})

func certificates(t *testing.T) (ours, other *Certificate) {
	t.Helper()
	list := testCertificates()
	return list[0], list[1]
}

func wrap(typeProperties string) string {
	return `{"name":"Shop","properties":{"type":"X","description":"a < b","typeProperties":` + typeProperties + `}}`
}

func TestSealHidesSecretsAndOpenRestoresThem(t *testing.T) {
	t.Parallel()
	ours, other := certificates(t)
	for _, c := range []struct {
		name, in string
		visible  []string // must stay readable
		opened   string   // typeProperties after opening, "" = those of in
	}{
		{
			"v1 SQL Server", wrap(`{"connectionString":"Data Source=db1;Initial Catalog=shop;Integrated Security=False;User ID=u;Password=S3CRET;","gatewayName":"g"}`),
			[]string{"Data Source=db1;Initial Catalog=shop;Integrated Security=False;User ID=u;EncryptedCredential=eyJ"},
			`{"connectionString":"Data Source=db1;Initial Catalog=shop;Integrated Security=False;User ID=u;Password=S3CRET","gatewayName":"g"}`,
		},
		{"v1 file server", wrap(`{"host":"\\\\srv\\share","userid":"dom\\u","password":"S3CRET","gatewayName":"g"}`), []string{`"userid":"dom\\u"`, `"encryptedCredential":"eyJ`}, ""},
		{"v2 secure string", wrap(`{"server":"h","Password":{"type":"SecureString","value":"S3CRET"},"port":5432}`), []string{`"port":5432`}, ""},
		{"whole connection string secure", wrap(`{"connectionString":{"type":"SecureString","value":"Data Source=S3CRET"}}`), []string{`"encryptedCredential":"eyJ`}, ""},
		{
			"storage account", wrap(`{"connectionString":"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=S3CRETaa==;EndpointSuffix=core.windows.net"}`),
			[]string{"AccountName=acc", "EndpointSuffix=core.windows.net;EncryptedCredential=eyJ"},
			`{"connectionString":"DefaultEndpointsProtocol=https;AccountName=acc;EndpointSuffix=core.windows.net;AccountKey=S3CRETaa=="}`,
		},
		{"shared access signature", wrap(`{"sasUri":"https://a.blob.core.windows.net/c?sv=1&sig=S3CRET"}`), nil, ""},
		{"signature in a plain URL", wrap(`{"url":"https://a/c?sv=1&sig=S3CRET"}`), nil, ""},
		{"password in a URL", wrap(`{"connectionString":"mongodb://u:S3CRET@host/db","database":"d"}`), []string{`"database":"d"`}, ""},
		{"service principal", wrap(`{"servicePrincipalId":"id","servicePrincipalKey":"S3CRET","tenant":"t"}`), []string{`"servicePrincipalId":"id"`}, ""},
		{"connection string and password", wrap(`{"connectionString":"Server=s;Pwd='S3;CRET'","userName":"w","password":"S3CRET2"}`), []string{"Server=s;EncryptedCredential=eyJ"}, ""},
		{"secret headers", wrap(`{"url":"https://h","authHeaders":{"x":{"type":"SecureString","value":"S3CRET"}}}`), []string{`"url":"https://h"`}, ""},
		{"without properties around", `{"name":"Shop","typeProperties":{"password":"S3CRET"}}`, nil, ""},
		{"odd case", `{"NAME":"Shop","Properties":{"TypeProperties":{"CONNECTIONSTRING":"server=s;PASSWORD = S3CRET "}}}`, []string{"server=s;EncryptedCredential=eyJ"}, `{"CONNECTIONSTRING":"server=s;PASSWORD = S3CRET "}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sealed, err := Seal([]byte(c.in), other.Leaf, ours.Leaf)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(sealed, []byte("S3CRET")) || bytes.Contains(sealed, []byte("S3;CRET")) {
				t.Fatal("the secret can be read")
			}
			for _, v := range c.visible {
				if !bytes.Contains(sealed, []byte(v)) {
					t.Errorf("%s lacks %s", sealed, v)
				}
			}
			again, err := Seal(sealed, ours.Leaf)
			if err != nil || !bytes.Equal(again, sealed) {
				t.Errorf("sealing again changed %s to %s, %v", sealed, again, err)
			}
			for _, key := range []*Certificate{ours, other} {
				opened, err := OpenLinkedService(sealed, key)
				if err != nil {
					t.Fatal(err)
				}
				want := c.in
				if c.opened != "" {
					want = c.opened
					if got := typesOf(t, opened); !sameJSON(t, got, []byte(want)) {
						t.Errorf("opened as %s, want %s", got, want)
					}
				} else if !sameJSON(t, opened, []byte(want)) {
					t.Errorf("opened as %s, want %s", opened, want)
				}
			}
		})
	}
}

func typesOf(t *testing.T, data []byte) []byte {
	t.Helper()
	d, err := openDocument(data, "$")
	if err != nil || d == nil {
		t.Fatal(err)
	}
	raw, err := jsonobject.Encode(d.types)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}

func TestSealLeavesWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	ours, _ := certificates(t)
	for _, in := range []string{
		wrap(`{"connectionString":"Data Source=C:\\shop.db"}`), wrap(`{"host":"h","userId":"u"}`), wrap(`{"password":null,"host":"h"}`), wrap(`{"password":""}`),
		wrap(`{"password":{"type":"AzureKeyVaultSecret","store":{"referenceName":"kv"},"secretName":"s"}}`),
		wrap(`{"connectionString":"Server=s;EncryptedCredential=eyJabc"}`), wrap(`{"host":"h","encryptedCredential":"eyJabc"}`),
		`{"name":"x","properties":{"type":"X"}}`, `{}`,
	} {
		out, err := Seal([]byte(in), ours.Leaf)
		if err != nil || string(out) != in {
			t.Errorf("%s became %s, %v", in, out, err)
		}
	}
}

func TestSealKeepsOrderAndText(t *testing.T) {
	t.Parallel()
	ours, _ := certificates(t)
	out, err := Seal([]byte(`{"name":"Shop","z":1.50,"properties":{"b":"<&>","typeProperties":{"y":"ü","password":"p","a":[1, 2]},"a":null}}`), ours.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); !strings.HasPrefix(got, `{"name":"Shop","z":1.50,"properties":{"b":"<&>","typeProperties":{"y":"ü","a":[1,2],"encryptedCredential":"eyJ`) || !strings.HasSuffix(got, `"},"a":null}}`) {
		t.Errorf("got %s", got)
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	ours, _ := certificates(t)
	for _, c := range []struct{ name, in, code string }{
		{"no name", `{"properties":{"typeProperties":{"password":"p"}}}`, fault.BadInput},
		{"sealed and plain", wrap(`{"encryptedCredential":"eyJ","password":"p"}`), fault.Conflict},
		{"sealed string and plain", wrap(`{"connectionString":"EncryptedCredential=eyJ;Password=p"}`), fault.Conflict},
		{"a name twice", wrap(`{"password":"p","Password":"q"}`), fault.BadInput},
		{"no JSON", `{`, fault.BadInput},
		{"no object", `[]`, fault.BadInput},
		{"too deep", wrap(strings.Repeat("[", 100) + strings.Repeat("]", 100)), fault.BadInput},
	} {
		if _, err := Seal([]byte(c.in), ours.Leaf); fault.Code(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Seal([]byte(wrap(`{"password":"p"}`))); fault.Code(err) != fault.BadInput {
		t.Errorf("no certificate: %v", err)
	}
}

func sealPassword(t *testing.T, to ...*Certificate) []byte {
	t.Helper()
	var leaves []*x509.Certificate
	for _, c := range to {
		leaves = append(leaves, c.Leaf)
	}
	sealed, err := Seal([]byte(wrap(`{"host":"h","password":"S3CRET"}`)), leaves...)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	ours, other := certificates(t)
	sealed := string(sealPassword(t, ours))
	token := tokenOf(t, sealed)
	classic := base64.StdEncoding.EncodeToString([]byte(`{"ConnectionString":"x","Version":"1.0"}`))
	for _, c := range []struct {
		name, in string
		key      *Certificate
		code     string
		says     string
	}{
		{"another certificate", sealed, other, fault.Forbidden, ours.Thumbprint()},
		{"no certificate", sealed, nil, fault.Forbidden, "another certificate"},
		{"moved to another linked service", strings.Replace(sealed, `"Shop"`, `"Bank"`, 1), ours, fault.Forbidden, "sealed for the linked service Shop"},
		{"cut short", strings.Replace(sealed, token, token[:len(token)-8], 1), ours, fault.BadData, "Shop"},
		{"flipped", strings.Replace(sealed, token, flip(t, token), 1), ours, fault.BadData, "damaged"},
		{"of Azure's own gateway", wrap(`{"encryptedCredential":"` + classic + `"}`), ours, fault.BadData, "not one of this program"},
		{"not base64", wrap(`{"encryptedCredential":"!!"}`), ours, fault.BadData, "damaged"},
		{"far too long", wrap(`{"encryptedCredential":"` + strings.Repeat("A", MaxToken+1) + `"}`), ours, fault.BadData, "limit"},
	} {
		_, err := OpenLinkedService([]byte(c.in), c.key)
		if fault.Code(err) != c.code || !strings.Contains(err.Error(), c.says) || fault.As(err).Hint == "" {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: the error tells the secret", c.name)
		}
	}
}

func tokenOf(t *testing.T, sealed string) string {
	t.Helper()
	_, rest, found := strings.Cut(sealed, `"encryptedCredential":"`)
	token, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no token in %s", sealed)
	}
	return token
}

// flip changes one bit of the sealed text itself.
func flip(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	var jwe map[string]any
	if err := json.Unmarshal(text, &jwe); err != nil {
		t.Fatal(err)
	}
	body, _ := jwe["ciphertext"].(string)
	change := "A"
	if body[0] == 'A' {
		change = "B"
	}
	jwe["ciphertext"] = change + body[1:]
	if text, err = json.Marshal(jwe); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func TestOpenBundleOpensEveryLinkedService(t *testing.T) {
	t.Parallel()
	ours, _ := certificates(t)
	sealed := sealPassword(t, ours)
	bundle := `{"activity":{"name":"a"},"LinkedServices":[` + string(sealed) + `,{"name":"plain","properties":{"typeProperties":{"host":"x"}}}],"datasets":[]}`
	if !Sealed([]byte(bundle)) || Sealed([]byte(wrap(`{"host":"h"}`))) {
		t.Error("Sealed does not tell them apart")
	}
	opened, err := OpenBundle([]byte(bundle), ours)
	want := `{"activity":{"name":"a"},"LinkedServices":[` + wrap(`{"host":"h","password":"S3CRET"}`) + `,{"name":"plain","properties":{"typeProperties":{"host":"x"}}}],"datasets":[]}`
	if err != nil || !sameJSON(t, opened, []byte(want)) {
		t.Errorf("got %s, %v", opened, err)
	}
	for _, in := range []string{`{"linkedServices":{}}`, `{"linkedServices":[1]}`, `[]`, `{"linkedServices":[],"LINKEDSERVICES":[]}`} {
		if _, err := OpenBundle([]byte(in), ours); fault.Code(err) != fault.BadInput {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestConnectionStringsAreCutWhereDriversCutThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, open string
		taken    string
	}{
		{"a=1;Password=x;b=2", "a=1;b=2", "Password=x"},
		{`a=1;Password="x;y";b=2`, "a=1;b=2", `Password="x;y"`},
		{`a=1;Password='x;''y;';b=2`, "a=1;b=2", `Password='x;''y;'`},
		{`a=1;PWD={x;}}y};b=2`, "a=1;b=2", `PWD={x;}}y}`},
		{`Password=x"y;b='c;d'`, "b='c;d'", `Password=x"y`},
		{`Password="x;b=2`, "b=2", `Password="x`},
		{"Account Key=ab==;;", "", "Account Key=ab=="},
		{"Password", "", "Password"},
		{"", "", ""},
	} {
		open, parts := takeParts(c.in, func(name string) bool { return secretParts[name] })
		if taken := joinConnection(parts); open != c.open || taken != c.taken {
			t.Errorf("%s: got %q and %q", c.in, open, taken)
		}
	}
}

func FuzzOpen(f *testing.F) {
	ours := testCertificates()[0]
	sealed, err := Seal([]byte(wrap(`{"connectionString":"Server=s;Password=p"}`)), ours.Leaf)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(wrap(`{"encryptedCredential":"eyJ9"}`)))
	f.Add(sealed)
	f.Add([]byte(`{"typeProperties":{"connectionString":"EncryptedCredential='"}}`))
	f.Add([]byte("")) // no JSON by itself, and a good bundle of no linked services
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := OpenLinkedService(data, ours)
		if err == nil && !json.Valid(out) && json.Valid(data) {
			t.Fatalf("%s was opened as %s", data, out)
		}
		bundle := append(append([]byte(`{"linkedServices":[`), data...), "]}"...)
		if _, err := OpenBundle(bundle, ours); err == nil && !json.Valid(bundle) {
			t.Fatal("what is no JSON was opened")
		}
	})
}

func FuzzSeal(f *testing.F) {
	ours := testCertificates()[0]
	f.Add("Server=s;Password=p", "u")
	f.Add("Pwd='a;b';x", "\x00")
	f.Fuzz(func(t *testing.T, connection, password string) {
		in, err := json.Marshal(map[string]any{"name": "n", "typeProperties": map[string]any{"connectionString": connection, "password": password}})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := Seal(in, ours.Leaf)
		if err != nil {
			return
		}
		opened, err := OpenLinkedService(sealed, ours)
		if err != nil && !strings.Contains(strings.ToLower(connection), "encryptedcredential") {
			t.Fatalf("%q was sealed as %s, which does not open: %v", connection, sealed, err)
		}
		type document struct {
			Types struct{ Password string } `json:"typeProperties"`
		}
		var want, back document
		if json.Unmarshal(in, &want) != nil || err == nil && (json.Unmarshal(opened, &back) != nil || back != want) {
			t.Fatalf("%s came back as %s", in, opened)
		}
	})
}
