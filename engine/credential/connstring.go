package credential

import "strings"

// secretParts are the parts of connection strings that nobody may read, lower case without spaces.
var secretParts = map[string]bool{
	"password": true, "pwd": true, "accountkey": true, "sharedaccesskey": true, "sharedaccesssignature": true,
	"accesskey": true, "secretaccesskey": true, "sessiontoken": true, "accesstoken": true, "clientsecret": true,
	"serviceprincipalkey": true, "sslpassword": true, "sslkeypassword": true, "passphrase": true, "privatekey": true,
	"apikey": true, "walletpassword": true, "token": true, "proxypassword": true,
}

const encryptedPart = "encryptedcredential"

// part is one name=value of a connection string, as written.
type part struct {
	text string
	name string // lower case without spaces
}

// splitConnection cuts a connection string at its semicolons, those in quotes or braces aside. Nothing is lost: the
// texts joined by semicolons are the string.
func splitConnection(s string) []part {
	var list []part
	for {
		end := partEnd(s)
		text := s[:end]
		name, _, _ := strings.Cut(text, "=")
		list = append(list, part{text, strings.ToLower(strings.Join(strings.Fields(name), ""))})
		if end == len(s) {
			return list
		}
		s = s[end+1:]
	}
}

// partEnd is where the first part ends. A value is quoted only where the quote is its first character; a doubled quote
// within it stands for itself.
func partEnd(s string) int {
	eq := strings.IndexByte(s, '=')
	semicolon := strings.IndexByte(s, ';')
	if semicolon < 0 {
		semicolon = len(s)
	}
	if eq < 0 || eq > semicolon {
		return semicolon
	}
	at := eq + 1
	for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
		at++
	}
	if at == len(s) {
		return at
	}
	closing := map[byte]byte{'"': '"', '\'': '\'', '{': '}'}[s[at]]
	if closing == 0 {
		return semicolon
	}
	for i := at + 1; i < len(s); i++ {
		if s[i] != closing {
			continue
		}
		if i+1 < len(s) && s[i+1] == closing {
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

func joinConnection(list []part) string {
	var texts []string
	for _, p := range list {
		if strings.TrimSpace(p.text) != "" {
			texts = append(texts, p.text)
		}
	}
	return strings.Join(texts, ";")
}

// takeParts divides a connection string into what may be read and the parts that were asked for.
func takeParts(s string, wanted func(name string) bool) (open string, taken []part) {
	var rest []part
	for _, p := range splitConnection(s) {
		if wanted(p.name) {
			taken = append(taken, p)
		} else {
			rest = append(rest, p)
		}
	}
	return joinConnection(rest), taken
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

// hasUserInfo reports whether a text is a URL with a password in it: "mongodb://user:password@host".
func hasUserInfo(s string) bool {
	_, rest, found := strings.Cut(s, "://")
	if !found {
		return false
	}
	authority, _, _ := strings.Cut(rest, "/")
	info, _, found := strings.Cut(authority, "@")
	return found && strings.Contains(info, ":")
}

// hasSignature reports whether a text is a URL with a shared access signature: "https://…?sv=…&sig=…".
func hasSignature(s string) bool {
	_, query, found := strings.Cut(s, "?")
	if !found || !strings.Contains(s, "://") {
		return false
	}
	for _, pair := range strings.Split(query, "&") {
		if strings.HasPrefix(strings.ToLower(pair), "sig=") {
			return true
		}
	}
	return false
}
