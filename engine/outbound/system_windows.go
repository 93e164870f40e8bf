package outbound

import (
	"context"
	"net/url"
	"sync"

	"dmgateway/engine/fault"

	"github.com/mattn/go-ieproxy"
)

var ieproxyTurn sync.Mutex // its cache is one of the process

// desktopRoutes reads the Internet options of Windows, proxy scripts and automatic detection included. Windows is not
// asked for longer than ctx allows; a script that hangs goes on hanging in the background.
func desktopRoutes(ctx context.Context, target *url.URL) ([]Route, error) {
	type answer struct {
		routes []Route
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() { done <- a }()
		defer fault.Recover(&a.err)
		a.routes, a.err = windowsRoutes(target)
	}()
	select {
	case a := <-done:
		return a.routes, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func windowsRoutes(target *url.URL) ([]Route, error) {
	ieproxyTurn.Lock()
	conf := ieproxy.ReloadConf()
	ieproxyTurn.Unlock()
	const from = "Windows"
	if conf.Automatic.Active {
		if answer := conf.Automatic.FindProxyForURL(target.String() + "/"); answer != "" {
			return scriptRoutes(answer, from)
		}
	}
	if !conf.Static.Active {
		return []Route{{From: from}}, nil
	}
	all := conf.Static.Protocols[""]
	m := manual{http: all, https: all, bypass: conf.Static.NoProxy, from: from}
	if p := conf.Static.Protocols["http"]; p != "" {
		m.http = p
	}
	if p := conf.Static.Protocols["https"]; p != "" {
		m.https = p
	}
	m.socks = conf.Static.Protocols["socks"]
	return m.routes(target)
}
