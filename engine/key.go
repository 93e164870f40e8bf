package engine

import (
	"path/filepath"

	"dmgateway/engine/logging"
	"dmgateway/engine/registration"
)

// KeyPiece is one part of a gateway key as it is typed.
type KeyPiece = registration.Piece

// How far a part of a key is.
const (
	PieceMissing = registration.PieceMissing // nothing of it is there yet
	PiecePartial = registration.PiecePartial // right so far, but not whole
	PieceGood    = registration.PieceGood
	PieceWrong   = registration.PieceWrong
)

// CheckKey looks at a gateway key that may be only partly typed, piece by piece, in order: six pieces, or the one wrong
// piece by which the key of another product is known. Nothing is sent anywhere.
func CheckKey(text string) []KeyPiece { return registration.Check(text) }

// LogFile is where the engine writes its log.
func (e *Engine) LogFile() string { return filepath.Join(e.data, logging.Folder, logging.Current) }

// RegisteredWith says whether this node serves the gateway that the key is for, so that registering again is needless. name
// is the gateway that it serves, "" where it serves none or the factory does not accept it any more.
func (e *Engine) RegisteredWith(text string) (name string, same bool, err error) {
	key, err := registration.ParseKey(text)
	if err != nil {
		return "", false, err
	}
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil || e.status().State == NeedRegistration {
		return "", false, nil
	}
	return id.GatewayName, id.Factory == key.Factory && id.Gateway == key.Gateway, nil
}
