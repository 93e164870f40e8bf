package outbound

import (
	"bufio"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"dmgateway/engine/secret"

	"github.com/godbus/dbus/v5"
)

// desktopRoutes asks the desktop: KDE's file on KDE; elsewhere the desktop portal, which also evaluates proxy scripts,
// and GNOME's settings where there is no portal. Without a desktop the way is direct.
func desktopRoutes(ctx context.Context, target *url.URL) ([]Route, error) {
	desktop := strings.ToUpper(os.Getenv("XDG_CURRENT_DESKTOP"))
	if strings.Contains(desktop, "KDE") {
		if routes, err := kdeRoutes(kioslaverc(), target); routes != nil || err != nil {
			return routes, err
		}
	}
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" && os.Getenv("XDG_RUNTIME_DIR") == "" {
		return nil, nil
	}
	from := "GNOME"
	if strings.Contains(desktop, "KDE") {
		from = "KDE"
	}
	if routes, err := portalRoutes(ctx, target, from); err == nil {
		return routes, nil
	}
	return gnomeRoutes(ctx, target)
}

// portalRoutes asks org.freedesktop.portal.ProxyResolver. An error means that nobody answers there.
func portalRoutes(ctx context.Context, target *url.URL, from string) ([]Route, error) {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var answers []string
	err = conn.Object("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop").
		CallWithContext(ctx, "org.freedesktop.portal.ProxyResolver.Lookup", 0, target.Scheme+"://"+target.Host+"/").Store(&answers)
	if err != nil {
		return nil, err
	}
	return portalAnswers(answers, from)
}

// portalAnswers are addresses: "http://proxy:8080", "socks5://…", "direct://".
func portalAnswers(answers []string, from string) ([]Route, error) {
	var list []Route
	for _, text := range answers {
		if strings.HasPrefix(text, "direct:") {
			list = append(list, Route{From: from})
			continue
		}
		if p, err := ParseProxy(text); err == nil {
			list = append(list, Route{Proxy: p, From: from})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the desktop portal names no proxy that can be used")
	}
	return list, nil
}

// gnomeRoutes reads GNOME's settings, nil where there are none.
func gnomeRoutes(ctx context.Context, target *url.URL) ([]Route, error) {
	program, err := exec.LookPath("gsettings")
	if err != nil {
		return nil, nil
	}
	c := exec.CommandContext(ctx, program, //nolint:gosec // found in PATH by its fixed name
		"list-recursively", "org.gnome.system.proxy")
	c.Env = secret.HelperEnvironment()
	out, err := c.Output()
	if err != nil {
		return nil, nil // no such settings here
	}
	return gnomeSettings(string(out), target)
}

// gnomeSettings reads lines such as "org.gnome.system.proxy.https host 'proxy.example'".
func gnomeSettings(text string, target *url.URL) ([]Route, error) {
	v := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(f) == 3 {
			v[strings.TrimPrefix(strings.TrimPrefix(f[0], "org.gnome.system.proxy"), ".")+"/"+f[1]] = f[2]
		}
	}
	m := manual{from: "GNOME"}
	switch gvariant(v["/mode"]) {
	case "manual":
	case "auto":
		return nil, errors.New("GNOME names a proxy script, which only its desktop portal could evaluate, and no portal answers")
	default:
		return []Route{{From: m.from}}, nil
	}
	at := func(kind string) string {
		host, port := gvariant(v[kind+"/host"]), v[kind+"/port"]
		if n, err := strconv.Atoi(port); host == "" || err != nil || n <= 0 {
			return ""
		}
		return host + ":" + port
	}
	m.http, m.https, m.socks = at("http"), at("https"), at("socks")
	if v["/use-same-proxy"] == "true" && m.https == "" {
		m.https = m.http
	}
	m.bypass = strings.NewReplacer("[", " ", "]", " ", "'", " ", ",", " ", "@as", " ").Replace(v["/ignore-hosts"])
	return m.routes(target)
}

func gvariant(s string) string { return strings.Trim(s, `'"`) }

func kioslaverc() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "kioslaverc")
}

// kdeRoutes reads KDE's file, nil where it has no proxy settings.
func kdeRoutes(path string, target *url.URL) ([]Route, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	v := map[string]string{}
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok && section == "[Proxy Settings]" {
			name, _, _ = strings.Cut(name, "[") // "httpProxy[$e]"
			v[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	m := manual{from: "KDE", http: kdeProxy(v["httpProxy"]), https: kdeProxy(v["httpsProxy"]), bypass: v["NoProxyFor"]}
	if s := kdeProxy(v["socksProxy"]); s != "" {
		_, m.socks, _ = strings.Cut(s, "://")
	}
	switch v["ProxyType"] {
	case "", "0":
		return nil, nil
	case "1":
		if v["ReversedException"] == "true" {
			return nil, errors.New("KDE uses its proxy for the listed hosts only, which is not supported")
		}
		return m.routes(target)
	case "4": // names of environment variables
		for _, p := range []*string{&m.http, &m.https} {
			*p = os.Getenv(strings.TrimPrefix(*p, "http://"))
		}
		m.bypass = os.Getenv(m.bypass)
		return m.routes(target)
	}
	return nil, nil // a script: the portal evaluates it
}

// kdeProxy reads "http://proxy 3128" and "http://proxy:3128".
func kdeProxy(s string) string { return strings.Join(strings.Fields(s), ":") }
