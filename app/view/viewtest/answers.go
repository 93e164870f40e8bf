package viewtest

import (
	"context"

	"dmgateway/engine"
)

// Answers are what a Controller answers about certificates, credentials, network and logs.
type Answers struct {
	Cert     engine.CertificateInfo
	Change   engine.CertificateChange
	PFX      []byte
	Code     engine.PairingCode
	Targets  []engine.CredentialTarget
	Stages   []engine.Stage
	Sealed   engine.SealedCredential
	Way      engine.ProxyStatus
	WayTest  engine.ProxyReport
	Network  engine.NetworkReport
	Contents engine.LogContents
	Part     []byte
	Moves    []engine.LogProgress
	Sent     engine.SentLogs
}

// Certificate answers Cert.
func (c *Controller) Certificate(context.Context) (engine.CertificateInfo, error) {
	return c.Cert, c.note("certificate")
}

// NewCertificate notes the kind.
func (c *Controller) NewCertificate(_ context.Context, kind string) (engine.CertificateChange, error) {
	return c.Change, c.note("new certificate", kind)
}

// ImportCertificate notes file and password.
func (c *Controller) ImportCertificate(_ context.Context, pfx []byte, password string) (engine.CertificateChange, error) {
	return c.Change, c.note("import certificate", string(pfx), password)
}

// ExportCertificate notes the password.
func (c *Controller) ExportCertificate(_ context.Context, password string) ([]byte, error) {
	return c.PFX, c.note("export certificate", password)
}

// CheckCertificate answers Change.
func (c *Controller) CheckCertificate(context.Context) (engine.CertificateChange, error) {
	return c.Change, c.note("check certificate")
}

// ForgetCertificate notes the thumbprint.
func (c *Controller) ForgetCertificate(_ context.Context, thumbprint string) error {
	return c.note("forget certificate", thumbprint)
}

// ProtectSecrets notes the passphrase.
func (c *Controller) ProtectSecrets(_ context.Context, passphrase string) (engine.CertificateInfo, error) {
	return c.Cert, c.note("protect secrets", passphrase)
}

// Endpoint answers the status's.
func (c *Controller) Endpoint(context.Context) (engine.EndpointStatus, error) {
	return c.Now.Endpoint, c.note("endpoint")
}

// PairingCode answers Code.
func (c *Controller) PairingCode(context.Context) (engine.PairingCode, error) {
	return c.Code, c.note("pairing code")
}

// SetEndpointCertificate notes file and password.
func (c *Controller) SetEndpointCertificate(_ context.Context, pfx []byte, password string) (engine.EndpointStatus, error) {
	return c.Now.Endpoint, c.note("endpoint certificate", string(pfx), password)
}

// CredentialTargets answers Targets.
func (c *Controller) CredentialTargets(context.Context) ([]engine.CredentialTarget, error) {
	return c.Targets, c.note("credential targets")
}

// TestCredential reports Stages and waits for the gate.
func (c *Controller) TestCredential(ctx context.Context, r engine.CredentialRequest, report func(engine.Stage)) error {
	for _, s := range c.Stages {
		report(s)
	}
	return c.wait(ctx, c.note("test credential", r.LinkedService, r.Kind, string(r.Definition)))
}

// SetCredential notes the linked service.
func (c *Controller) SetCredential(_ context.Context, r engine.CredentialRequest) (engine.SealedCredential, error) {
	return c.Sealed, c.note("set credential", r.LinkedService, r.Kind)
}

// Proxy answers Way.
func (c *Controller) Proxy(context.Context) (engine.ProxyStatus, error) {
	return c.Way, c.note("proxy")
}

// SetProxy notes mode and address.
func (c *Controller) SetProxy(_ context.Context, s engine.ProxySettings) error {
	return c.note("set proxy", s.Mode, s.URL, s.User, s.Bypass)
}

// TestProxy answers WayTest.
func (c *Controller) TestProxy(context.Context, *engine.ProxySettings) (engine.ProxyReport, error) {
	return c.WayTest, c.note("test proxy")
}

// CheckNetwork reports the checks of Network and waits for the gate.
func (c *Controller) CheckNetwork(ctx context.Context, progress func(engine.NetworkCheck)) (engine.NetworkReport, error) {
	for _, check := range c.Network.Checks {
		progress(check)
	}
	return c.Network, c.wait(ctx, c.note("check network"))
}

// LogContents answers Contents.
func (c *Controller) LogContents(context.Context) (engine.LogContents, error) {
	return c.Contents, c.note("log contents")
}

// LogPart answers Part.
func (c *Controller) LogPart(_ context.Context, name string) ([]byte, error) {
	return c.Part, c.note("log part", name)
}

// SendLogs reports Moves and waits for the gate.
func (c *Controller) SendLogs(ctx context.Context, note string, progress func(engine.LogProgress)) (engine.SentLogs, error) {
	for _, m := range c.Moves {
		progress(m)
	}
	return c.Sent, c.wait(ctx, c.note("send logs", note))
}

// ArchiveLogs reports Moves and waits for the gate.
func (c *Controller) ArchiveLogs(ctx context.Context, file string, progress func(engine.LogProgress)) (engine.LogContents, error) {
	for _, m := range c.Moves {
		progress(m)
	}
	return c.Contents, c.wait(ctx, c.note("archive logs", file))
}

// wait waits for the gate, where there is one.
func (c *Controller) wait(ctx context.Context, err error) error {
	if c.Gate == nil {
		return err
	}
	select {
	case <-c.Gate:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
