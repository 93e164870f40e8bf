//go:build unix

package testserver

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshScript runs the server $2 in folder $1 until the end of its input, which comes when the test process ends.
const sshScript = `
"$2" -D -e -f "$1/sshd_config" 2>"$1/sshd.log" &
trap 'kill $! 2>/dev/null; rm -rf "$1"' EXIT
echo ready
cat >/dev/null
`

const sshConfig = `
ListenAddress 127.0.0.1
Port %d
HostKey %[2]s/host_rsa
HostKey %[2]s/host_ed25519
AuthorizedKeysFile %[2]s/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp
`

func startSSH() (s *SSHServer, missing string, err error) {
	program, err := exec.LookPath("sshd")
	if err != nil {
		if program = "/usr/sbin/sshd"; !there(program) {
			return nil, "sshd was not found", nil
		}
	}
	if os.Geteuid() == 0 { // an account of its own needs this folder
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, "the folder /run/sshd cannot be made", nil
		}
	}
	me, err := user.Current()
	if err != nil {
		return nil, "", err
	}
	folder, err := os.MkdirTemp("", "dmg-sshd-")
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	s = &SSHServer{Host: "127.0.0.1", Port: strconv.Itoa(port), User: me.Username, Root: filepath.Join(folder, "root"), KeyPath: filepath.Join(folder, "key"), Private: true}
	if err := s.write(folder, fmt.Sprintf(sshConfig, port, folder)); err != nil {
		return nil, "", err
	}
	cmd := exec.Command("/bin/sh", "-c", sshScript, "sh", folder, program)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := startScript(cmd); err != nil {
		return nil, "", err
	}
	return s, "", listens(port, filepath.Join(folder, "sshd.log"))
}

func there(p string) bool { _, err := os.Stat(p); return err == nil }

// listens waits until the server answers; its log says why it does not.
func listens(port int, log string) (err error) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var c net.Conn
		if c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return c.Close()
		}
	}
	said, _ := os.ReadFile(log)
	return fmt.Errorf("%w\n%s", err, said)
}

// write makes the keys and the configuration.
func (s *SSHServer) write(folder, config string) error {
	if err := os.Mkdir(s.Root, 0o755); err != nil {
		return err
	}
	hostRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	_, hostEd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	public, own, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	files := map[string][]byte{"sshd_config": []byte(config)}
	for name, key := range map[string]any{"host_rsa": hostRSA, "host_ed25519": hostEd, "key": own} {
		block, err := ssh.MarshalPrivateKey(key, "dmgateway test")
		if err != nil {
			return err
		}
		files[name] = pem.EncodeToMemory(block)
	}
	s.Key = files["key"]
	mine, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	files["authorized_keys"] = ssh.MarshalAuthorizedKey(mine)
	host, err := ssh.NewPublicKey(&hostRSA.PublicKey)
	if err != nil {
		return err
	}
	other, err := ssh.NewPublicKey(hostEd.Public())
	if err != nil {
		return err
	}
	s.Fingerprints = []string{
		ssh.FingerprintSHA256(other),
		"ssh-rsa 2048 " + ssh.FingerprintLegacyMD5(host), ssh.FingerprintSHA256(host), "ssh-ed25519 " + ssh.FingerprintSHA256(other),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
