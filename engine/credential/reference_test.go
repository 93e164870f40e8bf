package credential

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dmgateway/engine/fault"
)

func TestReferencesBecomeSecretsWhenOpened(t *testing.T) {
	t.Parallel()
	known := map[Reference]string{{EnvironmentVariable, "PW"}: "geheim", {File, "/run/secrets/pw"}: "auch geheim"}
	read := func(r Reference) (string, error) {
		if text := known[r]; text != "" {
			return text, nil
		}
		return "", errors.New("not allowed")
	}
	for _, c := range []struct{ name, in, out string }{
		{"a variable", `{"host":"h","password":{"type":"EnvironmentVariable","name":"PW"}}`, `{"host":"h","password":{"type":"SecureString","value":"geheim"}}`},
		{"a file", `{"Password":{"Type":"file","Path":"/run/secrets/pw"}}`, `{"Password":{"type":"SecureString","value":"auch geheim"}}`},
		{"a whole connection string", `{"connectionString":{"type":"EnvironmentVariable","name":"PW"}}`, `{"connectionString":{"type":"SecureString","value":"geheim"}}`},
		{"deeper, beside numbers", `{"headers":{"n":12345678901234567890.50,"x":[{"type":"File","path":"/run/secrets/pw"}]}}`, `{"headers":{"n":12345678901234567890.50,"x":[{"type":"SecureString","value":"auch geheim"}]}}`},
		{"none", `{"host":"file","folder":{"type":"Folder","path":"/x"}}`, `{"host":"file","folder":{"type":"Folder","path":"/x"}}`},
		{"Key Vault's", `{"password":{"type":"AzureKeyVaultSecret","secretName":"s"}}`, `{"password":{"type":"AzureKeyVaultSecret","secretName":"s"}}`},
	} {
		sealed, err := Seal([]byte(wrap(c.in)), testCertificates()[0].Leaf)
		if err != nil || string(sealed) != wrap(c.in) {
			t.Errorf("%s: sealing changed it to %s, %v", c.name, sealed, err)
		}
		out, err := Opener{Resolve: read}.LinkedService([]byte(wrap(c.in)))
		if err != nil || string(typesOf(t, out)) != c.out {
			t.Errorf("%s: %s, %v", c.name, out, err)
		}
		if closed, err := (Opener{}).LinkedService([]byte(wrap(c.in))); err != nil || string(closed) != wrap(c.in) {
			t.Errorf("%s without leave: %s, %v", c.name, closed, err)
		}
	}
	for _, c := range []struct{ name, in, code string }{
		{"one not allowed", `{"password":{"type":"EnvironmentVariable","name":"HOME"}}`, fault.Internal},
		{"without name", `{"password":{"type":"EnvironmentVariable"}}`, fault.BadInput},
		{"of another shape", `{"password":{"type":"File","path":["/x"]}}`, fault.BadInput},
		{"with more than it may have", `{"password":{"type":"File","path":"/x","encoding":"base64"}}`, fault.BadInput},
	} {
		if _, err := (Opener{Resolve: read}).LinkedService([]byte(wrap(c.in))); fault.Code(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	list, err := ServicesWithReferences([]byte(`{"linkedServices":[` + wrap(`{"host":"h"}`) + `,` + wrap(`{"password":{"type":"File","path":"/x"}}`) + `,` + wrap(`{"password":{"type":"File"}}`) + `]}`))
	if err != nil || !reflect.DeepEqual(list, []int{1, 2}) {
		t.Errorf("found in %v, %v", list, err)
	}
}

func TestReferencedSecretsAreReadOnlyFromWhatHoldsOne(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("PW", "geheim ")
	for _, c := range []struct {
		r    Reference
		want string
	}{
		{Reference{EnvironmentVariable, "PW"}, "geheim "},
		{Reference{File, write("plain", "geheim")}, "geheim"},
		{Reference{File, write("line", "ge\nheim\n")}, "ge\nheim"},
		{Reference{File, write("windows", "geheim\r\n")}, "geheim"},
		{Reference{File, write("large", strings.Repeat("x", MaxReferenced))}, strings.Repeat("x", MaxReferenced)},
	} {
		if got, err := c.r.Read(); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.r, got, err)
		}
	}
	t.Setenv("EMPTY", "")
	for name, r := range map[string]Reference{
		"absent variable": {EnvironmentVariable, "DMG_NO_SUCH"}, "empty variable": {EnvironmentVariable, "EMPTY"},
		"absent file": {File, filepath.Join(dir, "no")}, "a folder": {File, dir}, "empty file": {File, write("empty", "\n")},
		"too large": {File, write("huge", strings.Repeat("x", MaxReferenced+1))}, "binary": {File, write("binary", "\xff\xfe")},
	} {
		if _, err := r.Read(); fault.Code(err) != fault.NotFound || fault.As(err).Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReferences(f *testing.F) {
	f.Add([]byte(wrap(`{"password":{"type":"EnvironmentVariable","name":"X"}}`)))
	f.Add([]byte(wrap(`{"a":[{"type":"File","path":"/x"}]}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := Opener{Resolve: func(Reference) (string, error) { return "s", nil }}.LinkedService(data)
		if err == nil && json.Valid(data) && !json.Valid(out) {
			t.Fatalf("%s became %s", data, out)
		}
	})
}
