package registration

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/protocol"
)

// FailureText begins every message about a failed registration; the actual reason follows.
const FailureText = "Failed to register the gateway key. Before trying to register the gateway key again, confirm that the " +
	"Data Management Gateway is in a connected state and the Data Management Gateway Host Service is Started."

// Dial opens a TCP connection; nil where one is optional means the ordinary way, through the proxy where there is one.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options of registering.
type Options struct {
	NodeName    string
	NodeID      string // of an earlier registration with the same gateway, "" for none
	Version     string
	Certificate []byte // the gateway's certificate, DER
	// Progress is called before each step: contact, prove, certificate, queue. Nil is fine.
	Progress func(step, text string)
	Dial     Dial
	// Out is the way out, nil = as the system says; Dial goes before it.
	Out *outbound.Out
}

func (o Options) progress(step, text string) {
	if o.Progress != nil {
		o.Progress(step, text)
	}
}

// Register proves the key to the factory and has the factory prove it too, hands over the node and returns its identity,
// with the factory's TLS key pinned. Nothing is stored. Errors begin with [FailureText].
func Register(ctx context.Context, key Key, o Options) (*Identity, error) {
	id, err := register(ctx, key, o)
	if err == nil {
		return id, nil
	}
	// The known sentence, then the actual reason, as one message.
	e := *fault.As(err)
	e.Message = FailureText + " " + upperFirst(e.Message)
	return nil, &e
}

func upperFirst(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

func register(ctx context.Context, key Key, o Options) (*Identity, error) {
	seen := &seenKey{}
	rest := newREST(key.Location, seen.config(), o.Out, o.Dial)
	defer rest.close()

	o.progress("contact", "Contacting "+key.Location)
	begin := protocol.RegisterBegin{Factory: key.Factory, Gateway: key.Gateway, KeyID: key.ID, Nonce: make([]byte, 32)}
	rand.Read(begin.Nonce)
	var challenge protocol.RegisterChallenge
	if err := rest.call(ctx, http.MethodPost, protocol.PathRegisterBegin, begin, &challenge); err != nil {
		return nil, err
	}

	o.progress("prove", "Proving the key to each other")
	k := protocol.RegisterSecret(key.Secret.Reveal(), key.ID)
	spki := seen.hash()
	if len(challenge.Nonce) != 32 || !hmac.Equal(challenge.Proof, protocol.FactoryProof(k, begin.Nonce, challenge.Nonce, spki)) {
		return nil, fault.New(fault.SignInFailed, "the service at %s could not prove that it knows this key", key.Location).At(key.Location).
			Try("Copy the key again in case its secret is misspelt. If it is right, another machine answers in the factory's place (a proxy that opens TLS, for instance): ask the network's administrator to exempt %s.", key.Location)
	}

	o.progress("certificate", "Handing over the gateway's certificate")
	request := protocol.Register{Session: challenge.Session, NodeName: o.NodeName, NodeID: o.NodeID, Version: o.Version, Certificate: o.Certificate}
	request.Proof = protocol.GatewayProof(k, begin.Nonce, challenge.Nonce, spki, request)
	var answer protocol.Registered
	if err := rest.call(ctx, http.MethodPost, protocol.PathRegister, request, &answer); err != nil {
		return nil, err
	}

	o.progress("queue", "Receiving the queue's address")
	return newIdentity(key, o, spki, answer, time.Now())
}

// seenKey remembers the TLS key of the first connection and refuses any other on later ones, so that both calls are
// bound to one key even where the connection has to be made again.
type seenKey struct {
	mu   sync.Mutex
	set  bool
	spki [32]byte
}

func (s *seenKey) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// The certificate is proven by the key's secret, not by an authority: see protocol.FactoryProof.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection and the proof take its place
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("the server showed no certificate")
			}
			got := protocol.SPKIHash(cs.PeerCertificates[0])
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.set && s.spki != got {
				return errors.New("the server changed its TLS key while registering")
			}
			s.set, s.spki = true, got
			return nil
		},
	}
}

func (s *seenKey) hash() [32]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spki
}
