package endpoint

import (
	"net/url"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// open are the fields that are no secret.
var openFields = map[string]bool{"userName": true, "servicePrincipalId": true, "tenant": true, "accessKeyId": true}

const masked = "••••"

// Mask replaces the secrets among a credential's values in a text: drivers repeat them in their errors now and then. It
// finds them as they are, in quotes, and escaped for addresses.
func Mask(text string, values map[string]string) string {
	var secrets []string
	for name, v := range values {
		if openFields[name] || v == "" {
			continue
		}
		secrets = append(secrets, v, strings.TrimSpace(v), url.QueryEscape(v), url.PathEscape(v), strings.Trim(strconv.Quote(v), `"`))
		for line := range strings.Lines(v) {
			if line = strings.TrimSpace(line); len(line) >= 8 {
				secrets = append(secrets, line)
			}
		}
		// What an address or a connection string holds may be repeated without the rest.
		for _, part := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune("?&;", r) }) {
			if _, value, found := strings.Cut(part, "="); found && len(value) >= 8 {
				secrets = append(secrets, part, value)
				if plain, err := url.QueryUnescape(value); err == nil {
					secrets = append(secrets, plain)
				}
			}
		}
	}
	sort.Slice(secrets, func(i, j int) bool { return len(secrets[i]) > len(secrets[j]) })
	for _, s := range secrets {
		switch {
		case s == "":
		case len(s) >= 4:
			text = strings.ReplaceAll(text, s, masked)
		default:
			text = maskWord(text, s)
		}
	}
	return text
}

// maskWord replaces a short secret only where it stands alone: elsewhere the gaps would tell it.
func maskWord(text, word string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 {
			return b.String() + text
		}
		before, after := text[:i], text[i+len(word):]
		if endsWord(before) && beginsWord(after) {
			b.WriteString(before + masked)
		} else {
			b.WriteString(before + word)
		}
		text = after
	}
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func endsWord(s string) bool {
	for last := len(s) - 1; last >= 0; {
		return !letter(rune(s[last])) && s[last] < 0x80
	}
	return true
}

func beginsWord(s string) bool {
	for _, r := range s {
		return !letter(r)
	}
	return true
}
