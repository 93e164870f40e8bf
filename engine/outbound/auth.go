package outbound

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/Azure/go-ntlmssp"

	"dmgateway/engine/secret"
)

// Ways to sign in at a proxy.
const (
	basic = "Basic"
	ntlm  = "NTLM"
)

func basicAuthorization(user string, password secret.String) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password.Reveal()))
}

// ntlmNegotiate is NTLM's first message.
func ntlmNegotiate() (string, error) {
	m, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return "", err
	}
	return "NTLM " + base64.StdEncoding.EncodeToString(m), nil
}

// ntlmAuthenticate answers NTLM's challenge.
func ntlmAuthenticate(challenge []byte, user string, password secret.String) (string, error) {
	m, err := ntlmssp.NewAuthenticateMessage(modern(challenge), user, password.Reveal(), nil)
	if err != nil {
		return "", err
	}
	return "NTLM " + base64.StdEncoding.EncodeToString(m), nil
}

// modern gives a challenge of the oldest form, which has no target information or a bad one, the fields that the library
// expects, empty. The answer is NTLMv2 all the same.
func modern(challenge []byte) []byte {
	const flagsAt, challengeEnd, whole = 20, 32, 48
	if len(challenge) < challengeEnd {
		return challenge
	}
	if len(challenge) >= whole {
		n, at := uint64(binary.LittleEndian.Uint16(challenge[40:])), uint64(binary.LittleEndian.Uint32(challenge[44:]))
		if at+n <= uint64(len(challenge)) && at >= whole {
			return challenge
		}
	}
	m := make([]byte, whole)
	copy(m, challenge[:12])                            // signature and type; the target's name stays empty
	copy(m[flagsAt:], challenge[flagsAt:challengeEnd]) // flags and challenge
	return m
}

// offers reads Proxy-Authenticate: the names of the schemes, and the challenge of NTLM where there is one. Several
// schemes can stand in one header; a word before a parameter list or a comma is a scheme when it has no = of its own.
func offers(headers []string) (names []string, challenge []byte) {
	for _, h := range headers {
		for _, part := range splitUnquoted(h) {
			name, rest, _ := strings.Cut(strings.TrimSpace(part), " ")
			if name == "" || strings.Contains(name, "=") {
				continue // a parameter of the scheme before it
			}
			name = printable(name)
			if len(names) < 10 {
				names = append(names, name)
			}
			if strings.EqualFold(name, ntlm) && rest != "" {
				if c, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
					challenge = c
				}
			}
		}
	}
	return names, challenge
}

// splitUnquoted splits at commas outside quotes.
func splitUnquoted(s string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
