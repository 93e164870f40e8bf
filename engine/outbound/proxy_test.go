package outbound

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/md4" //nolint:staticcheck // NTLM is made of it
)

// fakeProxy is a proxy of the test. auth decides about each CONNECT.
type fakeProxy struct {
	t       *testing.T
	address string
	targets map[string]string // names that only the proxy knows
	auth    func(conn *proxyConn, r *http.Request) (status int, headers []string)

	mu       sync.Mutex
	requests []string // the targets asked for
	headers  []http.Header
	open     []net.Conn
}

// proxyConn is one connection to the proxy, with what NTLM remembers of it.
type proxyConn struct{ challenge []byte }

func newProxy(t *testing.T, p *fakeProxy) *fakeProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.t, p.address = t, l.Addr().String()
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.open = append(p.open, conn)
			p.mu.Unlock()
			work.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.open {
			_ = c.Close()
		}
		p.mu.Unlock()
		work.Wait()
	})
	return p
}

func (p *fakeProxy) serve(conn net.Conn) {
	defer conn.Close()
	read := bufio.NewReader(conn)
	state := &proxyConn{}
	for {
		r, err := http.ReadRequest(read)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.requests = append(p.requests, r.Method+" "+r.RequestURI)
		p.headers = append(p.headers, r.Header)
		p.mu.Unlock()
		status, headers := 200, []string(nil)
		if p.auth != nil {
			status, headers = p.auth(state, r)
		}
		if status != 200 {
			body := "<html>no</html>"
			answer := "HTTP/1.1 " + http.StatusText(status)
			answer = strings.Replace(answer, http.StatusText(status), itoa(status)+" "+http.StatusText(status), 1)
			for _, h := range headers {
				answer += "\r\n" + h
			}
			answer += "\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
			if _, err := io.WriteString(conn, answer); err != nil || strings.Contains(strings.Join(headers, " "), "Connection: close") {
				return
			}
			continue
		}
		target := r.RequestURI
		if to, ok := p.targets[target]; ok {
			target = to
		}
		out, err := net.Dial("tcp", target)
		if err != nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, out)
		p.mu.Unlock()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(out, read); _ = out.Close() })
		both.Go(func() { _, _ = io.Copy(conn, out); _ = conn.Close() })
		both.Wait()
		return
	}
}

func itoa(n int) string {
	var b []byte
	for ; n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	if b == nil {
		return "0"
	}
	return string(b)
}

func (p *fakeProxy) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

func wantBasic(user, password string) func(*proxyConn, *http.Request) (int, []string) {
	return func(_ *proxyConn, r *http.Request) (int, []string) {
		if r.Header.Get("Proxy-Authorization") == "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)) {
			return 200, nil
		}
		return 407, []string{`Proxy-Authenticate: Basic realm="a, b"`}
	}
}

// wantNTLM checks NTLMv2 as a domain controller does, from the password: nothing of the client's library is used.
func wantNTLM(domain, user, password string, more ...string) func(*proxyConn, *http.Request) (int, []string) {
	return func(c *proxyConn, r *http.Request) (int, []string) {
		refuse := append([]string{"Proxy-Authenticate: NTLM"}, more...)
		text, ok := strings.CutPrefix(r.Header.Get("Proxy-Authorization"), "NTLM ")
		if !ok {
			return 407, refuse
		}
		m, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(m) < 12 || !bytes.HasPrefix(m, []byte("NTLMSSP\x00")) {
			return 400, nil
		}
		switch binary.LittleEndian.Uint32(m[8:]) {
		case 1:
			c.challenge = make([]byte, 8)
			_, _ = rand.Read(c.challenge)
			return 407, []string{"Proxy-Authenticate: NTLM " + base64.StdEncoding.EncodeToString(ntlmChallenge(c.challenge, domain))}
		case 3:
			if c.challenge != nil && checkNTLMv2(m, c.challenge, domain, user, password) {
				return 200, nil
			}
			c.challenge = nil
		}
		return 407, refuse
	}
}

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// ntlmChallenge is a message of type 2 with target information: domain name, end.
func ntlmChallenge(challenge []byte, domain string) []byte {
	name := utf16le(domain)
	info := binary.LittleEndian.AppendUint16(nil, 2)
	info = binary.LittleEndian.AppendUint16(info, uint16(len(name)))
	info = append(info, name...)
	info = append(info, 0, 0, 0, 0)
	const head = 48
	m := []byte("NTLMSSP\x00")
	m = binary.LittleEndian.AppendUint32(m, 2)
	field := func(n, at int) {
		m = binary.LittleEndian.AppendUint16(m, uint16(n))
		m = binary.LittleEndian.AppendUint16(m, uint16(n))
		m = binary.LittleEndian.AppendUint32(m, uint32(at))
	}
	field(len(name), head)
	// Unicode, request target, NTLM, always sign, target is a domain, extended session security, target information
	m = binary.LittleEndian.AppendUint32(m, 0x00000001|0x00000004|0x00000200|0x00008000|0x00010000|0x00080000|0x00800000)
	m = append(m, challenge...)
	m = append(m, make([]byte, 8)...)
	field(len(info), head+len(name))
	return append(append(m, name...), info...)
}

func checkNTLMv2(m, challenge []byte, domain, user, password string) bool {
	field := func(at int) []byte {
		if len(m) < at+8 {
			return nil
		}
		n, off := int(binary.LittleEndian.Uint16(m[at:])), int(binary.LittleEndian.Uint32(m[at+4:]))
		if off+n > len(m) {
			return nil
		}
		return m[off : off+n]
	}
	nt, gotDomain, gotUser := field(20), field(28), field(36)
	if len(nt) < 24 || !bytes.Equal(gotDomain, utf16le(domain)) || !bytes.Equal(gotUser, utf16le(user)) {
		return false
	}
	hash := md4.New()
	hash.Write(utf16le(password))
	key := hmac.New(md5.New, hash.Sum(nil))
	key.Write(utf16le(strings.ToUpper(user) + domain))
	proof := hmac.New(md5.New, key.Sum(nil))
	proof.Write(challenge)
	proof.Write(nt[16:])
	return hmac.Equal(proof.Sum(nil), nt[:16])
}
