package browser_test

import (
	"strings"
	"testing"

	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
)

// shownPages are all pages, with what has to be on each in English and in German.
var shownPages = []struct{ name, path, english, german string }{
	{"home", "/", "Recent jobs", "Letzte Aufträge"},
	{"register", "/register", "Gateway key", "Gatewayschlüssel"},
	{"history", "/history", "Job history", "Telemetry history"},
	{"job", "/job?id=f1", "password authentication failed", "password authentication failed"},
	{"job-running", "/job?id=r1", "62 %", "62 %"},
	{"general", "/settings", "Notifications", "Benachrichtigungen"},
	{"folders", "/settings?group=folders", "/srv/exports", "/srv/exports"},
	{"proxy", "/settings?group=network", "Reached directly", "proxy.example:3128"},
	{"endpoint", "/settings?group=credentials", "The page is served.", "srv-sql-01:8051"},
	{"certificate-group", "/settings?group=certificate", "Keep a backup", "8F43288AD272F3103B6FB1428485EA3014C0BCFE"},
	{"registration", "/settings?group=registration", "Unregister", "https://factory.example:8051"},
	{"certificate", "/certificate", "RSA 3072", "RSA 3072"},
	{"certificate-new", "/certificate/new", "Make and use it", "RSA"},
	{"certificate-import", "/certificate/import", "PFX file", "PFX"},
	{"certificate-export", "/certificate/export", "Password again", "Kennwort wiederholen"},
	{"endpoint-import", "/endpoint/import", "Its password", "PFX"},
	{"credentials", "/credentials?service=OnPremSales", "Authentication", "OnPremSales"},
	{"diagnostics", "/diagnostics", "Archive logs", "sales-gateway"},
	{"log", "/diagnostics/log", "100 lines", "100 Zeilen"},
	{"network", "/diagnostics/network", "5671 does not answer", "5671"},
	{"connection", "/diagnostics/connection", "Data store", "SQL Server"},
	{"connection-json", "/diagnostics/connection?type=json", "JSON of a linked service", "JSON"},
	{"send", "/diagnostics/send", "What will be sent", "settings.json"},
	{"archive", "/diagnostics/archive", "Archive logs", "Protokolle archivieren"},
	{"help", "/help?search=401", "This version", "401"},
	{"licence", "/text/LICENSE", "Apache License", "Apache License"},
	{"quit", "/quit", "3 jobs are running", "3 Aufträge laufen"},
}

// Each page is looked at in each theme, each language and at both widths. DMG_SHOTS keeps the pictures.
func TestEveryPageFitsInEachThemeLanguageAndWidth(t *testing.T) {
	t.Cleanup(func() { words.Use("en") })
	for _, look := range []struct {
		name, language string
		width          int64
		dark           bool
	}{{"light-en-1100", "en", 1100, false}, {"dark-de-640", "de", 640, true}, {"dark-en-360", "en", 360, true}} {
		t.Run(look.name, func(t *testing.T) {
			words.Use(look.language)
			v := visitGateway(t, full(viewtest.Busy()), writeLog(t, t.TempDir(), 100))
			b := v.open("/", look.width, look.dark)
			for _, p := range shownPages {
				b.To(p.path)
				want := p.english
				if look.language == "de" {
					want = p.german
				}
				b.See(want)
				b.Shot(look.name + "-" + p.name)
				b.Right(p.name)
			}
		})
	}
}

func TestEveryEntranceLeadsWhereItSays(t *testing.T) {
	v := visit(t, viewtest.Idle())
	for to, want := range map[string]string{"/quit": "Quit the gateway?", "/nowhere": "sales-gateway", "//other.example/": "sales-gateway", "/diagnostics": "Check network", "/settings?group=folders": "/srv/exports"} {
		if _, body := v.do("GET", v.server.Entry(to), nil); !strings.Contains(body, want) {
			t.Errorf("%s shows %s", to, body)
		}
	}
}
