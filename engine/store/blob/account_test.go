package blob

import (
	"encoding/json"
	"strings"
	"testing"

	"dmgateway/engine/props"
)

func decoded(t *testing.T, text string) (*account, error) {
	t.Helper()
	ls, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	a := decode(ls)
	return a, ls.Err()
}

func TestLinkedServices(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		json, want string
	}{
		"key": {
			`{"connectionString":"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.example"}`,
			"https://acct.blob.core.example acct key",
		},
		"names in any case": {`{"ConnectionString":"accountname=acct; ACCOUNTKEY=a2V5;"}`, "https://acct.blob.core.windows.net acct key"},
		"secure string":     {`{"connectionString":{"type":"SecureString","value":"AccountName=acct;AccountKey=a2V5"}}`, "https://acct.blob.core.windows.net acct key"},
		"key apart":         {`{"connectionString":"AccountName=acct","accountKey":{"type":"SecureString","value":"a2V5"}}`, "https://acct.blob.core.windows.net acct key"},
		"emulator":          {`{"connectionString":"UseDevelopmentStorage=true"}`, "http://127.0.0.1:10000/devstoreaccount1 devstoreaccount1 key"},
		"endpoint":          {`{"connectionString":"AccountKey=a2V5;BlobEndpoint=http://10.0.0.1:1234/acct/"}`, "http://10.0.0.1:1234/acct acct key"},
		"signature in it":   {`{"connectionString":"BlobEndpoint=https://acct.blob.core.windows.net;SharedAccessSignature=?sv=1&sig=s%3D"}`, "https://acct.blob.core.windows.net acct sas sv=1&sig=s%3D"},
		"signature":         {`{"sasUri":"https://acct.blob.core.windows.net/?sv=1&sig=s"}`, "https://acct.blob.core.windows.net acct sas sv=1&sig=s"},
		"signature of a container": {
			`{"sasUri":{"type":"SecureString","value":"https://acct.blob.core.windows.net/box?sv=1&sig=s"}}`,
			"https://acct.blob.core.windows.net acct sas sv=1&sig=s only box",
		},
		"signature at the emulator": {`{"sasUri":"http://127.0.0.1:10000/dev/box?sig=s"}`, "http://127.0.0.1:10000/dev dev sas sig=s only box"},
		"service principal": {
			`{"serviceEndpoint":"https://acct.blob.core.windows.net","servicePrincipalId":"id","servicePrincipalKey":{"type":"SecureString","value":"s"},"tenant":"t","azureCloudType":"azurepublic","accountKind":"StorageV2"}`,
			"https://acct.blob.core.windows.net acct principal id",
		},
		"own identity": {`{"serviceEndpoint":"https://acct.blob.core.windows.net/","authenticationType":"Msi"}`, "https://acct.blob.core.windows.net acct managed"},
		"anonymous":    {`{"containerUri":"https://acct.blob.core.windows.net/box","authenticationType":"Anonymous"}`, "https://acct.blob.core.windows.net acct only box"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := decoded(t, c.json)
			if err != nil {
				t.Fatal(err)
			}
			got := a.endpoint + " " + a.name
			if !a.key.Empty() {
				got += " key"
			}
			if !a.sas.Empty() {
				got += " sas " + a.sas.Reveal()
			}
			if a.principal.id != "" {
				got += " principal " + a.principal.id
			}
			if a.managed {
				got += " managed"
			}
			if a.container != "" {
				got += " only " + a.container
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if _, err := a.client(); err != nil {
				t.Errorf("client: %v", err)
			}
		})
	}
}

func TestLinkedServicesThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "$.connectionString",
		`{"connectionString":"AccountName=acct"}`:                                          "$.connectionString",
		`{"connectionString":"AccountKey=a2V5"}`:                                           "$.connectionString",
		`{"connectionString":"AccountName=acct;AccountKey=not base64 hunter2"}`:            "$.connectionString",
		`{"connectionString":"AccountName=acct;hunter2"}`:                                  "$.connectionString",
		`{"connectionString":"AccountName=acct;AccountKey=a2V5;Unknown=hunter2"}`:          "$.connectionString",
		`{"connectionString":"EncryptedCredential=hunter2"}`:                               "$.connectionString",
		`{"connectionString":"BlobEndpoint=hunter2;AccountKey=a2V5"}`:                      "$.connectionString",
		`{"connectionString":"AccountName=a;AccountKey=a2V5","sasUri":"https://x/?sig=1"}`: "$.sasUri",
		`{"sasUri":"https://acct.blob.core.windows.net/"}`:                                 "$.sasUri",
		`{"sasUri":"hunter2"}`: "$.sasUri",
		`{"sasUri":"https://acct.blob.core.windows.net/a/b?sig=hunter2"}`:            "$.sasUri",
		`{"serviceEndpoint":"https://a.b","servicePrincipalId":"id"}`:                "$.servicePrincipalId",
		`{"serviceEndpoint":"https://a.b","authenticationType":"SasUri"}`:            "$.authenticationType",
		`{"serviceEndpoint":"https://a.b","credential":{"referenceName":"c"}}`:       "$.credential",
		`{"serviceEndpoint":"https://a.b","azureCloudType":"AzureMoon"}`:             "$.azureCloudType",
		`{"connectionString":{"type":"AzureKeyVaultSecret","secretName":"hunter2"}}`: "$.connectionString.type",
	} {
		_, err := decoded(t, text)
		list := props.Problems(err)
		if len(list) == 0 || list[0].Target != want {
			t.Errorf("%s gives %v; want a problem at %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s shows its secret: %v", text, err)
		}
	}
}

func FuzzConnectionString(f *testing.F) {
	f.Add("DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.windows.net")
	f.Add("BlobEndpoint=http://127.0.0.1:10000/dev;SharedAccessSignature=?sv=1&sig=geheim%3D")
	f.Add("UseDevelopmentStorage=true;;")
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "Z2VoZWltZ2VoZWlt"
		b, err := json.Marshal(map[string]string{"connectionString": text + ";AccountKey=" + secret})
		if err != nil {
			return
		}
		ls, err := props.Parse(b, "$")
		if err != nil {
			return
		}
		a := decode(ls)
		if err := ls.Err(); err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q: the error shows the key: %v", text, err)
			}
			return
		}
		if a.endpoint == "" || strings.Contains(a.endpoint, secret) {
			t.Errorf("%q gives the address %q", text, a.endpoint)
		}
		_, _ = a.client()
	})
}

func TestContainerNames(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"abc": true, "a-b-c": true, "123": true, "$root": true, "$web": true, strings.Repeat("a", 63): true,
		"ab": false, "Abc": false, "a--b": false, "-abc": false, "abc-": false, "a_b": false, "": false, "$other": false,
	} {
		if containerName.MatchString(name) != good {
			t.Errorf("%q: want %v", name, good)
		}
	}
}
