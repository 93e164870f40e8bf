package network

import (
	"html/template"
	"io"
	"time"
)

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"mark": func(state string) string { return marks[state] },
	"took": func(s Step) string {
		if s.State == Skipped {
			return ""
		}
		return short(s.Took)
	},
	"short": short,
	"when":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Network check</title>
<style>
:root{--ink:#1b1f24;--soft:#59636e;--line:#d9dee3;--back:#f6f8fa;--card:#fff;--ok:#1a7f37;--warning:#8a5a00;--failed:#c0282d;--skipped:#59636e}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa5b1;--line:#323a43;--back:#0f1419;--card:#171d24;--ok:#4ac26b;--warning:#e0a83a;--failed:#ff6b6e;--skipped:#9aa5b1}}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.05rem;margin:0}.soft{color:var(--soft)}
.verdict{font-size:1.15rem;font-weight:600;margin:.75rem 0 1.5rem;padding:.75rem 1rem;border-left:.3rem solid;background:var(--card)}
section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.25rem;margin:0 0 1rem}
section header{display:flex;gap:.75rem;align-items:baseline;flex-wrap:wrap;margin-bottom:.5rem}
code{font:.9em ui-monospace,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:500}td.m{width:1.5rem;font-weight:700}td.n{width:7rem;white-space:nowrap}td.t{width:4.5rem;text-align:right;color:var(--soft);white-space:nowrap;padding-right:0}
.remedy{margin:.25rem 0 0;font-weight:500}.ok{color:var(--ok)}.warning{color:var(--warning)}.failed{color:var(--failed)}.skipped{color:var(--skipped)}
@media print{body{background:#fff}section{break-inside:avoid}}
</style></head><body><main>
<h1>Network check</h1>
<p class="soft">Data Management Gateway, {{when .Started}}, {{short .Took}}</p>
<p class="verdict {{if .OK}}ok{{else}}failed{{end}}">{{.Verdict}}</p>
{{range .Checks}}<section><header><span class="{{.State}}" aria-label="{{.State}}"><strong>{{mark .State}}</strong></span><h2>{{.Name}}</h2>{{with .Address}}<code class="soft">{{.}}</code>{{end}}</header>
<table>{{range .Steps}}<tr><td class="m {{.State}}" title="{{.State}}">{{mark .State}}</td><td class="n">{{.Name}}</td><td>{{.Detail}}{{with .Remedy}}<p class="remedy">→ {{.}}</p>{{end}}</td><td class="t">{{took .}}</td></tr>
{{end}}</table></section>
{{end}}{{with .Needed}}<section><header><h2>For the firewall’s administrator</h2><span class="soft">outbound connections, none inbound</span></header>
<table><thead><tr><th>Host</th><th>Port</th><th>Protocol</th><th>For</th><th>Needed</th></tr></thead>
{{range .}}<tr><td><code>{{.Host}}</code></td><td>{{.Port}}</td><td>{{.Protocol}}</td><td>{{.For}}</td><td>{{if .Required}}yes{{else}}one of these{{end}}</td></tr>
{{end}}</table></section>
{{end}}</main></body></html>
`))

// WriteHTML writes the report as one HTML file without scripts and without anything from elsewhere.
func (r Report) WriteHTML(w io.Writer) error { return page.Execute(w, r) }
