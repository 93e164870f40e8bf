package credential

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// secretNames are the properties of linked services that nobody may read, lower case.
var secretNames = map[string]bool{
	"password": true, "pwd": true, "accountkey": true, "accesskey": true, "sasuri": true, "sastoken": true, "sharedaccesssignature": true,
	"serviceprincipalkey": true, "serviceprincipalcredential": true, "serviceprincipalembeddedcert": true,
	"serviceprincipalembeddedcertpassword": true, "secretaccesskey": true, "sessiontoken": true, "clientsecret": true,
	"apikey": true, "apitoken": true, "accesstoken": true, "refreshtoken": true, "token": true, "passphrase": true,
	"privatekeycontent": true, "embeddedcertdata": true, "certpassword": true, "authheaders": true, "secret": true, "storagekey": true,
}

const encryptedProperty = "encryptedCredential"

// Sealed reports whether JSON holds a sealed credential that only a gateway's certificate opens.
func Sealed(data []byte) bool {
	return bytes.Contains(bytes.ToLower(data), []byte(encryptedPart))
}

// Seal moves the secrets of a linked service (v1 or v2 shape) into a JWE that only the certificates' owners can open. A
// connection string keeps its readable parts and gets EncryptedCredential=eyJ…; other secrets go into the property
// encryptedCredential. A linked service without secrets, or sealed already, is returned as it is. References (Key Vault,
// environment variable, file) stay: they are not secret. It opens at every gateway that has one of the certificates; see
// [SealFor].
func Seal(linkedService []byte, to ...*x509.Certificate) ([]byte, error) {
	return SealFor("", linkedService, to...)
}

// SealFor is Seal for one gateway, named by its ID: another gateway refuses the credential even where it has the same
// certificate.
func SealFor(gateway string, linkedService []byte, to ...*x509.Certificate) ([]byte, error) {
	if err := checkJSON(linkedService); err != nil {
		return nil, err
	}
	doc, err := openDocument(linkedService, "$")
	if err != nil || doc == nil {
		return linkedService, err
	}
	s := sealing{doc: doc}
	if err := s.collect(); err != nil {
		return nil, err
	}
	if len(s.secrets) == 0 {
		return linkedService, nil
	}
	if doc.name == "" {
		return nil, fault.New(fault.BadInput, "the linked service has no name to bind its credential to").At("$.name")
	}
	if s.sealed {
		return nil, fault.New(fault.Conflict, "linked service %s has a sealed credential and plain secrets too", doc.name).At("$." + s.secrets[0].Name).
			Try("Remove the sealed credential and give all secrets, or remove the plain ones.")
	}
	token, err := encrypt(envelope{Version: envelopeV2, LinkedService: doc.name, Gateway: gateway, Properties: s.secrets}, to)
	if err != nil {
		return nil, err
	}
	s.place(token)
	return doc.encode()
}

// document is a linked service with the way to its typeProperties.
type document struct {
	root, properties jsonobject.Object // properties is nil where typeProperties stands at the top
	types            jsonobject.Object
	name             string
}

// openDocument finds a linked service's typeProperties; nil where it has none.
func openDocument(data []byte, path string) (*document, error) {
	d := &document{}
	var err error
	if d.root, err = jsonobject.Parse(data, path); err != nil {
		return nil, err
	}
	d.name, _ = d.root.Text("name")
	holder := d.root
	if raw := d.root.Get("properties"); raw != nil && string(raw) != "null" {
		path += ".properties"
		if d.properties, err = jsonobject.Parse(raw, path); err != nil {
			return nil, err
		}
		holder = d.properties
	}
	raw := holder.Get("typeProperties")
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	d.types, err = jsonobject.Parse(raw, path+".typeProperties")
	return d, err
}

func (d *document) encode() ([]byte, error) {
	raw, err := jsonobject.Encode(d.types)
	if err != nil {
		return nil, err
	}
	if d.properties == nil {
		return jsonobject.Encode(d.root.Set("typeProperties", raw))
	}
	if raw, err = jsonobject.Encode(d.properties.Set("typeProperties", raw)); err != nil {
		return nil, err
	}
	return jsonobject.Encode(d.root.Set("properties", raw))
}

// sealing collects a linked service's secrets.
type sealing struct {
	doc     *document
	secrets jsonobject.Object
	sealed  bool // it holds a sealed credential already
	// connection is the name of the connection string that the sealed credential goes into, "" for the property.
	connection string
}

func (s *sealing) collect() error {
	var open jsonobject.Object
	for _, p := range s.doc.types {
		if strings.EqualFold(p.Name, encryptedProperty) {
			s.sealed = true
			open = append(open, p)
			continue
		}
		kept, secret := s.divide(p)
		if secret != nil {
			s.secrets = append(s.secrets, jsonobject.Property{Name: p.Name, Raw: secret})
		}
		if kept != nil {
			open = append(open, jsonobject.Property{Name: p.Name, Raw: kept})
		}
	}
	s.doc.types = open
	return nil
}

// divide gives what of a property may be read and what is secret; nil = nothing.
func (s *sealing) divide(p jsonobject.Property) (kept, secret json.RawMessage) {
	var text string
	isText := json.Unmarshal(p.Raw, &text) == nil && p.Raw[0] == '"'
	switch {
	case string(p.Raw) == "null":
		return p.Raw, nil
	case !isText:
		return divideObject(p)
	case secretNames[strings.ToLower(p.Name)]:
		if text == "" {
			return p.Raw, nil
		}
		return nil, p.Raw
	case hasUserInfo(text) || hasSignature(text):
		return nil, p.Raw
	case !strings.HasSuffix(strings.ToLower(p.Name), "connectionstring"):
		return p.Raw, nil
	}
	open, taken := takeParts(text, func(name string) bool { return secretParts[name] })
	_, sealed := takeParts(text, func(name string) bool { return name == encryptedPart })
	s.sealed = s.sealed || len(sealed) > 0
	if len(taken) == 0 {
		return p.Raw, nil
	}
	if s.connection == "" {
		s.connection = p.Name
	}
	return jsonobject.Quote(open), jsonobject.Quote(joinConnection(taken))
}

// divideObject takes an object whole where a SecureString is in it, or where its name says that it is a secret.
func divideObject(p jsonobject.Property) (kept, secret json.RawMessage) {
	var v any
	if json.Unmarshal(p.Raw, &v) != nil {
		return p.Raw, nil
	}
	if holdsSecureString(v) {
		return nil, p.Raw
	}
	o, isObject := v.(map[string]any)
	if !isObject || !secretNames[strings.ToLower(p.Name)] || typeOf(o) == "azurekeyvaultsecret" || typeOf(o) == "expression" || isReference(o) {
		return p.Raw, nil
	}
	return nil, p.Raw
}

func typeOf(o map[string]any) string {
	for name, v := range o {
		if text, ok := v.(string); ok && strings.EqualFold(name, "type") {
			return strings.ToLower(text)
		}
	}
	return ""
}

func holdsSecureString(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		if typeOf(v) == "securestring" {
			return true
		}
		for _, inner := range v {
			if holdsSecureString(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if holdsSecureString(inner) {
				return true
			}
		}
	}
	return false
}

// place puts the sealed credential where Data Factory has it.
func (s *sealing) place(token string) {
	if s.connection == "" {
		s.doc.types = s.doc.types.Set(encryptedProperty, jsonobject.Quote(token))
		return
	}
	text, _ := s.doc.types.Text(s.connection)
	if text = strings.TrimRight(text, "; "); text != "" {
		text += ";"
	}
	s.doc.types = s.doc.types.Set(s.connection, jsonobject.Quote(text+"EncryptedCredential="+token))
}
