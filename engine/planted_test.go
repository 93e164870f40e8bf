package engine

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	"dmgateway/engine/factory"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
	"dmgateway/engine/store/memory"
)

// planted is a secret that must be found nowhere.
type planted struct{ name, text string }

// forms are the ways in which it could be written.
func (p planted) forms() map[string][]byte {
	quoted, _ := json.Marshal(p.text)
	wide := utf16.Encode([]rune(p.text))
	little := make([]byte, 0, 2*len(wide))
	for _, u := range wide {
		little = append(little, byte(u), byte(u>>8))
	}
	forms := map[string][]byte{
		"plain": []byte(p.text), "JSON": quoted[1 : len(quoted)-1], "query": []byte(url.QueryEscape(p.text)), "path": []byte(url.PathEscape(p.text)),
		"hex": []byte(hex.EncodeToString([]byte(p.text))), "UTF-16": little,
	}
	// Base64 of a text that the secret is a part of, whatever stands before it.
	for shift := range 3 {
		all := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + p.text))
		first, last := (shift*8+5)/6, len(all)-4
		if last-first >= 8 {
			forms[fmt.Sprintf("base64 %d", shift)] = []byte(all[first:last])
		}
	}
	return forms
}

// find reports in which form a secret is in data, "" where it is not.
func (p planted) find(data []byte) string {
	for form, text := range p.forms() {
		if bytes.Contains(data, text) {
			return form
		}
	}
	return ""
}

// everywhere calls look with the content of every file below a folder, unpacked where it is packed.
func everywhere(t *testing.T, dir string, look func(name string, data []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		look(path, data)
		if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
			for _, f := range z.File {
				r, err := f.Open()
				if err != nil {
					return err
				}
				part, err := io.ReadAll(r)
				if err != nil {
					return err
				}
				look(path+":"+f.Name, part)
			}
		} else if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			part, _ := io.ReadAll(z)
			look(path+" unpacked", part)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// kept collects what is printed.
type kept struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.Write(p)
}

func (k *kept) bytes() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return bytes.Clone(k.b.Bytes())
}

// echo is a server that repeats everything it was asked in its refusal, as badly written ones do.
func echo(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		w.Header().Set("X-Ms-Error-Code", "AuthenticationFailed")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>AuthenticationFailed</Code><Message>%s %s %v %s</Message></Error>", r.Method, r.URL, r.Header, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestPlantedSecretsAreFoundNowhere(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pemKey := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	storage := make([]byte, 64)
	rand.Read(storage)
	secrets := map[string]string{
		"sql":     `Sq1 p;w"o'r{d}\ñ%&=+,/`,
		"pg":      `pg-"pa;ss'w\ö%41&=?#@:`,
		"mysql":   "my pass<wo>rd!$%&/()=",
		"sas":     "Sas+Sig/na=ture%2Fodd",
		"account": base64.StdEncoding.EncodeToString(storage),
		"ssh":     "ssh-pass-phrase öäü 77",
		"token":   "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZHNpZ25hdHVyZQ",
		"echoed":  "known-only-as-a-secret-9", // a server repeats it without any name beside it
		"panic":   "in-the-panic-of-a-job-5",
		"note":    "in-the-note-of-a-person-3",
		"setting": "in-the-name-of-a-node-4",
	}
	var printed kept
	log := NewLog(&printed, slog.LevelDebug)
	w := newWorld(t, func(o *factory.Options) { o.Log = log })
	gatewayKey := w.gateway("gw")
	e := openEngine(t, filepath.Join(w.dir, "n1"), func(o *Options) { o.stores, o.Log = w.stores(), log })
	if err := e.SetSetting(t.Context(), SettingVerbose, "true"); err != nil {
		t.Fatal(err)
	}
	if err := e.Register(t.Context(), gatewayKey, "n1", nil); err != nil {
		t.Fatal(err)
	}
	w.state(e, Connected)
	w.pipeline("gw", 10)

	via := `"connectVia":{"referenceName":"gw","type":"IntegrationRuntimeReference"}`
	text := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	secure := func(s string) string { return `{"type":"SecureString","value":` + text(s) + `}` }
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	server := echo(t)
	type side struct{ service, dataset, source string }
	file := func(location, settings string) (dataset, source string) {
		return `{"type":"DelimitedText","linkedServiceName":{"referenceName":"%[1]s","type":"LinkedServiceReference"},"typeProperties":{"location":{` + location + `}}}`,
			`{"type":"DelimitedTextSource","storeSettings":{"type":"` + settings + `"}}`
	}
	table := func(kind string) string {
		return `{"type":"` + kind + `","linkedServiceName":{"referenceName":"%[1]s","type":"LinkedServiceReference"},"typeProperties":{"schema":"s","table":"t"}}`
	}
	blob, blobSource := file(`"type":"AzureBlobStorageLocation","container":"c","fileName":"f.csv"`, "AzureBlobStorageReadSettings")
	sftp, sftpSource := file(`"type":"SftpLocation","folderPath":"d","fileName":"f.csv"`, "SftpReadSettings")
	sides := map[string]side{
		"sql":     {`{"type":"SqlServer",` + via + `,"typeProperties":{"connectionString":` + text("Data Source=127.0.0.1,1;Initial Catalog=d;User ID=u;Password="+quoted(secrets["sql"])+";Connect Timeout=2;Encrypt=false") + `}}`, table("SqlServerTable"), `{"type":"SqlServerSource"}`},
		"pg":      {`{"type":"PostgreSql",` + via + `,"typeProperties":{"connectionString":"Host=127.0.0.1;Port=1;Database=d;Username=u;SSL Mode=Disable","password":` + secure(secrets["pg"]) + `}}`, table("PostgreSqlTable"), `{"type":"PostgreSqlSource"}`},
		"mysql":   {`{"type":"MySql",` + via + `,"typeProperties":{"server":"127.0.0.1","port":1,"database":"d","username":"u","password":` + secure(secrets["mysql"]) + `}}`, table("MySqlTable"), `{"type":"MySqlSource"}`},
		"account": {`{"type":"AzureBlobStorage",` + via + `,"typeProperties":{"connectionString":` + text("DefaultEndpointsProtocol=http;AccountName=a;AccountKey="+secrets["account"]+";BlobEndpoint="+server+"/a") + `}}`, blob, blobSource},
		"sas":     {`{"type":"AzureBlobStorage",` + via + `,"typeProperties":{"sasUri":` + secure(server+"/a?sv=2024-01-01&sp=rl&sig="+url.QueryEscape(secrets["sas"])) + `}}`, blob, blobSource},
		"ssh": {`{"type":"Sftp",` + via + `,"typeProperties":{"host":"127.0.0.1","port":1,"skipHostKeyValidation":true,"authenticationType":"SshPublicKey","userName":"u","privateKeyContent":` +
			secure(base64.StdEncoding.EncodeToString([]byte(pemKey))) + `,"passPhrase":` + secure(secrets["ssh"]) + `}}`, sftp, sftpSource},
	}
	held := []secret.String{secret.New(secrets["echoed"]), secret.New(secrets["panic"])} // as a job's linked service holds it
	var panics atomic.Bool
	w.memory.SetHooks(memory.Hooks{Next: func(context.Context, string, int64) error {
		if !panics.Load() {
			return fmt.Errorf("the server says: %s; Bearer %s; password=%s", secrets["echoed"], secrets["token"], secrets["sql"])
		}
		panic("a defect with " + secrets["panic"])
	}})
	run := func(name, in string) {
		t.Helper()
		w.put("pipelines", "p-"+name, `{"activities":[{"name":"c","type":"Copy","policy":{"retry":0},"inputs":[{"referenceName":"`+in+`","type":"DatasetReference"}],
			"outputs":[{"referenceName":"out","type":"DatasetReference"}],"typeProperties":{"source":`+map[bool]string{true: sides[name].source, false: `{"type":"MemorySource"}`}[sides[name].source != ""]+`,"sink":{"type":"MemorySink","tableOption":"autoCreate"}}}]}`)
		id, _ := w.run("p-" + name)
		d := w.wait(id)
		if d.Status != report.Failed {
			t.Errorf("%s is %s", name, d.Status)
		}
		fmt.Fprintf(&printed, "%s: %v %s\n", name, d.Err(), text(d))
	}
	for name, s := range sides {
		w.put("linkedservices", "ls-"+name, s.service)
		w.put("datasets", "ds-"+name, fmt.Sprintf(s.dataset, "ls-"+name))
	}
	var all sync.WaitGroup
	for name := range sides {
		all.Go(func() { run(name, "ds-"+name) })
	}
	all.Wait()
	run("echoing", "in")
	panics.Store(true)
	run("panicking", "in")

	// What people type in odd places, and what a stranger sends.
	_ = e.Register(t.Context(), strings.Replace(gatewayKey, gatewayKey[len(gatewayKey)-8:], "AAAAAAAA", 1), "n1", nil)
	e.log.Debug("dsn postgres://u:"+url.QueryEscape(secrets["pg"])+"@h/d", "authorization", secrets["token"], "error", fmt.Errorf("pwd=%s;", secrets["setting"]))
	sent, err := e.SendLogs(t.Context(), "the password="+secrets["note"]+"; is refused", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.ArchiveLogs(t.Context(), filepath.Join(w.dir, "archive.zip"), nil); err != nil {
		t.Fatal(err)
	}
	contents, err := e.LogContents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range contents.Parts {
		part, err := e.LogPart(t.Context(), p.Name)
		if err != nil {
			t.Error(err)
		}
		_, _ = printed.Write(part)
	}
	list, err := e.Jobs(t.Context(), 0)
	if err != nil || len(list) < 8 || sent.ReportID == "" {
		t.Fatal(len(list), err)
	}
	fmt.Fprintln(&printed, text(list))
	id := e.identity
	parsed, err := registration.ParseKey(gatewayKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	w.stop()
	if _, err := ArchiveLogs(t.Context(), e.data, filepath.Join(w.dir, "idle.zip"), nil); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(held)

	hunted := []planted{
		{"the gateway key's secret", parsed.Secret.Reveal()},
		{"the node's token", id.Token.Reveal()},
		{"the queue's connection", id.Connection.Reveal()},
		{"the SAS as it stands in the URL", url.QueryEscape(secrets["sas"])},
	}
	for name, s := range secrets {
		hunted = append(hunted, planted{name, s})
	}
	for i, line := range strings.Split(pemKey, "\n") {
		if len(line) == 64 {
			hunted = append(hunted, planted{fmt.Sprintf("line %d of the private key", i), line})
		}
	}
	found := map[string]bool{}
	files := 0
	look := func(name string, data []byte) {
		files++
		for _, p := range hunted {
			if form := p.find(data); form != "" && !found[name+p.name] {
				found[name+p.name] = true
				at := bytes.Index(data, p.forms()[form])
				t.Errorf("%s is in %s as %s: …%q", p.name, strings.TrimPrefix(name, w.dir), form, data[max(0, at-120):at])
			}
		}
	}
	everywhere(t, w.dir, look)
	look("what was printed", printed.bytes())
	if files < 20 || !bytes.Contains(printed.bytes(), []byte("the server says: ")) || !bytes.Contains(printed.bytes(), []byte("panic in a")) {
		t.Errorf("only %d files were searched, or the story was not told", files)
	}
}

func TestTheHuntFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	p := planted{"p", `Sq1 p;w"o'r{d}\ñ%&=+,/`}
	var names []string
	for form, text := range p.forms() {
		names = append(names, form)
		if p.find(slices.Concat([]byte("before "), text, []byte(" after"))) == "" {
			t.Errorf("%s is not found", form)
		}
	}
	for shift := range 3 {
		if p.find([]byte(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("z", shift+5)+p.text+"more")))) == "" {
			t.Errorf("base64 behind %d bytes is not found", shift+5)
		}
	}
	if len(names) < 8 || p.find([]byte("nothing of it")) != "" {
		t.Errorf("forms %v", names)
	}
}
