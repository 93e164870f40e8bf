package definition

import "strings"

// part is one NAME=VALUE of a connection string, as written.
type part struct {
	text string
	key  string // lower case without spaces
}

func normal(key string) string {
	return strings.ToLower(strings.Join(strings.Fields(key), ""))
}

// split cuts a connection string at its semicolons, those within quoted values aside.
func split(s string) []part {
	var list []part
	for s != "" {
		end := partEnd(s)
		text := s[:end]
		s = strings.TrimPrefix(s[end:], ";")
		if strings.TrimSpace(text) == "" {
			continue
		}
		name, _, _ := strings.Cut(text, "=")
		list = append(list, part{text, normal(name)})
	}
	return list
}

// partEnd is where the first part ends. A value is quoted only where the quote is its first character; a doubled quote
// within it stands for itself.
func partEnd(s string) int {
	semicolon := strings.IndexByte(s, ';')
	if semicolon < 0 {
		semicolon = len(s)
	}
	eq := strings.IndexByte(s, '=')
	if eq < 0 || eq > semicolon {
		return semicolon
	}
	at := eq + 1
	for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
		at++
	}
	if at == len(s) || s[at] != '"' && s[at] != '\'' {
		return semicolon
	}
	for i := at + 1; i < len(s); i++ {
		if s[i] != s[at] {
			continue
		}
		if i+1 < len(s) && s[i+1] == s[at] {
			i++
			continue
		}
		if end := strings.IndexByte(s[i:], ';'); end >= 0 {
			return i + end
		}
		return len(s)
	}
	return semicolon // the quote is never closed: it is part of the value
}

func join(list []part) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.text
	}
	return strings.Join(texts, ";")
}

// value is what stands after the equals sign, without quotes.
func (p part) value() string {
	_, v, _ := strings.Cut(p.text, "=")
	v = strings.TrimSpace(v)
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		q := v[:1]
		v = strings.ReplaceAll(v[1:len(v)-1], q+q, q)
	}
	return v
}

// newPart writes a part, its value in quotes where it would be misread without.
func newPart(key, value string) part {
	text := value
	if strings.ContainsAny(value, ";\"'{}") || strings.TrimSpace(value) != value || value == "" || value[0] == '=' {
		text = `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
	}
	return part{key + "=" + text, normal(key)}
}
