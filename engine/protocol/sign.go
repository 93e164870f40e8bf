package protocol

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// typeOf is the JWS header "typ" of what the factory signs. One key signs all of it, and a message's subject is not signed:
// without this a captured job, sent again as a cancel, would stop that job.
func typeOf(v any) string {
	switch v.(type) {
	case Job, *Job:
		return "dmg-job"
	case Cancel, *Cancel:
		return "dmg-cancel"
	case CredentialToken, *CredentialToken:
		return "dmg-credential"
	}
	return ""
}

// SignJSON is v as JSON in a compact JWS (EdDSA) by the factory's key: the body of jobs and cancels on the queue.
func SignJSON(v any, key ed25519.PrivateKey) ([]byte, error) {
	return sign(v, jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, "")
}

// OpenJSON checks the factory's signature, and that it was made for a value of v's type, and decodes into v.
func OpenJSON(body []byte, key ed25519.PublicKey, v any) error {
	jws, err := jose.ParseSignedCompact(string(body), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return fmt.Errorf("read signed message: %w", err)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return fmt.Errorf("the signature is not the factory's: %w", err)
	}
	if got, _ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string); got != typeOf(v) {
		return fmt.Errorf("it was signed as %q, not as %q", got, typeOf(v))
	}
	return json.Unmarshal(payload, v)
}

// SignEvent is the event as JSON in a compact JWS (HS256) by the node's token, with the node as key ID.
func SignEvent(e Event, token string) ([]byte, error) {
	return sign(e, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(token)}, e.Node)
}

// OpenEvent checks and decodes an event. tokenOf gives the token of a node, "" for one that is unknown or revoked.
func OpenEvent(body []byte, tokenOf func(node string) string) (Event, error) {
	var e Event
	jws, err := jose.ParseSignedCompact(string(body), []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return e, fmt.Errorf("read signed event: %w", err)
	}
	node := jws.Signatures[0].Header.KeyID
	token := tokenOf(node)
	if token == "" {
		return e, fmt.Errorf("event of the unknown node %q", node)
	}
	payload, err := jws.Verify([]byte(token))
	if err != nil {
		return e, fmt.Errorf("the event's signature is not that of node %s: %w", node, err)
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return e, fmt.Errorf("read event: %w", err)
	}
	if e.Node != node {
		return e, fmt.Errorf("node %s reports in the name of %s", node, e.Node)
	}
	return e, nil
}

func sign(v any, key jose.SigningKey, keyID string) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	o := &jose.SignerOptions{}
	if keyID != "" {
		o = o.WithHeader("kid", keyID)
	}
	if t := typeOf(v); t != "" {
		o = o.WithType(jose.ContentType(t))
	}
	s, err := jose.NewSigner(key, o)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	text, err := jws.CompactSerialize()
	return []byte(text), err
}
