package outbound

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func target(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// words shows routes as a test writes them.
func words(routes []Route, err error) string {
	if err != nil {
		return "error"
	}
	var list []string
	for _, r := range routes {
		text := "direct"
		if r.Proxy != nil {
			text = r.Address()
		}
		list = append(list, strings.TrimSpace(text+" "+r.From))
	}
	return strings.Join(list, ", ")
}

func TestEnvironmentComesBeforeTheDesktop(t *testing.T) {
	s := newSystem()
	s.desktop = func(context.Context, *url.URL) ([]Route, error) {
		return []Route{{Proxy: target(t, "http://desk:1"), From: "GNOME"}}, nil
	}
	for name, c := range map[string]struct {
		env    map[string]string
		target string
		want   string
	}{
		"nothing set":       {nil, "https://far.test", "http://desk:1 GNOME"},
		"https":             {map[string]string{"HTTPS_PROXY": "http://env:3128"}, "https://far.test", "http://env:3128 environment"},
		"lower case":        {map[string]string{"https_proxy": "env:3128"}, "https://far.test:8051", "http://env:3128 environment"},
		"http only":         {map[string]string{"HTTP_PROXY": "http://env:3128"}, "https://far.test", "direct environment"},
		"exception":         {map[string]string{"HTTPS_PROXY": "http://env:3128", "NO_PROXY": ".test"}, "https://far.test", "direct environment"},
		"exception by port": {map[string]string{"HTTPS_PROXY": "http://env:3128", "NO_PROXY": "far.test:8051"}, "https://far.test", "http://env:3128 environment"},
		"network":           {map[string]string{"HTTPS_PROXY": "http://env:3128", "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3", "direct environment"},
		"socks":             {map[string]string{"HTTPS_PROXY": "socks5://env"}, "https://far.test", "socks5://env:1080 environment"},
		"nonsense":          {map[string]string{"HTTPS_PROXY": "http://us er:secret@:x"}, "https://far.test", "error"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
				t.Setenv(v, c.env[v])
			}
			if got := words(s.routes(t.Context(), target(t, c.target))); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestDesktopIsAskedAgainOnlyAfterAWhile(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "")
	t.Setenv("https_proxy", "")
	t.Setenv("HTTP_PROXY", "")
	t.Setenv("http_proxy", "")
	asked, now := 0, time.Unix(1, 0)
	s := newSystem()
	s.now = func() time.Time { return now }
	s.desktop = func(context.Context, *url.URL) ([]Route, error) { asked++; return nil, errors.New("no") }
	for range 3 {
		_, _ = s.routes(t.Context(), target(t, "https://far.test/a"))
	}
	_, _ = s.routes(t.Context(), target(t, "https://other.test"))
	now = now.Add(systemLife)
	_, _ = s.routes(t.Context(), target(t, "https://far.test:443/b"))
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

func TestManualSettingsOfDesktops(t *testing.T) {
	t.Parallel()
	scutil := `<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
    2 : 10.0.0.0/8
  }
  ExcludeSimpleHostnames : 1
  HTTPEnable : 1
  HTTPPort : 3128
  HTTPProxy : mac.test
  HTTPSEnable : 1
  HTTPSPort : 3129
  HTTPSProxy : mac.test
  SOCKSEnable : 0
}`
	for name, c := range map[string]struct {
		routes func(*url.URL) ([]Route, error)
		want   map[string]string
	}{
		"macOS": {func(u *url.URL) ([]Route, error) { return scutilRoutes(scutil, u) }, map[string]string{
			"https://far.test": "http://mac.test:3129 macOS", "http://far.test": "http://mac.test:3128 macOS", "https://printer.local": "direct macOS",
			"https://10.2.3.4": "direct macOS", "https://server": "direct macOS",
		}},
		"macOS without a proxy":  {func(u *url.URL) ([]Route, error) { return scutilRoutes("<dictionary> {\n}", u) }, map[string]string{"https://far.test": "direct macOS"}},
		"macOS with a script":    {func(u *url.URL) ([]Route, error) { return scutilRoutes("ProxyAutoConfigEnable : 1", u) }, map[string]string{"https://far.test": "error"}},
		"script":                 {func(*url.URL) ([]Route, error) { return scriptRoutes("PROXY a:80; SOCKS b; DIRECT", "Windows") }, map[string]string{"https://far.test": "http://a:80 Windows, socks5://b:1080 Windows, direct Windows"}},
		"script, Windows' words": {func(*url.URL) ([]Route, error) { return scriptRoutes("a:8080", "Windows") }, map[string]string{"https://far.test": "http://a:8080 Windows"}},
		"one list part unknown": {func(u *url.URL) ([]Route, error) {
			return manual{https: "p:1", bypass: "%%;far.test", from: "x"}.routes(u)
		}, map[string]string{"https://far.test": "direct x", "https://near.test": "http://p:1 x"}},
	} {
		for u, want := range c.want {
			if got := words(c.routes(target(t, u))); got != want {
				t.Errorf("%s, %s: %q, want %q", name, u, got, want)
			}
		}
	}
}
