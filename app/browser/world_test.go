package browser_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// typedSecret is what tests type as a secret; it must not come back.
const typedSecret = "S3CRET-of-the-test"

// gateway is a double of the engine with an answer to everything, that remembers what was typed.
type gateway struct {
	*viewtest.Controller
	mu       sync.Mutex
	requests []engine.CredentialRequest
	proxies  []engine.ProxySettings
}

func (g *gateway) TestCredential(ctx context.Context, r engine.CredentialRequest, report func(engine.Stage)) error {
	g.took(r)
	return g.Controller.TestCredential(ctx, r, report)
}

func (g *gateway) SetCredential(ctx context.Context, r engine.CredentialRequest) (engine.SealedCredential, error) {
	g.took(r)
	return g.Controller.SetCredential(ctx, r)
}

func (g *gateway) SetProxy(ctx context.Context, s engine.ProxySettings) error {
	g.mu.Lock()
	g.proxies = append(g.proxies, s)
	g.mu.Unlock()
	return g.Controller.SetProxy(ctx, s)
}

// ArchiveLogs writes a small file.
func (g *gateway) ArchiveLogs(ctx context.Context, file string, progress func(engine.LogProgress)) (engine.LogContents, error) {
	contents, err := g.Controller.ArchiveLogs(ctx, file, progress)
	if err == nil {
		err = os.WriteFile(file, []byte("PK the archive"), 0o600)
	}
	contents.File = file
	return contents, err
}

// Load is that of a machine at work.
func (g *gateway) Load(context.Context) (engine.Load, error) {
	return engine.Load{CPU: 0.42, Memory: 6_200_000_000, TotalMemory: 16_000_000_000}, nil
}

func (g *gateway) took(r engine.CredentialRequest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.Values = maps.Clone(r.Values)
	g.requests = append(g.requests, r)
}

// last is the request that came last.
func (g *gateway) last() engine.CredentialRequest {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.requests) == 0 {
		return engine.CredentialRequest{}
	}
	return g.requests[len(g.requests)-1]
}

// full gives a controller an answer to everything.
func full(c *viewtest.Controller) *gateway {
	now := viewtest.Now
	c.Now.Warnings = []engine.Warning{
		{ID: "disk", Title: "The disk is nearly full", Text: "The disk of /srv/data has 1.2 GB left of 500 GB.", Remedy: "Make room on the disk, or choose folders on another one.", Grave: true},
		{ID: "certificate", Title: "The gateway's certificate ends soon", Text: "The gateway's certificate ends in 12 days, on 3 December 2026."},
	}
	c.Now.Endpoint = engine.EndpointStatus{State: engine.EndpointOn, Address: "localhost:8051", URL: "https://srv-sql-01:8051", Thumbprint: "9F86D081884C7D65", NotAfter: now.AddDate(1, 0, 0)}
	c.Cert = engine.CertificateInfo{
		Subject: "CN=Data Management Gateway srv-sql-01", SelfSigned: true, Thumbprint: c.Now.Certificate.Thumbprint, NotAfter: c.Now.Certificate.NotAfter,
		NotBefore: now.AddDate(0, -1, 0), SHA256: "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", Key: "RSA 3072", KeptIn: "system",
		PEM: "-----BEGIN CERTIFICATE-----", Former: []engine.CertificateStatus{{Thumbprint: "0123456789ABCDEF0123456789ABCDEF01234567", NotAfter: now.AddDate(0, 2, 0)}},
	}
	c.Change = engine.CertificateChange{Certificate: c.Cert, SetAgain: []string{"OnPremSales", "OnPremFinance"}}
	c.PFX = []byte("the certificate's file")
	c.Code = engine.PairingCode{Code: "7KQ4-M2XD", URL: "https://srv-sql-01:8051/", Expires: now.Add(9*time.Minute + 41*time.Second)}
	c.Way = engine.ProxyStatus{Mode: "custom", URL: "http://proxy.example:3128", User: `CONTOSO\gateway`, HasPassword: true, Bypass: "localhost", Target: "factory.example:8051", Used: "http://proxy.example:3128", From: "setting"}
	c.WayTest = engine.ProxyReport{Proxy: "http://proxy.example:3128", Target: "factory.example:8051", Offers: []string{"NTLM", "Basic"}, Answer: "407", Took: 42 * time.Millisecond, Problem: "the proxy does not take the user or the password", Remedy: "Check both with whoever runs the proxy."}
	c.Targets = []engine.CredentialTarget{
		{
			Name: "OnPremSales", Type: "SqlServer", Place: "db1, sales", Set: true,
			Kinds: []engine.CredentialKind{
				{Name: "Basic", Title: "SQL Server user name and password", Fields: []engine.CredentialField{{Name: "userName", Title: "User name", Value: "loader"}, {Name: "password", Title: "Password", Secret: true}}},
				{Name: "Windows", Title: "Windows account", Fields: []engine.CredentialField{{Name: "userName", Title: "User name"}, {Name: "password", Title: "Password", Secret: true}}},
			},
			Nodes: []engine.CredentialNode{{Name: "srv-sql-01", This: true}, {Name: "srv-sql-02", Thumbprint: "A94A8FE5CCB19BA61C4C0873D391E987982FBBD3"}},
		},
		{Name: "Exports", Type: "FileServer", Place: "/srv/exports", Set: true, Readable: true, Kinds: []engine.CredentialKind{{Name: "Anonymous", Title: "The account that the gateway runs under"}}},
	}
	c.Stages = []engine.Stage{{Name: "name", Detail: "db1 is 10.0.0.7", Took: 3 * time.Millisecond}, {Name: "tcp", Detail: "10.0.0.7:1433 answers", Took: 11 * time.Millisecond}}
	c.Sealed = engine.SealedCredential{LinkedService: "OnPremSales", Stored: true, SealedFor: []string{"srv-sql-01", "srv-sql-02"}}
	c.Network = engine.NetworkReport{
		Started: now, Took: 3 * time.Second,
		Checks: []engine.NetworkCheck{
			{Name: "Data factory", Address: "factory.example:8051", Steps: []engine.NetworkStep{{Name: "name", State: "ok", Detail: "factory.example is 10.20.0.5", Took: 3 * time.Millisecond}, {Name: "tls", State: "ok", Detail: "TLS 1.3", Took: 31 * time.Millisecond}}},
			{Name: "Queue (AMQP)", Address: "bus.example:5671", Steps: []engine.NetworkStep{{Name: "tcp", State: "failed", Detail: "10.20.0.6:5671 does not answer within 5 seconds", Remedy: "let TCP port 5671 out to bus.example", Took: 5 * time.Second}, {Name: "tls", State: "skipped"}}},
		},
		Needed: []engine.NetworkNeed{{Host: "factory.example", Port: 8051, Protocol: "HTTPS", For: "registering, reports", Required: true}, {Host: "bus.example", Port: 443, Protocol: "WebSocket over TLS", For: "jobs"}},
	}
	c.Contents = engine.LogContents{Since: now.AddDate(0, 0, -7), Bytes: 14_300_000, Left: []string{"logs/gateway-2026-11-17.log: the file is damaged"}, Parts: []engine.LogPart{
		{Name: "logs/gateway.log", About: "the gateway's log", Bytes: 7_300_000}, {Name: "settings.json", About: "the settings; secrets are not among them", Bytes: 3_100},
	}}
	c.Part = []byte("{\"joblimit\": 4}\n<b>no markup</b>\n")
	c.Sent = engine.SentLogs{ReportID: "5f0c2b7e-1d1c-4b62-9c1e-0a7de0e8a1b4", Bytes: 3_200_000}
	for _, d := range engine.SettingDefinitions() {
		if !slices.ContainsFunc(c.Set, func(s engine.Setting) bool { return s.Name == d.Name }) {
			c.Set = append(c.Set, d)
		}
	}
	return &gateway{Controller: c}
}

// writeLog makes the log's file with so many lines.
func writeLog(t *testing.T, folder string, lines int) string {
	t.Helper()
	var b strings.Builder
	for n := range lines {
		level := []string{"INFO", "INFO", "DEBUG", "INFO", "WARN", "INFO", "INFO", "INFO", "INFO", "ERROR"}[n%10]
		fmt.Fprintf(&b, `{"time":"2026-11-21T11:%02d:%02d.%03dZ","level":%q,"msg":"line %d","event":%d,"run":"r%d"}`+"\n", n/60000%60, n/1000%60, n%1000, level, n, []int{0, 101, 402}[n%3], n%7)
	}
	file := filepath.Join(folder, "gateway.log")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// clock is the time in a test, which can be moved on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// loginEntry is the desktop's list of what starts at login.
type loginEntry struct {
	mu sync.Mutex
	on bool
}

func (l *loginEntry) On() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.on, nil
}

func (l *loginEntry) Set(on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
	return nil
}
