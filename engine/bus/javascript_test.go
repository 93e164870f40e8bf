package bus_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/bus"
	"dmgateway/engine/testserver"
)

// TestJavaScript drives the bus with Microsoft's JavaScript client, which shares no code with the Go one.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	b := openBroker(t, bus.Options{})
	e := overTCP(t, b)
	q := e.queue(t)
	connection, err := b.ConnectionString(e.host, rootRule)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "client.mjs"), connection.Reveal(), q)
	cmd.Env = append(os.Environ(), "NODE_MODULES="+modules)
	out, err := cmd.CombinedOutput()
	t.Log(string(out))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "ok "); n != 13 {
		t.Errorf("%d steps instead of 13", n)
	}
	if got := counts(t, b, q); got != (bus.Counts{}) {
		t.Errorf("it leaves %+v", got)
	}
}

// nodeModules is the folder that has the client.
func nodeModules(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		testserver.Missing(t, "Node.js: %v", err)
	}
	cache := os.Getenv("DMG_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "dmgateway")
	}
	modules := filepath.Join(cache, "node", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "@azure", "service-bus")); err != nil {
		testserver.Missing(t, "the JavaScript client @azure/service-bus: %v", err)
	}
	return modules
}
