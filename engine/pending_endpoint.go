package engine

import (
	"context"

	"dmgateway/engine/fault"
)

// What follows gives way to the real thing.

func (*Engine) Endpoint(context.Context) (r EndpointStatus, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) PairingCode(context.Context) (r PairingCode, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) SetEndpointCertificate(context.Context, []byte, string) (r EndpointStatus, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) CredentialTargets(context.Context) (r []CredentialTarget, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) TestCredential(context.Context, CredentialRequest, func(Stage)) error {
	return fault.New(fault.Unsupported, "not yet")
}

func (*Engine) SetCredential(context.Context, CredentialRequest) (r SealedCredential, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) Endpoint(context.Context) (r EndpointStatus, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) PairingCode(context.Context) (r PairingCode, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) SetEndpointCertificate(context.Context, []byte, string) (r EndpointStatus, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) CredentialTargets(context.Context) (r []CredentialTarget, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) TestCredential(context.Context, CredentialRequest, func(Stage)) error {
	return fault.New(fault.Unsupported, "not yet")
}

func (*Client) SetCredential(context.Context, CredentialRequest) (r SealedCredential, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}
