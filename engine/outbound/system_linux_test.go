package outbound

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"

	"dmgateway/engine/testserver"
)

func TestGNOMEsSettings(t *testing.T) {
	t.Parallel()
	const rest = `
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '::1', '*.corp.test']
org.gnome.system.proxy use-same-proxy true
org.gnome.system.proxy.http host 'gnome.test'
org.gnome.system.proxy.http port 8080
org.gnome.system.proxy.https host 'secure.test'
org.gnome.system.proxy.https port 8443
org.gnome.system.proxy.socks host ''
org.gnome.system.proxy.socks port 0
`
	for text, want := range map[string]string{
		"org.gnome.system.proxy mode 'manual'" + rest: "http://secure.test:8443 GNOME",
		"org.gnome.system.proxy mode 'none'" + rest:   "direct GNOME",
		"org.gnome.system.proxy mode 'auto'" + rest:   "error",
		"": "direct GNOME",
	} {
		if got := words(gnomeSettings(text, target(t, "https://far.test"))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := words(gnomeSettings("org.gnome.system.proxy mode 'manual'"+rest, target(t, "https://a.corp.test"))); got != "direct GNOME" {
		t.Errorf("an ignored host: %s", got)
	}
}

func TestKDEsSettings(t *testing.T) {
	t.Setenv("KDE_TEST_PROXY", "http://named.test:1")
	for text, want := range map[string]string{
		"[Proxy Settings]\nProxyType=1\nhttpsProxy=http://kde.test 3128\nNoProxyFor=.corp.test\n":   "http://kde.test:3128 KDE",
		"[Proxy Settings]\nProxyType=1\nhttpsProxy[$e]=http://kde.test:3128\nNoProxyFor=far.test\n": "direct KDE",
		"[Proxy Settings]\nProxyType=1\nsocksProxy=socks://kde.test 1080\n":                         "socks5://kde.test:1080 KDE",
		"[Proxy Settings]\nProxyType=4\nhttpsProxy=KDE_TEST_PROXY\n":                                "http://named.test:1 KDE",
		"[Proxy Settings]\nProxyType=1\nReversedException=true\nhttpsProxy=kde.test:1\n":            "error",
		"[Proxy Settings]\nProxyType=0\nhttpsProxy=kde.test:1\n":                                    "",
		"[Other]\nProxyType=1\n": "",
	} {
		path := filepath.Join(t.TempDir(), "kioslaverc")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := words(kdeRoutes(path, target(t, "https://far.test"))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := words(kdeRoutes("/does/not/exist", target(t, "https://far.test"))); got != "" {
		t.Error(got)
	}
}

// portal is a desktop portal of the test.
type portal struct{ asked chan string }

func (p portal) Lookup(uri string) ([]string, *dbus.Error) {
	p.asked <- uri
	return []string{"http://portal.test:8080", "direct://"}, nil
}

func TestDesktopPortalIsAsked(t *testing.T) {
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		testserver.Missing(t, "dbus-daemon was not found")
	}
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address[:len(address)-1])
	t.Setenv("XDG_CURRENT_DESKTOP", "GNOME")
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := portal{make(chan string, 1)}
	if err := conn.Export(p, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.ProxyResolver"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.portal.Desktop", 0); err != nil {
		t.Fatal(err)
	}
	got := words(desktopRoutes(t.Context(), target(t, "https://far.test:8051")))
	if want := "http://portal.test:8080 GNOME, direct GNOME"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if uri := <-p.asked; uri != "https://far.test:8051/" {
		t.Errorf("asked for %s", uri)
	}
}
