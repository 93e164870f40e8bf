package engine

import (
	"context"

	"dmgateway/engine/endpoint"
	lsdef "dmgateway/engine/endpoint/definition"
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

// States of the HTTPS endpoint.
const (
	EndpointOn     = endpoint.On
	EndpointOff    = endpoint.Off
	EndpointFailed = endpoint.Failed
)

// What is told of the HTTPS endpoint and of linked services whose credentials can be set.
type (
	// EndpointStatus describes the HTTPS endpoint.
	EndpointStatus = endpoint.Status
	// PairingCode lets one browser or script in.
	PairingCode = endpoint.Code
	// CredentialTarget is a linked service at the factory.
	CredentialTarget = endpoint.Target
	// CredentialNode is a node of the gateway that credentials can be sealed for.
	CredentialNode = endpoint.Node
	// CredentialKind is one way to sign in to a type of store.
	CredentialKind = lsdef.Kind
	// CredentialField is one thing to be typed.
	CredentialField = lsdef.Field
)

// CredentialRequest sets or tests a credential. It travels only over the control socket and the endpoint's TLS.
type CredentialRequest struct {
	// LinkedService is the name at the factory. Definition is the JSON of a linked service instead, for one that is not
	// there (yet): then the sealed JSON is only given back. The endpoint takes no Definition: whoever comes over the network
	// cannot choose where to connect to.
	LinkedService string            `json:"linkedService,omitempty"`
	Definition    []byte            `json:"definition,omitempty"`
	Kind          string            `json:"kind"`
	Values        map[string]string `json:"values"` // by CredentialField.Name
	// AlsoFor are the thumbprints of other nodes' certificates that the credential is sealed for as well, see
	// CredentialTarget.Nodes.
	AlsoFor []string `json:"alsoFor,omitempty"`
}

// SealedCredential is what came of setting a credential.
type SealedCredential struct {
	LinkedService string `json:"linkedService"`
	// Stored says that the factory has it now; Definition is the sealed linked service.
	Stored     bool   `json:"stored"`
	Definition []byte `json:"definition,omitempty"`
	// SealedFor are the names of the nodes that can open it.
	SealedFor []string `json:"sealedFor,omitempty"`
}
