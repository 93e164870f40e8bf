package credential

import (
	"encoding/json"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// Opener is who opens sealed credentials, and what they must have been sealed for. What it returns holds secrets in the
// clear: it must live no longer than the job and never be logged or kept.
type Opener struct {
	// Certificates that may open, the present one first. A nil one is left out.
	Certificates []*Certificate
	// Gateway is the ID of the gateway; a credential that was sealed for another one is refused. "" takes any.
	Gateway string
	// Resolve gives the secret that a reference stands for. Nil leaves references as they are.
	Resolve func(Reference) (string, error)
}

// Bundle restores the sealed credentials and references of all linked services in {"linkedServices":[…],…}.
func (o Opener) Bundle(bundle []byte) ([]byte, error) {
	return eachService(bundle, o.linkedService)
}

// LinkedService restores the sealed credential and the references of one linked service; one that has none is returned
// as it is.
func (o Opener) LinkedService(linkedService []byte) ([]byte, error) {
	if err := checkJSON(linkedService); err != nil {
		return nil, err
	}
	return o.linkedService(linkedService, "$")
}

// OpenBundle is [Opener.Bundle] for whoever has nothing but certificates.
func OpenBundle(bundle []byte, with ...*Certificate) ([]byte, error) {
	return Opener{Certificates: with}.Bundle(bundle)
}

// OpenLinkedService is [Opener.LinkedService] for whoever has nothing but certificates.
func OpenLinkedService(linkedService []byte, with ...*Certificate) ([]byte, error) {
	return Opener{Certificates: with}.LinkedService(linkedService)
}

// eachService changes every linked service of a bundle.
func eachService(bundle []byte, change func(data []byte, path string) ([]byte, error)) ([]byte, error) {
	if err := checkJSON(bundle); err != nil {
		return nil, err
	}
	root, err := jsonobject.Parse(bundle, "$")
	if err != nil {
		return nil, err
	}
	raw := root.Get("linkedServices")
	if raw == nil || string(raw) == "null" {
		return bundle, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fault.New(fault.BadInput, "an array of linked services is needed here").At("$.linkedServices")
	}
	for i := range list {
		if list[i], err = change(list[i], fmt.Sprintf("$.linkedServices[%d]", i)); err != nil {
			return nil, err
		}
	}
	if raw, err = jsonobject.Encode(list); err != nil {
		return nil, err
	}
	return jsonobject.Encode(root.Set("linkedServices", raw))
}

func (o Opener) linkedService(data []byte, path string) ([]byte, error) {
	doc, err := openDocument(data, path)
	if err != nil || doc == nil {
		return data, err
	}
	tokens := doc.takeTokens()
	if len(tokens) > maxTokens {
		return nil, unreadable(doc.name, fmt.Errorf("%d sealed credentials are more than the limit of %d", len(tokens), maxTokens))
	}
	for _, token := range tokens {
		secrets, err := o.decrypt(token, doc.name)
		if err != nil {
			return nil, err
		}
		doc.restore(secrets)
	}
	resolved, err := doc.resolve(o.Resolve)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 && !resolved {
		return data, nil
	}
	return doc.encode()
}

// takeTokens takes the sealed credentials out of a linked service.
func (d *document) takeTokens() []string {
	var tokens []string
	if token, ok := d.types.Text(encryptedProperty); ok && token != "" {
		tokens = append(tokens, token)
	}
	d.types = d.types.Without(encryptedProperty)
	for i, p := range d.types {
		if !strings.HasSuffix(strings.ToLower(p.Name), "connectionstring") {
			continue
		}
		var text string
		if json.Unmarshal(p.Raw, &text) != nil {
			continue
		}
		open, sealed := takeParts(text, func(name string) bool { return name == encryptedPart })
		if len(sealed) == 0 {
			continue
		}
		d.types[i].Raw = jsonobject.Quote(open)
		for _, s := range sealed {
			tokens = append(tokens, s.value())
		}
	}
	return tokens
}

// restore puts secrets back to where they were. What stands there readably wins only as the other parts of a connection
// string do: a sealed part replaces a readable one of the same name.
func (d *document) restore(secrets jsonobject.Object) {
	for _, s := range secrets {
		text, isText := d.types.Text(s.Name)
		var sealed string
		if !isText || json.Unmarshal(s.Raw, &sealed) != nil || !strings.HasSuffix(strings.ToLower(s.Name), "connectionstring") {
			d.types = d.types.Set(s.Name, s.Raw)
			continue
		}
		parts := splitConnection(sealed)
		names := map[string]bool{}
		for _, p := range parts {
			names[p.name] = true
		}
		open, _ := takeParts(text, func(name string) bool { return names[name] })
		if open != "" {
			open += ";"
		}
		d.types = d.types.Set(s.Name, jsonobject.Quote(open+joinConnection(parts)))
	}
}
