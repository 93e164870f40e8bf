package factory

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
)

// serviceBusEnv names a namespace in Azure, by a connection string that may manage, to run the tests of this file on.
const serviceBusEnv = "DMG_TEST_SERVICEBUS"

// administration answers as a namespace's does, as far as queues go: it keeps the descriptions as they were put.
type administration map[string][]byte

type entry struct {
	Rules []struct {
		KeyName    string
		PrimaryKey string
		Rights     []string `xml:"Rights>AccessRights"`
	} `xml:"content>QueueDescription>AuthorizationRules>AuthorizationRule"`
}

// Do is policy.Transporter.
func (a administration) Do(r *http.Request) (*http.Response, error) {
	name := strings.Trim(r.URL.Path, "/")
	answer := func(status int, body []byte) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/atom+xml"}},
			Body: io.NopCloser(bytes.NewReader(body)), Request: r,
		}, nil
	}
	have, ok := a[name]
	switch {
	case r.Method == http.MethodPut && ok && r.Header.Get("If-Match") == "":
		return answer(http.StatusConflict, nil)
	case r.Method == http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		a[name] = data
		if ok {
			return answer(http.StatusOK, data)
		}
		return answer(http.StatusCreated, data)
	case !ok:
		return answer(http.StatusNotFound, nil)
	case r.Method == http.MethodDelete:
		delete(a, name)
		return answer(http.StatusOK, nil)
	}
	return answer(http.StatusOK, have)
}

func (a administration) rules(t *testing.T, queue string) map[string]string {
	t.Helper()
	var e entry
	if err := xml.Unmarshal(a[queue], &e); err != nil {
		t.Fatalf("%s: %v", queue, err)
	}
	rules := map[string]string{}
	for _, r := range e.Rules {
		rules[r.KeyName] = r.PrimaryKey + " " + strings.Join(r.Rights, ",")
	}
	return rules
}

const testNamespace = "Endpoint=sb://namespace.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=c2VjcmV0"

func TestQueuesAndRulesOfANamespace(t *testing.T) {
	t.Parallel()
	a := administration{}
	b, err := openAzure(secret.New(testNamespace), a)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	one, two := "11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000"
	for _, g := range []grant{{one, "gw-status-0", "a2V5MQ=="}, {two, "gw-status-0", "a2V5Mg=="}, {one, "gw-status-0", "bmV3"}} {
		if err := b.grant(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.rules(t, jobQueue(one)); len(got) != 1 || got["gw-"+one] != "bmV3 Listen" {
		t.Errorf("rules of the gateway's queue: %v", got)
	}
	if got := a.rules(t, "gw-status-0"); len(got) != 2 || got["gw-"+one] != "bmV3 Send" || got["gw-"+two] != "a2V5Mg== Send" {
		t.Errorf("rules of the status queue: %v", got)
	}
	for range 2 {
		if err := b.remove(ctx, one, "gw-status-0"); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.rules(t, "gw-status-0"); len(got) != 1 || a[jobQueue(one)] != nil {
		t.Errorf("after removing: %v", got)
	}
	if got := b.connection(one, "a2V5"); got != "Endpoint=sb://namespace.servicebus.windows.net/;SharedAccessKeyName=gw-"+one+";SharedAccessKey=a2V5" {
		t.Error(got)
	}
	if b.statusQueue(9) != "gw-status-0" || b.statusQueue(10) != "gw-status-1" {
		t.Error("status queues are not shared as they should be")
	}
}

func TestConnectionStringsThatCannotManageANamespaceAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"nonsense", "Endpoint=sb://x/", testNamespace + ";EntityPath=q", testNamespace + ";UseDevelopmentEmulator=true"} {
		if _, err := openAzure(secret.New(s), nil); !fault.Is(err, fault.BadInput) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestARunOverANamespaceInAzure(t *testing.T) {
	connection := os.Getenv(serviceBusEnv)
	if connection == "" {
		t.Skipf("set %s to run it", serviceBusEnv)
	}
	o := testOptions(t.TempDir())
	o.ServiceBus = secret.New(connection)
	h := open(t, o, "127.0.0.1:0")
	if _, err := h.NewGateway(t.Context(), "plant", ""); err != nil {
		t.Fatal(err)
	}
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	n.send(resultOf(n.take(), report.Succeeded))
	h.eventually(run, "done", hasStatus(report.Succeeded))
	if _, err := h.RecreateKey(t.Context(), "plant"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.jobs.PeekMessages(t.Context(), 1, nil); err == nil {
		t.Error("the old key still opens the queue")
	}
	for _, r := range [][2]string{{"pipelines", "orders"}, {"datasets", "In"}, {"datasets", "Out"}, {"linkedservices", "Source"}, {"linkedservices", "Sink"}} {
		if err := h.Delete(t.Context(), r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.RemoveGateway(t.Context(), "plant"); err != nil {
		t.Fatal(err)
	}
}
