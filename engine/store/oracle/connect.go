package oracle

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	go_ora "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/configurations"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// cancelPatience is how long a cancelled statement may take to end before its connection is cut.
const cancelPatience = 5 * time.Second

// session is a connection that is signed in. One goroutine uses it.
type session struct {
	c    *go_ora.Connection
	wire *wire
	// bad is set once the connection cannot be used any more.
	bad bool
}

// reading is how a session fetches rows.
type reading struct {
	rows int // of one fetch; 0 = the driver's choice
	// locators makes large objects come as locators that are read one by one, instead of inside the rows.
	locators bool
}

// url is the driver's connection string. It is made by hand because the driver's own builder splits values at commas.
func (s *server) url(r reading) string {
	u := url.URL{Scheme: "oracle", User: url.UserPassword(s.user, s.password.Reveal())}
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	if s.descriptor != "" {
		u.Host = ":0"
		v.Set("connStr", s.descriptor)
	} else {
		u.Host = s.addresses[0].String()
		for _, a := range s.addresses[1:] {
			v.Add("SERVER", a.String())
		}
		set("SID", s.sid)
		set("INSTANCE NAME", s.instance)
		set("SERVICE NAME", s.service)
		if s.tls {
			v.Set("SSL", "enable")
		}
	}
	v.Set("SSL VERIFY", strconv.FormatBool(s.verify))
	set("WALLET", s.wallet)
	set("WALLET PASSWORD", s.walletPassword.Reveal())
	set("PROXY CLIENT NAME", s.proxyClient)
	set("DBA PRIVILEGE", s.privilege)
	set("ENCRYPTION", s.encryption)
	set("DATA INTEGRITY", s.integrity)
	v.Set("TIMEOUT", "0")           // of one packet; a query may be silent for hours
	v.Set("SERVER LOCATION", "UTC") // wall clocks are taken as they are
	v.Set("PROGRAM", "Data Management Gateway")
	if r.rows > 0 {
		v.Set("PREFETCH_ROWS", strconv.Itoa(r.rows))
	}
	if r.locators {
		v.Set("LOB FETCH", "STREAM")
	}
	u.RawQuery = v.Encode()
	return u.String()
}

// sessionSettings make numbers and instants travel the same way to and from every server. A date's text form stays the
// server's, because queries and scripts may rely on it.
const sessionSettings = `ALTER SESSION SET NLS_NUMERIC_CHARACTERS='.,' TIME_ZONE='+00:00' NLS_CALENDAR='GREGORIAN' ` +
	`NLS_TIMESTAMP_TZ_FORMAT='YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'`

// connect opens a connection and signs in.
func (s *server) connect(ctx context.Context, env store.Env, r reading) (*session, error) {
	if s.wallet != "" {
		for _, name := range []string{"cwallet.sso", "ewallet.p12"} {
			if err := env.Allowed(path.Join(s.wallet, name), false); err != nil {
				return nil, err
			}
		}
	}
	config, err := go_ora.ParseConfig(s.url(r))
	if err != nil {
		return nil, s.explainConfig(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.connectTimeout, errConnectTimeout)
	defer cancel()
	out := &session{}
	dialer := &net.Dialer{}
	var stops []func() bool
	config.RegisterDial(func(_ context.Context, network, addr string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w := &wire{Conn: c, tls: s.tls}
		if deadline, ok := ctx.Deadline(); ok {
			w.limit(time.Until(deadline))
		}
		stops = append(stops, context.AfterFunc(ctx, func() { w.limit(0) }))
		out.wire = w
		return w, nil
	})
	err = s.open(ctx, config, out)
	for _, stop := range stops {
		stop()
	}
	if err != nil {
		out.hangUp()
		return nil, err
	}
	out.wire.closing.Store(false)
	_ = out.wire.SetDeadline(time.Time{})
	return out, nil
}

var errConnectTimeout = errors.New("the server did not answer in time")

func (s *server) open(ctx context.Context, config *configurations.ConnectionConfig, out *session) error {
	c, err := go_ora.NewConnection("", config)
	if err != nil {
		return s.explainConfig(err)
	}
	out.c = c
	if err := c.OpenWithContext(context.WithoutCancel(ctx)); err != nil {
		return s.explainConnect(ctx, err)
	}
	if (s.encryption == "REQUIRED" || s.integrity == "REQUIRED") && !s.tls && !out.wire.services {
		return fault.New(fault.SignInFailed, "the server does not negotiate the encryption or integrity that the linked service requires").
			At(s.String()).Try("Turn native network encryption on at the server, or use TLS, or lower encryptionClient and cryptoChecksumClient.")
	}
	for _, text := range []string{sessionSettings, s.initialize} {
		if text == "" {
			continue
		}
		if err := out.run(ctx, text); err != nil {
			return explain(ctx, err, "prepare the session", s.String())
		}
	}
	return nil
}

// hangUp ends the connection; what runs on it is stopped and what is not committed is rolled back.
func (s *session) hangUp() {
	if s == nil || s.wire == nil {
		return
	}
	s.wire.limit(cancelPatience)
	if s.c != nil && s.c.State == go_ora.Opened && !s.bad {
		_ = s.c.Close() // a connection that is broken already is what was wanted
	}
	_ = s.wire.Close()
	s.bad = true
}

// explainConfig tells what is wrong with the connection's settings. The driver shows the whole connection string, with
// the password, when it cannot read it; that stays here.
func (s *server) explainConfig(err error) error {
	e := fault.New(fault.BadInput, "prepare the connection to Oracle").At(s.String())
	if _, ok := errors.AsType[*url.Error](err); ok {
		return e.Because(errors.New("the driver cannot read the settings")).Try("Correct host, port and service.")
	}
	e.Cause = err
	if s.wallet != "" {
		return e.Try("Check that the wallet's folder %s holds cwallet.sso, or ewallet.p12 with the right Wallet Password.", s.wallet)
	}
	return e.Try("Correct the linked service.")
}

// explainConnect tells a refused sign-in from a server that cannot be reached.
func (s *server) explainConnect(ctx context.Context, err error) error {
	late := errors.Is(context.Cause(ctx), errConnectTimeout)
	if ctx.Err() != nil && !late {
		return ctx.Err()
	}
	if o, ok := oracleError(err); ok {
		e := fault.As(explain(context.WithoutCancel(ctx), err, "sign in as "+s.user, s.String()))
		switch o.code {
		case 12505, 12514, 12506, 12516, 12519, 12520, 12521, 12528, 12564, 12154, 12541, 12545:
			e.Message = "connect to Oracle at " + s.String()
		}
		return e
	}
	e := fault.New(fault.Unreachable, "connect to Oracle at %s", s.String()).At(s.String()).Because(err).AsTransient()
	if late {
		e.Cause = errConnectTimeout
		return e.Try("Check the port and that no firewall is between, or raise Connection Timeout.")
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		e.Transient = dns.IsTemporary || dns.IsTimeout
		return e.Try("Correct the host name, or add it to the network's name service.")
	}
	if strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "tls:") {
		e.Transient = false
		return e.Try("Put the issuer's certificate into a wallet and give its folder as Wallet Location, or correct the host name.")
	}
	return e.Try("Check the port, that the listener runs and accepts connections, and that no firewall is between.")
}
