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
		piece := KeyPiece{Name: pieceName(p.Name), Text: Sentence(words.Of(p.Problem))}
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
