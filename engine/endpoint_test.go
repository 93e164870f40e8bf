package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/testserver"
)

// visitor is a browser or script at an engine's endpoint.
type visitor struct {
	t    *testing.T
	url  string
	http *http.Client
	csrf string
}

func visit(t *testing.T, url string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, url: url, http: &http.Client{Transport: transport, Jar: jar}}
}

func (v *visitor) ask(method, path string, body any) (int, string) {
	v.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.url+"/api/v1/"+path, bytes.NewReader(data))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", v.csrf)
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (v *visitor) enter(how map[string]string) (int, string) {
	v.t.Helper()
	status, text := v.ask("POST", "session", how)
	var s struct{ CSRF string }
	if json.Unmarshal([]byte(text), &s) == nil {
		v.csrf = s.CSRF
	}
	return status, text
}

// endpointOf waits until an engine's endpoint is on.
func endpointOf(t *testing.T, e *Engine) EndpointStatus {
	t.Helper()
	s, err := e.Endpoint(t.Context())
	if err != nil || s.State != endpoint.On || !strings.HasPrefix(s.URL, "https://localhost:") || len(s.Thumbprint) != 64 || !s.Own {
		t.Fatalf("%+v %v", s, err)
	}
	return s
}

// shopService is a linked service on a real PostgreSQL, without its credential.
func shopService(t *testing.T, dsn, gateway string) (properties, user, password string) {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return `{"type":"PostgreSql","connectVia":{"type":"IntegrationRuntimeReference","referenceName":"` + gateway + `"},
		"typeProperties":{"connectionString":"Host=` + c.Host + `;Port=` + strconv.Itoa(int(c.Port)) + `;Database=` + c.Database + `"}}`, c.User, c.Password
}

func TestACredentialGoesTheWholeWayFromTheBrowserToTheStore(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	service, user, password := shopService(t, dsn, "gw")
	w.put(wire.LinkedServices, "shop", service)
	c := dial(t, e.data)
	code, err := c.PairingCode(t.Context())
	if err != nil || code.URL != endpointOf(t, e).URL {
		t.Fatalf("%+v %v", code, err)
	}
	v := visit(t, code.URL)
	if status, text := v.enter(map[string]string{"code": code.Code}); status != 200 || !strings.Contains(text, `"gateway":"gw","node":"n1"`) {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := v.ask("GET", "targets", nil); status != 200 || !strings.Contains(text, `"name":"shop","type":"PostgreSql"`) || !strings.Contains(text, `"set":false`) || !strings.Contains(text, e.certificate().Thumbprint()) {
		t.Errorf("%d %s", status, text)
	}
	right := map[string]any{"kind": "Basic", "values": map[string]string{"userName": user, "password": password}}
	if status, text := v.ask("POST", "targets/shop/test", right); status != 200 || !strings.Contains(text, `"name":"sign-in"`) || !strings.HasSuffix(text, "{\"done\":true}\n") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := v.ask("POST", "targets/shop/test", map[string]any{"kind": "Basic", "values": map[string]string{"userName": "nobody-at-all", "password": "wrong-S3CRET"}}); status != 200 || !strings.Contains(text, `"error":`) || !strings.Contains(text, `"remedy":`) || strings.Contains(text, "S3CRET") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := v.ask("POST", "targets/shop/credential", right); status != 200 || !strings.Contains(text, `"sealedFor":["n1"]`) {
		t.Fatalf("%d %s", status, text)
	}
	got, err := w.client.Get(t.Context(), wire.LinkedServices, "shop")
	if err != nil || !bytes.Contains(got.Properties, []byte("Username="+user+";EncryptedCredential=eyJ")) || bytes.Contains(got.Properties, []byte("Password")) {
		t.Fatalf("%s %v", got.Properties, err)
	}
	doc, err := json.Marshal(wire.Resource{Name: "shop", Properties: got.Properties})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := e.opener(protocol.Job{Gateway: e.identity.Gateway}).LinkedService(doc)
	if err != nil || !bytes.Contains(opened, []byte("Password="+password)) {
		t.Errorf("what was sealed does not open: %v", err)
	}
	if _, err := (credential.Opener{Certificates: e.ring.Load().All(), Gateway: "another"}).LinkedService(doc); fault.Code(err) != fault.Forbidden {
		t.Errorf("another gateway opens it: %v", err)
	}
	list, err := c.CredentialTargets(t.Context())
	if err != nil || len(list) != 1 || !list[0].Set || !list[0].Readable {
		t.Errorf("%+v %v", list, err)
	}
	if text := logOf(t, e); strings.Contains(text, "S3CRET") || strings.Contains(text, code.Code) {
		t.Error("the log holds a secret")
	}
	mustNotHold(t, "the log", logOf(t, e), v.csrf)

	// The factory's link lets in without a code, once, also over a restart.
	s := w.links("shop")
	_, token, _ := strings.Cut(s.Links[0].URL, "#token=")
	if status, text := visit(t, code.URL).enter(map[string]string{"token": token}); status != 200 || !strings.Contains(text, `"scope":"shop"`) {
		t.Errorf("%d %s", status, text)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openEngine(t, e.data, func(o *Options) { o.stores = w.stores() })
	if status, text := visit(t, endpointOf(t, e).URL).enter(map[string]string{"token": token}); status != 403 || !strings.Contains(text, "used already") {
		t.Errorf("after a restart: %d %s", status, text)
	}
}

// links waits until the factory knows the endpoint.
func (w *world) links(name string) wire.CredentialLinks {
	w.t.Helper()
	deadline := time.Now().Add(soon)
	for {
		links, err := w.client.CredentialLinks(w.t.Context(), name)
		if err == nil {
			return links
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // polling, with a deadline
	}
}

func TestWhoComesOverTheNetworkCannotChooseWhereToConnectTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	const via = `"connectVia":{"type":"IntegrationRuntimeReference","referenceName":"gw"}`
	w.put(wire.LinkedServices, "file", `{"type":"SQLite",`+via+`,"typeProperties":{"connectionString":"Data Source=`+strings.ReplaceAll(e.data, `\`, `\\`)+`/journal.db"}}`)
	code, err := e.PairingCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, code.URL)
	if status, text := v.enter(map[string]string{"code": code.Code}); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	// The gateway's own files stay closed, as to jobs.
	if status, text := v.ask("POST", "targets/file/test", map[string]any{"kind": "Anonymous", "values": map[string]string{}}); status != 200 || !strings.Contains(text, fault.FolderNotAllowed) {
		t.Errorf("%d %s", status, text)
	}
	definition := []byte(`{"name":"x","properties":{"type":"SqlServer","typeProperties":{"connectionString":"Server=127.0.0.1,1;Database=x"}}}`)
	if status, _ := v.ask("POST", "targets/file/test", map[string]any{"kind": "Basic", "definition": definition}); status != 400 {
		t.Errorf("a definition: %d", status)
	}
	// A person at the machine may.
	out, err := e.SetCredential(t.Context(), CredentialRequest{Definition: definition, Kind: "Basic", Values: map[string]string{"userName": "u", "password": "S3CRET"}})
	if err != nil || out.Stored || !bytes.Contains(out.Definition, []byte("User ID=u;EncryptedCredential=eyJ")) {
		t.Errorf("%+v %v", out, err)
	}
	var stages []Stage
	err = e.TestCredential(t.Context(), CredentialRequest{Definition: definition, Kind: "Basic", Values: map[string]string{"userName": "u", "password": "S3CRET"}}, func(s Stage) { stages = append(stages, s) })
	if err == nil || len(stages) == 0 || stages[len(stages)-1].Error == "" {
		t.Errorf("%+v %v", stages, err)
	}
}

func TestACredentialIsSealedForOtherNodesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.gateway("gw")
	first := w.node("n1", key)
	second := w.node("n2", key)
	if _, err := second.NewCertificate(t.Context(), "ec-p256"); err != nil {
		t.Fatal(err)
	}
	if err := second.ForgetCertificate(t.Context(), first.certificate().Thumbprint()); err != nil { // all tests begin with one
		t.Fatal(err)
	}
	w.put(wire.LinkedServices, "shop", `{"type":"PostgreSql","connectVia":{"type":"IntegrationRuntimeReference","referenceName":"gw"},"typeProperties":{"connectionString":"Host=h;Database=d"}}`)
	r := CredentialRequest{LinkedService: "SHOP", Kind: "Basic", Values: map[string]string{"userName": "u", "password": "p"}}
	targets, err := first.CredentialTargets(t.Context())
	if err != nil || len(targets) != 1 || len(targets[0].Nodes) != 2 || !targets[0].Nodes[0].This || targets[0].Nodes[0].Name != "n1" {
		t.Fatalf("%+v %v", targets, err)
	}
	readable := func() bool {
		list, err := second.CredentialTargets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list[0].Readable
	}
	if out, err := first.SetCredential(t.Context(), r); err != nil || !out.Stored || len(out.SealedFor) != 1 || readable() {
		t.Errorf("for itself: %v %v", out.SealedFor, err)
	}
	r.AlsoFor = []string{targets[0].Nodes[1].Thumbprint}
	if out, err := first.SetCredential(t.Context(), r); err != nil || strings.Join(out.SealedFor, " ") != "n1 n2" || !readable() {
		t.Errorf("for both: %v %v", out.SealedFor, err)
	}
	r.AlsoFor = []string{strings.Repeat("A", 40)}
	if _, err := first.SetCredential(t.Context(), r); fault.Code(err) != fault.NotFound {
		t.Errorf("a certificate that no node has: %v", err)
	}
}

func TestTheEndpointFollowsItsSettingsAndNeverStopsTheGateway(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	e := openEngine(t, t.TempDir(), func(o *Options) { o.endpointPort = port })
	s, _ := e.Status(t.Context())
	if s.Endpoint.State != endpoint.Failed || !strings.Contains(s.Endpoint.Reason, strconv.Itoa(port)) || !strings.Contains(s.Endpoint.Remedy, SettingEndpointPort) {
		t.Errorf("%+v", s.Endpoint)
	}
	if _, err := e.PairingCode(t.Context()); fault.Code(err) != fault.NotRegistered {
		t.Errorf("before registering: %v", err)
	}
	e.o.endpointPort = -1
	if err := e.SetSetting(t.Context(), SettingEndpoint, "off"); err != nil {
		t.Fatal(err)
	}
	if s, _ := e.Endpoint(t.Context()); s.State != endpoint.Off {
		t.Errorf("%+v", s)
	}
	if err := e.SetSetting(t.Context(), SettingEndpoint, "on"); err != nil {
		t.Fatal(err)
	}
	at := endpointOf(t, e)
	if err := e.SetSetting(t.Context(), SettingEndpointNames, "Gateway.Example.com, gw"); err != nil {
		t.Fatal(err)
	}
	if s, _ := e.Endpoint(t.Context()); !strings.HasPrefix(s.URL, "https://gateway.example.com:") || s.Address != at.Address {
		t.Errorf("%+v", s)
	}
	for name, values := range map[string][]string{
		SettingEndpointPort: {"0", "65536", "x", "-1"}, SettingEndpointAddress: {"example.com", "1.2.3", "localhost:1"}, SettingEndpointNames: {"a b/c", "https://x", "-a"},
	} {
		for _, value := range values {
			if err := e.SetSetting(t.Context(), name, value); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
	if err := e.SetSetting(t.Context(), SettingEndpointAddress, "*"); err != nil || e.setting(SettingEndpointAddress) != endpoint.Any {
		t.Errorf("%v %s", err, e.setting(SettingEndpointAddress))
	}
	if s, _ := e.Endpoint(t.Context()); s.State != endpoint.On || s.Thumbprint != at.Thumbprint {
		t.Errorf("%+v", s)
	}
}

func TestTheEndpointShowsTheCertificateThatItWasGiven(t *testing.T) {
	t.Parallel()
	e := openEngine(t, t.TempDir())
	own := endpointOf(t, e)
	given, err := credential.NewCertificateOf("ec-p256", "gateway.example.com")
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := given.ExportPFX("long enough")
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, e.data)
	if _, err := c.SetEndpointCertificate(t.Context(), pfx, "wrong"); fault.Code(err) != fault.SignInFailed {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := c.SetEndpointCertificate(t.Context(), []byte("x"), ""); fault.Code(err) == "" {
		t.Error("what is no PFX is taken")
	}
	if s, err := c.SetEndpointCertificate(t.Context(), pfx, "long enough"); err != nil || s.Own || s.Thumbprint == own.Thumbprint {
		t.Errorf("%+v %v", s, err)
	}
	shown := func() []byte {
		conn, err := tls.Dial("tcp", own.Address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	if !bytes.Equal(shown(), given.Leaf.Raw) {
		t.Error("it shows another certificate")
	}
	if s, err := c.SetEndpointCertificate(t.Context(), nil, ""); err != nil || !s.Own || s.Thumbprint != own.Thumbprint {
		t.Errorf("%+v %v", s, err)
	}
}

func TestCredentialsCanBeSetWhileNoGatewayRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.put(wire.LinkedServices, "shop", `{"type":"PostgreSql","connectVia":{"type":"IntegrationRuntimeReference","referenceName":"gw"},"typeProperties":{"connectionString":"Host=h;Database=d"}}`)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openEngine(t, e.data, func(o *Options) { o.Idle, o.stores = true, w.stores() })
	if s, _ := e.Endpoint(t.Context()); s.State != endpoint.Off || s.Remedy == "" {
		t.Errorf("%+v", s)
	}
	if _, err := e.PairingCode(t.Context()); fault.Code(err) != fault.NotRunning {
		t.Errorf("a code: %v", err)
	}
	out, err := e.SetCredential(context.Background(), CredentialRequest{LinkedService: "shop", Kind: "Basic", Values: map[string]string{"userName": "u", "password": "p"}})
	if err != nil || !out.Stored {
		t.Errorf("%+v %v", out, err)
	}
}
