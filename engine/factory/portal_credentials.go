package factory

import (
	"context"
	"html/template"
	"net/http"
	"strings"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint/definition"
	"dmgateway/engine/fault"
)

// portalService is a linked service on the page.
type portalService struct {
	Name, Type, Gateway string
	Credential          string // in words
	Settable            bool   // a gateway's node serves a page for it
}

func (f *Factory) portalServices(ctx context.Context, now time.Time) ([]portalService, error) {
	all, err := listResources(ctx, f.db, kindLinkedService)
	if err != nil {
		return nil, err
	}
	serving := map[string]bool{}
	var list []portalService
	for _, one := range all {
		ls := readLinkedService(one.Properties)
		s := portalService{Name: one.Name, Type: ls.Type, Gateway: ls.gateway()}
		doc, err := one.document()
		if err != nil {
			return nil, err
		}
		s.Credential = "not set"
		if ls.sealed() || credential.Sealed(doc) {
			s.Credential = "sealed"
			if f.opens(one.Name, one.Properties) {
				s.Credential = "sealed by the factory (less secure)"
			}
		} else if d, err := definition.Parse(doc); err != nil || !d.NeedsCredential() {
			s.Credential = "none needed"
		}
		if g, err := sealFor(ctx, f.db, ls); err == nil {
			s.Gateway = g.Name
			if _, asked := serving[g.ID]; !asked {
				if serving[g.ID], err = f.servesEndpoint(ctx, g, now); err != nil {
					return nil, err
				}
			}
			s.Settable = serving[g.ID]
		}
		list = append(list, s)
	}
	return list, nil
}

func (f *Factory) servesEndpoint(ctx context.Context, g gateway, now time.Time) (bool, error) {
	nodes, err := nodesOf(ctx, f.db, g.ID)
	for _, n := range nodes {
		if status, _ := n.status(f.o.Heartbeat, now); status != statusOffline && n.Heartbeat != nil && isEndpoint(n.Heartbeat.Endpoint) {
			return true, nil
		}
	}
	return false, err
}

// portalCredentials shows the links at which the credential of one linked service can be set. They are made only for
// whoever is signed in here, and the cookie does not come along from other sites.
func (f *Factory) portalCredentials(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	if !f.logins.known(r, now) {
		return fault.New(fault.SignInFailed, "sign in first").Try("Open the link that the factory printed when it started.")
	}
	links, err := f.credentialLinks(r.Context(), r.URL.Query().Get("name"), now)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := linksTemplate.Execute(&b, links); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write([]byte(b.String())) // the caller is gone when this fails
	return nil
}

var linksTemplate = template.Must(template.New("links").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Set the credential of {{.LinkedService}} · data factory</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
code { overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>Set the credential of {{.LinkedService}}</h1>
<p>The page that opens is the gateway's own: user and password are sealed there and never come to the data factory in the clear. Your browser has to reach the gateway's machine; it will ask whether to trust that machine's certificate.</p>
<ul>{{range .Links}}
<li><a href="{{.URL}}" rel="noreferrer">Set it at node {{.Node}}</a><br>certificate <code>{{.Thumbprint}}</code></li>{{end}}
</ul>
<p>Each link works once, until {{.Expires.Format "15:04:05 MST"}}. <a href="/">Back to the data factory</a></p>
</body>
</html>
`))
