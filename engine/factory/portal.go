package factory

import (
	"bytes"
	"crypto/sha256"
	"html/template"
	"net/http"
	"os"
	"sync"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

// logins are the one-time links and the sessions of the page, in memory: a restart signs everybody out.
type logins struct {
	mu       sync.Mutex
	links    map[[32]byte]bool
	sessions map[[32]byte]time.Time // when they end
}

const (
	sessionCookie = "factory-session"
	sessionHours  = 12 * time.Hour
	maxLinks      = 64
)

func newLogins() *logins {
	return &logins{links: map[[32]byte]bool{}, sessions: map[[32]byte]time.Time{}}
}

// link makes a code that signs in once.
func (l *logins) link() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.links) >= maxLinks {
		clear(l.links)
	}
	code := randomText(32)
	l.links[sha256.Sum256([]byte(code))] = true
	return code
}

// enter turns a code into a session, once.
func (l *logins) enter(code string, now time.Time) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := sha256.Sum256([]byte(code))
	if !l.links[hash] {
		return "", false
	}
	delete(l.links, hash)
	id := randomText(32)
	l.sessions[sha256.Sum256([]byte(id))] = now.Add(sessionHours)
	return id, true
}

func (l *logins) known(r *http.Request, now time.Time) bool {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, ends := range l.sessions {
		if now.After(ends) {
			delete(l.sessions, id)
		}
	}
	_, ok := l.sessions[sha256.Sum256([]byte(c.Value))]
	return ok
}

// portalLink is the page's address with a code that signs in once, "" while the factory has no address.
func (f *Factory) portalLink(url string) string {
	if url == "" {
		return ""
	}
	return url + "/?login=" + f.logins.link()
}

// portal shows gateways and runs, to look at.
func (f *Factory) portal(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	if code := r.URL.Query().Get("login"); code != "" {
		id, ok := f.logins.enter(code, now)
		if !ok {
			return fault.New(fault.SignInFailed, "this link was used already, or is of a factory that was restarted").Try("Ask the factory for a new link.")
		}
		//nolint:gosec // G124: Secure wherever the page is served over TLS
		http.SetCookie(w, &http.Cookie{
			Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode, MaxAge: int(sessionHours / time.Second),
		})
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	if !f.logins.known(r, now) {
		return fault.New(fault.SignInFailed, "sign in first").Try("Open the link that the factory printed when it started.")
	}
	page, err := f.portalPage(r, now)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := portalTemplate.Execute(&b, page); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(b.Bytes()) // the caller is gone when this fails
	return nil
}

type portalView struct {
	Name     string
	Gateways []wire.RuntimeStatusProperties
	Names    []string
	Services []portalService
	Runs     []pipelineRun
	Reports  []reportRow
}

func (f *Factory) portalPage(r *http.Request, now time.Time) (portalView, error) {
	v := portalView{Name: f.name}
	all, err := f.gateways(r.Context())
	if err != nil {
		return v, err
	}
	for _, g := range all {
		s, err := f.runtimeStatus(r.Context(), g, now)
		if err != nil {
			return v, err
		}
		v.Names, v.Gateways = append(v.Names, g.Name), append(v.Gateways, s.Properties)
	}
	if v.Services, err = f.portalServices(r.Context(), now); err != nil {
		return v, err
	}
	v.Runs, err = collect(r.Context(), f.db, scanPipelineRun, "SELECT "+pipelineRunColumns+" FROM pipeline_runs ORDER BY created DESC, id LIMIT 50")
	if err != nil {
		return v, err
	}
	v.Reports, err = f.listReports(r.Context())
	return v, err
}

var portalTemplate = template.Must(template.New("portal").Funcs(template.FuncMap{
	"when": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2006-01-02 15:04:05 UTC")
	},
}).Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Name}} · data factory</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); vertical-align: top; }
</style>
</head>
<body>
<h1>Data factory {{.Name}}</h1>
<h2>Gateways</h2>
{{if .Gateways}}<table>
<thead><tr><th scope="col">Gateway</th><th scope="col">State</th><th scope="col">Nodes</th><th scope="col">Created</th></tr></thead>
<tbody>{{range $i, $g := .Gateways}}
<tr><th scope="row">{{index $.Names $i}}</th><td>{{$g.State}}{{with $g.Reason}}: {{.}}{{end}}</td>
<td>{{range $g.TypeProperties.Nodes}}{{.NodeName}}: {{.Status}}, {{.ConcurrentJobsRunning}} of {{.ConcurrentJobsLimit}} jobs, version {{.Version}}{{with .UpdateText}}, {{.}}{{end}}<br>{{else}}–{{end}}</td>
<td>{{when $g.TypeProperties.CreateTime}}</td></tr>{{end}}
</tbody></table>{{else}}<p>There is no gateway yet: <code>dmgcmd factory gateway new NAME</code> makes one and prints its key.</p>{{end}}
<h2>Linked services</h2>
{{if .Services}}<table>
<thead><tr><th scope="col">Linked service</th><th scope="col">Type</th><th scope="col">Gateway</th><th scope="col">Credential</th></tr></thead>
<tbody>{{range .Services}}
<tr><th scope="row">{{.Name}}</th><td>{{.Type}}</td><td>{{or .Gateway "–"}}</td><td>{{.Credential}}{{if .Settable}} · <a href="/credentials?name={{.Name}}">Set credentials</a>{{end}}</td></tr>{{end}}
</tbody></table>{{else}}<p>There is no linked service yet: <code>dmgcmd factory apply FILE</code> makes one.</p>{{end}}
<h2>Runs</h2>
{{if .Runs}}<table>
<thead><tr><th scope="col">Pipeline</th><th scope="col">Status</th><th scope="col">Started</th><th scope="col">Ended</th><th scope="col">Run</th></tr></thead>
<tbody>{{range .Runs}}
<tr><th scope="row">{{.Pipeline}}</th><td>{{.Status}}{{with .Message}}: {{.}}{{end}}</td><td>{{when .Created}}</td><td>{{when .Ended}}</td><td><code>{{.ID}}</code></td></tr>{{end}}
</tbody></table>{{else}}<p>No pipeline has run yet: <code>dmgcmd factory run PIPELINE</code> starts one.</p>{{end}}
{{if .Reports}}<h2>Reports</h2>
<table>
<thead><tr><th scope="col">Report</th><th scope="col">Gateway</th><th scope="col">Node</th><th scope="col">Received</th><th scope="col">Note</th></tr></thead>
<tbody>{{range .Reports}}
<tr><th scope="row"><a href="/reports/{{.ID}}"><code>{{.ID}}</code></a></th><td>{{.Gateway}}</td><td>{{.Name}}, version {{.Version}}</td><td>{{when .Received}}</td><td>{{.Note}}</td></tr>{{end}}
</tbody></table>{{end}}
</body>
</html>
`))

func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}
