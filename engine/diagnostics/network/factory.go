package network

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
)

const factoryName = "Data factory"

// split gives host:port and the path prefix of a factory's location.
func split(location string) (address, prefix string) {
	address, path, found := strings.Cut(location, "/")
	if found {
		prefix = "/" + strings.TrimSuffix(path, "/")
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "443")
	}
	return address, prefix
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

// checkFactory goes as far as asking the factory whether it knows this node.
func (d *doctor) checkFactory(ctx context.Context, r *recorder) {
	defer close(d.factory)
	r.check.Name = factoryName
	f := d.o.Factory
	if f == nil {
		r.check.Steps = append(r.check.Steps, Step{
			Name: "sign-in", State: Warning, Detail: "this gateway is not registered: no factory is known yet",
			Remedy: "Register with a gateway key, then check again.",
		})
		return
	}
	address, prefix := split(f.Location)
	r.check.Address = address
	conn := d.reach(ctx, r, address, false)
	if conn == nil {
		r.skip("tls", "not reached")
		r.skip("sign-in", "not reached")
		return
	}
	secured := d.secure(r, conn, hostOf(address), &f.Pin)
	if secured == nil {
		r.skip("sign-in", "without the factory's own TLS key this gateway shows its token to nobody")
		return
	}
	defer secured.Close()
	r.step("sign-in", askLimit, func(ctx context.Context) finding { return d.signIn(ctx, secured, address, prefix) })
}

// signIn makes the call by which a node asks whether it is still known. It is larger than one packet, so that a network
// that loses large packets shows.
func (d *doctor) signIn(ctx context.Context, conn net.Conn, address, prefix string) finding {
	f := d.o.Factory
	body, err := json.Marshal(protocol.LeaseRequest{Node: f.Node, Jobs: []protocol.LeaseJob{}})
	if err != nil {
		return finding{Failed, reason(err), ""}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+prefix+protocol.PathLease, bytes.NewReader(body))
	if err != nil {
		return finding{Failed, "the factory's address cannot be used: " + reason(err), "Register the gateway again."}
	}
	req.Header.Set("Authorization", "Bearer "+f.Token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Padding", strings.Repeat("-", 3000))
	asked := d.o.Now()
	resp, answer, err := exchange(ctx, conn, req) //nolint:bodyclose // exchange closes it
	if err != nil {
		switch {
		case ctx.Err() != nil || isTimeout(err):
			return finding{Failed, "name, TCP and TLS work, but the factory's answer does not come", "Large packets are lost on the way (a VPN or tunnel with too small an MTU), a firewall holds the connection for inspection, or the factory hangs: ask the network's administrator, and look at the factory's log."}
		case isCut(err):
			return finding{Failed, "the connection was cut instead of an answer", "A firewall or a proxy before the factory cuts it, or the factory ended: look at the factory's log, then ask the network's administrator."}
		}
		return finding{Failed, "what answers does not speak HTTP: " + reason(err), "Check host and port in the gateway key."}
	}
	d.note(resp.Header, asked)
	return judgeAnswer(resp, answer)
}

// exchange sends a request and reads its answer, at most 64 KiB, over a connection that it takes to itself.
func exchange(ctx context.Context, conn net.Conn, req *http.Request) (*http.Response, []byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := req.Write(conn); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 1<<20)), req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp, body, err
}

func judgeAnswer(resp *http.Response, answer []byte) finding {
	var failure protocol.ErrorBody
	own := json.Unmarshal(answer, &failure) == nil && failure.Error.Message != ""
	status := clean(resp.Status)
	if own {
		status += ": " + clean(failure.Error.Message)
	}
	server := ""
	if s := resp.Header.Get("Server"); s != "" {
		server = " (" + clean(s) + ")"
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		var lease protocol.LeaseResponse
		if json.Unmarshal(answer, &lease) != nil {
			return finding{Failed, "what answers is no data factory" + server, "Check host and port in the gateway key."}
		}
		return ok("the factory knows this node")
	case code == http.StatusUnauthorized && (failure.Error.Code == fault.NotRegistered || !own):
		return finding{Failed, "the factory does not accept this node (" + status + ")", "The gateway was removed or its key recreated: register again with the gateway's present key."}
	case code == http.StatusProxyAuthRequired:
		return finding{Failed, "a proxy on the way wants a sign-in (" + status + ")" + server, "Set the proxy with user and password in the settings."}
	case code >= 300 && code < 400:
		return finding{Failed, fmt.Sprintf("the answer points elsewhere: to %s%s", clean(resp.Header.Get("Location")), server), "This is what a network's sign-in page does. Open a browser on this machine and sign in, or ask for an exemption."}
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		return finding{Failed, "what answers is no data factory (" + status + ")" + server, "Check host, port and path in the gateway key; a web server before the factory has to pass /gateway/ on."}
	case code == http.StatusBadGateway || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout:
		return finding{Failed, "the factory is not there behind what answers (" + status + ")" + server, "Start the factory; if it runs, ask whoever operates the web server or load balancer before it."}
	case code >= 500:
		return finding{Failed, "the factory failed (" + status + ")" + server, "Look at the factory's log; the network is in order."}
	}
	return finding{Failed, "the factory refused (" + status + ")" + server, "A proxy or firewall on the way, or the factory, refuses: ask the factory's administrator."}
}

// note remembers how far this machine's clock is from an answer's. The answer was made between asking and now, and its
// date is whole seconds.
func (d *doctor) note(h http.Header, asked time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	now := d.o.Now()
	here := asked.Add(now.Sub(asked) / 2)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skew, d.dated = here.Sub(date.Add(500*time.Millisecond)), true
}

const (
	skewWarning = 2 * time.Minute
	skewFailed  = 5 * time.Minute
)

// checkClock compares the clocks, once the factory has answered.
func (d *doctor) checkClock(ctx context.Context, r *recorder) {
	r.check.Name = "Clock"
	select {
	case <-d.factory:
	case <-ctx.Done():
	}
	d.mu.Lock()
	skew, dated := d.skew, d.dated
	d.mu.Unlock()
	if !dated {
		r.skip("clock", "nobody has answered whose clock this machine's could be compared with")
		return
	}
	r.step("clock", time.Second, func(context.Context) finding {
		text := "this machine's clock agrees with the factory's"
		if by := skew.Abs(); by >= 2*time.Second {
			way := "ahead of"
			if skew < 0 {
				way = "behind"
			}
			text = fmt.Sprintf("this machine's clock is %v %s the factory's", by.Round(time.Second), way)
		}
		f := ok(text)
		switch {
		case skew.Abs() > skewFailed:
			f.state = Failed
		case skew.Abs() > skewWarning:
			f.state = Warning
		default:
			return f
		}
		f.remedy = "Set date, time and time zone of this machine, best by its time service: tokens, signatures and certificates count on the right time. If this clock is right, the factory's is not."
		return f
	})
}
