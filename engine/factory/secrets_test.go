package factory

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestPlainSecretsAreFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, properties string
		want             []string
	}{
		{"none", `{"typeProperties":{"server":"db1","database":"shop","userName":"reader"}}`, nil},
		{"a password", `{"typeProperties":{"Password":"x"}}`, []string{"$.properties.typeProperties.Password"}},
		{"a secure string", `{"typeProperties":{"password":{"type":"SecureString","value":"x"}}}`, []string{"$.properties.typeProperties.password.value"}},
		{"an expression", `{"typeProperties":{"password":{"type":"Expression","value":"@linkedService().pw"}}}`, nil},
		{"a key vault's reference", `{"typeProperties":{"password":{"type":"AzureKeyVaultSecret","secretName":"x","store":{"referenceName":"vault"}}}}`, nil},
		{"a parameter's default", `{"parameters":{"pw":{"type":"SecureString","defaultValue":"x"}}}`, []string{"$.properties.parameters.pw.value"}},
		{"in a connection string", `{"typeProperties":{"connectionString":"Server=db1;User ID=a;Pass word=;Password = x"}}`, []string{"$.properties.typeProperties.connectionString"}},
		{"an account key", `{"typeProperties":{"connectionString":"AccountName=a;AccountKey=abc=="}}`, []string{"$.properties.typeProperties.connectionString"}},
		{"a sealed one", `{"typeProperties":{"connectionString":"Server=db1;EncryptedCredential=eyJ"}}`, nil},
		{"a signature", `{"typeProperties":{"sasUri":"https://a.example/c?sv=1&sig=abc"}}`, []string{"$.properties.typeProperties.sasUri"}},
		{"in an address", `{"typeProperties":{"url":"https://user:pw@host/x"}}`, []string{"$.properties.typeProperties.url"}},
		{"libpq's form", `{"typeProperties":{"connectionString":"host=db1 password=x"}}`, []string{"$.properties.typeProperties.connectionString"}},
		{"deeper", `{"typeProperties":{"more":[{"authHeaders":{"k":"v"},"secretAccessKey":"x"}]}}`, []string{"$.properties.typeProperties.more[0].secretAccessKey"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := plainSecrets(json.RawMessage(tc.properties))
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// Whatever a caller sends, reading it must not fail in another way than by an error.
func FuzzLinkedServiceProperties(f *testing.F) {
	f.Add([]byte(`{"type":"Ledger","connectVia":{"referenceName":"plant"},"typeProperties":{"connectionString":"a=b;EncryptedCredential=x"}}`))
	f.Add([]byte(`{"typeProperties":[1,2,{"password":7}],"linkedServiceName":{"referenceName":3}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		ls := readLinkedService(data)
		_, _ = ls.gateway(), ls.sealed()
		_, _ = plainSecrets(data)
		for _, k := range []kind{kindLinkedService, kindDataset, kindPipeline} {
			references(k, data)
		}
		_, _, _ = withoutSealed(data)
		_, _ = propertiesOf(data, "name")
	})
}
