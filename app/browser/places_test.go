package browser_test

import (
	"strings"
	"testing"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

// place is where on the page an action of the window is: a page, and what leads to the action there. Where there is no
// page, why says so.
type place struct{ path, has, why string }

// places are by the names in view.Actions.
var places = map[string]place{
	"Register with a key":                     {path: "/register", has: `action="/do/register"`},
	"Try it here":                             {path: "/", has: `action="/do/tryit"`},
	"State, reason, remedy, warnings":         {path: "/", has: "The disk is nearly full"},
	"Start":                                   {path: "/", has: `action="/do/start"`},
	"Stop":                                    {path: "/", has: `action="/do/stop"`},
	"Running jobs and history":                {path: "/", has: `href="/history"`},
	"Details of a job":                        {path: "/", has: `href="/job?id=r1"`},
	"Log of a job":                            {path: "/job?id=f1", has: `href="/diagnostics/log?run=f1"`},
	"Cancel a job":                            {path: "/", has: `action="/do/cancel"`},
	"Run a job again":                         {path: "/job?id=f1", has: `action="/do/retry"`},
	"See all settings":                        {path: "/settings", has: `id="group-general"`},
	"Change a setting":                        {path: "/settings?group=jobs", has: `action="/do/setting"`},
	"Language, theme, notifications":          {path: "/settings", has: `id="setting-language"`},
	"Start at login":                          {path: "/settings", has: `id="setting-login"`},
	"Certificate":                             {path: "/certificate", has: "RSA 3072"},
	"New certificate":                         {path: "/certificate/new", has: `action="/do/certificate-new"`},
	"Import a certificate":                    {path: "/certificate/import", has: `action="/do/certificate-import"`},
	"Export the certificate":                  {path: "/certificate/export", has: `action="/download/certificate"`},
	"Which credentials have to be set again":  {path: "/settings?group=certificate", has: `action="/do/certificate-check"`},
	"Remove a former certificate":             {path: "/certificate", has: `action="/do/certificate-forget"`},
	"Page for credentials: state and address": {path: "/settings?group=credentials", has: "https://srv-sql-01:8051"},
	"Pairing code":                            {path: "/settings?group=credentials", has: `action="/do/pair"`},
	"The page's certificate":                  {path: "/endpoint/import", has: `action="/do/endpoint-import"`},
	"Linked services of this gateway":         {path: "/credentials", has: "OnPremSales"},
	"Set a credential":                        {path: "/credentials?service=OnPremSales", has: `action="/do/credentials-set"`},
	"Proxy":                                   {path: "/settings?group=network", has: "http://proxy.example:3128"},
	"Change the proxy":                        {path: "/settings?group=network", has: `action="/do/proxy-save"`},
	"Test the proxy":                          {path: "/settings?group=network", has: `formaction="/do/proxy-test"`},
	"Unregister":                              {path: "/settings?group=registration", has: `action="/do/unregister"`},
	"Log":                                     {path: "/diagnostics/log", has: `id="log-rows"`},
	"Verbose logging":                         {path: "/diagnostics/log", has: `name="name" value="verbose"`},
	"Test a connection":                       {path: "/diagnostics/connection", has: `action="/do/connection"`},
	"Check the network":                       {path: "/diagnostics/network", has: `action="/do/network"`},
	"Send logs":                               {path: "/diagnostics/send", has: `action="/do/send"`},
	"Archive logs":                            {path: "/diagnostics/archive", has: `action="/do/archive"`},
	"See what would be sent":                  {path: "/diagnostics/send", has: `href="/part?name=settings.json"`},
	"Version and build":                       {path: "/help", has: "This version"},
	"What an error code or event means":       {path: "/help?search=SignInFailed", has: "SignInFailed"},
	"Check for updates":                       {path: "/", has: `action="/do/update-check"`},
	"Update now":                              {path: "/", has: `action="/do/update-install"`},
	"What is new":                             {path: "/", has: "Copies files by SFTP."},
	"Put away what is new":                    {path: "/", has: `action="/do/update-dismiss"`},
	"Update by itself or not":                 {path: "/settings?group=updates", has: `id="setting-autoupdate"`},
	"Time of day of updates":                  {path: "/settings?group=updates", has: `id="setting-updatetime"`},
	"Open the window":                         {why: "the tray opens the page instead"},
}

func TestEveryActionOfTheWindowHasItsPlaceOnThePage(t *testing.T) {
	scenes := []*viewtest.Controller{viewtest.Busy(), viewtest.Stopped(), viewtest.New()}
	scenes[0].Now.Update = engine.UpdateStatus{Available: "1.3.0", State: engine.UpdateAvailable, Notes: "- Copies files by SFTP.", Updated: &engine.Updated{From: "1.1.0", To: "1.2.0"}}
	visitors := make([]*visitor, 0, len(scenes))
	for _, c := range scenes {
		v := visitGateway(t, full(c), writeLog(t, t.TempDir(), 10))
		v.do("GET", v.server.Entry("/"), nil)
		visitors = append(visitors, v)
	}
	known := map[string]bool{}
	for _, a := range view.Actions {
		if a.In == "Command line only" {
			continue
		}
		p, ok := places[a.Does]
		known[a.Does] = true
		switch {
		case !ok:
			t.Errorf("%s: it has no place on the page", a.Does)
			continue
		case p.why != "":
			continue
		}
		shown := func() bool { // what is asked of the engine comes a moment later
			for _, v := range visitors {
				if _, body := v.do("GET", p.path, nil, "X-Look", "1"); strings.Contains(body, p.has) {
					return true
				}
			}
			return false
		}
		visitors[0].do("GET", p.path, nil)
		eventually(t, a.Does+" is not at "+p.path, shown)
	}
	for does := range places {
		if !known[does] {
			t.Errorf("%s: the window has no such action", does)
		}
	}
}
