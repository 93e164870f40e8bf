package engine

import (
	"context"

	"dmgateway/engine/fault"
)

// What follows gives way to the real thing.

func (*Engine) Proxy(context.Context) (r ProxyStatus, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) SetProxy(context.Context, ProxySettings) error {
	return fault.New(fault.Unsupported, "not yet")
}

func (*Engine) TestProxy(context.Context, *ProxySettings) (r ProxyReport, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) CheckNetwork(context.Context, func(NetworkCheck)) (r NetworkReport, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) Proxy(context.Context) (r ProxyStatus, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) SetProxy(context.Context, ProxySettings) error {
	return fault.New(fault.Unsupported, "not yet")
}

func (*Client) TestProxy(context.Context, *ProxySettings) (r ProxyReport, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) CheckNetwork(context.Context, func(NetworkCheck)) (r NetworkReport, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}
