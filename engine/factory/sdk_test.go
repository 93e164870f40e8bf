package factory

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"dmgateway/engine/report"
	"dmgateway/engine/testserver"
)

// nodeModules is where the Node packages that tests need are installed.
func nodeModules(t *testing.T, wanted string) string {
	t.Helper()
	cache := os.Getenv("DMG_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			testserver.Missing(t, "there is no cache folder: %v", err)
		}
		cache = filepath.Join(user, "dmgateway")
	}
	modules := filepath.Join(cache, "node", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, wanted)); err != nil {
		testserver.Missing(t, "the Node package %s is missing in %s", wanted, modules)
	}
	return modules
}

func TestMicrosoftsManagementSDKDrivesTheFactory(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testserver.Missing(t, "node was not found")
	}
	modules := nodeModules(t, "@azure/arm-datafactory")
	h := newHouse(t)
	n := h.node("machine-1")
	script, err := filepath.Abs("testdata/sdk.mjs")
	if err != nil {
		t.Fatal(err)
	}
	ready := h.Ready()
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Env = append(os.Environ(), "FACTORY_URL="+ready.URL, "FACTORY_TOKEN="+ready.Token, "NODE_EXTRA_CA_CERTS="+ready.CA, "DMG_NODE_MODULES="+modules)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.send(resultOf(n.take(), report.Succeeded))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var got map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	for what, want := range map[string]any{
		"factory":    "factory",
		"runtime":    []any{"sdk-gateway", "SelfHosted", "made by the SDK"},
		"keys":       []any{true, true, true},
		"status":     []any{"SelfHosted", "NeedRegistration", 0.0, true},
		"monitoring": "sdk-gateway",
		"pipeline":   []any{"sdk-pipeline", 1.0, "Copy", "SQLiteSource"},
		"lists":      []any{2.0, 2.0, 1.0, 2.0},
		"run":        []any{report.Succeeded, "sdk-pipeline", "2026-01-31", true, true},
		"activity":   []any{report.Succeeded, "Copy", 10.0},
		"query":      []any{true},
		"cancelled":  report.Cancelled,
		"refused":    []any{400.0, "Unsupported", "$.properties.type"},
		"missing":    []any{404.0, "NotFound"},
		"left":       0.0,
	} {
		if !reflect.DeepEqual(got[what], want) {
			t.Errorf("%s: %v instead of %v", what, got[what], want)
		}
	}
}
