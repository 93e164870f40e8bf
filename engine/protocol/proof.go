package protocol

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
)

// RegisterSecret derives the HMAC key of registering from a gateway key's secret. The secret itself is never a key.
func RegisterSecret(secret, keyID string) []byte {
	k, err := hkdf.Key(sha256.New, []byte(secret), []byte(keyID), "dmgateway register v1", 32)
	if err != nil {
		panic(err) // only for lengths beyond 255 hashes
	}
	return k
}

// SPKIHash identifies a TLS key.
func SPKIHash(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// FactoryProof is the proof in a RegisterChallenge.
func FactoryProof(k, gatewayNonce, factoryNonce []byte, spki [32]byte) []byte {
	return prove(k, "factory", gatewayNonce, factoryNonce, spki[:])
}

// GatewayProof is the proof in a Register, over the request with an empty Proof.
func GatewayProof(k, gatewayNonce, factoryNonce []byte, spki [32]byte, r Register) []byte {
	r.Proof = nil
	body, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts and bytes always marshal
	}
	return prove(k, "gateway", gatewayNonce, factoryNonce, spki[:], body)
}

func prove(k []byte, parts ...any) []byte {
	m := hmac.New(sha256.New, k)
	for _, p := range parts {
		var b []byte
		switch p := p.(type) {
		case string:
			b = []byte(p)
		case []byte:
			b = p
		}
		fmt.Fprintf(m, "%d:", len(b)) // lengths first, so that parts cannot run into each other
		m.Write(b)
	}
	return m.Sum(nil)
}

func messageID(activityRun string, attempt int) string {
	return fmt.Sprintf("%s.%d", activityRun, attempt)
}

// ResultMessageID is the MessageID of an attempt's result event.
func ResultMessageID(activityRun string, attempt int) string {
	return "result/" + messageID(activityRun, attempt)
}
