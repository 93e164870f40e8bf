package factory

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/credential"
	"dmgateway/engine/factory/client"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
	"dmgateway/engine/store/filesystem"
)

// ask makes a request by hand; header has name, value, name, value…
func (h *house) ask(method, path, body string, header ...string) (int, http.Header, []byte) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, "https://"+h.address+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	k := h.knock(h.key("plant"))
	k.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := k.http.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, data
}

const (
	testFactory = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/any/providers/Microsoft.DataFactory/factories/factory"
	version     = "?api-version=" + wire.APIVersion
)

func TestRequestsAreRefused(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	for _, tc := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{"without a token", "GET", testFactory + version, "", []string{"Authorization", ""}, 401, fault.SignInFailed},
		{"with a wrong token", "GET", testFactory + version, "", []string{"Authorization", "Bearer wrong"}, 401, fault.SignInFailed},
		{"with a token in another scheme", "GET", testFactory + version, "", []string{"Authorization", "Basic " + h.token}, 401, fault.SignInFailed},
		{"without an api-version", "GET", testFactory, "", nil, 400, badAPIVersion},
		{"with another api-version", "GET", testFactory + "?api-version=2017-09-01-preview", "", nil, 400, badAPIVersion},
		{"of another factory", "GET", strings.Replace(testFactory, "/factories/factory", "/factories/other", 1) + version, "", nil, 404, fault.NotFound},
		{"to nowhere", "GET", "/nowhere", "", nil, 404, fault.NotFound},
		{"for data flows", "GET", testFactory + "/dataflows" + version, "", nil, 404, fault.NotFound},
		{"by a wrong method", "PATCH", testFactory + "/pipelines/orders" + version, "", nil, 405, methodNotAllowed},
		{"for a missing pipeline", "GET", testFactory + "/pipelines/none" + version, "", nil, 404, fault.NotFound},
		{"to run a missing pipeline", "POST", testFactory + "/pipelines/none/createRun" + version, "", nil, 404, fault.NotFound},
		{"to run with an unknown parameter", "POST", testFactory + "/pipelines/orders/createRun" + version, `{"colour":"red"}`, nil, 400, fault.BadInput},
		{"to run with no JSON", "POST", testFactory + "/pipelines/orders/createRun" + version, `[`, nil, 400, fault.BadInput},
		{"to recover a run", "POST", testFactory + "/pipelines/orders/createRun" + version + "&isRecovery=true", "", nil, 400, fault.Unsupported},
		{"with a bad name", "PUT", testFactory + "/pipelines/a%2Fb" + version, `{"properties":{}}`, nil, 400, fault.BadInput},
		{"with another name in the body", "PUT", testFactory + "/pipelines/orders" + version, `{"name":"other","properties":{}}`, nil, 400, fault.BadInput},
		{"without properties", "PUT", testFactory + "/pipelines/orders" + version, `{}`, nil, 400, fault.BadInput},
		{"for an old version of a pipeline", "PUT", testFactory + "/pipelines/orders" + version, samplePipeline, []string{"If-Match", "old"}, 412, preconditionFailed},
		{"to change what is not there", "PUT", testFactory + "/pipelines/new" + version, `{"properties":{}}`, []string{"If-Match", "*"}, 412, preconditionFailed},
		{"to remove a dataset in use", "DELETE", testFactory + "/datasets/In" + version, "", nil, 409, fault.Conflict},
		{"to remove a linked service in use", "DELETE", testFactory + "/linkedservices/Source" + version, "", nil, 409, fault.Conflict},
		{"for a managed runtime", "PUT", testFactory + "/integrationRuntimes/x" + version, `{"properties":{"type":"Managed"}}`, nil, 400, fault.Unsupported},
		{"for a second key", "POST", testFactory + "/integrationRuntimes/plant/regenerateAuthKey" + version, `{"keyName":"authKey2"}`, nil, 400, fault.Unsupported},
		{"for runs without a time", "POST", testFactory + "/queryPipelineRuns" + version, `{}`, nil, 400, fault.BadInput},
		{"too large", "PUT", testFactory + "/pipelines/orders" + version, strings.Repeat(" ", maxBody+1), nil, 400, fault.BadInput},
		{"too deep", "PUT", testFactory + "/pipelines/orders" + version, `{"properties":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, nil, 400, fault.BadInput},
		{"of a node with a person's token", "POST", protocol.PathLease, `{}`, nil, 401, fault.NotRegistered},
		{"of the page without a login", "GET", "/", "", nil, 401, fault.SignInFailed},
		{"of the page with an invented login", "GET", "/?login=x", "", nil, 401, fault.SignInFailed},
	} {
		status, _, body := h.ask(tc.method, tc.path, tc.body, tc.header...)
		var e protocol.ErrorBody
		if err := json.Unmarshal(body, &e); err != nil || status != tc.status || e.Error.Code != tc.code || e.Error.Message == "" {
			t.Errorf("%s: %d %s (%v)", tc.name, status, body, err)
		}
	}
}

func TestPathsAreMatchedWithoutRegardToCase(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	path := strings.ToUpper(testFactory) + "/LINKEDSERVICES/sOURCE?API-VERSION=" + wire.APIVersion
	status, _, body := h.ask("GET", path, "")
	var r wire.Resource
	if err := json.Unmarshal(body, &r); err != nil || status != 200 || r.Name != "Source" || r.Type != "Microsoft.DataFactory/factories/linkedservices" || !strings.HasSuffix(r.ID, "/linkedservices/Source") {
		t.Errorf("%d %s %v", status, body, err)
	}
	status, _, _ = h.ask("GET", path, "", "If-None-Match", r.ETag)
	if status != 304 {
		t.Errorf("a known version: %d", status)
	}
	status, _, body = h.ask("PUT", testFactory+"/linkedservices/SOURCE"+version, sample["source.json"], "If-Match", r.ETag)
	var again wire.Resource
	if err := json.Unmarshal(body, &again); err != nil || status != 200 || again.Name != "Source" || again.ETag == r.ETag {
		t.Errorf("replacing: %d %s %v", status, body, err)
	}
	list, err := h.List(t.Context(), wire.LinkedServices)
	if err != nil || len(list) != 2 {
		t.Errorf("%d linked services, %v", len(list), err)
	}
	if status, _, _ := h.ask("DELETE", testFactory+"/pipelines/ORDERS"+version, ""); status != 200 {
		t.Errorf("deleting: %d", status)
	}
	if status, _, _ := h.ask("DELETE", testFactory+"/pipelines/orders"+version, ""); status != 204 {
		t.Errorf("deleting again: %d", status)
	}
}

func TestWhatIsNotSupportedIsRefusedWithItsPath(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	two := strings.Replace(samplePipeline, `"activities":[`, `"activities":[{"name":"Wait","type":"Wait","typeProperties":{"waitTimeInSeconds":1}},`, 1)
	for _, tc := range []struct{ name, kind, id, body, code, target string }{
		{"an unknown store", "linkedservices", "x", `{"properties":{"type":"Cassandra","typeProperties":{}}}`, fault.Unsupported, "$.properties.type"},
		{"an unknown property of a store", "linkedservices", "x", `{"properties":{"type":"SQLite","typeProperties":{"connectionString":"Data Source=a","colour":1}}}`, fault.Unsupported, "$.properties.typeProperties.colour"},
		{"a gateway that is not there", "linkedservices", "x", `{"properties":{"type":"SQLite","typeProperties":{"connectionString":"Data Source=a","gatewayName":"none"}}}`, fault.NotFound, "none"},
		{"two gateways", "linkedservices", "x", `{"properties":{"type":"SQLite","connectVia":{"referenceName":"plant"},"typeProperties":{"connectionString":"Data Source=a","gatewayName":"other"}}}`, fault.BadInput, "$.properties.connectVia"},
		{"an unknown dataset", "datasets", "x", `{"properties":{"type":"CassandraTable","linkedServiceName":"Source"}}`, fault.Unsupported, "$.properties.type"},
		{"a dataset of no linked service", "datasets", "x", `{"properties":{"type":"SQLiteTable","linkedServiceName":{"referenceName":"none"}}}`, fault.NotFound, "$.properties.linkedServiceName"},
		{"a dataset without one", "datasets", "x", `{"properties":{"type":"SQLiteTable"}}`, fault.BadInput, "$.properties.linkedServiceName"},
		{"another activity", "pipelines", "x", two, fault.Unsupported, "$.properties.activities[0].type"},
		{"two activities", "pipelines", "x", strings.Replace(two, `"type":"Wait"`, `"type":"Copy"`, 1), fault.Unsupported, "$.properties.activities[1]"},
		{"no activity", "pipelines", "x", `{"properties":{"activities":[]}}`, fault.BadInput, "$.properties.activities"},
		{"a pipeline's variables", "pipelines", "x", strings.Replace(samplePipeline, `"parameters"`, `"variables":{"a":{"type":"String"}},"parameters"`, 1), fault.Unsupported, "$.properties.variables"},
		{"a pipeline's unknown property", "pipelines", "x", strings.Replace(samplePipeline, `"parameters"`, `"colour":1,"parameters"`, 1), fault.Unsupported, "$.properties.colour"},
		{"a limit of runs", "pipelines", "x", strings.Replace(samplePipeline, `"parameters"`, `"concurrency":1,"parameters"`, 1), fault.Unsupported, "$.properties.concurrency"},
		{"an unknown source", "pipelines", "x", strings.Replace(samplePipeline, "SQLiteSource", "CassandraSource", 1), fault.Unsupported, "$.properties.activities[0].typeProperties.source.type"},
		{"an unknown property of the sink", "pipelines", "x", strings.Replace(samplePipeline, `{"type":"SQLiteSink"}`, `{"type":"SQLiteSink","colour":1}`, 1), fault.Unsupported, "$.properties.activities[0].typeProperties.sink.colour"},
		{"a dataset that is not there", "pipelines", "x", strings.Replace(samplePipeline, `"referenceName":"In"`, `"referenceName":"None"`, 1), fault.NotFound, "$.properties.activities[0].inputs[0]"},
		{"a broken expression", "pipelines", "x", strings.Replace(samplePipeline, "parameters.day", "parameters.month", 1), fault.BadInput, "$.properties.activities[0].typeProperties.source.query"},
	} {
		status, _, body := h.ask("PUT", testFactory+"/"+tc.kind+"/"+tc.id+version, strings.Replace(tc.body, `"name":"orders",`, "", 1))
		var e protocol.ErrorBody
		if err := json.Unmarshal(body, &e); err != nil || status < 400 || e.Error.Code != tc.code || e.Error.Target != tc.target {
			t.Errorf("%s: %d %s (%v)", tc.name, status, body, err)
		}
	}
}

func TestSecretsInTheClearAreSealedByTheFactoryAndMarked(t *testing.T) {
	h := newHouse(t)
	const password = "correct-horse-battery"
	// No gateway is registered yet, and none has to be.
	for name, body := range map[string]string{
		"books":  `{"type":"Ledger","connectVia":{"referenceName":"plant"},"typeProperties":{"server":"db1","password":"` + password + `"}}`,
		"books1": `{"type":"Ledger","typeProperties":{"gatewayName":"plant","connectionString":"Server=db1;Password=` + password + `"}}`,
		"books2": `{"type":"Ledger","annotations":["mine"],"typeProperties":{"server":"db1","password":{"type":"SecureString","value":"` + password + `"}}}`,
	} {
		put, err := h.Put(t.Context(), wire.LinkedServices, name, json.RawMessage(body))
		if err != nil || len(put.Warnings) != 1 || !strings.Contains(put.Warnings[0], "less secure") {
			t.Fatalf("%+v, %v", put, err)
		}
		got, err := h.Get(t.Context(), wire.LinkedServices, name)
		if err != nil || bytes.Contains(got.Properties, []byte(password)) || !credential.Sealed(got.Properties) || !bytes.Contains(got.Properties, []byte("db1")) ||
			!bytes.Contains(got.Properties, []byte(lessSecure)) || bytes.Contains([]byte(body), []byte("mine")) != bytes.Contains(got.Properties, []byte(`"mine"`)) {
			t.Errorf("%s: %s %v", name, got.Properties, err)
		}
		// What was got can be put again.
		again, err := h.Put(t.Context(), wire.LinkedServices, name, got.Properties)
		if err != nil || len(again.Warnings) != 1 || bytes.Count(again.Properties, []byte(lessSecure)) != 1 {
			t.Errorf("%s again: %+v, %v", name, again, err)
		}
	}
	_, err := h.Put(t.Context(), wire.LinkedServices, "hidden", json.RawMessage(`{"type":"Ledger","description":"x?password=`+password+`","typeProperties":{"server":"db1"}}`))
	if !fault.Is(err, fault.BadInput) || !strings.Contains(fault.As(err).Hint, "credential encrypt") || strings.Contains(err.Error(), password) {
		t.Errorf("a secret where it cannot be sealed: %v", err)
	}
	n := h.node("machine-1")
	h.apply(sample)
	h.apply(map[string]string{
		"set.json": `{"name":"Book","properties":{"type":"LedgerTable","linkedServiceName":{"referenceName":"books","type":"LinkedServiceReference"},"typeProperties":{"table":"t"}}}`,
		"pipeline.json": `{"name":"audit","properties":{"activities":[{"name":"Copy","type":"Copy","inputs":[{"type":"DatasetReference","referenceName":"Book"}],
			"outputs":[{"type":"DatasetReference","referenceName":"Out"}],"typeProperties":{"source":{"type":"LedgerSource"},"sink":{"type":"SQLiteSink"}}}]}}`,
	})
	run := h.run("audit")
	job := n.take()
	opened, err := credential.Opener{Certificates: []*credential.Certificate{n.cert}, Gateway: n.id.Gateway}.Bundle(job.Bundle)
	if err != nil || !bytes.Contains(opened, []byte(password)) || bytes.Contains(job.Bundle, []byte(password)) {
		t.Errorf("the gateway opens %s: %v", opened, err)
	}
	n.send(resultOf(job, report.Succeeded))
	h.eventually(run, "done", hasStatus(report.Succeeded))
	h.end()
	files, err := filepath.Glob(filepath.Join(h.o.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string]string{"the password": password, "the node's token": n.id.Token.Reveal()} {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s lies open in %s", what, filepath.Base(file))
			}
		}
	}
}

func TestV1ObjectsAreAppliedAndRun(t *testing.T) {
	h := newHouse(t)
	h.apply(map[string]string{
		"a-pipeline.json": `{"name":"daily","properties":{"activities":[{"name":"CopyDay","type":"Copy","inputs":[{"name":"InTable"}],"outputs":[{"name":"OutTable"}],
			"typeProperties":{"source":{"type":"SQLiteSource","query":"$$Text.Format('select * from t where d = \\'{0:yyyy-MM-dd}\\'', WindowStart)"},"sink":{"type":"SQLiteSink"}},
			"scheduler":{"frequency":"Day","interval":1},"policy":{"concurrency":1,"retry":2,"timeout":"01:00:00"}}],"start":"2016-07-12T00:00:00Z","end":"2016-07-13T00:00:00Z"}}`,
		"b-in.json":      `{"name":"InTable","properties":{"type":"SQLiteTable","linkedServiceName":"OnPremSource","typeProperties":{"tableName":"t"},"external":true,"availability":{"frequency":"Day","interval":1}}}`,
		"c-out.json":     `{"name":"OutTable","properties":{"type":"SQLiteTable","linkedServiceName":"OnPremSink","typeProperties":{"tableName":"t"},"availability":{"frequency":"Day","interval":1}}}`,
		"d-source.json":  `{"name":"OnPremSource","properties":{"type":"SQLite","typeProperties":{"connectionString":"Data Source=/a.db","gatewayName":"plant"}}}`,
		"e-sink.json":    `{"name":"OnPremSink","properties":{"type":"SQLite","typeProperties":{"connectionString":"Data Source=/b.db","gatewayName":"plant"}}}`,
		"f-gateway.json": `{"name":"spare","properties":{"type":"SelfHosted","description":"spare"}}`,
		"g-trigger.json": `{"name":"nightly","properties":{"type":"ScheduleTrigger","pipelines":[]}}`,
	})
	n := h.node("machine-1")
	run, err := h.Run(t.Context(), "daily", map[string]any{"WindowStart": "2016-07-12", "WindowEnd": "2016-07-13"})
	if err != nil {
		t.Fatal(err)
	}
	job := n.take()
	if !strings.Contains(string(job.Bundle), "d = '2016-07-12'") {
		t.Errorf("bundle %s", job.Bundle)
	}
	n.send(resultOf(job, report.Succeeded))
	d, err := h.WaitRun(t.Context(), run, func(client.RunDetails) {})
	if err != nil || d.Status != report.Succeeded {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := h.Gateway(t.Context(), "spare"); err != nil {
		t.Errorf("the gateway of the file: %v", err)
	}
}

func TestApplyRefusesWhatItCannotRead(t *testing.T) {
	h := newHouse(t)
	for name, files := range map[string]map[string]string{
		"a template":   {"a.json": `{"$schema":"deploymentTemplate","resources":[]}`},
		"no JSON":      {"a.json": `{`},
		"twins":        {"a.json": sample["source.json"], "b.json": sample["source.json"]},
		"no files":     {"readme.txt": "hello"},
		"a bad object": {"a.json": `{"name":"x","properties":{"type":"Cassandra","typeProperties":{}}}`},
	} {
		dir := t.TempDir()
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Apply(t.Context(), dir); err == nil || fault.Code(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGatewaysOfTwoLinkedServicesMustAgree(t *testing.T) {
	h := newHouse(t)
	if _, err := h.NewGateway(t.Context(), "office", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.NewGateway(t.Context(), "OFFICE", ""); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second gateway of that name: %v", err)
	}
	h.apply(sample)
	_, err := h.Put(t.Context(), wire.LinkedServices, "Sink", json.RawMessage(`{"type":"SQLite","typeProperties":{"connectionString":"Data Source=/b.db","gatewayName":"office"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Run(t.Context(), "orders", nil); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "office") {
		t.Errorf("%v", err)
	}
	if err := h.UpdateGateway(t.Context(), "office", "new words"); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Gateway(t.Context(), "office"); err != nil || s.Properties.Description != "new words" {
		t.Errorf("%+v %v", s, err)
	}
	if all, err := h.Gateways(t.Context()); err != nil || len(all) != 2 || all[0].Name != "office" {
		t.Errorf("%+v %v", all, err)
	}
}

func TestThePageOpensOnceByItsLink(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	h.run("orders")
	link := strings.TrimPrefix(h.Ready().Portal, "https://"+h.address)
	status, header, _ := h.ask("GET", link, "")
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if status != http.StatusSeeOther || cookie == "" || !strings.Contains(header.Get("Set-Cookie"), "HttpOnly; Secure; SameSite=Strict") {
		t.Fatalf("%d %v", status, header)
	}
	if status, _, _ := h.ask("GET", link, ""); status != http.StatusUnauthorized {
		t.Errorf("the link works twice: %d", status)
	}
	status, header, body := h.ask("GET", "/", "", "Cookie", cookie)
	if status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !bytes.Contains(body, []byte("plant")) || !bytes.Contains(body, []byte("NeedRegistration")) || !bytes.Contains(body, []byte("orders")) {
		t.Errorf("%d %s", status, body)
	}
}

func TestOneFactoryAFolder(t *testing.T) {
	h := newHouse(t)
	if _, err := Open(t.Context(), testOptions(h.o.Dir)); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second factory: %v", err)
	}
	local, err := client.Local(h.o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	if info, err := local.Info(t.Context()); err != nil || info.Name != "factory" || info.Properties.FactoryID != h.ID() {
		t.Errorf("%+v %v", info, err)
	}
	h.end()
	if _, err := client.Local(h.o.Dir); !fault.Is(err, fault.NotRunning) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := local.Info(t.Context()); !fault.Is(err, fault.Unreachable) {
		t.Errorf("asking after its end: %v", err)
	}
}

func TestFilesCanBeCopiedAsTheyAre(t *testing.T) {
	t.Parallel()
	o := testOptions(t.TempDir())
	o.Stores = store.NewRegistry(filesystem.Definition())
	h := open(t, o, "127.0.0.1:0")
	if _, err := h.NewGateway(t.Context(), "plant", ""); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ kind, name, properties string }{
		{"linkedservices", "Disk", `{"type":"FileServer","connectVia":{"referenceName":"plant","type":"IntegrationRuntimeReference"},"typeProperties":{"host":"/srv"}}`},
		{"datasets", "From", `{"type":"Binary","linkedServiceName":{"referenceName":"Disk","type":"LinkedServiceReference"},"typeProperties":{"location":{"type":"FileServerLocation","folderPath":"in"}}}`},
		{"datasets", "To", `{"type":"Binary","linkedServiceName":{"referenceName":"Disk","type":"LinkedServiceReference"},"typeProperties":{"location":{"type":"FileServerLocation","folderPath":"out"}}}`},
		{"pipelines", "Copy", `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"From","type":"DatasetReference"}],"outputs":[{"referenceName":"To","type":"DatasetReference"}],
			"typeProperties":{"source":{"type":"BinarySource","storeSettings":{"type":"FileServerReadSettings","recursive":true}},"sink":{"type":"BinarySink","storeSettings":{"type":"FileServerWriteSettings"}}}}]}`},
	} {
		if _, err := h.Put(t.Context(), r.kind, r.name, json.RawMessage(r.properties)); err != nil {
			t.Errorf("%s %s: %v", r.kind, r.name, err)
		}
	}
}

func TestALinkedServiceThatNoGatewayCanOpenIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := testOptions(t.TempDir())
	o.Stores = store.NewRegistry(filesystem.Definition())
	h := open(t, o, "127.0.0.1:0")
	if _, err := h.NewGateway(t.Context(), "plant", ""); err != nil {
		t.Fatal(err)
	}
	const warned = "No gateway can open linked service share: files are opened by the account"
	tests := []struct{ name, typeProperties, warned string }{
		{"of another user", `{"host":"/srv/x","userId":"me","password":{"type":"SecureString","value":"S3CRET"}}`, warned},
		{"of another user, sealed", `{"host":"/srv/x","userId":"me","encryptedCredential":"eyJ"}`, warned},
		{"sealed", `{"host":"/srv/x","encryptedCredential":"eyJ"}`, ""},
		{"a path of the gateway's system, not of this one", `{"host":"\\\\srv\\share"}`, ""},
	}
	for _, tt := range tests {
		r, err := h.Put(t.Context(), wire.LinkedServices, "share", json.RawMessage(`{"type":"FileServer","typeProperties":`+tt.typeProperties+`}`))
		if got := strings.Join(r.Warnings, "\n"); err != nil || (tt.warned == "") != (got == "") || !strings.Contains(got, tt.warned) {
			t.Errorf("%s: warnings %q, %v", tt.name, got, err)
		}
	}
}
