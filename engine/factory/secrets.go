package factory

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strings"
)

// secretNames are the properties of linked services that hold a secret, in lower case.
var secretNames = map[string]bool{
	"password": true, "pwd": true, "accountkey": true, "accesskey": true, "storagekey": true, "sastoken": true, "sasuri": true,
	"sharedaccesssignature": true, "secretaccesskey": true, "sessiontoken": true, "serviceprincipalkey": true, "serviceprincipalcredential": true,
	"serviceprincipalembeddedcert": true, "serviceprincipalembeddedcertpassword": true, "clientsecret": true, "privatekeycontent": true,
	"passphrase": true, "accesstoken": true, "refreshtoken": true, "token": true, "apikey": true, "apitoken": true, "embeddedcertdata": true,
	"certpassword": true, "authheaders": true, "secret": true,
}

// secretKeywords are the keywords of connection strings that hold a secret, in lower case without spaces.
var secretKeywords = map[string]bool{
	"password": true, "pwd": true, "accountkey": true, "sharedaccesskey": true, "sharedaccesssignature": true, "accesskey": true,
	"secretaccesskey": true, "sessiontoken": true, "accesstoken": true, "clientsecret": true, "serviceprincipalkey": true, "proxypassword": true,
	"sslpassword": true, "sslkeypassword": true, "passphrase": true, "privatekey": true, "token": true, "apikey": true,
}

// plainSecrets finds the secrets in a linked service's properties that anybody could read, by JSON path. It errs on the
// side of caution: what looks like a secret is one.
func plainSecrets(properties json.RawMessage) ([]string, error) {
	var v any
	if err := json.Unmarshal(properties, &v); err != nil {
		return nil, err
	}
	var found []string
	findSecrets(v, "$.properties", "", &found)
	sort.Strings(found)
	return found, nil
}

func findSecrets(v any, path, name string, found *[]string) {
	switch v := v.(type) {
	case map[string]any:
		if holdsSecret(v) {
			*found = append(*found, path+".value")
			return
		}
		if isExpression(v) {
			return // filled in from parameters, which are looked at themselves
		}
		for n, c := range v {
			findSecrets(c, path+"."+n, n, found)
		}
	case []any:
		for i, c := range v {
			findSecrets(c, fmt.Sprintf("%s[%d]", path, i), name, found)
		}
	case string:
		if v != "" && (secretNames[strings.ToLower(name)] || secretInside(v)) {
			*found = append(*found, path)
		}
	}
}

func holdsSecret(o map[string]any) bool {
	typ, _ := member(o, "type").(string)
	if !strings.EqualFold(typ, "SecureString") {
		return false
	}
	value, _ := member(o, "value").(string)
	preset, _ := member(o, "defaultValue").(string) // of a parameter
	return value != "" || preset != ""
}

func isExpression(o map[string]any) bool {
	typ, _ := member(o, "type").(string)
	return strings.EqualFold(typ, "Expression")
}

func member(o map[string]any, name string) any {
	for n, v := range o {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return nil
}

// secretInside looks for a secret in a text that is a connection string or an address.
func secretInside(text string) bool {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '?' || r == '&' }) {
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), " ", ""))
		if ok && strings.TrimSpace(value) != "" && (secretKeywords[name] || name == "sig") {
			return true
		}
	}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok && p != "" {
			return true
		}
	}
	// libpq's form separates by spaces: host=db password=x.
	for part := range strings.FieldsSeq(text) {
		name, value, ok := strings.Cut(part, "=")
		if ok && value != "" && secretKeywords[strings.ToLower(name)] {
			return true
		}
	}
	return false
}
