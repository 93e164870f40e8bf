package endpoint

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/endpoint/definition"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// password is the only one that the fake gateway's stores take.
const password = "right-S3CRET"

// fakeGateway serves some linked services and remembers what was set.
type fakeGateway struct {
	who  Who
	key  ed25519.PrivateKey
	hold chan struct{} // tests wait for it where it is not nil

	mu         sync.Mutex
	registered bool
	targets    []Target
	used       map[string]bool
	set        []Request
	tests      int
}

func newFakeGateway(t testing.TB) *fakeGateway {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &fakeGateway{key: private, registered: true, used: map[string]bool{}, who: Who{
		Factory: "f-1", Gateway: "g-1", FactoryName: "contoso", GatewayName: "plant", NodeName: "machine-1", SigningKey: public,
	}}
	for _, s := range []struct{ name, typ, properties string }{
		{"ShopDatabase", "SqlServer", `{"connectionString":"Data Source=db1.corp.example;Initial Catalog=shop"}`},
		{"Orders", "PostgreSql", `{"connectionString":"Host=10.0.0.7;Database=orders;EncryptedCredential=eyJ"}`},
		{"Landing", "AzureBlobStorage", `{"connectionString":"AccountName=contosolanding;EncryptedCredential=eyJ"}`},
		{"Partner", "Sftp", `{"host":"sftp.partner.example","authenticationType":"SshPublicKey","userName":"contoso"}`},
		{"Archive", "FileServer", `{"host":"/srv/archive"}`},
	} {
		d, err := definition.Parse([]byte(`{"name":"` + s.name + `","properties":{"type":"` + s.typ + `","typeProperties":` + s.properties + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		g.targets = append(g.targets, Target{
			Name: s.name, Type: s.typ, Kinds: d.Kinds(), Place: d.Place(), Set: strings.Contains(s.properties, "eyJ"), Readable: s.name == "Orders",
			Nodes: []Node{{"machine-1", "0B1C2D3E4F5061728394A5B6C7D8E9F00B1C2D3E", true}, {"machine-2", "9F8E7D6C5B4A392817060504030201009F8E7D6C", false}},
		})
	}
	return g
}

func (g *fakeGateway) Who() (Who, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.who, g.registered
}

func (g *fakeGateway) Targets(context.Context) ([]Target, error) { return g.targets, nil }

func (g *fakeGateway) Test(ctx context.Context, r Request, report func(Stage)) error {
	g.mu.Lock()
	g.tests++
	g.mu.Unlock()
	report(Stage{Name: "name", Detail: "db1.corp.example is 10.0.0.5", Took: 1200 * time.Microsecond})
	if g.hold != nil {
		select {
		case <-g.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	report(Stage{Name: "tcp", Detail: "10.0.0.5:1433", Took: 3 * time.Millisecond})
	report(Stage{Name: "tls", Detail: "TLS 1.3", Took: 14 * time.Millisecond})
	if r.Values["password"] != password && r.Values["password"] != "" {
		// As some drivers do, it repeats what it was given.
		err := fault.New(fault.SignInFailed, "login failed for %s with %q, %s", r.Values["userName"], r.Values["password"], url.QueryEscape(r.Values["password"])).
			Try("Check user and password.")
		report(Stage{Name: "sign-in", Took: 90 * time.Millisecond, Error: err.Error(), Remedy: err.Hint})
		return err
	}
	report(Stage{Name: "sign-in", Detail: "as " + r.Values["userName"], Took: 60 * time.Millisecond})
	report(Stage{Name: "database", Detail: "shop", Took: 5 * time.Millisecond})
	return nil
}

func (g *fakeGateway) Set(_ context.Context, r Request) (Outcome, error) {
	if r.Values["password"] == "refused-S3CRET" {
		return Outcome{}, fault.New(fault.StoreFailed, "the factory says no to refused-S3CRET")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set = append(g.set, r)
	return Outcome{LinkedService: r.LinkedService, SealedFor: []string{"machine-1"}}, nil
}

func (g *fakeGateway) Once(_ context.Context, id string, _ time.Time) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.used[id]
	g.used[id] = true
	return first, nil
}

// token is a link's of the factory.
func (g *fakeGateway) token(t testing.TB, edit func(*protocol.CredentialToken)) string {
	t.Helper()
	now := time.Now()
	claims := protocol.CredentialToken{
		Purpose: protocol.PurposeCredential, Factory: "f-1", Gateway: "g-1", LinkedService: "ShopDatabase", ID: t.Name(), Issued: now.Unix(), Expires: now.Add(5 * time.Minute).Unix(),
	}
	if edit != nil {
		edit(&claims)
	}
	text, err := claims.Sign(g.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type memoryVault struct {
	mu    sync.Mutex
	items map[string][]byte
}

func (v *memoryVault) Get(name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.items[name], nil
}

func (v *memoryVault) Put(name string, value []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.items[name] = value
	return nil
}

func (v *memoryVault) Delete(name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.items, name)
	return nil
}

// clock can be set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is an endpoint that serves, with a gateway behind it.
type world struct {
	t testing.TB
	*Server
	gateway *fakeGateway
	vault   *memoryVault
	clock   *clock
	log     *lines
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, gateway: newFakeGateway(t), vault: &memoryVault{items: map[string][]byte{}}, clock: &clock{at: time.Now()}, log: &lines{}}
	w.Server = New(Options{
		Gateway: w.gateway, Vault: w.vault, Host: "machine-1", Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: w.clock.now,
	})
	t.Cleanup(w.Close)
	w.Apply(Config{On: true, Address: Localhost})
	if s := w.Status(); s.State != On {
		t.Fatalf("%+v", s)
	}
	return w
}

// caller is a browser or script.
type caller struct {
	w    *world
	http *http.Client
	csrf string
}

func (w *world) caller() *caller {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &caller{w: w, http: &http.Client{Transport: transport, Jar: jar, Timeout: 30 * time.Second}}
}

// ask calls the JSON interface; headers are name and value in turn.
func (c *caller) ask(method, path, body string, headers ...string) (int, http.Header, string) {
	c.w.t.Helper()
	req, err := http.NewRequest(method, c.w.Status().URL+path, strings.NewReader(body))
	if err != nil {
		c.w.t.Fatal(err)
	}
	if method != "GET" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(csrfHeader, c.csrf)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

// enter comes in with a code or token.
func (c *caller) enter(body string) {
	c.w.t.Helper()
	status, _, text := c.ask("POST", "/api/v1/session", body)
	var s sessionAnswer
	if err := json.Unmarshal([]byte(text), &s); err != nil || status != 200 || s.CSRF == "" {
		c.w.t.Fatalf("%d %s", status, text)
	}
	c.csrf = s.CSRF
}

func (w *world) paired() *caller {
	w.t.Helper()
	code, err := w.Pair()
	if err != nil {
		w.t.Fatal(err)
	}
	c := w.caller()
	c.enter(`{"code":"` + strings.ToLower(code.Code) + `"}`)
	return c
}
