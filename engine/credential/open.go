package credential

import (
	"encoding/json"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
)

// OpenBundle restores the sealed credentials of all linked services in {"linkedServices":[…],…}. What it returns holds
// secrets in the clear: it must live no longer than the job and never be logged or kept.
func OpenBundle(bundle []byte, with ...*Certificate) ([]byte, error) {
	if err := checkJSON(bundle); err != nil {
		return nil, err
	}
	root, err := parseObject(bundle, "$")
	if err != nil {
		return nil, err
	}
	raw := root.get("linkedServices")
	if raw == nil || string(raw) == "null" {
		return bundle, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fault.New(fault.BadInput, "an array of linked services is needed here").At("$.linkedServices")
	}
	for i := range list {
		path := fmt.Sprintf("$.linkedServices[%d]", i)
		if list[i], err = openLinkedService(list[i], path, with); err != nil {
			return nil, err
		}
	}
	if raw, err = encode(list); err != nil {
		return nil, err
	}
	return encode(root.set("linkedServices", raw))
}

// OpenLinkedService restores the sealed credential of one linked service; one that has none is returned as it is. The
// same care is due as with OpenBundle.
func OpenLinkedService(linkedService []byte, with ...*Certificate) ([]byte, error) {
	if err := checkJSON(linkedService); err != nil {
		return nil, err
	}
	return openLinkedService(linkedService, "$", with)
}

func openLinkedService(data []byte, path string, with []*Certificate) ([]byte, error) {
	doc, err := openDocument(data, path)
	if err != nil || doc == nil {
		return data, err
	}
	var tokens []string
	if token, ok := doc.types.text(encryptedProperty); ok && token != "" {
		tokens = append(tokens, token)
	}
	doc.types = doc.types.without(encryptedProperty)
	for i, p := range doc.types {
		if !strings.HasSuffix(strings.ToLower(p.name), "connectionstring") {
			continue
		}
		var text string
		if json.Unmarshal(p.raw, &text) != nil {
			continue
		}
		open, sealed := takeParts(text, func(name string) bool { return name == encryptedPart })
		if len(sealed) == 0 {
			continue
		}
		doc.types[i].raw = quote(open)
		for _, s := range sealed {
			tokens = append(tokens, s.value())
		}
	}
	if len(tokens) == 0 {
		return data, nil
	}
	for _, token := range tokens {
		secrets, err := decrypt(token, doc.name, with)
		if err != nil {
			return nil, err
		}
		doc.restore(secrets)
	}
	return doc.encode()
}

// restore puts secrets back to where they were. What stands there readably wins only as the other parts of a connection
// string do: a sealed part replaces a readable one of the same name.
func (d *document) restore(secrets object) {
	for _, s := range secrets {
		text, isText := d.types.text(s.name)
		var sealed string
		if !isText || json.Unmarshal(s.raw, &sealed) != nil || !strings.HasSuffix(strings.ToLower(s.name), "connectionstring") {
			d.types = d.types.set(s.name, s.raw)
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
		d.types = d.types.set(s.name, quote(open+joinConnection(parts)))
	}
}
