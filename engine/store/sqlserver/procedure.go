package sqlserver

import (
	"encoding/json"
	"strings"
	"unicode"

	mssql "github.com/microsoft/go-mssqldb"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store/sqlstore"
)

// isParameterName reports whether text names a parameter, with or without "@": a letter or "_", then up to 126 letters,
// digits and "_@#$". As a regular expression this takes 5 MB and most of the program's start.
func isParameterName(text string) bool {
	n := 0
	for _, r := range strings.TrimPrefix(text, "@") {
		letter := unicode.IsLetter(r) || r == '_'
		if !letter && (n == 0 || !unicode.IsNumber(r) && !strings.ContainsRune("@#$", r)) {
			return false
		}
		n++
	}
	return n > 0 && n <= 127
}

// decodeParameters reads {name: {value, type}}; the type says how the value's text is read, as the server converts what it
// gets to the parameter's own type. They are in the order of their names.
func decodeParameters(o *props.Object, name string) []any {
	list := o.Object(name)
	if list == nil {
		return nil
	}
	parameters := []any{}
	for _, key := range list.Names() {
		if !isParameterName(key) {
			list.Problem(fault.BadInput, key, "%q is no name of a parameter", key)
			list.Ignore(key)
			continue
		}
		p := parameter{name: strings.TrimPrefix(key, "@")}
		if raw := list.Peek(key); len(raw) > 0 && raw[0] != '{' { // {"name": "value"}, which Data Factory takes too
			p.value = list.String(key)
		} else if one := list.Object(key); one != nil {
			p.value = decodeParameter(one)
		}
		parameters = append(parameters, p)
	}
	return parameters
}

func decodeParameter(o *props.Object) any {
	typ := o.Enum("type", "", "String", "Int", "Int32", "Int64", "Int16", "Byte", "Decimal", "Double", "Single", "Guid", "Boolean", "Date", "DateTime", "DateTimeOffset")
	if !o.Has("value") {
		o.Ignore("value")
		return nil
	}
	raw := o.Peek("value")
	text := o.String("value")
	if typ == "" {
		typ = natural(raw)
	}
	bad := func() any {
		o.Problem(fault.BadInput, "value", "%q is no value of type %s", text, typ)
		return nil
	}
	parse := func(t batch.Type) *batch.Column {
		c := &batch.Column{Type: t}
		if batch.ParseText(c, []byte(strings.TrimSpace(text))) != nil {
			return nil
		}
		return c
	}
	switch typ {
	case "Int", "Int32", "Int64", "Int16", "Byte":
		if c := parse(batch.Type{Kind: batch.Int64}); c != nil {
			return c.Ints[0]
		}
		return bad()
	case "Boolean":
		if c := parse(batch.Type{Kind: batch.Boolean}); c != nil {
			return c.Ints[0] != 0
		}
		return bad()
	case "Double", "Single":
		if c := parse(batch.Type{Kind: batch.Double}); c != nil {
			return c.Floats[0]
		}
		return bad()
	case "Decimal": // as text, which keeps every digit
		if parse(batch.Type{Kind: batch.Decimal}) == nil {
			return bad()
		}
		return strings.TrimSpace(text)
	case "Guid":
		var id mssql.UniqueIdentifier
		if c := parse(batch.Type{Kind: batch.GUID}); c != nil {
			copy(id[:], c.Bytes(0))
			return id
		}
		return bad()
	case "Date", "DateTime", "DateTimeOffset":
		if t := o.Time("value"); !t.IsZero() {
			return t
		}
		return nil
	}
	return text
}

// natural is the type of a value that stands without one.
func natural(raw json.RawMessage) string {
	switch {
	case len(raw) == 0 || raw[0] == '"':
		return "String"
	case raw[0] == 't' || raw[0] == 'f':
		return "Boolean"
	case strings.ContainsAny(string(raw), ".eE"):
		return "Decimal"
	}
	return "Int64"
}

// call is the statement that calls a procedure with the parameters, and with extra ones that have the given names.
func call(o *props.Object, property, name string, parameters []any, extra ...string) string {
	parts, err := sqlstore.SplitName(name)
	if err != nil || len(parts) > 3 {
		o.Problem(fault.BadInput, property, "%q is no name of a procedure", name)
		return ""
	}
	for i, p := range parts {
		parts[i] = quote(p)
	}
	var list []string
	for _, p := range parameters {
		list = append(list, p.(parameter).name)
	}
	list = append(list, extra...)
	for i, n := range list {
		list[i] = "@" + n + " = @" + n
	}
	return strings.TrimSpace("EXEC " + strings.Join(parts, ".") + " " + strings.Join(list, ", "))
}
