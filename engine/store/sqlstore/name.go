package sqlstore

import (
	"fmt"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// Table is a table's name in its parts, as the store spells them; Schema is "" where not given.
type Table struct{ Schema, Name string }

// IsZero reports whether no table is named.
func (t Table) IsZero() bool { return t.Name == "" }

// Quoted is the name for SQL text, each part in double quotes.
func (t Table) Quoted() string {
	if t.Schema == "" {
		return Quote(t.Name)
	}
	return Quote(t.Schema) + "." + Quote(t.Name)
}

// String is the name for people.
func (t Table) String() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Quote puts an identifier in double quotes, doubling those inside.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteAll quotes each name and joins them with commas.
func QuoteAll(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quote(name))
	}
	return b.String()
}

// SplitName splits "schema.table" at its dots. A part in double quotes or square brackets may contain dots; the closing
// character inside such a part is doubled. Spelling is kept as it is.
func SplitName(text string) ([]string, error) {
	var parts []string
	for rest := strings.TrimSpace(text); ; {
		part, after, err := cutPart(rest)
		if err != nil {
			return nil, fmt.Errorf("%q is no table name: %w", text, err)
		}
		parts = append(parts, part)
		if after == "" {
			return parts, nil
		}
		rest = after[1:]
	}
}

// cutPart takes one part; rest is empty or begins with a dot.
func cutPart(s string) (part, rest string, err error) {
	if s == "" {
		return "", "", fmt.Errorf("a part is empty")
	}
	if s[0] != '"' && s[0] != '[' {
		if dot := strings.IndexByte(s, '.'); dot >= 0 {
			part, rest = s[:dot], s[dot:]
		} else {
			part = s
		}
		if part == "" {
			return "", "", fmt.Errorf("a part is empty")
		}
		return part, rest, nil
	}
	end := byte('"')
	if s[0] == '[' {
		end = ']'
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != end {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == end {
			b.WriteByte(end)
			i++
			continue
		}
		rest = s[i+1:]
		switch {
		case rest != "" && rest[0] != '.':
			return "", "", fmt.Errorf("text follows the quoted part")
		case b.Len() == 0:
			return "", "", fmt.Errorf("a part is empty")
		}
		return b.String(), rest, nil
	}
	return "", "", fmt.Errorf("a quote is not closed")
}

// DecodeTable reads a dataset's table: the properties schema and table, or tableName "schema.table". The zero Table
// stands for a dataset that names none. More than one dot, or both ways at once, is a problem of o.
func DecodeTable(o *props.Object) Table {
	t := Table{Schema: o.String("schema"), Name: o.String("table")}
	text := o.String("tableName")
	if text == "" {
		if t.Schema != "" && t.Name == "" {
			o.Problem(fault.BadInput, "table", "the property is missing beside schema")
		}
		return t
	}
	parts, err := SplitName(text)
	switch {
	case err != nil:
		o.Problem(fault.BadInput, "tableName", "%v", err)
		return Table{}
	case len(parts) > 2:
		o.Problem(fault.BadInput, "tableName", "%q has more parts than schema and table; put a name that contains a dot in double quotes", text)
		return Table{}
	}
	named := Table{Name: parts[len(parts)-1]}
	if len(parts) == 2 {
		named.Schema = parts[0]
	}
	if t.Name != "" && t != named {
		o.Problem(fault.BadInput, "tableName", "the dataset names two tables, %q and %q", named, t)
	}
	return named
}
