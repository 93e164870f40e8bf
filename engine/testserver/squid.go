package testserver

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Squid is a private Squid proxy.
type Squid struct {
	Address string // host:port
	folder  string
}

// SquidOptions of a proxy; the zero value lets everybody through.
type SquidOptions struct {
	// Listen is an IP address, "" = 127.0.0.1. The port is a free one unless given as host:port.
	Listen string
	// Users are who may use it, with their passwords, signed in by Basic.
	Users map[string]string
	// NTLM offers NTLM with Squid's helper that believes everybody.
	NTLM bool
	// Hosts are names that only the proxy knows, with their addresses.
	Hosts map[string]string
	// Deny are names to which nobody is let through.
	Deny []string
}

const squidConfig = `
http_port %[2]s
pid_filename none
access_log stdio:%[1]s/access.log
cache_log %[1]s/cache.log
cache deny all
coredump_dir %[1]s
hosts_file %[1]s/hosts
shutdown_lifetime 0 seconds
pinger_enable off
max_filedescriptors 1024
buffered_logs off
`

// StartSquid starts a Squid that ends with the test.
func StartSquid(t testing.TB, o SquidOptions) *Squid {
	t.Helper()
	program, err := exec.LookPath("squid")
	if err != nil {
		program = "/usr/sbin/squid"
		if _, err := os.Stat(program); err != nil {
			Missing(t, "squid was not found; install it")
		}
	}
	s := &Squid{folder: t.TempDir(), Address: o.Listen}
	if s.Address == "" {
		s.Address = "127.0.0.1"
	}
	if !strings.Contains(s.Address, ":") {
		l, err := net.Listen("tcp", net.JoinHostPort(s.Address, "0"))
		if err != nil {
			t.Fatal(err)
		}
		s.Address = l.Addr().String()
		_ = l.Close()
	}
	s.write(t, "squid.conf", s.config(t, o))
	var hosts strings.Builder
	for name, address := range o.Hosts {
		fmt.Fprintf(&hosts, "%s %s\n", address, name)
	}
	s.write(t, "hosts", hosts.String())
	cmd := exec.Command(program, "-N", "-f", filepath.Join(s.folder, "squid.conf"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	asNobody(cmd)
	if err := cmd.Start(); err != nil {
		Missing(t, "squid cannot be started: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(30 * time.Second); ; {
		if conn, err := net.Dial("tcp", s.Address); err == nil {
			_ = conn.Close()
			return s
		}
		select {
		case <-ended:
			log, _ := os.ReadFile(filepath.Join(s.folder, "cache.log"))
			t.Fatalf("squid ended: %s\n%s", said.String(), log)
		case <-time.After(20 * time.Millisecond): // polling, with a deadline
		}
		if time.Now().After(deadline) {
			t.Fatal("squid does not answer")
		}
	}
}

func (s *Squid) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Squid) config(t testing.TB, o SquidOptions) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, squidConfig, s.folder, s.Address)
	if o.NTLM {
		b.WriteString("auth_param ntlm program " + squidHelper(t, "ntlm_fake_auth") + "\nauth_param ntlm children 2\nauth_param ntlm keep_alive on\n")
	}
	if len(o.Users) > 0 {
		var users strings.Builder
		for user, password := range o.Users {
			cmd := exec.Command("openssl", "passwd", "-6", "-stdin")
			cmd.Stdin = strings.NewReader(password)
			hash, err := cmd.Output()
			if err != nil {
				Missing(t, "openssl cannot hash a password for squid: %v", err)
			}
			fmt.Fprintf(&users, "%s:%s", user, hash)
		}
		s.write(t, "users", users.String())
		fmt.Fprintf(&b, "auth_param basic program %s %s\nauth_param basic realm test\nauth_param basic children 2\n",
			squidHelper(t, "basic_ncsa_auth"), filepath.Join(s.folder, "users"))
	}
	for _, name := range o.Deny {
		fmt.Fprintf(&b, "acl denied dstdomain %s\n", name)
	}
	if len(o.Deny) > 0 {
		b.WriteString("http_access deny denied\n")
	}
	if o.NTLM || len(o.Users) > 0 {
		b.WriteString("acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n")
	} else {
		b.WriteString("http_access allow all\n")
	}
	return b.String()
}

func squidHelper(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("/usr/lib/squid", name)
	if _, err := os.Stat(path); err != nil {
		Missing(t, "squid's %s was not found", name)
	}
	return path
}

// Log is what the proxy was asked for, one line a request. Lines of tunnels come when they end.
func (s *Squid) Log(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Logged waits until the proxy's log has a text: a request is written down after it was answered.
func (s *Squid) Logged(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.Log(t), text); time.Sleep(20 * time.Millisecond) { // polling, with a deadline
		if time.Now().After(deadline) {
			t.Fatalf("%q is not in the proxy's log:\n%s", text, s.Log(t))
		}
	}
}
