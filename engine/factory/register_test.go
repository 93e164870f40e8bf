package factory

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
)

// knock makes the calls of registering by hand, over TLS to whoever answers.
type knock struct {
	h    *house
	key  registration.Key
	http *http.Client
}

func (h *house) knock(key registration.Key) *knock {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &knock{h, key, &http.Client{Transport: transport}}
}

func (k *knock) post(path string, in, out any) (int, report.Error) {
	k.h.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		k.h.t.Fatal(err)
	}
	resp, err := k.http.Post("https://"+k.h.address+path, "application/json", bytes.NewReader(body))
	if err != nil {
		k.h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var failed protocol.ErrorBody
	into := out
	if resp.StatusCode != http.StatusOK {
		into = &failed
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		k.h.t.Fatal(err)
	}
	return resp.StatusCode, failed.Error
}

func (k *knock) begin() (protocol.RegisterBegin, protocol.RegisterChallenge) {
	k.h.t.Helper()
	b := protocol.RegisterBegin{Factory: k.key.Factory, Gateway: k.key.Gateway, KeyID: k.key.ID, Nonce: make([]byte, 32)}
	rand.Read(b.Nonce)
	var c protocol.RegisterChallenge
	if status, failed := k.post(protocol.PathRegisterBegin, b, &c); status != http.StatusOK {
		k.h.t.Fatalf("begin: %d %+v", status, failed)
	}
	return b, c
}

func (k *knock) register(b protocol.RegisterBegin, c protocol.RegisterChallenge, change func(*protocol.Register)) protocol.Register {
	k.h.t.Helper()
	cert := testCertificate(k.h.t)
	pin, err := k.h.pin()
	if err != nil {
		k.h.t.Fatal(err)
	}
	r := protocol.Register{Session: c.Session, NodeName: "machine-1", Version: "1", Certificate: cert.Leaf.Raw}
	r.Proof = protocol.GatewayProof(protocol.RegisterSecret(k.key.Secret.Reveal(), k.key.ID), b.Nonce, c.Nonce, pin, r)
	if change != nil {
		change(&r)
	}
	return r
}

func TestRegisteringIsRefused(t *testing.T) {
	h := newHouse(t)
	key := h.key("plant")
	k := h.knock(key)

	b, c := k.begin()
	good := k.register(b, c, nil)
	var out protocol.Registered
	if status, failed := k.post(protocol.PathRegister, good, &out); status != http.StatusOK || out.Token == "" || out.GatewayName != "plant" {
		t.Fatalf("a good registering: %d %+v", status, failed)
	}
	refused := func(what string, r protocol.Register) {
		t.Helper()
		status, failed := k.post(protocol.PathRegister, r, &out)
		if status != http.StatusUnauthorized || failed.Code != fault.SignInFailed {
			t.Errorf("%s: %d %+v", what, status, failed)
		}
	}
	refused("a replayed registering", good)
	b, c = k.begin()
	refused("a changed node name", k.register(b, c, func(r *protocol.Register) { r.NodeName = "intruder" }))
	b, c = k.begin()
	other, err := credential.NewCertificate("other")
	if err != nil {
		t.Fatal(err)
	}
	refused("an exchanged certificate", k.register(b, c, func(r *protocol.Register) { r.Certificate = other.Leaf.Raw }))
	b, c = k.begin()
	_, c2 := k.begin()
	refused("a proof of another session", k.register(b, c, func(r *protocol.Register) { r.Session = c2.Session }))
	b, c = k.begin()
	refused("the factory's own proof sent back", k.register(b, c, func(r *protocol.Register) { r.Proof = c.Proof }))
	b, c = k.begin()
	refused("an expired session", k.register(b, c, func(r *protocol.Register) {
		h.guesses.mu.Lock()
		defer h.guesses.mu.Unlock()
		s := h.guesses.sessions[r.Session]
		s.expires = time.Now().Add(-time.Second)
		h.guesses.sessions[r.Session] = s
	}))

	for name, change := range map[string]func(*protocol.RegisterBegin){
		"another factory's key": func(b *protocol.RegisterBegin) { b.Factory = b.KeyID },
		"an unknown gateway":    func(b *protocol.RegisterBegin) { b.Gateway = b.KeyID },
		"a recreated key":       func(b *protocol.RegisterBegin) { b.KeyID = b.Gateway },
	} {
		b := protocol.RegisterBegin{Factory: key.Factory, Gateway: key.Gateway, KeyID: key.ID, Nonce: make([]byte, 32)}
		change(&b)
		if status, failed := k.post(protocol.PathRegisterBegin, b, &c); status != http.StatusUnauthorized || failed.Hint == "" {
			t.Errorf("%s: %d %+v", name, status, failed)
		}
	}
}

func TestAWrongSecretIsRefusedOnBothSides(t *testing.T) {
	h := newHouse(t)
	key := h.key("plant")
	key.Secret = secret.New(strings.Repeat("A", 43))
	cert := testCertificate(t)
	_, err := registration.Register(t.Context(), key, registration.Options{NodeName: "machine-1", Version: "1", Certificate: cert.Leaf.Raw})
	if !fault.Is(err, fault.SignInFailed) {
		t.Errorf("the gateway did not notice: %v", err)
	}
	k := h.knock(key)
	var out protocol.Registered
	for i := range guessesPerMinute {
		b, c := k.begin()
		if status, _ := k.post(protocol.PathRegister, k.register(b, c, nil), &out); status != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", i, status)
		}
	}
	b := protocol.RegisterBegin{Factory: key.Factory, Gateway: key.Gateway, KeyID: key.ID, Nonce: make([]byte, 32)}
	if status, failed := k.post(protocol.PathRegisterBegin, b, &out); status != http.StatusTooManyRequests || failed.Code != tooManyRequests {
		t.Errorf("after too many guesses: %d %+v", status, failed)
	}
}

func TestGuessesAreForgottenAfterAMinute(t *testing.T) {
	t.Parallel()
	g, now := newGuesses(), time.Now()
	for range guessesPerMinute {
		g.failed("plant", now)
	}
	if _, err := g.open(session{gateway: "plant", expires: now.Add(sessionLife)}, now); err == nil {
		t.Error("opened within the minute")
	}
	if _, err := g.open(session{gateway: "other", expires: now.Add(sessionLife)}, now); err != nil {
		t.Errorf("another gateway suffers: %v", err)
	}
	later := now.Add(2 * time.Minute)
	id, err := g.open(session{gateway: "plant", expires: later.Add(sessionLife)}, later)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := g.take(id, later); !ok {
		t.Error("session not found")
	}
	if _, ok := g.take(id, later); ok {
		t.Error("session taken twice")
	}
}

func TestRegisteringAgainKeepsTheNode(t *testing.T) {
	h := newHouse(t)
	n := h.node("machine-1")
	again, err := registration.Register(t.Context(), h.key("plant"), registration.Options{NodeName: "renamed", NodeID: n.id.Node, Version: "2", Certificate: n.cert.Leaf.Raw})
	if err != nil {
		t.Fatal(err)
	}
	if again.Node != n.id.Node || again.Token.Reveal() == n.id.Token.Reveal() {
		t.Errorf("node %s instead of %s", again.Node, n.id.Node)
	}
	if _, err := n.rest.Lease(t.Context(), nil); !fault.Is(err, fault.NotRegistered) {
		t.Errorf("the old token still works: %v", err)
	}
	_, err = registration.Register(t.Context(), h.key("plant"), registration.Options{NodeName: "renamed", Version: "2", Certificate: n.cert.Leaf.Raw})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("a second node of that name: %v", err)
	}
}

func TestUnregistering(t *testing.T) {
	h := newHouse(t)
	n := h.node("machine-1")
	if err := n.rest.Unregister(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.rest.Lease(t.Context(), nil); !fault.Is(err, fault.NotRegistered) {
		t.Errorf("%v", err)
	}
	s, err := h.Gateway(t.Context(), "plant")
	if err != nil || s.Properties.State != "NeedRegistration" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestOnlyEventsOfTheNodeItselfAreTaken(t *testing.T) {
	h := newHouse(t)
	n := h.node("machine-1")
	beat := protocol.Event{Kind: protocol.EventHeartbeat, Heartbeat: &protocol.Heartbeat{NodeName: "machine-1", State: "Connected"}}
	sign := func(change func(*protocol.Event), token string) []byte {
		e := n.event(beat)
		if change != nil {
			change(&e)
		}
		body, err := protocol.SignEvent(e, token)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	token := n.id.Token.Reveal()
	if _, err := h.openEvent(t.Context(), sign(nil, token)); err != nil {
		t.Errorf("a good event: %v", err)
	}
	for name, body := range map[string][]byte{
		"another token":      sign(nil, strings.Repeat("x", 43)),
		"another gateway":    sign(func(e *protocol.Event) { e.Gateway = "other" }, token),
		"another factory":    sign(func(e *protocol.Event) { e.Factory = "other" }, token),
		"no signature":       []byte(`{"kind":"heartbeat"}`),
		"a changed event":    bytes.Replace(sign(nil, token), []byte("."), []byte(".e30"), 1),
		"an unknown node":    sign(func(e *protocol.Event) { e.Node = "nobody" }, token),
		"nothing":            nil,
		"the factory's sign": mustSign(t, h),
	} {
		if _, err := h.openEvent(t.Context(), body); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// A refused event is put aside, and the ones behind it are read.
	n.sendBody([]byte("nonsense"))
	beat.Heartbeat.Version = "7"
	n.send(beat)
	h.untilVersion("7")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for some := false; !some; {
		var err error
		if some, err = h.broker.hasDeadLetters(ctx, n.id.Status); err != nil || ctx.Err() != nil {
			t.Fatalf("the bad event is not in the dead-letter queue: %v", err)
		}
	}
}

func mustSign(t *testing.T, h *house) []byte {
	t.Helper()
	body, err := protocol.SignJSON(protocol.Event{Kind: protocol.EventHeartbeat}, h.signing)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
