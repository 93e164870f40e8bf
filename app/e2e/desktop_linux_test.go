package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dmgateway/app/tray/traytest"
)

// title is the window's.
const title = "Data Management Gateway"

// session is a display with a window manager and a place for tray icons.
type session struct {
	*traytest.Desktop
	t       *testing.T
	home    string
	inspect string // the socket at which the program under test tells what it shows
}

// patience is how long a state may take to come on a machine with much else to do.
const patience = time.Minute

func newSession(t *testing.T, xvfb ...string) *session {
	t.Helper()
	for _, program := range []string{"Xvfb", "openbox", "xdotool", "wmctrl", "dbus-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing", program)
			}
			t.Skipf("%s is missing", program)
		}
	}
	s := &session{t: t, home: t.TempDir()}
	s.inspect = filepath.Join(s.home, "inspect")
	number := s.display(xvfb)
	for name, value := range map[string]string{
		"DISPLAY": number, "WAYLAND_DISPLAY": "", "LANG": "en_US.UTF-8", "HOME": s.home, "XDG_RUNTIME_DIR": s.home,
		"XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": filepath.Join(s.home, "cache"), "FYNE_SCALE": "1", "DMG_DATA": "", "DMG_INSPECT": s.inspect,
	} {
		t.Setenv(name, value)
	}
	s.Desktop = traytest.Start(t)
	s.Place(t)
	s.background(exec.Command("openbox"))
	s.until("the window manager at work", patience, func() bool { // a window that is there before it does not get the keyboard
		_, err := s.tool("wmctrl", "-m")
		return err == nil
	})
	return s
}

// display starts an X server without a screen and gives its name. The number is chosen here, so that the server takes
// its lock file: with -displayfd it takes none, and two that start at once can get the same. It does not reset when a
// client leaves that was the only one: that would throw out the window manager that is just coming.
func (s *session) display(flags []string) string {
	s.t.Helper()
	for try := range 20 {
		number := strconv.Itoa(100 + (os.Getpid()+try*37)%400)
		server := exec.Command("Xvfb", append([]string{":" + number, "-screen", "0", "1100x760x24", "-nolisten", "tcp", "-noreset"}, flags...)...)
		if err := server.Start(); err != nil {
			s.t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = server.Wait(); close(ended) }()
		s.t.Cleanup(func() { _ = server.Process.Signal(syscall.SIGTERM); <-ended })
		if answers("/tmp/.X11-unix/X"+number, ended) {
			return ":" + number
		}
	}
	s.t.Fatal("no X server starts")
	return ""
}

// answers waits until somebody listens on a Unix socket, or the server that should has ended.
func answers(socket string, ended <-chan struct{}) bool {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		c, err := net.Dial("unix", socket)
		select {
		case <-ended: // the display is another server's
			if err == nil {
				c.Close()
			}
			return false
		default:
		}
		if err == nil {
			c.Close()
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// background starts a program that ends with the test.
func (s *session) background(cmd *exec.Cmd) {
	s.t.Helper()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if binary = os.Getenv("DMG_BINARY"); binary != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "dmgateway-e2e")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "dmgateway")
		if out, err := exec.Command("go", "build", "-tags", "gles,e2e", "-o", binary, "dmgateway/app").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// program is the desktop program at work.
type program struct {
	cmd   *exec.Cmd
	out   *bytes.Buffer
	ended chan error
}

func (s *session) start(args ...string) *program {
	s.t.Helper()
	p := &program{cmd: exec.Command(binary, args...), out: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = io.Writer(p.out), p.out
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { p.ended <- p.cmd.Wait(); close(done) }()
	s.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-done
		if s.t.Failed() {
			s.t.Logf("the program said:\n%s", p.out)
		}
	})
	return p
}

// end waits for the program to end by itself.
func (s *session) end(p *program, within time.Duration) {
	s.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			s.t.Fatalf("it ended with %v", err)
		}
	case <-time.After(within):
		s.t.Fatalf("it did not end within %s", within)
	}
}

func (s *session) tool(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// window is the program's window while it can be seen, "" otherwise.
func (s *session) window() string {
	id, _ := s.tool("xdotool", "search", "--onlyvisible", "--name", "^"+title+"$")
	id, _, _ = strings.Cut(id, "\n")
	return id
}

// hide closes the window as its frame's button does; the program goes on in the tray.
func (s *session) hide() {
	s.t.Helper()
	if out, err := s.tool("wmctrl", "-i", "-c", s.window()); err != nil {
		s.t.Fatalf("wmctrl: %v %s", err, out)
	}
	s.until("the window to hide", patience, func() bool { return s.window() == "" })
}

// cover puts another program's window in front.
func (s *session) cover() {
	s.t.Helper()
	s.background(exec.Command("xev", "-geometry", "1000x700+20+20", "-name", "cover"))
	s.until("another window in front", patience, func() bool {
		other, err := s.tool("xdotool", "search", "--onlyvisible", "--name", "^cover$")
		if err != nil || other == "" {
			return false
		}
		_, _ = s.tool("xdotool", "windowactivate", other)
		active, err := s.tool("xdotool", "getactivewindow")
		return err == nil && active == other
	})
}

func (s *session) until(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("waited in vain: " + what)
		}
	}
}

// icon is the program's tray icon, once it has come.
func (s *session) icon() string {
	s.t.Helper()
	select {
	case item := <-s.Items:
		return item
	case <-time.After(patience):
		s.t.Fatal("no tray icon came")
		return ""
	}
}
