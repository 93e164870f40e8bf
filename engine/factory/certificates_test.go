package factory

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

const ledgerPipeline = `{"name":"audit","properties":{"activities":[{"name":"Copy","type":"Copy","inputs":[{"type":"DatasetReference","referenceName":"Book"}],
	"outputs":[{"type":"DatasetReference","referenceName":"Out"}],"typeProperties":{"source":{"type":"LedgerSource"},"sink":{"type":"SQLiteSink"}}}]}}`

const ledgerSet = `{"name":"Book","properties":{"type":"LedgerTable","linkedServiceName":{"referenceName":"books","type":"LinkedServiceReference"},"typeProperties":{"table":"t"}}}`

func ecCertificate(t *testing.T) *credential.Certificate {
	t.Helper()
	c, err := credential.NewCertificateOf(credential.ECP256, "other")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sealedBy gives properties with the secret sealed for certificates, as the gateway's own tools do.
func sealedBy(t *testing.T, name, properties string, to ...*credential.Certificate) json.RawMessage {
	t.Helper()
	var leaves []*x509.Certificate
	for _, c := range to {
		leaves = append(leaves, c.Leaf)
	}
	doc, err := credential.Seal([]byte(`{"name":"`+name+`","properties":`+properties+`}`), leaves...)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Properties json.RawMessage }
	if err := json.Unmarshal(doc, &out); err != nil {
		t.Fatal(err)
	}
	return out.Properties
}

func TestTheFactorySealsItsJobsForTheNodesThatAreThereThen(t *testing.T) {
	h := newHouse(t)
	const password = "correct-horse-battery"
	h.apply(sample)
	if _, err := h.Put(t.Context(), wire.LinkedServices, "books", json.RawMessage(`{"type":"Ledger","connectVia":{"referenceName":"plant"},"typeProperties":{"server":"db1","password":"`+password+`"}}`)); err != nil {
		t.Fatal(err)
	}
	h.apply(map[string]string{"set.json": ledgerSet, "pipeline.json": ledgerPipeline})
	h.run("audit") // waits for a node
	n := h.node("machine-1")
	// The node registered later, and changes its certificate before the next run.
	job := n.take()
	if opened, err := credential.OpenBundle(job.Bundle, n.cert); err != nil || !bytes.Contains(opened, []byte(password)) {
		t.Errorf("the node opens %s, %v", opened, err)
	}
	from := credential.Opener{Certificates: []*credential.Certificate{h.sealing}}
	if _, err := from.Bundle(job.Bundle); fault.Code(err) != fault.Forbidden {
		t.Errorf("the queued job is sealed for the factory too: %v", err)
	}
	next := ecCertificate(t)
	sealed, err := n.rest.Certificate(t.Context(), next.Leaf.Raw)
	if err != nil || len(sealed) != 1 || sealed[0].Name != "books" || !sealed[0].Factory {
		t.Fatalf("%+v, %v", sealed, err)
	}
	h.run("audit")
	later := n.take()
	if opened, err := credential.OpenBundle(later.Bundle, next); err != nil || !bytes.Contains(opened, []byte(password)) {
		t.Errorf("with the changed certificate %s, %v", opened, err)
	}
	// It survives a restart of the factory.
	h.end()
	again := open(t, testOptions(h.o.Dir), h.address)
	if again.sealing.Thumbprint() != h.sealing.Thumbprint() {
		t.Error("the factory made another certificate at its restart")
	}
}

func TestWhatAGatewaySealedStaysClosedToTheFactory(t *testing.T) {
	h := newHouse(t)
	n := h.node("machine-1")
	h.apply(sample)
	properties := sealedBy(t, "books", `{"type":"Ledger","connectVia":{"referenceName":"plant"},"typeProperties":{"server":"db1","password":"correct-horse"}}`, n.cert)
	got, err := h.Put(t.Context(), wire.LinkedServices, "books", properties)
	if err != nil || len(got.Warnings) > 0 || bytes.Contains(got.Properties, []byte(lessSecure)) || !bytes.Equal(got.Properties, properties) {
		t.Fatalf("%+v, %v", got, err)
	}
	h.apply(map[string]string{"set.json": ledgerSet, "pipeline.json": ledgerPipeline})
	h.run("audit")
	job := n.take()
	if _, err := (credential.Opener{Certificates: []*credential.Certificate{h.sealing}}).Bundle(job.Bundle); fault.Code(err) != fault.Forbidden {
		t.Errorf("the factory opens it: %v", err)
	}
	if _, err := credential.OpenBundle(job.Bundle, n.cert); err != nil {
		t.Error(err)
	}
	sealed, err := n.rest.Certificate(t.Context(), nil)
	if err != nil || len(sealed) != 1 || sealed[0].Factory || !slices.Equal(sealed[0].Recipients, []string{n.cert.Thumbprint()}) {
		t.Errorf("%+v, %v", sealed, err)
	}
	// Replaced by a secret in the clear it is marked, and sealed again by the gateway not any more.
	if got, err = h.Put(t.Context(), wire.LinkedServices, "books", json.RawMessage(`{"type":"Ledger","typeProperties":{"server":"db1","password":"x"}}`)); err != nil || len(got.Warnings) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = h.Put(t.Context(), wire.LinkedServices, "books", properties); err != nil || len(got.Warnings) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestANodesCertificateMustBeOneToSealFor(t *testing.T) {
	h := newHouse(t)
	n := h.node("machine-1")
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		der  []byte
		code string
	}{"no certificate": {[]byte("x"), fault.BadInput}, "Ed25519": {der, fault.Unsupported}} {
		if _, err := n.rest.Certificate(t.Context(), c.der); fault.Code(err) != c.code || !strings.Contains(fault.As(err).Target, "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
	nodes, err := nodesOf(t.Context(), h.db, n.id.Gateway)
	if err != nil || len(nodes) != 1 || !bytes.Equal(nodes[0].certificate, n.cert.Leaf.Raw) {
		t.Errorf("the node's certificate was changed: %v", err)
	}
	if _, err := n.rest.Certificate(t.Context(), nil); err != nil {
		t.Errorf("asking alone: %v", err)
	}
}

func TestReferencesToSecretsAreLeftToTheGateway(t *testing.T) {
	h := newHouse(t)
	n := h.node("machine-1")
	h.apply(sample)
	body := `{"type":"Ledger","connectVia":{"referenceName":"plant"},"typeProperties":{"server":"db1","password":{"type":"EnvironmentVariable","name":"LEDGER_PASSWORD"}}}`
	if got, err := h.Put(t.Context(), wire.LinkedServices, "books", json.RawMessage(body)); err != nil || string(got.Properties) != body || len(got.Warnings) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	h.apply(map[string]string{"set.json": ledgerSet, "pipeline.json": ledgerPipeline})
	h.run("audit")
	var asked []credential.Reference
	opened, err := credential.Opener{Resolve: func(r credential.Reference) (string, error) {
		asked = append(asked, r)
		return "geheim", nil
	}}.Bundle(n.take().Bundle)
	if err != nil || !slices.Equal(asked, []credential.Reference{{Type: credential.EnvironmentVariable, Name: "LEDGER_PASSWORD"}}) || !bytes.Contains(opened, []byte(`"value":"geheim"`)) {
		t.Errorf("%s, %v, %v", opened, asked, err)
	}
	_, err = h.Put(t.Context(), wire.LinkedServices, "vault", json.RawMessage(`{"type":"Ledger","typeProperties":{"server":"db1","password":{"type":"AzureKeyVaultSecret","secretName":"x"}}}`))
	if fault.Code(err) != fault.Unsupported || !strings.Contains(err.Error(), "AzureKeyVaultSecret") {
		t.Errorf("a Key Vault's secret: %v", err)
	}
}
