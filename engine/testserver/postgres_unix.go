//go:build unix

package testserver

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// postgresScript makes and starts a server in folder $1 with the programs in $2 on port $3. It says "ready", waits for
// the end of its input, which comes when the test process ends, and removes everything.
const postgresScript = `
set -e
cd "$1"
trap '"$2/pg_ctl" -D data -m immediate -s stop >/dev/null 2>&1; cd /; rm -rf "$1"' EXIT
"$2/initdb" -D data -U dmg --pwfile=password -A scram-sha-256 -E UTF8 --no-locale --no-sync >initdb.log 2>&1 || { cat initdb.log; exit 1; }
cp server.crt server.key data/
cat >>data/postgresql.conf <<END
listen_addresses = '127.0.0.1'
port = $3
unix_socket_directories = '$1'
max_connections = 200
shared_buffers = 256MB
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
ssl = on
END
"$2/pg_ctl" -D data -w -t 60 -l server.log -s start >start.log 2>&1 </dev/null || { cat start.log server.log; exit 1; }
echo ready
cat >/dev/null
`

func startPostgres() (dsn, missing string, err error) {
	programs := postgresPrograms()
	if programs == "" {
		return "", "initdb was not found", nil
	}
	account, missing, err := postgresAccount()
	if missing != "" || err != nil {
		return "", missing, err
	}
	folder, err := os.MkdirTemp("", "dmg-postgres-")
	if err != nil {
		return "", "", err
	}
	password := make([]byte, 12)
	if _, err := rand.Read(password); err != nil {
		return "", "", err
	}
	secret := hex.EncodeToString(password)
	if err := writeServerFiles(folder, secret, account); err != nil {
		return "", "", err
	}
	port, err := freePort()
	if err != nil {
		return "", "", err
	}
	cmd := exec.Command("/bin/sh", "-c", postgresScript, "sh", folder, programs, strconv.Itoa(port))
	cmd.Env = append(os.Environ(), "HOME="+folder, "LC_ALL=C")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: account}
	if _, err := startScript(cmd); err != nil {
		return "", "", err
	}
	return fmt.Sprintf("postgres://dmg:%s@127.0.0.1:%d/postgres", secret, port), "", nil
}

// startScript starts the command and waits for its word "ready"; said is what it says before. Its input stays open as
// long as this process lives.
func startScript(cmd *exec.Cmd) (said string, err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var b strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			keepOpen(in)
			return b.String(), nil
		}
		b.WriteString(lines.Text() + "\n")
	}
	_ = in.Close()
	err = cmd.Wait()
	return "", fmt.Errorf("%w\n%s", err, b.String())
}

// postgresAccount is the account that the server runs under: nil for the own one, or postgres where that is root, which
// the server refuses.
func postgresAccount() (account *syscall.Credential, missing string, err error) {
	if os.Geteuid() != 0 {
		return nil, "", nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, "the server does not run as root, and there is no account postgres", nil
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, "", err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, "", err
}

func writeServerFiles(folder, password string, account *syscall.Credential) error {
	certificate, key, err := selfSigned("127.0.0.1", "localhost")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"password": []byte(password), "server.crt": certificate, "server.key": key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	if account == nil {
		return nil
	}
	return filepath.Walk(folder, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(account.Uid), int(account.Gid))
	})
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
