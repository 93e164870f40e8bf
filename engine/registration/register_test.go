package registration

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
)

// double is the factory's side of registering.
type double struct {
	t      *testing.T
	server *httptest.Server
	key    Key
	secret string // that the factory knows, normally the key's

	mu       sync.Mutex
	nonces   [2][]byte
	got      protocol.Register
	proven   bool
	answer   func(http.ResponseWriter, *http.Request) bool // answers in the factory's place
	requests []string
}

func newDouble(t *testing.T, prefix string) *double {
	d := &double{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc(prefix+protocol.PathRegisterBegin, d.begin)
	mux.HandleFunc(prefix+protocol.PathRegister, d.register)
	d.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.requests = append(d.requests, r.URL.Path)
		answer := d.answer
		d.mu.Unlock()
		if answer == nil || !answer(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(d.server.Close)
	d.key = newTestKey(d.server.Listener.Addr().String() + prefix)
	d.secret = d.key.Secret.Reveal()
	return d
}

func (d *double) k() []byte { return protocol.RegisterSecret(d.secret, d.key.ID) }

func (d *double) begin(w http.ResponseWriter, r *http.Request) {
	var in protocol.RegisterBegin
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		d.t.Error(err)
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	d.mu.Lock()
	d.nonces = [2][]byte{in.Nonce, nonce}
	d.mu.Unlock()
	proof := protocol.FactoryProof(d.k(), in.Nonce, nonce, protocol.SPKIHash(d.server.Certificate()))
	_ = json.NewEncoder(w).Encode(protocol.RegisterChallenge{Session: "s1", Nonce: nonce, Proof: proof})
}

func (d *double) register(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&d.got); err != nil {
		d.t.Error(err)
	}
	want := protocol.GatewayProof(d.k(), d.nonces[0], d.nonces[1], protocol.SPKIHash(d.server.Certificate()), d.got)
	d.proven = hmac.Equal(want, d.got.Proof)
	_ = json.NewEncoder(w).Encode(protocol.Registered{
		Factory: d.key.Factory, FactoryName: "fac", Gateway: d.key.Gateway, GatewayName: "gw", Node: "n1", Token: "tok", SigningKey: make([]byte, ed25519.PublicKeySize),
		Queue: protocol.Queue{Connection: "Endpoint=sb://factory/;SharedAccessKeyName=a;SharedAccessKey=b", Jobs: "j", Status: "s"}, Heartbeat: 7, Lease: 33,
	})
}

func TestRegisterProvesBothSides(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/adf/eu"} {
		d := newDouble(t, prefix)
		var steps []string
		id, err := Register(t.Context(), d.key, Options{
			NodeName: "node", NodeID: "old", Version: "1.2.3", Certificate: []byte("cert"),
			Progress: func(step, _ string) { steps = append(steps, step) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if !d.proven || d.got.NodeName != "node" || d.got.NodeID != "old" || d.got.Version != "1.2.3" || string(d.got.Certificate) != "cert" || d.got.Session != "s1" {
			t.Errorf("the factory got %+v, proven %v", d.got, d.proven)
		}
		if id.Pin != protocol.SPKIHash(d.server.Certificate()) || id.Location != d.key.Location || id.Token.Reveal() != "tok" || id.Heartbeat.Seconds() != 7 || id.Lease.Seconds() != 33 {
			t.Errorf("identity %+v", id)
		}
		if want := []string{"contact", "prove", "certificate", "queue"}; !slices.Equal(steps, want) {
			t.Errorf("steps %v", steps)
		}
		for _, r := range d.requests {
			if strings.Contains(r, d.secret) {
				t.Error("the secret was sent")
			}
		}
	}
}

func TestRegisterRefusesAFactoryThatCannotProveTheKey(t *testing.T) {
	t.Parallel()
	d := newDouble(t, "")
	d.secret = newTestKey("x:1").Secret.Reveal()
	_, err := Register(t.Context(), d.key, Options{NodeName: "node", Certificate: []byte("cert")})
	if fault.Code(err) != fault.SignInFailed || !strings.HasPrefix(err.Error(), FailureText+" The service at") {
		t.Fatalf("got %v", err)
	}
	if slices.Contains(d.requests, protocol.PathRegister) {
		t.Error("the certificate was handed over nevertheless")
	}
}

// A proxy that opens TLS shows a certificate of its own, passes everything on, and so is bound to fail the proof.
func TestRegisterNoticesSomebodyInBetween(t *testing.T) {
	t.Parallel()
	d := newDouble(t, "")
	between := httptest.NewUnstartedServer(passOn(d, t))
	other, err := tls.X509KeyPair(otherCertificate(t))
	if err != nil {
		t.Fatal(err)
	}
	between.TLS = &tls.Config{Certificates: []tls.Certificate{other}}
	between.StartTLS()
	t.Cleanup(between.Close)
	key := d.key
	key.Location = between.Listener.Addr().String()
	_, err = Register(t.Context(), key, Options{NodeName: "node", Certificate: []byte("cert")})
	if fault.Code(err) != fault.SignInFailed || !strings.Contains(fault.As(err).Hint, "proxy that opens TLS") {
		t.Fatalf("got %v", err)
	}
}

// passOn answers with what the factory answers.
func passOn(d *double, t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := d.server.Client().Post(d.server.URL+r.URL.Path, "application/json", r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		var body json.RawMessage
		_ = json.NewDecoder(resp.Body).Decode(&body)
		_, _ = w.Write(body)
	})
}

func TestRegisterTellsWhatTheFactorySays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   any
		code   string
		says   string
	}{
		{"expired key", 401, protocol.ErrorBody{Error: report.Error{Code: fault.SignInFailed, Message: "this key of gateway g has expired: the key was recreated", Hint: "h"}}, fault.SignInFailed, "This key of gateway g has expired"},
		{"not a factory", 404, "<html>", fault.NotFound, "HTTP 404 not found"},
		{"a factory that fails", 500, "", fault.Unreachable, "HTTP 500"},
		{"no JSON", 200, "hello", fault.BadData, "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t, "")
			d.answer = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(c.status)
				if text, ok := c.body.(string); ok {
					_, _ = w.Write([]byte(text))
				} else {
					_ = json.NewEncoder(w).Encode(c.body)
				}
				return true
			}
			_, err := Register(t.Context(), d.key, Options{})
			if fault.Code(err) != c.code || !strings.HasPrefix(err.Error(), FailureText+" ") || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.says)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRegisterExplainsAnUnreachableFactory(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	key := newTestKey(l.Addr().String())
	l.Close()
	_, err = Register(t.Context(), key, Options{})
	if f := fault.As(err); f.Code != fault.Unreachable || !f.Transient || !strings.Contains(f.Hint, key.Location) {
		t.Errorf("got %+v", f)
	}

	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	key.Location = plain.Listener.Addr().String()
	_, err = Register(t.Context(), key, Options{})
	if f := fault.As(err); f.Code != fault.Unreachable || !strings.Contains(f.Hint, "does not speak HTTPS") {
		t.Errorf("got %+v", f)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Register(ctx, key, Options{}); fault.Code(err) != fault.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestClientSpeaksOnlyToThePinnedKey(t *testing.T) {
	t.Parallel()
	var token string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token = r.Header.Get("Authorization")
		var in protocol.LeaseRequest
		_ = json.NewDecoder(r.Body).Decode(&in)
		out := protocol.LeaseResponse{}
		for range in.Jobs {
			out.Answers = append(out.Answers, protocol.LeaseHeld)
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(server.Close)
	id := &Identity{Node: "n", Location: server.Listener.Addr().String(), Token: secret.New("tok"), Pin: protocol.SPKIHash(server.Certificate())}
	c := NewClient(id, nil)
	defer c.Close()
	answers, err := c.Lease(t.Context(), []protocol.LeaseJob{{ActivityRun: "r", Attempt: 1}})
	if err != nil || !slices.Equal(answers, []string{protocol.LeaseHeld}) || token != "Bearer tok" {
		t.Fatalf("%v %v %q", answers, err, token)
	}
	token = ""
	id.Pin[0] ^= 1
	wrong := NewClient(id, nil)
	defer wrong.Close()
	if _, err := wrong.Lease(t.Context(), nil); fault.Code(err) != fault.Unreachable || fault.IsTransient(err) || token != "" {
		t.Errorf("wrong pin: %v, token %q", err, token)
	}
}

func TestClientTellsRevokedFromLost(t *testing.T) {
	t.Parallel()
	status := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(protocol.ErrorBody{Error: report.Error{Code: fault.Conflict, Message: "because"}})
	}))
	t.Cleanup(server.Close)
	c := NewClient(&Identity{Location: server.Listener.Addr().String(), Token: secret.New("t"), Pin: protocol.SPKIHash(server.Certificate())}, nil)
	defer c.Close()
	status = 401
	if _, err := c.Lease(t.Context(), nil); fault.Code(err) != fault.NotRegistered {
		t.Errorf("401: %v", err)
	}
	status = 409
	if err := c.Checkpoint(t.Context(), protocol.CheckpointRequest{}); fault.Code(err) != fault.LeaseLost {
		t.Errorf("409: %v", err)
	}
	status = 503
	if err := c.Checkpoint(t.Context(), protocol.CheckpointRequest{}); !fault.IsTransient(err) {
		t.Errorf("503: %v", err)
	}
}

type memoryVault map[string][]byte

func (v memoryVault) Get(name string) ([]byte, error)     { return v[name], nil }
func (v memoryVault) Put(name string, value []byte) error { v[name] = value; return nil }
func (v memoryVault) Delete(name string) error            { delete(v, name); return nil }

func TestIdentitySurvivesTheVault(t *testing.T) {
	t.Parallel()
	d := newDouble(t, "")
	id, err := Register(t.Context(), d.key, Options{NodeName: "node", Certificate: []byte("cert")})
	if err != nil {
		t.Fatal(err)
	}
	v := memoryVault{}
	if got, err := Load(v); got != nil || err != nil {
		t.Fatalf("empty vault: %v %v", got, err)
	}
	if err := Save(v, id); err != nil {
		t.Fatal(err)
	}
	got, err := Load(v)
	if err != nil || got.Token.Reveal() != "tok" || got.Connection.Reveal() != id.Connection.Reveal() || got.Pin != id.Pin || !got.SigningKey.Equal(id.SigningKey) || got.Lease != id.Lease || !got.Registered.Equal(id.Registered) {
		t.Fatalf("got %+v, %v", got, err)
	}
	v[vaultName] = []byte("{}")
	if _, err := Load(v); fault.Code(err) != fault.BadData {
		t.Errorf("damaged: %v", err)
	}
	if err := Forget(v); err != nil || len(v) != 0 {
		t.Errorf("forgotten: %v %v", v, err)
	}
}
