package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

var (
	pemKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`)
	scheme = regexp.MustCompile(`(?i)\b(bearer|basic|negotiate|ntlm|sharedkey|sharedaccesssignature|digest)(\s+)([A-Za-z0-9+/=._~:%-]{8,})`)
	// scheme://user:password@host, and the MySQL driver's user:password@tcp(host)
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@"']*:)([^\s"'<>]+)@`)
	driver   = regexp.MustCompile(`([^\s:/@"']+:)([^\s"']+)(@(?:tcp|unix)\()`)
	jose     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){2,4}`)
	gateway  = regexp.MustCompile(`(?i)(ADF#[^\s#"']{8,}#)[A-Za-z0-9_-]{6,}`)
	storage  = regexp.MustCompile(`[A-Za-z0-9+/]{86}==`)
)

// pattern is looked for only in texts that have one of its signs, in lower case: most have none.
type pattern struct {
	signs []string
	mask  func(text string) string
}

func replaced(re *regexp.Regexp, by string) func(string) string {
	return func(text string) string { return re.ReplaceAllString(text, by) }
}

var patterns = []pattern{
	{[]string{"-----begin"}, replaced(pemKey, "-----PRIVATE KEY "+stars+"-----")},
	{[]string{"adf#"}, replaced(gateway, "${1}"+stars)},
	{[]string{"eyj"}, replaced(jose, stars)},
	{[]string{"://"}, replaced(userInfo, "${1}"+stars+"@")},
	{[]string{"@tcp(", "@unix("}, replaced(driver, "${1}"+stars+"${3}")},
	{
		[]string{"bearer", "basic", "negotiate", "ntlm", "sharedkey", "sharedaccesssignature", "digest"},
		func(text string) string { return scheme.ReplaceAllStringFunc(text, redactScheme) },
	},
	{[]string{"=", ":"}, redactValues},
	{[]string{"=="}, replaced(storage, stars)},
}

// Redact puts stars in place of what is secret in a text that comes from elsewhere: the secrets that this process holds
// (see [Mask]), and whatever looks like one: values of passwords, keys, signatures and tokens, the password in a URL, JWT
// and JWE, private keys in PEM, a gateway key's secret. It rather masks too much.
func Redact(text string) string {
	text = Mask(text)
	if !strings.ContainsAny(text, "=:-#@ .") { // a single word
		return text
	}
	lower := strings.ToLower(text)
	for _, p := range patterns {
		for _, sign := range p.signs {
			if strings.Contains(lower, sign) {
				text = p.mask(text)
				break
			}
		}
	}
	return text
}

// redactScheme leaves words alone: "Basic authentication" holds no secret.
func redactScheme(found string) string {
	m := scheme.FindStringSubmatch(found)
	value := m[3]
	isSecret := strings.ContainsFunc(value, unicode.IsDigit) || strings.ContainsAny(value, "=._+") || len(value) > 32
	if !isSecret && strings.EqualFold(m[1], "basic") {
		plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
		isSecret = err == nil && bytes.ContainsRune(plain, ':')
	}
	if !isSecret {
		return found
	}
	return m[1] + m[2] + stars
}

// RedactJSON redacts every string in JSON values, or in what is left of some; the rest stays as it is, byte for byte. The
// value of a field whose name is that of a secret becomes stars.
func RedactJSON(data []byte) []byte {
	var out []byte // nil until something changes
	last, field := 0, ""
	for i := 0; i < len(data); {
		if data[i] != '"' {
			i++
			continue
		}
		end := stringEnd(data, i)
		literal := data[i:end]
		var text string
		if json.Unmarshal(literal, &text) != nil { // cut off
			text = string(bytes.Trim(literal, `"`))
		}
		rest := bytes.TrimLeft(data[end:], " \t\r\n")
		isField := len(rest) > 0 && rest[0] == ':'
		masked := text
		switch {
		case isField:
			field = text
		case Named(field) && text != "":
			masked = stars
			field = ""
		default:
			masked, field = Redact(text), ""
		}
		if masked != text {
			replaced, err := json.Marshal(masked)
			if err != nil {
				replaced = []byte(`"` + stars + `"`)
			}
			out = append(append(out, data[last:i]...), replaced...)
			last = end
		}
		i = end
	}
	if out == nil {
		return data
	}
	return append(out, data[last:]...)
}

// stringEnd is behind the closing quote of the string that begins at from, or the end of the data.
func stringEnd(data []byte, from int) int {
	for i := from + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}
