package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"unicode/utf8"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// Types of references, as they stand in a linked service in place of a SecureString.
const (
	EnvironmentVariable = "EnvironmentVariable" // {"type":"EnvironmentVariable","name":"SHOP_PASSWORD"}
	File                = "File"                // {"type":"File","path":"/run/secrets/shop"}
)

// MaxReferenced bounds the secret that a reference stands for, in bytes.
const MaxReferenced = 64 << 10

// Reference says where a secret lies on the gateway's machine.
type Reference struct {
	Type string // EnvironmentVariable or File
	Name string // of the variable, or the file's path
}

// String is "environment variable NAME" or "file PATH".
func (r Reference) String() string {
	if r.Type == File {
		return "file " + r.Name
	}
	return "environment variable " + r.Name
}

// Read gives the secret that the reference stands for: the variable's value, or the file's text without the line end
// behind it. What is absent, empty, larger than 64 KiB or no UTF-8 text is refused. It asks nobody whether that is allowed.
func (r Reference) Read() (string, error) {
	bad := func(err error) error {
		return fault.New(fault.NotFound, "the secret in the %s cannot be used", r).At(r.Name).Because(err).
			Try("It has to be there for the user that runs the gateway, as text of at most %d bytes.", MaxReferenced)
	}
	var text string
	switch r.Type {
	case EnvironmentVariable:
		text = os.Getenv(r.Name)
	case File:
		data, err := readSecretFile(r.Name, MaxReferenced)
		if err != nil {
			return "", bad(err)
		}
		text = string(data)
	}
	switch {
	case text == "":
		return "", bad(errors.New("there is nothing in it"))
	case len(text) > MaxReferenced:
		return "", bad(errors.New("it is too large"))
	case !utf8.ValidString(text):
		return "", bad(errors.New("it is no UTF-8 text"))
	}
	return text, nil
}

// HasReferences reports whether JSON may hold references; it errs on the side of yes.
func HasReferences(data []byte) bool {
	lower := strings.ToLower(string(data))
	return strings.Contains(lower, strings.ToLower(`"`+EnvironmentVariable+`"`)) || strings.Contains(lower, `"file"`)
}

// ServicesWithReferences are the places (0-based) of the linked services of a bundle that hold references.
func ServicesWithReferences(bundle []byte) ([]int, error) {
	var list []int
	i := -1
	_, err := eachService(bundle, func(data []byte, path string) ([]byte, error) {
		i++
		doc, err := openDocument(data, path)
		if err != nil || doc == nil {
			return data, err
		}
		found := false
		if _, err := doc.resolve(func(Reference) (string, error) { found = true; return "", nil }); err != nil || found {
			list = append(list, i)
		}
		return data, nil
	})
	return list, err
}

func isReference(o map[string]any) bool {
	t := typeOf(o)
	return t == strings.ToLower(EnvironmentVariable) || t == strings.ToLower(File)
}

// referenceOf reads a reference; code BadInput where it is one and not whole.
func referenceOf(o map[string]any, path string) (Reference, error) {
	r, member := Reference{Type: EnvironmentVariable}, "name"
	if typeOf(o) == strings.ToLower(File) {
		r.Type, member = File, "path"
	}
	for name, v := range o {
		switch {
		case strings.EqualFold(name, "type"):
		case strings.EqualFold(name, member):
			r.Name, _ = v.(string)
		default:
			return r, fault.New(fault.BadInput, "a reference of type %s has no property %q", r.Type, name).At(path).Try("It has \"type\" and %q.", member)
		}
	}
	if r.Name == "" {
		return r, fault.New(fault.BadInput, "the reference of type %s has no %s", r.Type, member).At(path)
	}
	return r, nil
}

// resolve puts secrets in place of references, as SecureStrings.
func (d *document) resolve(read func(Reference) (string, error)) (changed bool, err error) {
	if read == nil {
		return false, nil
	}
	for i, p := range d.types {
		if p.Raw[0] != '{' && p.Raw[0] != '[' || !HasReferences(p.Raw) {
			continue
		}
		v, err := decodeNumbers(p.Raw)
		if err != nil {
			return false, err
		}
		found := false
		if v, err = resolveIn(v, d.name+"."+p.Name, read, &found); err != nil {
			return false, err
		}
		if !found {
			continue
		}
		if d.types[i].Raw, err = jsonobject.Encode(v); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// decodeNumbers decodes JSON with its numbers as they were written.
func decodeNumbers(data []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err
}

func resolveIn(v any, path string, read func(Reference) (string, error), found *bool) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		if isReference(v) {
			*found = true
			r, err := referenceOf(v, path)
			if err != nil {
				return nil, err
			}
			text, err := read(r)
			return map[string]any{"type": "SecureString", "value": text}, err
		}
		for name, inner := range v {
			if v[name], err = resolveIn(inner, path+"."+name, read, found); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, inner := range v {
			if v[i], err = resolveIn(inner, path, read, found); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
