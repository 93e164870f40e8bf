package protocol_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"testing"
	"time"

	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

func TestSignedJobOpensWithTheFactorysKeyOnly(t *testing.T) {
	t.Parallel()
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	foreign, _, _ := ed25519.GenerateKey(rand.Reader)
	body, err := protocol.SignJSON(protocol.Job{ActivityRun: "r1", Attempt: 2}, private)
	if err != nil {
		t.Fatal(err)
	}
	var job protocol.Job
	if err := protocol.OpenJSON(body, public, &job); err != nil || job.MessageID() != "r1.2" {
		t.Fatalf("got %+v, %v", job, err)
	}
	if err := protocol.OpenJSON(body, foreign, &job); err == nil {
		t.Error("a foreign key opened it")
	}
	body[len(body)/2] ^= 1
	if err := protocol.OpenJSON(body, public, &job); err == nil {
		t.Error("a changed message opened")
	}
	if err := protocol.OpenJSON([]byte("e30.e30."), public, &job); err == nil {
		t.Error("an unsigned message opened")
	}
}

func TestWhatTheFactorySignedIsTakenForNothingElse(t *testing.T) {
	t.Parallel()
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	later := time.Now().Add(time.Hour)
	signed := []any{
		protocol.Job{ActivityRun: "r1", Attempt: 1, Gateway: "g", Expires: later, Bundle: []byte("{}")},
		protocol.Cancel{ActivityRun: "r1", Attempt: 1, Gateway: "g", Expires: later},
		protocol.CredentialToken{Purpose: protocol.PurposeCredential, Gateway: "g"},
	}
	for i, v := range signed {
		body, err := protocol.SignJSON(v, private)
		if err != nil {
			t.Fatal(err)
		}
		for j, into := range []any{&protocol.Job{}, &protocol.Cancel{}, &protocol.CredentialToken{}} {
			if err := protocol.OpenJSON(body, public, into); (err == nil) != (i == j) {
				t.Errorf("%T opened as %T: %v", v, into, err)
			}
		}
	}
}

func TestEventBelongsToTheNodeThatSignedIt(t *testing.T) {
	t.Parallel()
	tokens := map[string]string{"n1": "0123456789abcdef0123456789abcdef", "n2": "fedcba9876543210fedcba9876543210"}
	tokenOf := func(node string) string { return tokens[node] }
	e := protocol.Event{Kind: protocol.EventProgress, Node: "n1", Time: time.Now().UTC(), Progress: &report.Progress{RowsRead: 5}}
	body, err := protocol.SignEvent(e, tokens["n1"])
	if err != nil {
		t.Fatal(err)
	}
	got, err := protocol.OpenEvent(body, tokenOf)
	if err != nil || got.Progress.RowsRead != 5 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if body, _ = protocol.SignEvent(e, tokens["n2"]); body != nil {
		if _, err := protocol.OpenEvent(body, tokenOf); err == nil {
			t.Error("another node's token was accepted")
		}
	}
	e.Node = "revoked"
	if body, _ = protocol.SignEvent(e, tokens["n1"]); body != nil {
		if _, err := protocol.OpenEvent(body, tokenOf); err == nil {
			t.Error("an unknown node was accepted")
		}
	}
}

func TestRegisterProofsBindEveryPart(t *testing.T) {
	t.Parallel()
	k := protocol.RegisterSecret("secret", "key1")
	var spki, otherSPKI [32]byte
	otherSPKI[0] = 1
	n1, n2 := []byte("nonce of the gateway"), []byte("nonce of the factory")
	base := protocol.FactoryProof(k, n1, n2, spki)
	variants := map[string][]byte{
		"another key":         protocol.FactoryProof(protocol.RegisterSecret("secret", "key2"), n1, n2, spki),
		"another certificate": protocol.FactoryProof(k, n1, n2, otherSPKI),
		"nonces swapped":      protocol.FactoryProof(k, n2, n1, spki),
		"parts shifted":       protocol.FactoryProof(k, append(bytes.Clone(n1), n2[0]), n2[1:], spki),
		"the other side":      protocol.GatewayProof(k, n1, n2, spki, protocol.Register{}),
	}
	for name, proof := range variants {
		if bytes.Equal(base, proof) {
			t.Errorf("%s gives the same proof", name)
		}
	}
	a := protocol.GatewayProof(k, n1, n2, spki, protocol.Register{NodeName: "a"})
	b := protocol.GatewayProof(k, n1, n2, spki, protocol.Register{NodeName: "b"})
	if bytes.Equal(a, b) {
		t.Error("the request is not part of the gateway's proof")
	}
}
