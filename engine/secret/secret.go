// Package secret holds the one type for passwords, keys and tokens: it prints as stars everywhere.
package secret

import (
	"encoding/json"
	"log/slog"
)

const stars = "******"

// String is a secret text. Its zero value is the empty secret. fmt, log/slog and encoding/json all show stars; only
// [String.Reveal] gives the text, so a search for Reveal finds every place where a secret leaves its box.
type String struct {
	_ [0]func() // no ==: it would compare addresses, and in a time that tells something
	// A pointer, because fmt prints the fields of a struct that holds a String in an unexported field without asking for
	// its methods: it then shows an address.
	text *string
}

// New wraps a secret text. While it can be reached, [Mask] knows it.
func New(text string) String {
	s := String{text: &text}
	remember(s.text)
	return s
}

// Reveal gives the text itself.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no text.
func (s String) Empty() bool { return s.Reveal() == "" }

// String is always stars.
func (String) String() string { return stars }

// GoString is always stars.
func (String) GoString() string { return stars }

// MarshalJSON is always stars; a secret is stored by sealing it, never by marshalling.
func (String) MarshalJSON() ([]byte, error) { return []byte(`"` + stars + `"`), nil }

// UnmarshalJSON reads a plain JSON string.
func (s *String) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*s = String{}
	if text != nil {
		*s = New(*text)
	}
	return nil
}

// LogValue is always stars.
func (String) LogValue() slog.Value { return slog.StringValue(stars) }
