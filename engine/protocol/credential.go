package protocol

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"time"
)

// Paths of a node's REST calls about credentials, see the others in this package.
const (
	// PathLinkedServices answers GET with [LinkedServices].
	PathLinkedServices = "/gateway/v1/linkedservices"
	// PathCredential takes PUT with [PutCredential]: 403 where more than the credential would change or a secret is in the
	// clear, 409 where the linked service was changed in the meantime.
	PathCredential = "/gateway/v1/credential"
)

// LinkedServices are those that a node's gateway connects to, and the gateway's nodes.
type LinkedServices struct {
	LinkedServices []LinkedService `json:"linkedServices"`
	// Nodes are all nodes of the gateway, the asking one included: any of them may get a job.
	Nodes []NodeCertificate `json:"nodes"`
}

// LinkedService is one as the factory keeps it.
type LinkedService struct {
	Name string `json:"name"`
	ETag string `json:"etag"`
	// Definition is {"name","properties"}; secrets in it are sealed.
	Definition json.RawMessage `json:"definition"`
}

// NodeCertificate is a node with the certificate that credentials are sealed for.
type NodeCertificate struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Certificate []byte `json:"certificate"` // DER
}

// PutCredential puts a sealed credential into a linked service.
type PutCredential struct {
	Name string `json:"name"`
	// ETag is that of the version which Definition was made from.
	ETag       string          `json:"etag"`
	Definition json.RawMessage `json:"definition"`
}

// PutCredentialAnswer is the new version.
type PutCredentialAnswer struct {
	ETag string `json:"etag"`
}

// CredentialToken lets one person set the credential of one linked service at the endpoint of a gateway, once and soon.
// It travels in the fragment of a link that the factory hands to a person, as a compact JWS (EdDSA). Its names are not
// those of Job and Cancel, so that none of the three can be taken for another.
type CredentialToken struct {
	Purpose       string `json:"purpose"` // PurposeCredential
	Factory       string `json:"iss"`
	Gateway       string `json:"aud"`
	LinkedService string `json:"sub"`
	ID            string `json:"jti"`
	Issued        int64  `json:"iat"` // seconds since 1970
	Expires       int64  `json:"exp"`
}

const (
	// PurposeCredential is what a CredentialToken is for.
	PurposeCredential = "set-credential"
	// CredentialTokenLife is the longest that one may live.
	CredentialTokenLife = 10 * time.Minute
	// ClockTolerance is how far the clocks of factory and gateway may be apart for one to be accepted.
	ClockTolerance = 2 * time.Minute
	maxToken       = 4 << 10
)

// Sign makes the token's text.
func (t CredentialToken) Sign(key ed25519.PrivateKey) (string, error) {
	text, err := SignJSON(t, key)
	return string(text), err
}

// OpenCredentialToken checks signature, purpose, gateway and time; that it is used once is the caller's to see to.
func OpenCredentialToken(text string, key ed25519.PublicKey, factory, gateway string, now time.Time) (CredentialToken, error) {
	var t CredentialToken
	if len(text) > maxToken {
		return t, errors.New("it is too long")
	}
	if err := OpenJSON([]byte(text), key, &t); err != nil {
		return t, err
	}
	issued, expires := time.Unix(t.Issued, 0), time.Unix(t.Expires, 0)
	switch {
	case t.Purpose != PurposeCredential || t.ID == "" || t.LinkedService == "":
		return t, errors.New("it is not one for setting a credential")
	case t.Factory != factory || t.Gateway != gateway:
		return t, errors.New("it is for another gateway")
	case expires.Sub(issued) > CredentialTokenLife || now.Before(issued.Add(-ClockTolerance)):
		return t, errors.New("it is not valid yet, or for longer than allowed: the clocks of factory and gateway may differ")
	case now.After(expires.Add(ClockTolerance)):
		return t, errors.New("it has expired")
	}
	return t, nil
}
