//go:build unix

package testserver

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// mariaScript makes and starts a server in folder $1 with the programs $2 (install) and $3 (server) on port $4. It says
// "ready", waits for the end of its input, which comes when the test process ends, and removes everything.
const mariaScript = `
set -e
cd "$1"
mkdir tmp
export TMPDIR="$1/tmp"
trap 'test -n "$server" && kill -9 $server 2>/dev/null; cd /; rm -rf "$1"' EXIT
"$2" --no-defaults --datadir="$1/data" --tmpdir="$1/tmp" --auth-root-authentication-method=normal --skip-test-db >install.log 2>&1 || { cat install.log; exit 1; }
"$3" --no-defaults --datadir="$1/data" --tmpdir="$1/tmp" --port="$4" --bind-address=127.0.0.1 --socket="$1/s" --pid-file="$1/pid" --init-file="$1/init.sql" \
	--ssl-cert="$1/server.crt" --ssl-key="$1/server.key" --local-infile=1 --innodb-flush-log-at-trx-commit=0 --sync-binlog=0 --skip-log-bin \
	--innodb-buffer-pool-size=256M --innodb-log-file-size=256M --innodb-doublewrite=0 --max-connections=300 --skip-name-resolve >server.log 2>&1 </dev/null &
server=$!
n=0
until grep -q "ready for connections" server.log; do
	kill -0 $server 2>/dev/null || { cat server.log; exit 1; }
	n=$((n + 1))
	test $n -lt 600 || { cat server.log; exit 1; }
	sleep 0.1
done
echo ready
cat >/dev/null
`

func startMariaDB() (dsn, missing string, err error) {
	install, server := mariaProgram("mariadb-install-db"), mariaProgram("mariadbd")
	if install == "" || server == "" {
		return "", "mariadbd or mariadb-install-db was not found", nil
	}
	account, missing, err := mariaAccount()
	if missing != "" || err != nil {
		return "", missing, err
	}
	folder, err := os.MkdirTemp("", "dmg-mariadb-")
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
	init := filepath.Join(folder, "init.sql")
	text := "CREATE USER dmg@'%' IDENTIFIED BY '" + secret + "';\nGRANT ALL ON *.* TO dmg@'%' WITH GRANT OPTION;\nCREATE DATABASE program CHARACTER SET utf8mb4;\n"
	if err := os.WriteFile(init, []byte(text), 0o600); err != nil {
		return "", "", err
	}
	if account != nil {
		if err := os.Chown(init, int(account.Uid), int(account.Gid)); err != nil {
			return "", "", err
		}
	}
	port, err := freePort()
	if err != nil {
		return "", "", err
	}
	cmd := exec.Command("/bin/sh", "-c", mariaScript, "sh", folder, install, server, strconv.Itoa(port))
	cmd.Env = append(os.Environ(), "HOME="+folder, "LC_ALL=C")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: account}
	if _, err := startScript(cmd); err != nil {
		return "", "", err
	}
	return fmt.Sprintf("dmg:%s@tcp(127.0.0.1:%d)/program", secret, port), "", nil
}

// mariaAccount is the account that the server runs under: nil for the own one, or mysql where that is root, which the
// server refuses.
func mariaAccount() (account *syscall.Credential, missing string, err error) {
	if os.Geteuid() != 0 {
		return nil, "", nil
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		return nil, "the server does not run as root, and there is no account mysql", nil
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, "", err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, "", err
}
