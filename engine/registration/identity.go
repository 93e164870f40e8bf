package registration

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/secret"
)

// Identity is what a node has after registering: who it is, whom it serves, and what it needs to be recognised. It is
// kept in the vault only, see [Save].
type Identity struct {
	Factory     string // GUID
	FactoryName string
	Gateway     string // GUID
	GatewayName string
	Node        string // GUID
	NodeName    string
	// Location is the factory's host:port with its path prefix, Pin the hash of the TLS key that it proved to own.
	Location string
	Pin      [32]byte
	// Token signs the node's events and is the bearer token of its REST calls.
	Token secret.String
	// SigningKey is the factory's; only jobs signed with it are run.
	SigningKey ed25519.PublicKey
	// Connection is the Service Bus connection string of the queues Jobs and Status.
	Connection   secret.String
	Jobs, Status string
	// Heartbeat is how often the factory wants to hear of the node, Lease how long a job may go on unheard of.
	Heartbeat, Lease time.Duration
	Registered       time.Time
}

// URL is the factory's address.
func (id *Identity) URL() string { return "https://" + id.Location }

// Vault is where an identity is kept: a store of secrets by name. Get of an absent name gives nil without an error.
type Vault interface {
	Get(name string) ([]byte, error)
	Put(name string, value []byte) error
	Delete(name string) error
}

const vaultName = "identity"

// stored is an Identity with its secrets in the clear, for the vault alone.
type stored struct {
	Identity
	TokenText      string
	ConnectionText string
}

// Save keeps the identity in the vault.
func Save(v Vault, id *Identity) error {
	data, err := json.Marshal(stored{
		Identity: *id, TokenText: id.Token.Reveal(), ConnectionText: id.Connection.Reveal(),
	})
	if err != nil {
		return fmt.Errorf("marshal identity: %w", err)
	}
	return v.Put(vaultName, data)
}

// Load gives the identity that was kept, nil where there is none.
func Load(v Vault) (*Identity, error) {
	data, err := v.Get(vaultName)
	if err != nil || data == nil {
		return nil, err
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fault.New(fault.BadData, "read the registration from the vault").Because(err).Try("Register the gateway again.")
	}
	id := s.Identity
	if len(id.SigningKey) != ed25519.PublicKeySize {
		return nil, fault.New(fault.BadData, "the registration in the vault is not whole").Try("Register the gateway again.")
	}
	id.Token, id.Connection = secret.New(s.TokenText), secret.New(s.ConnectionText)
	return &id, nil
}

// Forget removes the identity from the vault.
func Forget(v Vault) error { return v.Delete(vaultName) }

// newIdentity is the factory's answer as an identity. It refuses an answer that cannot be worked with.
func newIdentity(key Key, o Options, pin [32]byte, r protocol.Registered, now time.Time) (*Identity, error) {
	if len(r.SigningKey) != ed25519.PublicKeySize || r.Token == "" || r.Node == "" || r.Queue.Connection == "" || r.Queue.Jobs == "" || r.Queue.Status == "" {
		return nil, fault.New(fault.BadData, "the factory's answer is not whole").At(key.Location).
			Try("Check that the factory has a version that fits this gateway.")
	}
	return &Identity{
		Factory: r.Factory, FactoryName: r.FactoryName, Gateway: r.Gateway, GatewayName: r.GatewayName, Node: r.Node, NodeName: o.NodeName,
		Location: key.Location, Pin: pin, Token: secret.New(r.Token), SigningKey: r.SigningKey,
		Connection: secret.New(r.Queue.Connection), Jobs: r.Queue.Jobs, Status: r.Queue.Status,
		Heartbeat: seconds(r.Heartbeat, 30), Lease: seconds(r.Lease, 60), Registered: now.UTC(),
	}, nil
}

func seconds(n, otherwise int) time.Duration {
	if n <= 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}
