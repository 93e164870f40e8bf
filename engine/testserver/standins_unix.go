//go:build unix

package testserver

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// standinScript starts the stand-in in folder $1 with the flag $2, waits for the end of its input, which comes when the
// test process ends, and removes everything. Several test processes build the programs one after the other.
const standinScript = `
trap '"$1/stop" --wipe >/dev/null 2>&1; rm -rf "$STANDIN_DIR"' EXIT
mkdir -p "${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway"
exec 9>"${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway/standins.lock"
flock 9 || exit 1
"$1/start" "$2" 2>"$STANDIN_DIR.log" 9>&- || { cat "$STANDIN_DIR.log"; exit 1; }
exec 9>&-
rm -f "$STANDIN_DIR.log"
echo ready
cat >/dev/null
`

func runStandin(folder, flag, port string) (said, missing string, err error) {
	home, err := os.MkdirTemp("", "dmg-standin-")
	if err != nil {
		return "", "", err
	}
	env := append(os.Environ(), "STANDIN_DIR="+home)
	for _, name := range []string{port, "STANDIN_PG_PORT"} {
		p, err := freePort()
		if err != nil {
			return "", "", err
		}
		env = append(env, name+"="+strconv.Itoa(p))
	}
	cmd := exec.Command("/bin/bash", "-c", standinScript, "bash", folder, flag)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, err = startScript(cmd)
	return said, "", err
}
