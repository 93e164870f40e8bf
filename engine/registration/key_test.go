package registration

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

const (
	guidF    = "0a1b2c3d-0000-4000-8000-000000000001"
	guidG    = "0a1b2c3d-0000-4000-8000-000000000002"
	guidK    = "0a1b2c3d-0000-4000-8000-000000000003"
	secret43 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	goodKey  = "ADF#" + guidF + "@" + guidG + "@" + guidK + "@factory.example:8051#" + secret43
)

func newTestKey(location string) Key {
	raw := make([]byte, 32)
	rand.Read(raw)
	return Key{
		Factory: uuid.NewString(), Gateway: uuid.NewString(), ID: uuid.NewString(), Location: location,
		Secret: secret.New(base64.RawURLEncoding.EncodeToString(raw)),
	}
}

func TestParseKeyReadsWhatStringWrites(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"factory.example:8051", "127.0.0.1:1", "[::1]:443", "factory.example:443/adf/eu", "host-1:65535"} {
		want := newTestKey(location)
		got, err := ParseKey(want.String())
		if err != nil {
			t.Fatalf("%s: %v", location, err)
		}
		if got.String() != want.String() {
			t.Errorf("%s: got %v", location, got)
		}
	}
}

func TestParseKeyForgivesWhatMailProgramsDo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"  " + goodKey + "\r\n", goodKey[:60] + "\r\n  " + goodKey[60:], `"` + goodKey + `"`, "\ufeff" + goodKey, goodKey[:10] + "\u200b" + goodKey[10:],
		strings.Replace(goodKey, guidF, strings.ToUpper(guidF), 1), strings.Replace(goodKey, ":8051#", ":8051/#", 1),
	} {
		k, err := ParseKey(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if k.String() != goodKey {
			t.Errorf("%q read as %s", text, k.String())
		}
	}
}

func TestParseKeySaysWhichPartIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, part, says string }{
		{"empty", "", "prefix", "empty"},
		{"something else", "hello", "prefix", "does not begin"},
		{"lower-case prefix", strings.Replace(goodKey, "ADF", "adf", 1), "prefix", "does not begin"},
		{"integration runtime", "IR@" + guidF + "@name@ServiceEndpoint=x@abc=", "prefix", "self-hosted integration runtime"},
		{"other gateway", "dmg#x@y", "prefix", "another kind"},
		{"truncated in the prefix", "AD", "prefix", "cut short"},
		{"truncated in the factory", goodKey[:20], "factory ID", "cut short"},
		{"truncated after the factory", goodKey[:41], "gateway ID", "missing"},
		{"misspelt factory", strings.Replace(goodKey, guidF, "0a1b2c3g"+guidF[8:], 1), "factory ID", "not a GUID"},
		{"misspelt gateway", strings.Replace(goodKey, guidG, guidG[1:], 1), "gateway ID", "not a GUID"},
		{"misspelt key ID", strings.Replace(goodKey, guidK, guidK+"0", 1), "key ID", "not a GUID"},
		{"no location", strings.Replace(goodKey, "factory.example:8051", "", 1), "service location", "not host:port"},
		{"region of Azure", strings.Replace(goodKey, "factory.example:8051", "wu", 1), "service location", "retired"},
		{"port out of range", strings.Replace(goodKey, ":8051", ":80510", 1), "service location", "no valid port"},
		{"port zero", strings.Replace(goodKey, ":8051", ":0", 1), "service location", "no valid port"},
		{"host with a user", strings.Replace(goodKey, "factory", "a@factory", 1), "service location", "no valid host"},
		{"path upwards", strings.Replace(goodKey, ":8051", ":8051/../x", 1), "service location", "no valid path"},
		{"no secret", strings.TrimSuffix(goodKey, "#"+secret43), "secret", "missing"},
		{"short secret", goodKey[:len(goodKey)-1], "secret", "42 of 43"},
		{"long secret", goodKey + "A", "secret", "44 characters"},
		{"standard base64", strings.Replace(goodKey, "AAEC", "A/+C", 1), "secret", "the character '/'"},
		{"impossible last character", goodKey[:len(goodKey)-1] + "9", "secret", "last character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseKey(c.text)
			f := fault.As(err)
			if err == nil || f.Code != fault.BadInput || f.Target != "gateway key: "+c.part || !strings.Contains(f.Message, c.says) || f.Hint == "" {
				t.Fatalf("got %+v", f)
			}
			if strings.Contains(err.Error(), secret43[:10]) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestCheckFollowsTheTyping(t *testing.T) {
	t.Parallel()
	for n := range len(goodKey) + 1 {
		pieces := Check(goodKey[:n])
		if len(pieces) != 6 {
			t.Fatalf("%d pieces after %d characters", len(pieces), n)
		}
		seen := PieceGood
		for _, p := range pieces {
			if p.State == PieceWrong {
				t.Fatalf("after %q the %s is called wrong: %s", goodKey[:n], p.Name, p.Problem)
			}
			if (p.State == PieceGood) != (p.Problem == "") {
				t.Errorf("after %q: %+v", goodKey[:n], p)
			}
			if seen == PieceMissing && p.State != PieceMissing {
				t.Errorf("after %q the %s is %s behind a missing piece", goodKey[:n], p.Name, p.State)
			}
			seen = p.State
		}
		if whole := pieces[5].State == PieceGood; whole != (n == len(goodKey)) {
			t.Errorf("whole = %v after %d of %d characters", whole, n, len(goodKey))
		}
	}
}

func TestKeyShowsNoSecretUnlessAsked(t *testing.T) {
	t.Parallel()
	k, err := ParseKey(goodKey)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", k)
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", &k)
	data, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{log.String(), string(data), fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %q", k, k, k, k, k), fmt.Sprintf("%v", &k)} {
		if strings.Contains(text, secret43) {
			t.Errorf("the secret is in %s", text)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(goodKey)
	f.Add("IR@x")
	f.Add("ADF#@@@#")
	f.Add("ADF#" + guidF + "@" + guidG + "@" + guidK + "@[::1]:443/a#" + secret43)
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			return
		}
		again, err := ParseKey(k.String())
		if err != nil || again.String() != k.String() {
			t.Fatalf("%q was read as %s, which is read as %s, %v", text, k.String(), again.String(), err)
		}
	})
}
