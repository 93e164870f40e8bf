package engine

import (
	"context"
	"time"
)

// EndpointControl is what can be done with the HTTPS endpoint, at which credentials are set. Its port, bind address and
// whether it is on are settings.
type EndpointControl interface {
	Endpoint(ctx context.Context) (EndpointStatus, error)
	// PairingCode makes a code with which one browser or script may use the endpoint, and forgets codes not used yet.
	PairingCode(ctx context.Context) (PairingCode, error)
	// SetEndpointCertificate makes the endpoint show the certificate in a PFX file's bytes; nil goes back to its own.
	SetEndpointCertificate(ctx context.Context, pfx []byte, password string) (EndpointStatus, error)
	// CredentialTargets are the linked services of this gateway at the factory, for which a credential can be set.
	CredentialTargets(ctx context.Context) ([]CredentialTarget, error)
	// TestCredential connects to a store as the request says and calls report after each stage.
	TestCredential(ctx context.Context, r CredentialRequest, report func(Stage)) error
	// SetCredential seals a credential for this gateway and puts it into the linked service at the factory, or, where the
	// request names none there, only gives it.
	SetCredential(ctx context.Context, r CredentialRequest) (SealedCredential, error)
}

// EndpointStatus describes the HTTPS endpoint.
type EndpointStatus struct {
	State   string `json:"state"` // "On", "Off", "Failed"
	Reason  string `json:"reason,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	URL     string `json:"url,omitempty"` // as other machines reach it
	Address string `json:"address,omitempty"`
	// Thumbprint (SHA-256, hex) and NotAfter are those of the TLS certificate that it shows, Own whether it made it itself.
	Thumbprint string    `json:"thumbprint,omitempty"`
	NotAfter   time.Time `json:"notAfter,omitzero"`
	Own        bool      `json:"own,omitempty"`
}

// PairingCode lets one browser or script in.
type PairingCode struct {
	Code    string    `json:"code"` // to be typed: "7KQ4-M2XD"
	URL     string    `json:"url"`  // of the page where it is typed
	Expires time.Time `json:"expires"`
}

// CredentialTarget is a linked service at the factory.
type CredentialTarget struct {
	Name string `json:"name"`
	Type string `json:"type"` // "SqlServer"
	// Kinds are the authentication types that can be chosen, the present one first where it is known.
	Kinds []CredentialKind `json:"kinds"`
	// Set says that a credential is sealed in it, Readable that this gateway's certificate opens it.
	Set      bool `json:"set"`
	Readable bool `json:"readable"`
}

// CredentialKind is one way to sign in to a type of store.
type CredentialKind struct {
	Name   string            `json:"name"` // "Basic", "Windows", "Anonymous", "Key", "Sas", "ServicePrincipal"
	Title  string            `json:"title"`
	Fields []CredentialField `json:"fields"`
}

// CredentialField is one thing to be typed.
type CredentialField struct {
	Name     string `json:"name"` // the property of the linked service: "userName", "password", "accountKey"
	Title    string `json:"title"`
	Secret   bool   `json:"secret,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	Lines    bool   `json:"lines,omitempty"` // several lines: a private key
}

// CredentialRequest sets or tests a credential. It travels only over the control socket and the endpoint's TLS.
type CredentialRequest struct {
	// LinkedService is the name at the factory. Definition is the JSON of a linked service instead, for one that is not
	// there (yet): then the sealed JSON is only given back.
	LinkedService string            `json:"linkedService,omitempty"`
	Definition    []byte            `json:"definition,omitempty"`
	Kind          string            `json:"kind"`
	Values        map[string]string `json:"values"` // by CredentialField.Name
}

// SealedCredential is what came of setting a credential.
type SealedCredential struct {
	LinkedService string `json:"linkedService"`
	// Stored says that the factory has it now; Definition is the sealed linked service.
	Stored     bool   `json:"stored"`
	Definition []byte `json:"definition,omitempty"`
}
