package endpoint

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/protocol"
)

func TestAScriptPairsListsTestsAndSets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.paired()
	status, _, text := c.ask("GET", "/api/v1/targets", "")
	if status != 200 || !strings.Contains(text, `"name":"ShopDatabase","type":"SqlServer"`) || !strings.Contains(text, `"place":"db1.corp.example, shop"`) {
		t.Errorf("%d %s", status, text)
	}
	status, header, text := c.ask("POST", "/api/v1/targets/ShopDatabase/test", `{"kind":"Basic","values":{"userName":"ada","password":"wrong+S3CRET"}}`)
	if status != 200 || header.Get("Content-Type") != "application/x-ndjson" || strings.Count(text, `{"stage":`) != 4 || !strings.Contains(text, `"remedy":"Check user and password."`) || !strings.Contains(text, `{"error":{"code":"SignInFailed"`) {
		t.Errorf("%d %s", status, text)
	}
	if strings.Contains(text, "S3CRET") {
		t.Errorf("the password is repeated: %s", text)
	}
	if status, _, text = c.ask("POST", "/api/v1/targets/ShopDatabase/test", `{"kind":"Basic","values":{"userName":"ada","password":"`+password+`"}}`); status != 200 || !strings.HasSuffix(text, "{\"done\":true}\n") {
		t.Errorf("%d %s", status, text)
	}
	status, _, text = c.ask("POST", "/api/v1/targets/shopdatabase/credential", `{"kind":"Basic","values":{"userName":"ada","password":"`+password+`"},"alsoFor":["9F8E"]}`)
	if status != 200 || text != "{\"linkedService\":\"shopdatabase\",\"sealedFor\":[\"machine-1\"]}\n" {
		t.Errorf("%d %s", status, text)
	}
	if r := w.gateway.set; len(r) != 1 || r[0].Values["password"] != password || r[0].AlsoFor[0] != "9F8E" {
		t.Errorf("%+v", r)
	}
	if status, _, text = c.ask("POST", "/api/v1/targets/ShopDatabase/credential", `{"kind":"Basic","values":{"userName":"ada","password":"refused-S3CRET"}}`); status != http.StatusBadGateway || strings.Contains(text, "S3CRET") {
		t.Errorf("%d %s", status, text)
	}
	if text := w.log.String(); strings.Contains(text, "S3CRET") || !strings.Contains(text, "a credential was set") {
		t.Errorf("the log: %s", text)
	}
	if status, _, _ := c.ask("DELETE", "/api/v1/session", "{}"); status != 200 {
		t.Errorf("leaving: %d", status)
	}
	if status, _, _ := c.ask("GET", "/api/v1/targets", ""); status != http.StatusUnauthorized {
		t.Errorf("after leaving: %d", status)
	}
}

func TestNothingIsGivenToWhoHasNotComeIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in, stranger := w.paired(), w.caller()
	for _, r := range [][2]string{
		{"GET", "/api/v1/session"},
		{"GET", "/api/v1/targets"},
		{"POST", "/api/v1/targets/ShopDatabase/test"},
		{"POST", "/api/v1/targets/ShopDatabase/credential"},
		{"DELETE", "/api/v1/session"},
	} {
		stranger.csrf = in.csrf
		if status, _, text := stranger.ask(r[0], r[1], "{}"); status != http.StatusUnauthorized || strings.Contains(text, "Shop") {
			t.Errorf("%v: %d %s", r, status, text)
		}
	}
	if w.gateway.tests != 0 || len(w.gateway.set) != 0 {
		t.Error("something was done")
	}
}

func TestRequestsOfOtherPagesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.paired()
	const set, body = "/api/v1/targets/ShopDatabase/credential", `{"kind":"Basic","values":{"userName":"u","password":"p"}}`
	own := strings.TrimPrefix(w.Status().URL, "https://")
	_, port, _ := net.SplitHostPort(own)
	for _, c2 := range []struct {
		name    string
		path    string
		status  int
		headers []string
	}{
		{"another site", set, 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"a sister site", set, 403, []string{"Sec-Fetch-Site", "same-site"}},
		{"another origin", set, 403, []string{"Origin", "https://evil.example"}},
		{"the origin of a file", set, 403, []string{"Origin", "null"}},
		{"the own name without TLS", set, 403, []string{"Origin", "http://" + own}},
		{"a name that leads here", set, 421, []string{"Host", "evil.example:" + port, "Origin", "https://evil.example:" + port}},
		{"a name that leads here, page", "/", 421, []string{"Host", "evil.example:" + port}},
		{"another address", set, 421, []string{"Host", "10.0.0.5:" + port}},
		{"a name that begins alike", set, 421, []string{"Host", "localhost.evil.example:" + port}},
		{"a name that begins like the machine's", set, 421, []string{"Host", "machine-1.evil.example"}},
		{"no CSRF token", set, 403, []string{csrfHeader, ""}},
		{"another CSRF token", set, 403, []string{csrfHeader, "AAAA"}},
		{"a form", set, 400, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"plain text", set, 400, []string{"Content-Type", "text/plain"}},
		{"no type", set, 400, []string{"Content-Type", ""}},
	} {
		if status, header, text := c.ask("POST", c2.path, body, c2.headers...); status != c2.status || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %s", c2.name, status, text)
		}
	}
	if len(w.gateway.set) != 0 {
		t.Error("something was set")
	}
	for _, headers := range [][]string{nil, {"Origin", "https://" + own, "Sec-Fetch-Site", "same-origin"}, {"Host", "MACHINE-1:" + port}, {"Host", "localhost"}, {"Host", "127.0.0.1:" + port}, {"Host", "[::1]:" + port}} {
		if status, _, text := c.ask("GET", "/api/v1/session", "", headers...); status != 200 && (len(headers) == 0 || headers[0] != "Host") || status == 421 {
			t.Errorf("%v: %d %s", headers, status, text)
		}
	}
	for _, method := range []string{"OPTIONS", "TRACE", "PUT"} {
		if status, header, _ := c.ask(method, set, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST"); status < 400 || header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s: %d %v", method, status, header)
		}
	}
}

func TestAnswersCannotBeKeptFramedOrSniffed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.caller()
	for _, path := range []string{"/", "/endpoint.js", "/texts.js", "/endpoint.css", "/app.svg", "/api/v1/session", "/nothing"} {
		_, h, _ := c.ask("GET", path, "")
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
	if _, _, page := c.ask("GET", "/", ""); strings.Contains(page, "<script>") || strings.Contains(page, "style=") || strings.Contains(page, "onclick") {
		t.Error("the page has something inline")
	}
	code, err := w.Pair()
	if err != nil {
		t.Fatal(err)
	}
	_, h, _ := c.ask("POST", "/api/v1/session", `{"code":"`+code.Code+`"}`)
	if cookie := h.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-dmg-session=") || !strings.HasSuffix(cookie, "; Path=/; HttpOnly; Secure; SameSite=Strict") {
		t.Errorf("cookie %s", cookie)
	}
}

func TestRequestsAreBoundedAndUnderstoodWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.paired()
	const set = "/api/v1/targets/ShopDatabase/credential"
	for name, body := range map[string]string{
		"giant":             `{"kind":"` + strings.Repeat("x", 2<<20) + `"}`,
		"no JSON":           `kind=Basic`,
		"cut":               `{"kind":"Basic","values":{"password":"S3CRET`,
		"something behind":  `{"kind":"Basic"} {"kind":"Basic"}`,
		"unknown property":  `{"kind":"Basic","definition":"e30="}`,
		"another host":      `{"kind":"Basic","linkedService":"Orders"}`,
		"wrong type":        `{"kind":"Basic","values":["S3CRET"]}`,
		"nested for ever":   strings.Repeat("[", 100_000),
		"nothing":           ``,
		"invalid UTF-8 key": "{\"\xff\":1}",
	} {
		status, _, text := c.ask("POST", set, body)
		if status != 400 || strings.Contains(text, "S3CRET") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, _, _ := c.ask("POST", "/api/v1/targets/Nothing/credential", `{"kind":"Basic"}`); status != 404 {
		t.Errorf("an unknown linked service: %d", status)
	}
	if len(w.gateway.set) != 0 {
		t.Error("something was set")
	}
}

func TestALinkOfTheFactoryWorksOnceForOneLinkedService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.gateway.token(t, nil)
	c := w.caller()
	c.enter(`{"token":"` + token + `"}`)
	if _, _, text := c.ask("GET", "/api/v1/targets", ""); !strings.Contains(text, "ShopDatabase") || strings.Contains(text, "Orders") {
		t.Errorf("targets %s", text)
	}
	if status, _, _ := c.ask("POST", "/api/v1/targets/Orders/credential", `{"kind":"Basic","values":{"userName":"u","password":"p"}}`); status != 404 {
		t.Errorf("another linked service: %d", status)
	}
	if status, _, _ := c.ask("POST", "/api/v1/targets/ShopDatabase/credential", `{"kind":"Basic","values":{"userName":"u","password":"p"}}`); status != 200 {
		t.Errorf("its own: %d", status)
	}
	other := newFakeGateway(t)
	for name, text := range map[string]string{
		"again":                 token,
		"another factory's key": other.token(t, func(c *protocol.CredentialToken) { c.ID = "x" }),
		"another gateway":       w.gateway.token(t, func(c *protocol.CredentialToken) { c.ID, c.Gateway = "y", "g-2" }),
		"expired":               w.gateway.token(t, func(c *protocol.CredentialToken) { c.ID, c.Issued, c.Expires = "z", c.Issued-3600, c.Expires-3600 }),
		"changed":               token[:len(token)-4] + "AAAA",
		"none":                  "x",
		"long":                  strings.Repeat("a", 100_000),
	} {
		if status, _, answer := w.caller().ask("POST", "/api/v1/session", `{"token":"`+text+`"}`); status != 403 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(*world, *caller)
	}{
		{"when nothing is asked for a while", func(w *world, _ *caller) { w.clock.advance(sessionIdle + time.Second) }},
		{"after a day's work, however busy", func(w *world, c *caller) {
			for range 33 {
				w.clock.advance(sessionIdle - time.Second)
				c.ask("GET", "/api/v1/session", "")
			}
		}},
		{"when the gateway belongs to another factory", func(w *world, _ *caller) {
			w.gateway.mu.Lock()
			w.gateway.who.Gateway = "g-2"
			w.gateway.mu.Unlock()
		}},
		{"when the gateway is not registered any more", func(w *world, _ *caller) {
			w.gateway.mu.Lock()
			w.gateway.registered = false
			w.gateway.mu.Unlock()
		}},
		{"when the endpoint is turned off", func(w *world, _ *caller) {
			w.Apply(Config{Address: Localhost})
			w.Apply(Config{On: true, Address: Localhost})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			in := w.paired()
			if status, _, _ := in.ask("GET", "/api/v1/session", ""); status != 200 {
				t.Fatalf("it has not begun: %d", status)
			}
			c.do(w, in)
			if status, _, _ := in.ask("GET", "/api/v1/session", ""); status != http.StatusUnauthorized {
				t.Errorf("it goes on: %d", status)
			}
		})
	}
}

func TestConnectionsAreTestedAFewAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gateway.hold = make(chan struct{})
	const path, body = "/api/v1/targets/ShopDatabase/test", `{"kind":"Basic","values":{"userName":"u","password":"p"}}`
	done := make(chan int, maxTesting)
	for range maxTesting {
		c := w.paired()
		go func() {
			status, _, _ := c.ask("POST", path, body)
			done <- status
		}()
	}
	deadline := time.Now().Add(20 * time.Second)
	for len(w.testing) < maxTesting && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond) // polling, with a deadline
	}
	status, h, text := w.paired().ask("POST", path, body)
	if status != http.StatusTooManyRequests || h.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", status, h, text)
	}
	close(w.gateway.hold)
	for range maxTesting {
		if s := <-done; s != 200 {
			t.Errorf("%d", s)
		}
	}
	c := w.paired()
	for range testsAMinute {
		if status, _, text := c.ask("POST", path, body); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, _, _ := c.ask("POST", path, body); status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", status)
	}
	w.clock.advance(time.Minute + time.Second)
	if status, _, _ := c.ask("POST", path, body); status != 200 {
		t.Errorf("a minute later: %d", status)
	}
}
