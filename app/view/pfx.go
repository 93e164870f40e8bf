package view

import (
	"context"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// ImportPFX is [Certificates.Import] of a file's bytes.
func (c *Certificates) ImportPFX(pfx []byte, password string) {
	c.do(words.T("Importing the certificate"), func(ctx context.Context) (engine.CertificateChange, error) {
		return c.task.m.ctl.ImportCertificate(ctx, pfx, password)
	})
}

// ExportPFX gives certificate and key as a PFX file's bytes, for whoever writes the file. It waits for the engine; what is
// wrong is told by the next Snapshot, too.
func (c *Certificates) ExportPFX(ctx context.Context, password string) ([]byte, error) {
	pfx, err := c.task.m.ctl.ExportCertificate(ctx, password)
	c.change(func() { c.s.Problem = ProblemOf(err) })
	return pfx, err
}

// ImportPFX is [Endpoint.Import] of a file's bytes.
func (e *Endpoint) ImportPFX(pfx []byte, password string) {
	e.run(func(ctx context.Context) (string, error) {
		_, err := e.task.m.ctl.SetEndpointCertificate(ctx, pfx, password)
		return words.T("The page shows your certificate now."), err
	})
}
