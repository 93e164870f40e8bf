package factory

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// Limits of registering. A wrong proof costs one guess; a gateway's guesses of a minute are few, sessions short and
// usable once, so that a secret of 256 bits stays as long as it is.
const (
	sessionLife        = time.Minute
	sessionsPerKey     = 32
	sessionsAltogether = 4096
	guessesPerMinute   = 10
)

// session is a registering between its two calls.
type session struct {
	gateway, keyID             string
	gatewayNonce, factoryNonce []byte
	pin                        [32]byte
	expires                    time.Time
}

// guesses keeps open sessions and counts wrong proofs, in memory: a restart makes gateways begin again, no more.
type guesses struct {
	mu       sync.Mutex
	sessions map[string]session
	wrong    map[string][]time.Time // by gateway
}

func newGuesses() *guesses {
	return &guesses{sessions: map[string]session{}, wrong: map[string][]time.Time{}}
}

func errTooMany() error {
	return fault.New(tooManyRequests, "too many attempts to register this gateway").AsTransient().Try("Wait a minute, then try again.")
}

func (g *guesses) open(s session, now time.Time) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	same := 0
	for id, other := range g.sessions {
		switch {
		case now.After(other.expires):
			delete(g.sessions, id)
		case other.gateway == s.gateway:
			same++
		}
	}
	if same >= sessionsPerKey || len(g.sessions) >= sessionsAltogether || g.recent(s.gateway, now) >= guessesPerMinute {
		return "", errTooMany()
	}
	id := randomText(32)
	g.sessions[id] = s
	return id, nil
}

// take gives a session once.
func (g *guesses) take(id string, now time.Time) (session, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.sessions[id]
	delete(g.sessions, id)
	return s, ok && now.Before(s.expires) && g.recent(s.gateway, now) < guessesPerMinute
}

func (g *guesses) failed(gateway string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recent(gateway, now)
	g.wrong[gateway] = append(g.wrong[gateway], now)
}

// recent counts the wrong proofs of the last minute and forgets older ones.
func (g *guesses) recent(gateway string, now time.Time) int {
	list := g.wrong[gateway]
	for len(list) > 0 && now.Sub(list[0]) > time.Minute {
		list = list[1:]
	}
	if g.wrong[gateway] = list; len(list) == 0 {
		delete(g.wrong, gateway)
	}
	return len(list)
}

func errKey(format string, args ...any) *fault.Error {
	return fault.New(fault.SignInFailed, format, args...).At("gateway key").
		Try("Copy the gateway's present key from the factory: `dmgcmd factory gateway key NAME`.")
}

// keyOf finds the gateway that a key means and the HMAC key of its secret.
func (f *Factory) keyOf(ctx context.Context, q querier, gatewayID, keyID string) (gateway, []byte, error) {
	g, err := scanGateway(q.QueryRowContext(ctx, "SELECT "+gatewayColumns+" FROM gateways WHERE removed = 0 AND id = ?", gatewayID).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return g, nil, errKey("the gateway of this key does not exist or was removed")
	case err != nil:
		return g, nil, err
	case g.KeyID != keyID:
		return g, nil, errKey("this key of gateway %s has expired: the key was recreated", g.Name)
	}
	text, err := f.secrets.open(g.sealedSecret, secretRow(g))
	return g, protocol.RegisterSecret(text, g.KeyID), err
}

// registerBegin is the first call of registering: the factory proves that it knows the key's secret.
func (f *Factory) registerBegin(w http.ResponseWriter, r *http.Request) error {
	var b protocol.RegisterBegin
	if err := readJSON(r, &b); err != nil {
		return err
	}
	if !strings.EqualFold(b.Factory, f.id) {
		return errKey("this key belongs to another factory than %s", f.name)
	}
	if len(b.Nonce) != 32 {
		return fault.New(fault.BadInput, "the nonce must have 32 bytes").At("$.nonce")
	}
	pin, err := f.pin()
	if err != nil {
		return err
	}
	g, k, err := f.keyOf(r.Context(), f.db, strings.ToLower(b.Gateway), strings.ToLower(b.KeyID))
	if err != nil {
		return err
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	now := time.Now()
	id, err := f.guesses.open(session{
		gateway: g.ID, keyID: g.KeyID, gatewayNonce: b.Nonce, factoryNonce: nonce, pin: pin, expires: now.Add(sessionLife),
	}, now)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, protocol.RegisterChallenge{Session: id, Nonce: nonce, Proof: protocol.FactoryProof(k, b.Nonce, nonce, pin)})
}

// register is the second call: the gateway proves the same and hands over the node.
func (f *Factory) register(w http.ResponseWriter, r *http.Request) error {
	var in protocol.Register
	if err := readJSON(r, &in); err != nil {
		return err
	}
	now := time.Now()
	s, ok := f.guesses.take(in.Session, now)
	if !ok {
		return errKey("this registering has expired or was used already").Try("Register again.")
	}
	if err := checkNode(&in); err != nil {
		return err
	}
	out, err := f.registerNode(r.Context(), s, in, now)
	if err != nil {
		return err
	}
	f.poke()
	return writeJSON(w, http.StatusOK, out)
}

func checkNode(in *protocol.Register) error {
	in.NodeName = strings.TrimSpace(in.NodeName)
	if in.NodeName == "" || len(in.NodeName) > 150 || strings.ContainsAny(in.NodeName, "/\\?#%\x00\r\n") {
		return fault.New(fault.BadInput, "%q is no name for a node", in.NodeName).At("$.nodeName").
			Try("Use 1 to 150 characters without slashes, question marks, # and %%.")
	}
	_, err := checkCertificate(in.Certificate)
	return err
}

// registerNode checks the proof against the request exactly as it came and makes the node.
func (f *Factory) registerNode(ctx context.Context, s session, in protocol.Register, now time.Time) (protocol.Registered, error) {
	var out protocol.Registered
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		g, k, err := f.keyOf(ctx, tx, s.gateway, s.keyID)
		if err != nil {
			return err
		}
		if !hmac.Equal(in.Proof, protocol.GatewayProof(k, s.gatewayNonce, s.factoryNonce, s.pin, in)) {
			f.guesses.failed(g.ID, now)
			return errKey("the gateway could not prove that it knows the secret of this key")
		}
		id, token, err := f.putNode(ctx, tx, g, in, now)
		if err != nil {
			return err
		}
		ruleKey, err := f.secrets.open(g.sealedRule, ruleRow(g))
		if err != nil {
			return err
		}
		out = protocol.Registered{
			Factory: f.id, FactoryName: f.name, Gateway: g.ID, GatewayName: g.Name, Node: id, Token: token,
			SigningKey: f.signing.Public().(ed25519.PublicKey),
			Queue:      protocol.Queue{Connection: f.broker.connection(g.ID, ruleKey), Jobs: jobQueue(g.ID), Status: g.statusQueue},
			Heartbeat:  int(f.o.Heartbeat / time.Second), Lease: int(f.o.Lease / time.Second),
		}
		return f.sendWaiting(ctx, tx, g.ID, now)
	})
	if err == nil {
		f.o.Log.Info("node registered", logging.Key, logging.NodeRegistered, "gateway", out.GatewayName, "node", in.NodeName, "version", in.Version)
	}
	return out, err
}

// putNode makes a node, or renews the one that registers again, and gives its ID and new token.
func (f *Factory) putNode(ctx context.Context, tx *sql.Tx, g gateway, in protocol.Register, now time.Time) (id, token string, err error) {
	id = strings.ToLower(in.NodeID)
	known := 0
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM nodes WHERE id = ? AND gateway = ?", id, g.ID).Scan(&known); err != nil {
		return "", "", err
	}
	if known == 0 {
		id = uuid.NewString()
	}
	if err := f.clearName(ctx, tx, g, id, in.NodeName, now); err != nil {
		return "", "", err
	}
	token = randomText(32)
	_, err = tx.ExecContext(ctx, `INSERT INTO nodes (id, gateway, key_id, name, token_hash, sealed_token, certificate, version, registered, contact)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET key_id = excluded.key_id, name = excluded.name, token_hash = excluded.token_hash, sealed_token = excluded.sealed_token,
		certificate = excluded.certificate, version = excluded.version, registered = excluded.registered, contact = excluded.contact, heartbeat = NULL, revoked = ''`,
		id, g.ID, g.KeyID, in.NodeName, tokenHash(token), f.secrets.seal(token, tokenRow(id)), in.Certificate, in.Version, micros(now), micros(now))
	return id, token, err
}

// clearName gives a node's name to the node id: an offline node of that name is taken to be the same machine set up
// anew, an online one keeps it.
func (f *Factory) clearName(ctx context.Context, tx *sql.Tx, g gateway, id, name string, now time.Time) error {
	other, err := nodeNamed(ctx, tx, g.ID, name)
	if fault.Is(err, fault.NotFound) || (err == nil && other.ID == id) {
		return nil
	}
	if err != nil {
		return err
	}
	if status, _ := other.status(f.o.Heartbeat, now); status != statusOffline {
		return fault.New(fault.Conflict, "gateway %s has a node named %q already", g.Name, name).At("$.nodeName").
			Try("Register under another node name.")
	}
	_, err = tx.ExecContext(ctx, "UPDATE nodes SET revoked = ? WHERE id = ?", "another installation registered under its name", other.ID)
	return err
}

// readJSON decodes a request's body, which must be one JSON value of the expected shape.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	if err := d.Decode(v); err != nil {
		return bodyFault(err)
	}
	if d.More() {
		return fault.New(fault.BadInput, "the request has more than one JSON value")
	}
	return nil
}
