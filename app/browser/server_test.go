package browser_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/app/browser"
	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type visitor struct {
	*http.Client
	server *browser.Server
	model  *view.Model
	t      *testing.T
	clock  *clock
	login  *loginEntry
	opened chan string
	quit   chan struct{}
}

// visit serves the page of c and lets a browser in.
func visit(t *testing.T, c *viewtest.Controller) *visitor { return visitGateway(t, full(c), "") }

// visitGateway does so where there is a log, too.
func visitGateway(t *testing.T, c *gateway, log string) *visitor {
	t.Helper()
	v := &visitor{t: t, clock: &clock{at: viewtest.Now}, login: &loginEntry{}, model: view.New(c, nil), opened: make(chan string, 1), quit: make(chan struct{}, 1)}
	s, err := browser.Listen(browser.Options{
		Model: v.model, Version: engine.VersionInfo{Version: "0.1.0"}, Now: v.clock.now, Log: log, Login: v.login,
		Open: func(target string) error { v.opened <- target; return nil }, Quit: func() { v.quit <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	v.server = s
	ctx, cancel := context.WithCancel(context.Background())
	served, ran := make(chan error, 1), make(chan struct{})
	go func() { served <- s.Serve(ctx) }()
	go func() { defer close(ran); v.model.Run(ctx) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	v.Client = &http.Client{Jar: jar, Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		<-ran
	})
	v.until(func(s view.Snapshot) bool {
		return s.Known && len(s.Jobs) == len(c.List) && len(view.SettingsOf(s)) > 0
	})
	return v
}

func (v *visitor) until(ok func(view.Snapshot) bool) {
	v.t.Helper()
	eventually(v.t, "the model never was so", func() bool { return ok(v.model.Snapshot()) })
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit, tick := time.After(60*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal(what)
		}
	}
}

// do sends a request and gives the status and the body.
func (v *visitor) do(method, address string, form url.Values, headers ...string) (int, string) {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.server.Address() + address
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := v.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestOnlyWhoeverWasLetInSeesThePage(t *testing.T) {
	v := visit(t, viewtest.Idle())
	if code, _ := v.do("GET", "/", nil); code != http.StatusUnauthorized {
		t.Fatalf("a stranger gets %d", code)
	}
	entry := v.server.Entry("/")
	if code, body := v.do("GET", entry, nil); code != http.StatusOK || !strings.Contains(body, "sales-gateway") {
		t.Fatalf("with the token: %d %s", code, body)
	}
	if code, _ := v.do("GET", "/", nil); code != http.StatusOK {
		t.Errorf("with the cookie: %d", code)
	}
	v.Jar, _ = cookiejar.New(nil)
	if code, _ := v.do("GET", entry, nil); code != http.StatusUnauthorized {
		t.Errorf("the token works twice: %d", code)
	}
	late := v.server.Entry("/")
	v.clock.pass(3 * time.Minute)
	if code, _ := v.do("GET", late, nil); code != http.StatusUnauthorized {
		t.Errorf("the token works after three minutes: %d", code)
	}
	if code, _ := v.do("GET", v.server.Address()+"/enter?token=&to=/", nil); code != http.StatusUnauthorized {
		t.Errorf("no token works: %d", code)
	}
}

func TestOtherPagesCannotUseIt(t *testing.T) {
	c := viewtest.Idle()
	v := visit(t, c)
	v.do("GET", v.server.Entry("/"), nil)
	if code, _ := v.do("GET", "/", nil, "Host", "gateway.example:80"); code != http.StatusMisdirectedRequest {
		t.Errorf("another name gets %d", code)
	}
	if code, _ := v.do("POST", "/do/stop", url.Values{}, "Origin", "https://gateway.example"); code != http.StatusForbidden {
		t.Errorf("another page's form gets %d", code)
	}
	if code, _ := v.do("GET", "/do/stop", nil); code != http.StatusMethodNotAllowed {
		t.Errorf("a link that stops gets %d", code)
	}
	if code, _ := v.do("GET", "/home.html", nil); code != http.StatusNotFound {
		t.Errorf("a template gets %d", code)
	}
	resp, err := v.Get(v.server.Address() + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	if len(c.Asked()) != 0 {
		t.Errorf("done all the same: %q", c.Asked())
	}
}

func TestEveryPageShowsWhatItShould(t *testing.T) {
	for _, c := range []struct {
		name, path string
		c          *viewtest.Controller
		want       []string
	}{
		{"first start", "/", viewtest.New(), []string{"I have a key", "Try it here"}},
		{"busy", "/", viewtest.Busy(), []string{"Orders to lake / Copy orders", `value="0.62"`, "about 45 s left", "password authentication failed", "3 of at most 4 jobs running", "42 %"}},
		{"broken", "/", viewtest.Broken(), []string{"Disconnected", "TCP port 8051", "/do/stop"}},
		{"stopped", "/", viewtest.Stopped(), []string{"Stopped", "/do/start"}},
		{"register", "/register", viewtest.New(), []string{`type="password"`, `value="srv-sql-01"`}},
		{"settings", "/settings?group=jobs", viewtest.Idle(), []string{"Jobs at once"}},
		{"a search", "/settings?search=theme", viewtest.Idle(), []string{`id="setting-theme"`}},
		{"no match", "/settings?search=zebra", viewtest.Idle(), []string{"“zebra”"}},
		{"quit", "/quit", viewtest.Busy(), []string{"3 jobs are running"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := visit(t, c.c)
			v.do("GET", v.server.Entry("/"), nil)
			code, body := v.do("GET", c.path, nil)
			for _, want := range c.want {
				if !strings.Contains(body, want) {
					t.Errorf("%d, without %q:\n%s", code, want, body)
				}
			}
			if strings.Contains(body, "<no value>") || strings.Contains(body, "style=") || strings.Contains(body, "onclick") {
				t.Errorf("something that the policy forbids, or nothing:\n%s", body)
			}
		})
	}
}

func TestTextFromJobsIsNoMarkup(t *testing.T) {
	c := viewtest.Idle()
	c.List = []engine.Job{{ID: "x", Pipeline: "<script>alert(1)</script>", Status: engine.Succeeded}}
	v := visit(t, c)
	_, body := v.do("GET", v.server.Entry("/"), nil)
	if strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;alert") {
		t.Error(body)
	}
}

const goodKey = "ADF#11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555@factory.example:8051#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestWhatIsAskedForIsDone(t *testing.T) {
	c := viewtest.Busy()
	v := visit(t, c)
	v.do("GET", v.server.Entry("/"), nil)
	for _, step := range []struct {
		what string
		form url.Values
		want string
	}{
		{"stop", url.Values{}, "stop"},
		{"start", url.Values{}, "start"},
		{"cancel", url.Values{"job": {"r1"}}, "cancel r1"},
		{"setting", url.Values{"name": {"joblimit"}, "value": {"8"}}, "set joblimit=8"},
		{"register", url.Values{"key": {goodKey}, "node": {"n"}}, "register " + goodKey + " n"},
		{"tryit", url.Values{}, "try it"},
		{"unregister", url.Values{}, "unregister"},
	} {
		if code, body := v.do("POST", "/do/"+step.what, step.form); code != http.StatusOK {
			t.Errorf("%s: %d %s", step.what, code, body)
		}
		v.until(func(s view.Snapshot) bool { return slices.Contains(c.Asked(), step.want) && s.Doing == view.Nothing })
	}
	before := len(c.Asked())
	v.do("POST", "/do/register", url.Values{"key": {"ADF#1"}})
	if code, _ := v.do("POST", "/do/nothing", url.Values{}); code != http.StatusNotFound {
		t.Errorf("an unknown wish gets %d", code)
	}
	if len(c.Asked()) != before {
		t.Errorf("half a key was sent: %q", c.Asked()[before:])
	}
	v.do("POST", "/do/quit", url.Values{})
	<-v.quit
}

func TestTheSamplesFolderIsTheOnlyOneThatOpens(t *testing.T) {
	c := viewtest.New()
	v := visit(t, c)
	c.Sample = engine.Sample{Folder: "/data/sample", Run: "s"}
	v.do("GET", v.server.Entry("/"), nil)
	v.do("POST", "/do/open", url.Values{"what": {"sample"}, "folder": {"/etc"}})
	v.do("POST", "/do/tryit", url.Values{})
	v.until(func(s view.Snapshot) bool { return s.Sample != nil })
	v.do("POST", "/do/open", url.Values{"what": {"sample"}, "folder": {"/etc"}})
	select {
	case got := <-v.opened:
		if got != "/data/sample" {
			t.Errorf("it opened %s", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing opened")
	}
}

func TestAKeyIsCheckedAndAFailureTold(t *testing.T) {
	c := viewtest.New()
	v := visit(t, c)
	v.do("GET", v.server.Entry("/"), nil)
	if _, body := v.do("POST", "/check/key", url.Values{"key": {goodKey[:60]}}); !strings.Contains(body, "Factory ID") || strings.Contains(body, goodKey[:60]) {
		t.Error(body)
	}
	c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the key was recreated") })
	v.do("POST", "/do/register", url.Values{"key": {goodKey}})
	v.until(func(s view.Snapshot) bool { return s.Failed == view.Registering })
	_, body := v.do("GET", "/register", nil)
	if !strings.Contains(body, view.RegisterFailure) || !strings.Contains(body, "The key was recreated.") || strings.Contains(body, "AAAAAAAA") {
		t.Error(body)
	}
}

func TestNewsReachTheBrowser(t *testing.T) {
	c := viewtest.Idle()
	v := visit(t, c)
	v.do("GET", v.server.Entry("/"), nil)
	resp, err := v.Get(v.server.Address() + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 2 {
		for lines.Scan() && lines.Text() != "data: changed" {
		}
		stopped := viewtest.Stopped().Now
		c.Tell(engine.Event{Status: &stopped})
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	if _, body := v.do("GET", "/", nil); !strings.Contains(body, "Stopped") {
		t.Error("the page is old")
	}
}
