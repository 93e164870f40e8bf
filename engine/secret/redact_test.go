package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/secret"
)

const planted = `tr0ub4dor&3`

func TestTextsThatLookSecretAreMasked(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("Ab1/", 21) + "Zz=="
	tests := []struct{ name, text, secret, keeps string }{
		{"connection string", "connect to Data Source=db1;User ID=sa;Password=" + planted + ";Encrypt=true: refused", planted, "Encrypt=true: refused"},
		{"with blanks, commas and quotes", `Server=s;Password=it's a, "fine";Database=d`, `it's a`, "Database=d"},
		{"quoted value", `Password="semi;colon";Database=d`, "semi;colon", "Database=d"},
		{"value in braces", `Driver={x};PWD={cu}}r;ly};Server=s`, "r;ly", "Server=s"},
		{"last of a sentence", "login with pwd=" + planted + " failed", planted, "failed"},
		{"storage key", "AccountName=a;AccountKey=" + key + ";EndpointSuffix=core", key, "EndpointSuffix=core"},
		{"storage key alone", "the key " + key + " is wrong", key, "is wrong"},
		{"service bus", "Endpoint=sb://h/;SharedAccessKeyName=Root;SharedAccessKey=" + planted + "=", planted, "SharedAccessKeyName=Root"},
		{"SAS", "GET https://a.blob.core.windows.net/c?sv=2024&sig=" + url.QueryEscape(planted) + "&se=2026: 403", url.QueryEscape(planted), "se=2026"},
		{"bearer", "Authorization: Bearer abc.def-123456", "abc.def-123456", "Bearer"},
		{"basic", "header Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+planted)), base64.StdEncoding.EncodeToString([]byte("user:" + planted)), "header"},
		{"URL", "dial sftp://bob:" + planted + "@host:22/x", planted, "@host:22/x"},
		{"URL whose password has an at sign", "postgres://bob:a@b/c" + planted + "@host/db failed", "b/c" + planted, "@host/db failed"},
		{"MySQL driver", "open bob:" + planted + "@tcp(host:3306)/db", planted, "@tcp(host:3306)/db"},
		{"JWT", "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl sent", "c2lnbmF0dXJl", "sent"},
		{"JWE", "EncryptedCredential=eyJhbGciOiJSU0EtT0FFUCJ9.aaaa.bbbb.cccc.dddd and more", "bbbb", "and more"},
		{"PEM", "key -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- was read", "MIIE", "was read"},
		{"PEM that is cut off", "key -----BEGIN PRIVATE KEY-----\nMIIEvQ", "MIIEvQ", "key"},
		{"PEM on one line", `-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----`, "MHcC", ""},
		{"gateway key", "ADF#0f8fad5b-d9cb-469f-a165-70867728950e@7c9e6679-7425-40de-944b-e07fc1f90ae7@k@h:1#abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "abcdefghijklmnop", "0f8fad5b"},
		{"JSON in a text", `answer {"user":"bob","password":"` + planted + `","x":1}`, planted, `"x":1}`},
		{"JSON in JSON", `"{\"clientSecret\":\"` + planted + `\",\"x\":1}"`, planted, `\"x\":1}`},
		{"colon", "sign in with password:" + planted + ", please", planted, "please"},
		{"AWS", "https://s3/x?a=1&X-Amz-Signature=0ff1ce77&X-Amz-Date=1", "0ff1ce77", "X-Amz-Date=1"},
		{"in capitals", "PASSWORD=" + planted, planted, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := secret.Redact(tt.text)
			if strings.Contains(got, tt.secret) || !strings.Contains(got, tt.keeps) {
				t.Errorf("%s\nbecomes %s", tt.text, got)
			}
			if again := secret.Redact(got); again != got {
				t.Errorf("redacted twice: %s", again)
			}
		})
	}
}

func TestOrdinaryTextsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "starting", "the password of user sa was refused", "Basic authentication is off", "the property $.typeProperties.password is missing",
		"connect to https://factory.example:8051/gateway/v1/lease?x=1", "run 0f8fad5b-d9cb-469f-a165-70867728950e ended", "mail bob@example.com",
		"cannot reach sb://ns.servicebus.windows.net: dial tcp 10.0.0.1:5671: i/o timeout", "open the password: no such file",
		"SharedAccessKeyName=RootManage", "partition key: id", "rows 1..1000 of \"public\".\"orders\" where key > 5",
	} {
		if got := secret.Redact(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestALivingSecretIsMaskedInEveryForm(t *testing.T) {
	t.Parallel()
	const odd = "ö<\"s & \\ecret>\t!%"
	held := secret.New(odd)
	quoted, _ := json.Marshal(odd)
	for _, form := range []string{
		odd, url.QueryEscape(odd), url.PathEscape(odd), string(quoted), base64.StdEncoding.EncodeToString([]byte(odd)), base64.RawURLEncoding.EncodeToString([]byte(odd)),
	} {
		if got := secret.Mask("before " + form + " after"); strings.Contains(got, "ecret") || strings.Contains(got, strings.Trim(form, `"`)) || !strings.HasSuffix(got, " after") {
			t.Errorf("%s becomes %s", form, got)
		}
	}
	runtime.KeepAlive(held)
}

func TestAShortSecretIsMaskedWhereItStandsAlone(t *testing.T) {
	t.Parallel()
	held := secret.New("zkpq")
	if got := secret.Mask("zkpq, azkpq zkpqs (zkpq) zkpq"); got != "******, azkpq zkpqs (******) ******" {
		t.Error(got)
	}
	runtime.KeepAlive(held)
}

func TestASecretThatBeginsAnotherLeavesNothingOfIt(t *testing.T) {
	t.Parallel()
	a, b := secret.New("verysecret-1"), secret.New("verysecret-1-and-more")
	if got := secret.Mask("x verysecret-1-and-more y verysecret-1 z"); got != "x ****** y ****** z" {
		t.Error(got)
	}
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
}

func TestASecretThatNobodyHoldsIsForgotten(t *testing.T) {
	t.Parallel()
	const text = "forgotten-secret-77"
	func() {
		held := secret.New(text)
		if secret.Mask(text) == text {
			t.Error("it was not known")
		}
		runtime.KeepAlive(held)
	}()
	for range 1000 {
		runtime.GC()
		if secret.Mask(text) == text {
			return
		}
	}
	t.Error("it is still known")
}

func TestASecretReadFromJSONIsKnown(t *testing.T) {
	t.Parallel()
	var v struct{ A, B secret.String }
	if err := json.Unmarshal([]byte(`{"A":"read-from-json-1","B":null}`), &v); err != nil || v.A.Reveal() != "read-from-json-1" || !v.B.Empty() {
		t.Fatal(v.A.Reveal(), err)
	}
	if got := secret.Mask("x read-from-json-1"); got != "x ******" {
		t.Error(got)
	}
	runtime.KeepAlive(&v)
}

func TestJSONKeepsItsShape(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"untouched", `{"time":"2026-01-01T00:00:00Z","n":1.50,"a":["x","y\u00e9"]}`, `{"time":"2026-01-01T00:00:00Z","n":1.50,"a":["x","y\u00e9"]}`},
		{"by name", `{"password" : "x\"y", "b":2}`, `{"password" : "******", "b":2}`},
		{"by text", `{"error":"pwd=a\"b;c"}`, `{"error":"pwd=******;c"}`},
		{"cut off", `{"error":"connect pwd=abcdef`, `{"error":"connect pwd=******"`},
		{"no JSON", `hello "pwd=x" there`, `hello "pwd=******" there`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(secret.RedactJSON([]byte(tt.in))); got != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestNoPasswordOfAConnectionStringIsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		password := rapid.StringMatching(`[A-Za-z0-9!#$%()*+,./:<=>?@\\^_|~-]{6,30}`).Draw(r, "password")
		text := "cannot connect with Server=db;Password=" + password + ";Database=x: refused"
		if got := secret.Redact(text); strings.Contains(got, password) || !strings.Contains(got, "Database=x") && !strings.Contains(password, "@") {
			r.Fatalf("%q becomes %q", text, got)
		}
	})
}

func FuzzRedactJSON(f *testing.F) {
	f.Add([]byte(`{"a":"pwd=x;y","password":"z"}`))
	f.Add([]byte(`{"a":"\ud800`))
	f.Fuzz(func(t *testing.T, data []byte) {
		valid := json.Valid(data)
		if got := secret.RedactJSON(data); valid && !json.Valid(got) {
			t.Errorf("%q becomes %q", data, got)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	held := make([]secret.String, 200)
	for i := range held {
		held[i] = secret.New(strings.Repeat("secret", 3) + string(rune('A'+i)))
	}
	for name, text := range map[string]string{
		"plain": "the connection to the queue is down: dial tcp 10.0.0.1:5671: i/o timeout, tried again in 250ms",
		"found": "connect to Server=db;User ID=sa;Password=tr0ub4dor;Database=x refused the sign-in of the user",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				secret.Redact(text)
			}
		})
	}
	runtime.KeepAlive(held)
}
