package engine

import (
	"context"

	"dmgateway/engine/fault"
)

// What follows gives way to the real thing.

func (*Engine) Certificate(context.Context) (r CertificateInfo, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) NewCertificate(context.Context, string) (r CertificateChange, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) ImportCertificate(context.Context, []byte, string) (r CertificateChange, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) ExportCertificate(context.Context, string) (r []byte, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) Certificate(context.Context) (r CertificateInfo, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) NewCertificate(context.Context, string) (r CertificateChange, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) ImportCertificate(context.Context, []byte, string) (r CertificateChange, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) ExportCertificate(context.Context, string) (r []byte, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}
