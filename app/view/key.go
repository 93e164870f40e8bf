package view

import (
	"dmgateway/app/words"
	"dmgateway/engine"
)

// KeyPiece is one part of a gateway key as it is typed.
type KeyPiece struct {
	Name string // "Factory ID"
	Tone Tone   // Off: not there yet, Busy: right so far, Good, Bad
	Text string // what is wrong or missing, "" where the piece is good
}

// CheckKey looks at a key that may be only partly typed, piece by piece. whole says that it can be sent.
func CheckKey(text string) (pieces []KeyPiece, whole bool) {
	whole = true
	for _, p := range engine.CheckKey(text) {
		piece := KeyPiece{Name: pieceName(p.Name), Text: Sentence(said(p.Problem, keyProblems()))}
		switch p.State {
		case engine.PieceGood:
			piece.Tone = Good
		case engine.PieceWrong:
			piece.Tone = Bad
		case engine.PiecePartial:
			piece.Tone = Busy
		default:
			piece.Tone = Off
		}
		whole = whole && piece.Tone == Good
		pieces = append(pieces, piece)
	}
	return pieces, whole
}

// KeyHint says what is still missing of a key of which nothing is wrong: the first piece that is not whole.
func KeyHint(pieces []KeyPiece) string {
	for _, p := range pieces {
		if p.Tone != Good {
			return p.Text
		}
	}
	return words.T("The key is complete.")
}

func pieceName(name string) string {
	switch name {
	case "prefix":
		return words.T("Prefix")
	case "factory ID":
		return words.T("Factory ID")
	case "gateway ID":
		return words.T("Gateway ID")
	case "key ID":
		return words.T("Key ID")
	case "service location":
		return words.T("Service location")
	case "secret":
		return words.T("Secret")
	}
	return name
}

// keyProblems are what the engine says of the pieces of a key.
func keyProblems() []saying {
	return []saying{
		{"it is empty", words.T("it is empty")},
		{`it does not begin with "ADF#"`, words.T(`it does not begin with "ADF#"`)},
		{"it is cut short after %s", words.T("it is cut short after %s")},
		{
			"it begins with %s, which is the key of a self-hosted integration runtime",
			words.T("it begins with %s, which is the key of a self-hosted integration runtime"),
		},
		{
			"it begins with %s, which is the key of another kind of Data Management Gateway",
			words.T("it begins with %s, which is the key of another kind of Data Management Gateway"),
		},
		{"the service location is missing", words.T("the service location is missing")},
		{"the service location is not whole", words.T("the service location is not whole")},
		{
			"the service location %s has no port; keys of Azure's own, retired gateway service look like this",
			words.T("the service location %s has no port; keys of Azure's own, retired gateway service look like this"),
		},
		{"the service location %s is not host:port", words.T("the service location %s is not host:port")},
		{"the service location %s has no valid host name", words.T("the service location %s has no valid host name")},
		{"the service location %s has no valid port", words.T("the service location %s has no valid port")},
		{"the service location %s has no valid path", words.T("the service location %s has no valid path")},
		{"the secret after the last # is missing", words.T("the secret after the last # is missing")},
		{"the secret is cut short: %s of %s characters", words.T("the secret is cut short: %s of %s characters")},
		{"the secret has %s characters instead of %s", words.T("the secret has %s characters instead of %s")},
		{"the secret contains the character %s, which no secret has", words.T("the secret contains the character %s, which no secret has")},
		{"the secret's last character cannot be right", words.T("the secret's last character cannot be right")},
		{"the factory ID is missing", words.T("the factory ID is missing")},
		{"the factory ID is cut short", words.T("the factory ID is cut short")},
		{"the factory ID %s is not a GUID such as %s", words.T("the factory ID %s is not a GUID such as %s")},
		{"the gateway ID is missing", words.T("the gateway ID is missing")},
		{"the gateway ID is cut short", words.T("the gateway ID is cut short")},
		{"the gateway ID %s is not a GUID such as %s", words.T("the gateway ID %s is not a GUID such as %s")},
		{"the key ID is missing", words.T("the key ID is missing")},
		{"the key ID is cut short", words.T("the key ID is cut short")},
		{"the key ID %s is not a GUID such as %s", words.T("the key ID %s is not a GUID such as %s")},
	}
}
