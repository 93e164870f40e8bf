package factory

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint/definition"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/store"
	"dmgateway/engine/store/postgres"
	"dmgateway/engine/store/sqlite"
	"dmgateway/engine/store/sqlserver"
)

// shop is a linked service without its credential.
const shop = `{"type":"PostgreSql","connectVia":{"type":"IntegrationRuntimeReference","referenceName":"plant"},"typeProperties":{"connectionString":"Host=db1;Database=shop"}}`

func credentialHouse(t *testing.T) (*house, *lines) {
	t.Helper()
	t.Parallel()
	o, log := testOptions(t.TempDir()), &lines{}
	o.Stores = store.NewRegistry(sqlite.Definition(), ledger(), postgres.Definition(), sqlserver.Definition())
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	h := open(t, o, "127.0.0.1:0")
	for _, name := range []string{"plant", "office"} {
		if _, err := h.NewGateway(t.Context(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	return h, log
}

func (h *house) put(name, properties string) {
	h.t.Helper()
	if _, err := h.Put(h.t.Context(), wire.LinkedServices, name, json.RawMessage(properties)); err != nil {
		h.t.Fatal(err)
	}
}

// sealed is the linked service with a credential for the node.
func (n *fakeNode) sealed(doc []byte, password string) []byte {
	n.t.Helper()
	d, err := definition.Parse(doc)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := d.Apply("Basic", map[string]string{"userName": "ada", "password": password}, definition.Elsewhere); err != nil {
		n.t.Fatal(err)
	}
	out, err := credential.Seal(d.JSON(), n.cert.Leaf)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

func TestANodeSetsTheCredentialOfItsLinkedServicesAndNothingElse(t *testing.T) {
	h, log := credentialHouse(t)
	h.put("shop", shop) // without its credential: it is set at the gateway
	h.put("elsewhere", strings.Replace(shop, "plant", "office", 1))
	n := h.node("machine-1")
	list, err := n.rest.LinkedServices(t.Context())
	if err != nil || len(list.LinkedServices) != 1 || list.LinkedServices[0].Name != "shop" || len(list.Nodes) != 1 || list.Nodes[0].Name != "machine-1" || !bytes.Equal(list.Nodes[0].Certificate, n.cert.Leaf.Raw) {
		t.Fatalf("%+v %v", list, err)
	}
	was := list.LinkedServices[0]
	good := n.sealed(was.Definition, "S3CRET-pw")
	plain := func(old, text string) []byte { return []byte(strings.Replace(string(was.Definition), old, text, 1)) }
	for _, c := range []struct {
		name, service, etag string
		doc                 []byte
		code                string
	}{
		{"another server", "shop", was.ETag, bytes.Replace(good, []byte("Host=db1"), []byte("Host=evil"), 1), fault.Forbidden},
		{"another gateway", "shop", was.ETag, bytes.Replace(good, []byte("plant"), []byte("office"), 1), fault.Forbidden},
		{"another type", "shop", was.ETag, bytes.Replace(good, []byte("PostgreSql"), []byte("Ledger"), 1), fault.Forbidden},
		{"a new option", "shop", was.ETag, bytes.Replace(good, []byte("Database=shop"), []byte("Database=shop;SSLMode=disable"), 1), fault.Forbidden},
		{"a plain password", "shop", was.ETag, plain("Database=shop", "Database=shop;Password=S3CRET-pw"), fault.BadInput},
		{"no JSON", "shop", was.ETag, []byte(`"x"`), fault.BadInput},
		{"an old version", "shop", "other", good, fault.Conflict},
		{"another gateway's", "elsewhere", was.ETag, bytes.Replace(good, []byte(`"name":"shop"`), []byte(`"name":"elsewhere"`), 1), fault.NotFound},
		{"nothing of that name", "nowhere", was.ETag, good, fault.NotFound},
	} {
		err := n.rest.PutCredential(t.Context(), protocol.PutCredential{Name: c.service, ETag: c.etag, Definition: c.doc})
		if fault.Code(err) != c.code || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := n.rest.PutCredential(t.Context(), protocol.PutCredential{Name: "shop", ETag: was.ETag, Definition: good}); err != nil {
		t.Fatal(err)
	}
	got, err := h.Get(t.Context(), wire.LinkedServices, "shop")
	if err != nil || !credential.Sealed(got.Properties) || !bytes.Contains(got.Properties, []byte("Host=db1;Database=shop;Username=ada;EncryptedCredential=eyJ")) || got.ETag == was.ETag {
		t.Errorf("%s %v", got.Properties, err)
	}
	if text := log.String(); !strings.Contains(text, `msg="credential set" event=521 linkedService=shop node=machine-1`) || !strings.Contains(text, "credential refused") || strings.Contains(text, "S3CRET") {
		t.Errorf("the log: %s", text)
	}
}

func TestAPipelineMayWaitForItsCredential(t *testing.T) {
	h, _ := credentialHouse(t)
	h.apply(sample)
	mart := strings.NewReplacer("PostgreSql", "SqlServer", "Host=", "Server=").Replace(shop)
	h.put("mart", mart)
	if _, err := h.Put(t.Context(), wire.LinkedServices, "wrong", json.RawMessage(strings.Replace(mart, "Database=shop", "Databas=shop", 1))); fault.Code(err) == "" {
		t.Error("a linked service that lacks more than its credential is taken")
	}
	h.apply(map[string]string{
		"set.json": `{"name":"Orders","properties":{"type":"SqlServerTable","linkedServiceName":{"referenceName":"mart","type":"LinkedServiceReference"},"typeProperties":{"tableName":"t"}}}`,
		"pipeline.json": `{"name":"p","properties":{"activities":[{"name":"Copy","type":"Copy","inputs":[{"type":"DatasetReference","referenceName":"Orders"}],
			"outputs":[{"type":"DatasetReference","referenceName":"Out"}],"typeProperties":{"source":{"type":"SqlServerSource"},"sink":{"type":"SQLiteSink"}}}]}}`,
	})
}

func TestLinksForSettingACredentialAreSignedForTheGatewaysNodes(t *testing.T) {
	h, _ := credentialHouse(t)
	h.put("shop", shop)
	if _, err := h.CredentialLinks(t.Context(), "shop"); fault.Code(err) != fault.Conflict || fault.As(err).Hint == "" {
		t.Errorf("without a node: %v", err)
	}
	if _, err := h.CredentialLinks(t.Context(), "nothing"); fault.Code(err) != fault.NotFound {
		t.Errorf("an unknown name: %v", err)
	}
	n := h.node("machine-1")
	beat := func(endpoint string) {
		n.send(n.event(protocol.Event{Kind: protocol.EventHeartbeat, Heartbeat: &protocol.Heartbeat{NodeName: "machine-1", State: "Connected", Endpoint: endpoint}}))
	}
	beat("javascript:alert(1)")
	var links wire.CredentialLinks
	beat("https://machine-1:8050")
	deadline := time.Now().Add(20 * time.Second)
	for {
		var err error
		if links, err = h.CredentialLinks(t.Context(), "SHOP"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // polling, with a deadline
	}
	token, ok := strings.CutPrefix(links.Links[0].URL, "https://machine-1:8050/#token=")
	if !ok || len(links.Links) != 1 || links.LinkedService != "shop" || links.Links[0].Thumbprint != n.cert.Thumbprint() {
		t.Fatalf("%+v", links)
	}
	claims, err := protocol.OpenCredentialToken(token, n.id.SigningKey, n.id.Factory, n.id.Gateway, time.Now())
	if err != nil || claims.LinkedService != "shop" || claims.ID == "" {
		t.Errorf("%+v %v", claims, err)
	}
	link := strings.TrimPrefix(h.Ready().Portal, "https://"+h.address)
	if status, _, _ := h.ask("GET", "/credentials?name=shop", "", "Authorization", ""); status != 401 {
		t.Errorf("links without signing in: %d", status)
	}
	_, header, _ := h.ask("GET", link, "")
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if status, _, page := h.ask("GET", "/", "", "Cookie", cookie); status != 200 || !bytes.Contains(page, []byte(`<a href="/credentials?name=shop">Set credentials</a>`)) || !bytes.Contains(page, []byte("not set")) {
		t.Errorf("%d %s", status, page)
	}
	if status, _, page := h.ask("GET", "/credentials?name=shop", "", "Cookie", cookie); status != 200 || !bytes.Contains(page, []byte(`href="https://machine-1:8050/#token=ey`)) {
		t.Errorf("%d %s", status, page)
	}
}
