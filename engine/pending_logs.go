package engine

import (
	"context"

	"dmgateway/engine/fault"
)

// What follows gives way to the real thing.

func (*Engine) LogContents(context.Context) (r LogContents, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) LogPart(context.Context, string) (r []byte, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) SendLogs(context.Context, string, func(LogProgress)) (r SentLogs, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Engine) ArchiveLogs(context.Context, string, func(LogProgress)) (r LogContents, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) LogContents(context.Context) (r LogContents, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) LogPart(context.Context, string) (r []byte, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) SendLogs(context.Context, string, func(LogProgress)) (r SentLogs, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}

func (*Client) ArchiveLogs(context.Context, string, func(LogProgress)) (r LogContents, err error) {
	return r, fault.New(fault.Unsupported, "not yet")
}
