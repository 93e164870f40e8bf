package endpoint

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"dmgateway/engine/fault"
)

func shown(t *testing.T, address string, max uint16) (*x509.Certificate, string, error) {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: max, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], c.ConnectionState().NegotiatedProtocol, nil
}

func TestItShowsTheSameCertificateUntilItIsAboutToExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.Status()
	first, protocol, err := shown(t, s.Address, 0)
	if err != nil || protocol != "h2" {
		t.Fatal(protocol, err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "machine-1"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if !s.Own || !s.NotAfter.Equal(first.NotAfter) || first.IsCA {
		t.Errorf("%+v", s)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, _, err := shown(t, s.Address, version); err == nil {
			t.Errorf("TLS version %x is spoken", version)
		}
	}
	w.Apply(Config{})
	w.Apply(Config{On: true, Address: Localhost, Names: []string{"gateway.example.com"}})
	again, _, err := shown(t, w.Status().Address, tls.VersionTLS12)
	if err != nil || !again.Equal(first) {
		t.Errorf("another certificate after a restart: %v", err)
	}
	w.clock.advance(time.Until(first.NotAfter.Add(-renewBefore)) + time.Hour)
	w.tend()
	renewed, _, err := shown(t, w.Status().Address, 0)
	if err != nil || renewed.Equal(first) || renewed.VerifyHostname("gateway.example.com") != nil || !w.Status().NotAfter.After(s.NotAfter) {
		t.Errorf("it is not renewed: %v %+v", err, w.Status())
	}
	for name, data := range w.vault.items {
		if bytes.Contains(data, []byte("EC PRIVATE")) || !strings.HasPrefix(name, "endpoint.") {
			t.Errorf("the vault has %s", name)
		}
	}
}

// pfx is a file with a certificate made as edit says.
func pfx(t *testing.T, edit func(*x509.Certificate)) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gateway.corp.example"}, DNSNames: []string{"gateway.corp.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if edit != nil {
		edit(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pkcs12.Modern.Encode(key, leaf, nil, "pw")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAGivenCertificateIsShownAndItsNamesAreTheEndpointsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.Status()
	for name, c := range map[string]struct {
		data     []byte
		password string
	}{
		"a wrong password": {pfx(t, nil), "S3CRET"},
		"expired":          {pfx(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "pw"},
		"not valid yet":    {pfx(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), "pw"},
		"for clients only": {pfx(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "pw"},
		"no PFX":           {[]byte("hello"), "pw"},
		"giant":            {make([]byte, 1<<20), "pw"},
	} {
		if _, err := w.SetCertificate(c.data, c.password); err == nil || fault.Code(err) == fault.Internal || fault.As(err).Hint == "" || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.Status() != own {
		t.Errorf("a refusal changed something: %+v", w.Status())
	}
	c := w.caller()
	if status, _, _ := c.ask("GET", "/", "", "Host", "gateway.corp.example"); status != http.StatusMisdirectedRequest {
		t.Errorf("before: %d", status)
	}
	s, err := w.SetCertificate(pfx(t, nil), "pw")
	if err != nil || s.Own || s.Thumbprint == own.Thumbprint || s.State != On {
		t.Fatalf("%+v %v", s, err)
	}
	if leaf, _, err := shown(t, s.Address, 0); err != nil || leaf.Subject.CommonName != "gateway.corp.example" {
		t.Errorf("%v %v", leaf, err)
	}
	if status, _, _ := c.ask("GET", "/", "", "Host", "gateway.corp.example"); status != 200 {
		t.Errorf("its name: %d", status)
	}
	w.clock.advance(2 * time.Hour) // an expired one is its owner's to renew, and still shown
	w.tend()
	if w.Status().Thumbprint != s.Thumbprint {
		t.Error("it was replaced by itself")
	}
	if s, err := w.SetCertificate(nil, ""); err != nil || !s.Own || s.Thumbprint != own.Thumbprint {
		t.Errorf("%+v %v", s, err)
	}
	w.vault.items[vaultGiven] = []byte("damaged")
	w.Apply(Config{})
	w.Apply(Config{On: true, Address: Localhost})
	if s := w.Status(); s.State != Failed || s.Remedy == "" {
		t.Errorf("a damaged one: %+v", s)
	}
	if s, err := w.SetCertificate(nil, ""); err != nil || s.State != On || !s.Own {
		t.Errorf("back to its own: %+v %v", s, err)
	}
}

func TestAPortInUseIsToldAndTakenAsSoonAsItIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{On: true, Address: Localhost, Port: l.Addr().(*net.TCPAddr).Port}
	w.Apply(c)
	s := w.Status()
	if s.State != Failed || s.URL != "" || !strings.Contains(s.Reason, fmt.Sprint(c.Port)) || !strings.Contains(s.Remedy, "endpointport") {
		t.Errorf("%+v", s)
	}
	if _, err := w.Pair(); fault.Code(err) != fault.Conflict || fault.As(err).Hint != s.Remedy {
		t.Errorf("a code: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w.tend()
	if s := w.Status(); s.State != On || s.Reason != "" {
		t.Errorf("%+v", s)
	}
	w.Apply(Config{On: true, Address: "192.0.2.7", Port: c.Port})
	if s := w.Status(); s.State != Failed || !strings.Contains(s.Remedy, "192.0.2.7") {
		t.Errorf("an address of another machine: %+v", s)
	}
	if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(c.Port))); err == nil {
		conn.Close()
		t.Error("it still listens where it did before")
	}
}

func TestOneCallerCannotTakeAllConnections(t *testing.T) {
	t.Parallel()
	c := newCounter()
	for i := range maxFromOne {
		if !c.enter("10.0.0.1") {
			t.Fatalf("connection %d is refused", i)
		}
	}
	if c.enter("10.0.0.1") || !c.enter("10.0.0.2") {
		t.Error("one caller has too many, or another none")
	}
	c.leave("10.0.0.1")
	if !c.enter("10.0.0.1") {
		t.Error("a place that is free is not given")
	}
	n := maxFromOne + 1
	for i := 0; c.enter(fmt.Sprint("10.1.0.", i/maxFromOne)); i++ {
		n++
	}
	if n != maxConnections {
		t.Errorf("%d connections", n)
	}
	for a, want := range map[string]string{
		"10.0.0.1:5": "10.0.0.1", "[2001:db8:1:2:3:4:5:6]:9": "2001:db8:1:2::", "[2001:db8:1:2::9]:1": "2001:db8:1:2::", "[::1]:3": "::1", "[::ffff:10.0.0.1]:4": "::ffff:10.0.0.1", "x": "x",
	} {
		if got := callerOf(a); got != want && net.ParseIP(got) == nil {
			t.Errorf("%s is %s", a, got)
		}
	}
	// Over the network: who holds its connections open without a word gets no more of them, and gives them back.
	w := newWorld(t)
	var held []net.Conn
	for range maxFromOne {
		conn, err := net.Dial("tcp", w.Status().Address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	over, err := net.Dial("tcp", w.Status().Address)
	if err == nil {
		_ = over.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := over.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("one more is not closed: %v", err)
		}
		over.Close()
	}
	for _, conn := range held {
		conn.Close()
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, _, err := shown(t, w.Status().Address, 0); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // polling, with a deadline
	}
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error) //nolint:errorlint // as it came from the connection
	return ok && n.Timeout()
}

func TestHeadersAreBoundedAndPlainHTTPIsNotSpoken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain, err := net.Dial("tcp", w.Status().Address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprintf(plain, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if answer, _ := io.ReadAll(plain); bytes.Contains(answer, []byte("Data Management")) || !bytes.Contains(answer, []byte("400")) {
		t.Errorf("%s", answer)
	}
	conn, err := tls.Dial("tcp", w.Status().Address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
	w.mu.Lock()
	h := w.http
	w.mu.Unlock()
	if h.ReadHeaderTimeout <= 0 || h.ReadTimeout <= 0 || h.WriteTimeout <= testTime || h.IdleTimeout <= 0 {
		t.Errorf("a time is not limited: %+v", h)
	}
}

func TestAddressesAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		config Config
		url    string
		knows  []string
	}{
		{Config{On: true, Address: Localhost}, "https://localhost:", []string{"localhost", "LOCALHOST.:1", "127.0.0.1:8050", "[::1]:8050", "machine-1:8050"}},
		{Config{On: true, Address: Any}, "https://machine-1:", []string{"machine-1", "localhost"}},
		{Config{On: true, Address: "127.0.0.1"}, "https://127.0.0.1:", []string{"127.0.0.1"}},
		{Config{On: true, Address: Any, Names: []string{"gw.example.com", "gw"}}, "https://gw.example.com:", []string{"gw", "GW.example.com:8050"}},
	} {
		w.Apply(c.config)
		s := w.Status()
		if s.State != On || !strings.HasPrefix(s.URL, c.url) {
			t.Errorf("%+v: %+v", c.config, s)
		}
		for _, host := range c.knows {
			if !w.knows(host) {
				t.Errorf("%+v does not know %s", c.config, host)
			}
		}
		for _, host := range []string{"", "evil.example", "localhost.evil.example", "10.255.1.2", "[::2]", ":8050", "gw.example.com.evil.example", "machine-1.evil.example", "localhost%.evil.example"} {
			if w.knows(host) {
				t.Errorf("%+v knows %q", c.config, host)
			}
		}
	}
	for text, want := range map[string]string{"LocalHost": Localhost, "any": Any, "*": Any, "0.0.0.0": Any, "::": Any, "10.0.0.5": "10.0.0.5", "[fe80::1]": "fe80::1"} {
		if got, ok := ParseAddress(text); !ok || got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestMaskFindsSecretsInEveryShape(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"userName": "ada", "password": `p&w "x"/ü`, "privateKeyContent": "-----BEGIN KEY-----\nc2VjcmV0LWxpbmU=\n-----END KEY-----", "passPhrase": "ab",
		"sasToken": "https://a.blob.core.windows.net/?sv=2024&sig=abcdef%2Bghi%3D",
	}
	for _, text := range []string{
		`login with p&w "x"/ü failed`, `login with "p&w \"x\"/ü" failed`, `https://u:p%26w+%22x%22%2F%C3%BC@h`, `https://u:p&w%20%22x%22%2F%C3%BC@h`,
		"bad line c2VjcmV0LWxpbmU= in key", "passphrase ab is wrong", "sig=abcdef%2Bghi%3D", "signature abcdef+ghi= did not match",
	} {
		got := Mask(text, values)
		for _, secret := range []string{"p&w", "p%26w", "c2Vj", " ab ", "abcdef"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s became %s", text, got)
			}
		}
		if !strings.Contains(got, masked) {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := Mask("ada cannot be reached: absent table", values); got != "ada cannot be reached: absent table" {
		t.Errorf("too much is hidden: %s", got)
	}
}

func TestClosingEndsTheTestsThatRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gateway.hold = make(chan struct{})
	c := w.paired()
	done := make(chan error, 1)
	go func() {
		req, err := http.NewRequest("POST", w.Status().URL+"/api/v1/targets/ShopDatabase/test", strings.NewReader(`{"kind":"Basic","values":{"userName":"u","password":"p"}}`))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(csrfHeader, c.csrf)
			var resp *http.Response
			if resp, err = c.http.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
		done <- err
	}()
	deadline := time.Now().Add(20 * time.Second)
	for len(w.testing) == 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond) // polling, with a deadline
	}
	w.Close()
	if err := <-done; err != nil {
		t.Logf("the caller sees %v", err) // or an answer that is cut short
	}
	if _, err := net.Dial("tcp", w.Status().Address); err == nil {
		t.Error("it still listens")
	}
	s := New(Options{Gateway: w.gateway, Vault: w.vault, Host: "h", Log: slog.New(slog.DiscardHandler)})
	s.Close() // never applied
}
