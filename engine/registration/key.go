// Package registration is how an installation becomes a node of a gateway: the gateway key, the two calls that prove it
// without sending it, the identity that is kept afterwards, and the node's own REST calls with it.
package registration

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// SecretLength is the number of characters of a key's secret: 32 random bytes in unpadded base64url.
const SecretLength = 43

const keyPrefix = "ADF"

// Key is a gateway key: which factory, gateway and key it is, where the factory answers, and the secret to prove it.
//
// fmt and log/slog show it with stars in the secret's place; only [Key.String], called by name, gives the whole text.
type Key struct {
	Factory  string // GUID, lower case
	Gateway  string // GUID, lower case
	ID       string // GUID, lower case; a recreated key has another
	Location string // host:port of the factory, with a path prefix where it has one: "factory.example:8051/adf"
	Secret   secret.String
}

// String is the key as a person is given it, secret included: ADF#factory@gateway@key@location#secret.
func (k Key) String() string { return k.masked() + k.Secret.Reveal() }

func (k Key) masked() string {
	return fmt.Sprintf("%s#%s@%s@%s@%s#", keyPrefix, k.Factory, k.Gateway, k.ID, k.Location)
}

// Format prints the key with stars in the secret's place.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.masked()+k.Secret.String()) }

// LogValue is the key with stars in the secret's place.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.masked() + k.Secret.String()) }

// URL is the factory's address.
func (k Key) URL() string { return "https://" + k.Location }

// PieceState says how far a piece of a key is.
type PieceState string

// The states of a piece.
const (
	PieceMissing PieceState = "missing" // nothing of it is there yet
	PiecePartial PieceState = "partial" // right so far, but not whole
	PieceGood    PieceState = "good"
	PieceWrong   PieceState = "wrong"
)

// Piece is one part of a key as it is typed.
type Piece struct {
	Name    string // prefix, factory ID, gateway ID, key ID, service location or secret
	State   PieceState
	Problem string // what is wrong or missing, for people; "" where State is good
	text    string
}

// Check looks at a key that may be only partly typed, piece by piece, in order. It always returns the six pieces, except
// for a key of another product, which has one piece, wrong.
func Check(partial string) []Piece {
	text := clean(partial)
	if p, foreign := foreignKey(text); foreign {
		return []Piece{p}
	}
	prefix, rest, hasHash := strings.Cut(text, "#")
	pieces := []Piece{checkPrefix(prefix, hasHash)}
	middle, secretText, hasSecret := strings.Cut(rest, "#")
	parts := strings.SplitN(middle, "@", 4)
	for i, name := range []string{"factory ID", "gateway ID", "key ID"} {
		part, ended := "", false
		if i < len(parts) {
			part, ended = parts[i], i < len(parts)-1 || hasSecret
		}
		pieces = append(pieces, checkGUID(name, part, ended))
	}
	location := ""
	if len(parts) == 4 {
		location = parts[3]
	}
	return append(pieces, checkLocation(location, hasSecret), checkSecret(secretText))
}

// ParseKey reads a gateway key. White space that mail programs put into it is dropped. An error says which part is wrong
// and what to do; it never contains the secret.
func ParseKey(text string) (Key, error) {
	pieces := Check(text)
	for _, p := range pieces {
		if p.State != PieceGood {
			return Key{}, keyFault(p, len(pieces) == 1)
		}
	}
	return Key{
		Factory: strings.ToLower(pieces[1].text), Gateway: strings.ToLower(pieces[2].text), ID: strings.ToLower(pieces[3].text),
		Location: pieces[4].text, Secret: secret.New(pieces[5].text),
	}, nil
}

func keyFault(p Piece, foreign bool) error {
	e := fault.New(fault.BadInput, "the gateway key is not valid: %s", p.Problem).At("gateway key: " + p.Name)
	switch {
	case foreign:
		return e.Try("Create a gateway in the data factory that this program is to serve, and copy the key from there.")
	case p.State == PieceWrong:
		return e.Try("Copy the key again from the gateway's page, without typing it by hand.")
	}
	return e.Try("Copy the whole key; it ends with a secret of %d characters.", SecretLength)
}

// clean drops white space, invisible characters and surrounding quotes, which no part of a key contains.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
	return strings.Trim(text, `"'`)
}

func foreignKey(text string) (Piece, bool) {
	upper := strings.ToUpper(text)
	for prefix, product := range map[string]string{
		"IR@": "a self-hosted integration runtime", "DMG@": "another kind of Data Management Gateway", "DMG#": "another kind of Data Management Gateway",
	} {
		if strings.HasPrefix(upper, prefix) {
			return Piece{Name: "prefix", State: PieceWrong, Problem: "it begins with " + prefix + ", which is the key of " + product}, true
		}
	}
	return Piece{}, false
}

func checkPrefix(prefix string, ended bool) Piece {
	p := Piece{Name: "prefix", State: PieceGood, text: prefix}
	switch {
	case prefix == keyPrefix && ended:
	case prefix == "" && !ended:
		p.State, p.Problem = PieceMissing, "it is empty"
	case !ended && strings.HasPrefix(keyPrefix, prefix):
		p.State, p.Problem = PiecePartial, "it is cut short after "+strconv.Quote(prefix)
	default:
		p.State, p.Problem = PieceWrong, `it does not begin with "ADF#"`
	}
	return p
}

const guidShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

var wholeGUID = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

func checkGUID(name, text string, ended bool) Piece {
	p := Piece{Name: name, State: PieceGood, text: text}
	switch {
	case wholeGUID.MatchString(text):
	case text == "" && !ended:
		p.State, p.Problem = PieceMissing, "the "+name+" is missing"
	case !ended && guidBegins(text):
		p.State, p.Problem = PiecePartial, "the "+name+" is cut short"
	default:
		p.State, p.Problem = PieceWrong, fmt.Sprintf("the %s %q is not a GUID such as %s", name, shorten(text), guidShape)
	}
	return p
}

func guidBegins(text string) bool {
	if len(text) >= len(guidShape) {
		return false
	}
	for i := range len(text) {
		if (guidShape[i] == '-') != (text[i] == '-') {
			return false
		}
		if text[i] != '-' && !strings.ContainsRune("0123456789abcdefABCDEF", rune(text[i])) {
			return false
		}
	}
	return true
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func checkLocation(text string, ended bool) Piece {
	p := Piece{Name: "service location", State: PieceGood, text: strings.TrimSuffix(text, "/")}
	if text == "" && !ended {
		p.State, p.Problem = PieceMissing, "the service location is missing"
		return p
	}
	problem := locationProblem(p.text)
	switch {
	case problem == "":
	case !ended:
		p.State, p.Problem = PiecePartial, "the service location is not whole"
	default:
		p.State, p.Problem = PieceWrong, problem
	}
	return p
}

func locationProblem(text string) string {
	address, prefix, _ := strings.Cut(text, "/")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if hostName.MatchString(address) {
			return fmt.Sprintf("the service location %q has no port; keys of Azure's own, retired gateway service look like this", shorten(text))
		}
		return fmt.Sprintf("the service location %q is not host:port", shorten(text))
	}
	if !hostName.MatchString(host) && net.ParseIP(host) == nil {
		return fmt.Sprintf("the service location %q has no valid host name", shorten(text))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Sprintf("the service location %q has no valid port", shorten(text))
	}
	if strings.ContainsAny(prefix, "?%\\") || strings.Contains("/"+prefix+"/", "/../") {
		return fmt.Sprintf("the service location %q has no valid path", shorten(text))
	}
	return ""
}

func checkSecret(text string) Piece {
	p := Piece{Name: "secret", State: PieceGood, text: text}
	for _, r := range text {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", r) {
			p.State, p.Problem = PieceWrong, fmt.Sprintf("the secret contains the character %q, which no secret has", r)
			return p
		}
	}
	switch {
	case text == "":
		p.State, p.Problem = PieceMissing, "the secret after the last # is missing"
	case len(text) < SecretLength:
		p.State, p.Problem = PiecePartial, fmt.Sprintf("the secret is cut short: %d of %d characters", len(text), SecretLength)
	case len(text) > SecretLength:
		p.State, p.Problem = PieceWrong, fmt.Sprintf("the secret has %d characters instead of %d", len(text), SecretLength)
	default:
		// The last character carries only four of its six bits: a misspelt one is found in three of four cases.
		if _, err := base64.RawURLEncoding.Strict().DecodeString(text); err != nil {
			p.State, p.Problem = PieceWrong, "the secret's last character cannot be right"
		}
	}
	return p
}

func shorten(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:57], "") + "..."
	}
	return text
}
