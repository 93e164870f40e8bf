package testserver

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// AzureStorageEnv is the environment variable with the connection string of an Azure storage account (or emulator) to
	// use instead of a private emulator.
	AzureStorageEnv = "DMG_TEST_AZURE_STORAGE"
	// cacheEnv is the folder with the programs that tests need, in node/node_modules; by default dmgateway in the user's
	// cache folder.
	cacheEnv = "DMG_CACHE"
	// azuritePatience is how long the emulator may take to start.
	azuritePatience = time.Minute
)

// azuriteServer is the process's private emulator; it runs until the process ends.
var azuriteServer struct {
	once       sync.Once
	connection string
	missing    string // what the machine lacks
	err        error
	count      atomic.Int64 // containers named
}

// azuriteScript runs the emulator until the end of its input, which comes when the test process ends, however it ends.
const azuriteScript = `
process.stdin.resume();
process.stdin.on('end', () => {
  require('fs').rmSync(process.env.AZURITE_FOLDER, { recursive: true, force: true });
  process.exit(0);
});
require(process.env.AZURITE_MAIN);
`

var azuriteListens = regexp.MustCompile(`successfully listens on (http://\S+)`)

// Azurite gives the connection string of an Azure storage account for blobs: a private emulator with a key of its own,
// whose data is gone when the test process ends. Tests share it, so each names its containers with [Container].
func Azurite(t testing.TB) string {
	t.Helper()
	if s := os.Getenv(AzureStorageEnv); s != "" {
		return s
	}
	s := &azuriteServer
	s.once.Do(func() { s.connection, s.missing, s.err = startAzurite() })
	if s.missing != "" {
		Missing(t, "Azurite: %s; install it or set %s", s.missing, AzureStorageEnv)
	}
	if s.err != nil {
		t.Fatalf("start Azurite: %v", s.err)
	}
	return s.connection
}

// Container is a name for a blob container that no other test uses. Nothing is made.
func Container() string {
	return fmt.Sprintf("test-%d-%d", os.Getpid(), azuriteServer.count.Add(1))
}

func startAzurite() (connection, missing string, err error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", "node was not found", nil
	}
	cache := os.Getenv(cacheEnv)
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", "", err
		}
		cache = filepath.Join(base, "dmgateway")
	}
	program := filepath.Join(cache, "node", "node_modules", "azurite", "dist", "src", "blob", "main.js")
	if _, err := os.Stat(program); err != nil {
		return "", "npm package azurite was not found in " + filepath.Join(cache, "node"), nil
	}
	folder, err := os.MkdirTemp("", "dmg-azurite-")
	if err != nil {
		return "", "", err
	}
	script := filepath.Join(folder, "run.js")
	if err := os.WriteFile(script, []byte(azuriteScript), 0o600); err != nil {
		return "", "", err
	}
	secret := make([]byte, 48)
	if _, err := rand.Read(secret); err != nil {
		return "", "", err
	}
	key := base64.StdEncoding.EncodeToString(secret)
	cmd := exec.Command(node, script, "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", folder, "--silent", "--skipApiVersionCheck", "--disableTelemetry")
	cmd.Env = append(os.Environ(), "AZURITE_MAIN="+program, "AZURITE_FOLDER="+folder, "AZURITE_ACCOUNTS=dmgtest:"+key)
	address, err := startListening(cmd)
	if err != nil {
		return "", "", err
	}
	return fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=dmgtest;AccountKey=%s;BlobEndpoint=%s/dmgtest;", key, address), "", nil
}

// startListening starts the emulator and waits until it says its address. Its input stays open as long as this process
// lives.
func startListening(cmd *exec.Cmd) (address string, err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	keepOpen(in)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = cmd.Stdout // one pipe, and no goroutine that copies
	if err := cmd.Start(); err != nil {
		return "", err
	}
	late := time.AfterFunc(azuritePatience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := azuriteListens.FindStringSubmatch(lines.Text()); m != nil {
			return m[1], nil
		}
		said.WriteString(lines.Text() + "\n")
	}
	_ = in.Close()
	err = cmd.Wait()
	return "", fmt.Errorf("it did not say that it listens: %w\n%s", err, said.String())
}
