package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"dmgateway/engine/protocol"
)

// secure speaks TLS over conn as a step, and judges the certificate: by the pinned key where there is one, else by the
// authorities that this machine trusts. It closes conn where the step fails.
func (d *doctor) secure(r *recorder, conn net.Conn, host string, pin *[32]byte) net.Conn {
	var out net.Conn
	r.step("tls", tlsLimit, func(ctx context.Context) finding {
		t := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}) //nolint:gosec // judge verifies, to say more than yes or no
		if err := t.HandshakeContext(ctx); err != nil {
			return handshakeFailed(ctx, err)
		}
		f := d.judge(t.ConnectionState(), host, pin)
		if f.state != Failed {
			out = t
		}
		return f
	})
	if out == nil {
		_ = conn.Close()
	}
	return out
}

func handshakeFailed(ctx context.Context, err error) finding {
	var header tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &header):
		what := "something that is not TLS"
		if strings.HasPrefix(string(header.RecordHeader[:]), "HTTP/") {
			what = "plain HTTP"
		}
		return finding{Failed, "the port answers with " + what, "Check the port in the key or address. If they are right, a firewall or sign-in page answers in the server's place: open a browser, or ask the network's administrator."}
	case ctx.Err() != nil || isTimeout(err):
		return finding{Failed, "the connection came about, but TLS got no answer", "A firewall takes the connection and lets nothing through, or large packets are lost (a VPN with too small an MTU). Ask the network's administrator to look at both."}
	case isCut(err):
		return finding{Failed, "the connection was cut while TLS began", "This is what a firewall does that filters by name: ask its administrator to allow this host without inspection."}
	case errors.As(err, &alert):
		return finding{Failed, "the server refuses TLS: " + clean(alert.Error()), "What answers there may be another server, or speak only old versions of TLS: check host and port."}
	}
	return finding{Failed, "TLS failed: " + reason(err), "Check host and port, and ask the network's administrator whether TLS is inspected."}
}

// judge says what the certificate means.
func (d *doctor) judge(s tls.ConnectionState, host string, pin *[32]byte) finding {
	if len(s.PeerCertificates) == 0 {
		return finding{Failed, "the server showed no certificate", "Check host and port."}
	}
	leaf := s.PeerCertificates[0]
	seen := certificateText(leaf, host)
	version := tls.VersionName(s.Version)
	if pin != nil {
		if protocol.SPKIHash(leaf) == *pin {
			return ok(version + ", the factory's own key")
		}
		return finding{
			Failed, "the key is not the factory's: somebody else answers, or opens TLS on the way. Seen was " + seen,
			"If " + quoted(issuer(leaf)) + " is your company's inspection device, ask the network's administrator to exempt " + host + " from TLS inspection. If the factory itself got a new certificate, register again with a key from its page.",
		}
	}
	intermediates := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: d.o.Roots, Intermediates: intermediates, CurrentTime: d.o.Now()})
	if err != nil {
		return distrusted(err, leaf, host, seen)
	}
	if microsoftHost(host) && !microsoftIssuer(s.PeerCertificates) {
		return finding{
			Warning, version + ", but the certificate is not Microsoft's: TLS is opened on the way. Seen was " + seen,
			"It works because this machine trusts " + quoted(issuer(leaf)) + ", which can read the traffic. If the connection breaks or is slow, ask for " + host + " to be exempted from TLS inspection.",
		}
	}
	return ok(fmt.Sprintf("%s, certificate by %s, valid until %s", version, quoted(issuer(leaf)), leaf.NotAfter.UTC().Format("2006-01-02")))
}

func distrusted(err error, leaf *x509.Certificate, host, seen string) finding {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return finding{Failed, "the certificate is not valid at this machine's time. Seen was " + seen, "Check this machine's date and time. If they are right, the server's owner has to renew the certificate."}
	case errors.As(err, &name):
		return finding{Failed, "the certificate is for another name. Seen was " + seen, "Another server answers for " + host + ": a sign-in page of the network, a wrong DNS entry or a proxy. Open a browser, or ask the network's administrator."}
	case errors.As(err, &unknown):
		return finding{
			Failed, "the certificate's issuer is not trusted: TLS is opened on the way, or the server is not the real one. Seen was " + seen,
			"If " + quoted(issuer(leaf)) + " is your company's inspection device, ask for " + host + " to be exempted, or for its authority to be installed on this machine.",
		}
	}
	return finding{Failed, "the certificate is not accepted: " + reason(err) + ". Seen was " + seen, "Ask the network's administrator whether TLS is inspected."}
}

func certificateText(c *x509.Certificate, host string) string {
	name := c.Subject.CommonName
	if len(c.DNSNames) > 0 {
		name = c.DNSNames[0]
	}
	switch {
	case c.VerifyHostname(host) == nil:
		name = host
	case name == "":
		name = "nobody"
	}
	return fmt.Sprintf("a certificate for %s, issued by %s, valid from %s to %s", quoted(name), quoted(issuer(c)),
		c.NotBefore.UTC().Format("2006-01-02"), c.NotAfter.UTC().Format("2006-01-02"))
}

func issuer(c *x509.Certificate) string {
	parts := append([]string(nil), c.Issuer.Organization...)
	if c.Issuer.CommonName != "" {
		parts = append(parts, c.Issuer.CommonName)
	}
	if len(parts) == 0 {
		return "an unnamed authority"
	}
	return strings.Join(parts, " ")
}

func quoted(s string) string { return "“" + clean(s) + "”" }

func microsoftHost(host string) bool {
	for _, suffix := range []string{".windows.net", ".azure.com", ".chinacloudapi.cn", ".usgovcloudapi.net", ".microsoftonline.com"} {
		if strings.HasSuffix(strings.ToLower(host), suffix) {
			return true
		}
	}
	return false
}

func microsoftIssuer(chain []*x509.Certificate) bool {
	for _, c := range chain {
		if text := issuer(c); strings.Contains(text, "Microsoft") || strings.Contains(text, "DigiCert") {
			return true
		}
	}
	return false
}
