package engine_test

import (
	"slices"
	"strings"
	"testing"

	"dmgateway/engine"
	"dmgateway/engine/activity"
	lsdef "dmgateway/engine/endpoint/definition"
	stores "dmgateway/engine/store/all"
)

var samples = map[string]string{
	"server": "db1", "database": "shop", "file": "/srv/shop;2.db", "host": "/srv/data", "account": "shop", "url": "https://shop.dfs.core.windows.net",
	"userName": "user", "password": "p;w\"d", "accountKey": "eA==", "sasToken": "sv=1&sig=x", "connectionString": "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=eA==",
	"servicePrincipalId": "id", "servicePrincipalKey": "key", "tenant": "contoso.onmicrosoft.com", "privateKeyContent": "-----BEGIN OPENSSH PRIVATE KEY-----",
}

func filled(fields []engine.CredentialField) map[string]string {
	values := map[string]string{}
	for _, f := range fields {
		if v := samples[f.Name]; v != "" {
			values[f.Name] = v
		} else if f.Value != "" {
			values[f.Name] = f.Value
		}
	}
	return values
}

func TestEveryTypeOfConnectionMakesALinkedServiceThatItsStoreTakes(t *testing.T) {
	t.Parallel()
	for _, ty := range engine.ConnectionTypes() {
		if len(ty.Kinds) == 0 {
			t.Errorf("%s has no way to sign in", ty.Name)
		}
		for _, k := range ty.Kinds {
			t.Run(ty.Name+" "+k.Name, func(t *testing.T) {
				t.Parallel()
				values := filled(ty.Fields)
				switch ty.Name {
				case "Sftp":
					values["host"] = "files.example"
				case "Oracle":
					values["server"] = "db1:1521/ORCLPDB1"
				}
				text, err := engine.NewConnection(ty.Name, k.Name, values)
				if err != nil {
					t.Fatal(err)
				}
				d, err := lsdef.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				if err := d.Apply(k.Name, filled(k.Fields), lsdef.Here); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if _, err := activity.ParseLinkedService(d.JSON(), stores.Stores()); err != nil && !strings.Contains(err.Error(), "private key") {
					t.Errorf("%s: %v", d.JSON(), err)
				}
			})
		}
	}
}

func TestEveryStoreHasATypeOfConnection(t *testing.T) {
	t.Parallel()
	names := make([]string, 0)
	for _, ty := range engine.ConnectionTypes() {
		names = append(names, ty.Name)
	}
	for _, d := range stores.Stores().All() {
		if d.Name != "Memory" && !slices.ContainsFunc(d.LinkedServices, func(n string) bool { return slices.Contains(names, n) }) {
			t.Errorf("no connection to %s can be made of fields", d.Name)
		}
	}
}

func TestAConnectionOfWrongFieldsIsRefusedWithTheirNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind string
		change     map[string]string
		says       string
	}{
		{"PostgreSqlV2", "Basic", map[string]string{"port": "0"}, "65535"},
		{"PostgreSqlV2", "Basic", map[string]string{"port": "5432x"}, "65535"},
		{"PostgreSqlV2", "Basic", map[string]string{"server": ""}, "Server"},
		{"PostgreSqlV2", "Basic", map[string]string{"sslMode": "sometimes"}, "Encryption"},
		{"PostgreSqlV2", "Basic", map[string]string{"colour": "red"}, "colour"},
		{"SqlServer", "Basic", map[string]string{"server": "db1\nx"}, "Server"},
		{"AzureBlobStorage", "Key", map[string]string{"account": ""}, "Account"},
		{"AzureBlobStorage", "Key", map[string]string{"account": "shop?sig=secret"}, "account"},
		{"Nothing", "Basic", nil, "Nothing"},
	} {
		values := map[string]string{}
		for _, ty := range engine.ConnectionTypes() {
			if ty.Name == c.name {
				values = filled(ty.Fields)
			}
		}
		for n, v := range c.change {
			values[n] = v
		}
		_, err := engine.NewConnection(c.name, c.kind, values)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s with %v: %v", c.name, c.change, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("it repeats a value: %v", err)
		}
	}
}
