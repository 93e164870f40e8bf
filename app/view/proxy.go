package view

import (
	"context"
	"net/url"
	"strings"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Proxy shows, changes and tests the way out. Make one with [Model.Proxy]; its methods return at once.
type Proxy struct {
	watched
	saving, testing task
	s               ProxyView
}

// ProxyForm is what a person types.
type ProxyForm struct {
	Mode, URL, User, Bypass string
	// Password is a new one; where NewPassword is not set, the one that is stored stays.
	Password    string
	NewPassword bool
}

// ProxyView is a moment of a [Proxy].
type ProxyView struct {
	Known       bool
	Stored      ProxyForm
	HasPassword bool
	Way         string // how the factory is reached now, in a sentence
	Saving      bool
	Testing     bool
	Saved       string
	Test        *ProxyTest
	Problem     *Problem
}

// ProxyTest is what a proxy offered and answered.
type ProxyTest struct {
	Tone   Tone
	Title  string
	Remedy string
	Fields []Field
}

// ProxyModes are the modes in the order in which they are shown.
var ProxyModes = []string{"system", "custom", "none"}

// ProxyModeTitle is a mode in words.
func ProxyModeTitle(mode string) string {
	switch mode {
	case "system":
		return words.T("As the system says")
	case "custom":
		return words.T("This proxy")
	}
	return words.T("No proxy")
}

// Proxy makes one that knows nothing yet.
func (m *Model) Proxy() *Proxy { return &Proxy{saving: task{m: m}, testing: task{m: m}} }

// Snapshot is the present moment.
func (p *Proxy) Snapshot() ProxyView {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.s
}

// Load asks for what is set.
func (p *Proxy) Load() {
	p.saving.m.later(func(ctx context.Context) { p.load(ctx) })
}

func (p *Proxy) load(ctx context.Context) {
	status, err := p.saving.m.ctl.Proxy(ctx)
	p.change(func() {
		if err != nil {
			p.s.Problem = ProblemOf(err)
			return
		}
		p.s.Known, p.s.HasPassword = true, status.HasPassword
		p.s.Stored = ProxyForm{Mode: status.Mode, URL: status.URL, User: status.User, Bypass: status.Bypass}
		p.s.Way = wayOut(status)
	})
}

// Save stores what was typed and applies it.
func (p *Proxy) Save(f ProxyForm) {
	p.saving.start(func() {
		p.change(func() { p.s.Saving, p.s.Saved, p.s.Problem = true, "", nil })
	}, func(ctx context.Context) {
		err := p.saving.m.ctl.SetProxy(ctx, f.settings())
		if err == nil {
			p.load(ctx)
		}
		p.saving.done()
		p.change(func() {
			p.s.Saving = false
			if err != nil {
				p.s.Problem = ProblemOf(err)
				return
			}
			p.s.Saved = words.T("Saved. New connections take this way.")
		})
	})
}

// Try tests the way to the factory with what was typed, without storing it.
func (p *Proxy) Try(f ProxyForm) {
	p.testing.start(func() {
		p.change(func() { p.s.Testing, p.s.Test, p.s.Problem = true, nil, nil })
	}, func(ctx context.Context) {
		s := f.settings()
		report, err := p.testing.m.ctl.TestProxy(ctx, &s)
		stopped := ctx.Err() != nil
		p.testing.done()
		p.change(func() {
			p.s.Testing = false
			switch {
			case stopped:
			case err != nil:
				p.s.Problem = ProblemOf(err)
			default:
				p.s.Test = proxyTest(report)
			}
		})
	})
}

// Clear forgets outcomes: they are not those of what is typed now.
func (p *Proxy) Clear() {
	p.change(func() {
		if !p.s.Testing && !p.s.Saving {
			p.s.Saved, p.s.Test, p.s.Problem = "", nil, nil
		}
	})
}

func (f ProxyForm) settings() engine.ProxySettings {
	s := engine.ProxySettings{Mode: f.Mode, User: strings.TrimSpace(f.User), Bypass: strings.TrimSpace(f.Bypass)}
	none := ""
	switch f.Mode {
	case "none":
		return engine.ProxySettings{Mode: f.Mode, Password: &none}
	case "custom":
		s.URL = f.address()
	}
	switch {
	case s.User == "":
		s.Password = &none
	case f.NewPassword:
		s.Password = &f.Password
	}
	return s
}

// address is the proxy's with a scheme: people type host and port.
func (f ProxyForm) address() string {
	address := strings.TrimSpace(f.URL)
	if address != "" && !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return address
}

// Wrong says by field what is wrong with what is typed: "url", "user". What is not there is right.
func (f ProxyForm) Wrong() map[string]string {
	wrong := map[string]string{}
	if f.Mode == "custom" {
		if text := wrongProxy(f.address()); text != "" {
			wrong["url"] = text
		}
	}
	if f.Mode != "none" && f.NewPassword && f.Password != "" && strings.TrimSpace(f.User) == "" {
		wrong["user"] = words.T("A password needs a user.")
	}
	return wrong
}

func wrongProxy(address string) string {
	if address == "" {
		return words.T("Give the proxy's address, such as http://proxy.example:3128.")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "":
		return words.T("This is no address. Give one such as http://proxy.example:3128.")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return words.T("The address begins with http://, https:// or socks5://.")
	case u.User != nil:
		return words.T("Give user and password below, not in the address.")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return words.T("The address ends after host and port.")
	}
	return ""
}

// Same reports whether nothing was changed.
func (f ProxyForm) Same(stored ProxyForm) bool {
	return !f.NewPassword && f.Mode == stored.Mode && f.User == stored.User && f.Bypass == stored.Bypass && (f.Mode != "custom" || f.URL == stored.URL)
}

func wayOut(s engine.ProxyStatus) string {
	switch {
	case s.Target == "":
		return ""
	case s.Used == "":
		return words.T("%s is reached directly.", s.Target)
	}
	return words.T("%s is reached by %s (from: %s).", s.Target, s.Used, proxySource(s.From))
}

func proxySource(from string) string {
	switch from {
	case "setting":
		return words.T("this setting")
	case "environment":
		return words.T("environment")
	}
	return from
}

func proxyTest(r engine.ProxyReport) *ProxyTest {
	t := &ProxyTest{Tone: Good, Title: words.T("The way to the data factory is open."), Remedy: Sentence(r.Remedy)}
	if !r.OK {
		t.Tone, t.Title = Bad, Sentence(r.Problem)
		if t.Title == "" {
			t.Title = words.T("The data factory cannot be reached this way.")
		}
	}
	add := func(name, value string) {
		if value != "" {
			t.Fields = append(t.Fields, Field{name, value})
		}
	}
	proxy := r.Proxy
	if proxy == "" {
		proxy = words.T("none, directly")
	}
	add(words.T("Proxy"), proxy)
	add(words.T("Target"), r.Target)
	add(words.T("Offers"), strings.Join(r.Offers, ", "))
	add(words.T("Signed in by"), r.Used)
	add(words.T("Answer"), r.Answer)
	if r.Took > 0 {
		add(words.T("Took"), tookText(r.Took))
	}
	return t
}
