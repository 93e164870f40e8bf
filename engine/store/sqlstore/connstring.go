// Package sqlstore holds what the SQL stores share: reading ADO-style connection strings, splitting and quoting table
// names, the properties that relational sources and sinks have alike, matching columns by name, and the rules of the
// table in which a sink marks the partitions that it has committed.
package sqlstore

import (
	"fmt"
	"sort"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// ConnectionString is the keys of an ADO-style connection string: "Host=db1;Port=5432;Password='a;b'". Keys are
// compared without regard to case, and with single spaces or none between their words.
type ConnectionString struct {
	pairs map[string]*pair
}

type pair struct {
	key, value string // key as written
	read       bool
}

// ParseConnectionString reads a connection string by the rules of ADO.NET: pairs end at ";", a value that contains ";",
// quotes or spaces at its ends stands in single or double quotes (a quote inside is doubled), "==" in a key stands
// for "=". A key that is there twice is refused. Errors name keys, never values.
func ParseConnectionString(text string) (*ConnectionString, error) {
	c := &ConnectionString{pairs: map[string]*pair{}}
	for rest := text; ; {
		rest = strings.TrimLeft(rest, "; \t\r\n")
		if rest == "" {
			return c, nil
		}
		key, after, err := cutKey(rest)
		if err != nil {
			return nil, err
		}
		value, after, err := cutValue(key, after)
		if err != nil {
			return nil, err
		}
		name := normal(key)
		if c.pairs[name] != nil {
			return nil, fmt.Errorf("the key %q is there twice", key)
		}
		c.pairs[name] = &pair{key: key, value: value}
		rest = after
	}
}

func cutKey(s string) (key, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ';':
			return "", "", fmt.Errorf("%q is no key=value pair", shortKey(b.String()))
		case s[i] != '=':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '=':
			b.WriteByte('=')
			i++
		default:
			key = strings.TrimSpace(b.String())
			if key == "" {
				return "", "", fmt.Errorf("a value stands without a key before the =")
			}
			return key, s[i+1:], nil
		}
	}
	return "", "", fmt.Errorf("%q is no key=value pair", shortKey(b.String()))
}

// shortKey keeps a text that may be a misplaced secret out of an error message.
func shortKey(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 3 {
		return s[:1] + "..."
	}
	return "..."
}

func cutValue(key, s string) (value, rest string, err error) {
	s = strings.TrimLeft(s, " \t\r\n")
	if s == "" || s[0] != '\'' && s[0] != '"' {
		value, rest, _ = strings.Cut(s, ";")
		return strings.TrimSpace(value), rest, nil
	}
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		rest = strings.TrimLeft(s[i+1:], " \t\r\n")
		if rest != "" && rest[0] != ';' {
			return "", "", fmt.Errorf("text follows the quoted value of %q; a quote inside it must be doubled", key)
		}
		return b.String(), rest, nil
	}
	return "", "", fmt.Errorf("the quote of the value of %q is not closed", key)
}

func normal(key string) string {
	return strings.ToLower(strings.Join(strings.Fields(key), ""))
}

// Take gives the value of the first of the names that is there and marks all of them as known. Names that mean the same
// and are both there are refused by [ConnectionString.Err].
func (c *ConnectionString) Take(names ...string) (value string, ok bool) {
	for _, name := range names {
		p := c.pairs[normal(name)]
		if p == nil || p.read {
			continue
		}
		if ok {
			continue // stays unread, so that Err names it
		}
		p.read = true
		value, ok = p.value, true
	}
	return value, ok
}

// Unread are the keys, as written, that nobody took, sorted.
func (c *ConnectionString) Unread() []string {
	var keys []string
	for _, p := range c.pairs {
		if !p.read {
			keys = append(keys, p.key)
		}
	}
	sort.Strings(keys)
	return keys
}

// Report tells o about every key that nobody took, as problems of its property name.
func (c *ConnectionString) Report(o *props.Object, name string) {
	for _, key := range c.Unread() {
		o.Problem(fault.Unsupported, name, "the key %q of the connection string is not supported, or another key says the same", key)
	}
}

// DecodeConnectionString reads the property name of o as a connection string; an unreadable one is a problem of o and
// gives an empty connection string.
func DecodeConnectionString(o *props.Object, name string) *ConnectionString {
	text := o.Secret(name).Reveal()
	c, err := ParseConnectionString(text)
	if err != nil {
		o.Problem(fault.BadInput, name, "the connection string cannot be read: %v", err)
		return &ConnectionString{}
	}
	return c
}
