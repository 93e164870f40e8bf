package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

// names are the ends of names whose values are secret, in connection strings, URLs and JSON.
const names = `password|passwd|pwd|passphrase|secret|account_?key|shared_?access_?key|shared_?key|access_?key|secret_?key|api[-_]?key|` +
	`private_?key|principal_?key|encryption_?key|token|credential|authorization|signature|cookie`

var (
	pemKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`)
	// Data Source=x;Password="a;b";…  In a connection string a value goes up to the semicolon, elsewhere to the next blank.
	assigned = regexp.MustCompile(`(?i)((?:^|[^?&\w.-])[\w.-]*(?:` + names + `|\bsig)\s*=\s*)("(?:[^"]|"")*"|'(?:[^']|'')*'|\{(?:[^}]|\}\})*\}|[^;\r\n]*;|[^\s;]+)`)
	// ?sig=x&se=…
	query = regexp.MustCompile(`(?i)([?&](?:[\w.-]*(?:` + names + `)|sig)=)[^&\s"'<>]+`)
	// "password": "x", also inside a text that is JSON in JSON
	quoted = regexp.MustCompile(`(?i)((?:` + names + `)\\*["']\s*:\s*\\*)("(?:[^"\\]|\\+[^"])*\\*"|'[^']*')`)
	// password:x
	coloned = regexp.MustCompile(`(?i)(\b[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|key):)([^\s"'/][^\s;,"']*)`)
	scheme  = regexp.MustCompile(`(?i)\b(bearer|basic|negotiate|ntlm|sharedkey|sharedaccesssignature|digest)(\s+)([A-Za-z0-9+/=._~:%-]{8,})`)
	// scheme://user:password@host, and the MySQL driver's user:password@tcp(host)
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@"']*:)([^\s"'<>]+)@`)
	driver   = regexp.MustCompile(`([^\s:/@"']+:)([^\s"']+)(@(?:tcp|unix)\()`)
	jose     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){2,4}`)
	gateway  = regexp.MustCompile(`(?i)(ADF#[^\s#"']{8,}#)[A-Za-z0-9_-]{6,}`)
	storage  = regexp.MustCompile(`[A-Za-z0-9+/]{86}==`)
)

// signs are what a text must contain, in lower case, for a pattern to find anything in it.
var signs = []string{
	"passw", "pwd", "passphrase", "secret", "key", "token", "credential", "authorization", "signature", "cookie", "sig=", "bearer",
	"basic", "negotiate", "ntlm", "digest", "@", "eyj", "adf#", "==",
}

// Redact puts stars in place of what is secret in a text that comes from elsewhere: the secrets that this process holds
// (see [Mask]), and whatever looks like one: values of passwords, keys, signatures and tokens, the password in a URL, JWT
// and JWE, private keys in PEM, a gateway key's secret. It rather masks too much.
func Redact(text string) string {
	text = Mask(text)
	if !suspicious(text) {
		return text
	}
	text = pemKey.ReplaceAllString(text, "-----PRIVATE KEY "+stars+"-----")
	text = gateway.ReplaceAllString(text, "${1}"+stars)
	text = jose.ReplaceAllString(text, stars)
	text = userInfo.ReplaceAllString(text, "${1}"+stars+"@")
	text = driver.ReplaceAllString(text, "${1}"+stars+"${3}")
	text = scheme.ReplaceAllStringFunc(text, redactScheme)
	text = query.ReplaceAllString(text, "${1}"+stars)
	text = assigned.ReplaceAllStringFunc(text, func(found string) string {
		m := assigned.FindStringSubmatch(found)
		if strings.HasSuffix(m[2], ";") {
			return m[1] + stars + ";"
		}
		return m[1] + stars
	})
	text = quoted.ReplaceAllStringFunc(text, func(found string) string {
		m := quoted.FindStringSubmatch(found)
		mark := m[2][:1]
		return m[1] + mark + stars + strings.Repeat(`\`, strings.Count(m[1][strings.LastIndexByte(m[1], ':'):], `\`)) + mark
	})
	text = coloned.ReplaceAllString(text, "${1}"+stars)
	return storage.ReplaceAllString(text, stars)
}

func suspicious(text string) bool {
	lower := strings.ToLower(text)
	for _, s := range signs {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return false
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

// Named reports whether a field's name says that its value is secret.
func Named(name string) bool { return namedSecret.MatchString(name) }

var namedSecret = regexp.MustCompile(`(?i)(?:` + names + `)$`)

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
