package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dmgateway/engine/factory"
	formats "dmgateway/engine/format/all"
	"dmgateway/engine/store/memory"
	"dmgateway/engine/testserver"
)

// The story plays in two network namespaces, so that only what the kernel lets through gets through:
//
//	inside                            outside
//	the gateway 10.99.0.2 ──cable── 10.99.0.1 squid on 3128
//	                                  10.98.0.1 the factory, 127.0.0.1 the storage: nothing from the cable gets there
//
// Everything that leaves the inside is looked at on the cable.
const (
	storyStage   = "DMG_TEST_PROXY_STORY"
	storyFolder  = "DMG_TEST_PROXY_FOLDER"
	storyKey     = "DMG_TEST_PROXY_KEY"
	storyTarget  = "DMG_TEST_PROXY_TARGET"
	storyProxy   = "10.99.0.1:3128"
	storyUser    = "anna"
	storyPass    = "s3cret of anna"
	storyFactory = "10.98.0.1"
)

func TestWholeStoryWorksWhereOnlyTheProxyGetsOut(t *testing.T) {
	switch os.Getenv(storyStage) {
	case "outside":
		playOutside(t)
		return
	case "inside":
		playInside(t)
		return
	}
	for _, program := range []string{"ip", "squid"} {
		if _, err := exec.LookPath(program); err != nil {
			testserver.Missing(t, "%s was not found; install it", program)
		}
	}
	cmd := replay("outside", syscall.CLONE_NEWUSER|syscall.CLONE_NEWNET)
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	out, err := cmd.CombinedOutput()
	var start *os.PathError
	if errors.As(err, &start) || bytes.Contains(out, []byte("Operation not permitted")) {
		t.Skipf("network namespaces are not permitted here: %v %s", err, out)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// replay runs this test again as another actor.
func replay(stage string, namespaces uintptr) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestWholeStoryWorksWhereOnlyTheProxyGetsOut$", "-test.v", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), storyStage+"="+stage)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

func playOutside(t *testing.T) {
	ip(t, "link", "set", "lo", "up")
	ip(t, "address", "add", storyFactory+"/32", "dev", "lo")
	// Nothing from the cable reaches the factory, not even a local address of this side.
	ip(t, "rule", "add", "pref", "20", "lookup", "local")
	ip(t, "rule", "delete", "pref", "0")
	ip(t, "rule", "add", "pref", "10", "iif", "veth0", "to", "10.98.0.0/16", "blackhole")

	w := &world{t: t, dir: t.TempDir(), memory: memory.New(), address: storyFactory + ":0"}
	w.options = factory.Options{Dir: filepath.Join(w.dir, "factory"), Stores: w.stores(), Formats: formats.Formats(), Version: "1.0.0", Heartbeat: time.Second, Lease: 3 * time.Second}
	w.up()
	defer func() { w.stop() }()
	key := w.gateway("plant")
	folder := t.TempDir()
	cmd := replay("inside", syscall.CLONE_NEWNET)
	cmd.Env = append(cmd.Env, storyFolder+"="+folder, storyKey+"="+key, storyTarget+"="+w.address)
	in, said := startActor(t, cmd)
	ip(t, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", fmt.Sprint(cmd.Process.Pid))
	ip(t, "address", "add", "10.99.0.1/24", "dev", "veth0")
	ip(t, "link", "set", "veth0", "up")
	seen := watchCable(t, "veth0")
	blobs, port := azurite(t)
	squid := testserver.StartSquid(t, testserver.SquidOptions{Listen: storyProxy, Users: map[string]string{storyUser: storyPass}, Hosts: map[string]string{"blobs": "127.0.0.1"}})
	_, _ = io.WriteString(in, "go\n")

	said.wait(t, "registered")
	pipelineThroughBlobs(w, blobs, folder)
	for _, name := range []string{"up", "down"} {
		run, _ := w.run(name)
		if d := w.wait(run); d.Status != "Succeeded" {
			t.Fatalf("%s: %+v", name, d)
		}
	}
	got, err := os.ReadFile(filepath.Join(folder, "back", "data.csv"))
	plain := strings.NewReplacer("\"", "", "\r", "").Replace(string(got)) // quotes and line ends are the format's
	if err != nil || plain != string(storyData()) {
		t.Errorf("what came back are %d bytes, %v: %.60q", len(got), err, got)
	}
	_, _ = io.WriteString(in, "check\n")
	said.wait(t, "checked")
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("inside: %v\n%s", err, said.all())
	}
	squid.Logged(t, "CONNECT "+w.address)
	squid.Logged(t, "PUT http://blobs:"+port)
	if other := seen(); len(other) > 0 {
		t.Errorf("besides the way to the proxy there left: %v", other)
	}
	t.Logf("inside said:\n%s", said.all())
}

// azurite is the storage as the inside knows it, by a name that only the proxy resolves.
func azurite(t *testing.T) (connection, port string) {
	t.Helper()
	connection = testserver.Azurite(t)
	m := regexp.MustCompile(`http://127\.0\.0\.1:(\d+)`).FindStringSubmatch(connection)
	if m == nil {
		t.Skip("the storage is not the private emulator")
	}
	return strings.ReplaceAll(connection, m[0], "http://blobs:"+m[1]), m[1]
}

func storyData() []byte { return bytes.Repeat([]byte("0123456789abcdef,x\n"), 200_000) }

// pipelineThroughBlobs copies a file of the gateway's machine into a container, and from there back into another folder.
func pipelineThroughBlobs(w *world, blobs, folder string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(folder, "data.csv"), storyData(), 0o600); err != nil {
		w.t.Fatal(err)
	}
	container := testserver.Container()
	via := `"connectVia":{"referenceName":"plant","type":"IntegrationRuntimeReference"}`
	w.put("linkedservices", "Blobs", fmt.Sprintf(`{"type":"AzureBlobStorage",%s,"typeProperties":{"connectionString":%q}}`, via, blobs))
	w.put("linkedservices", "Disk", fmt.Sprintf(`{"type":"FileServer",%s,"typeProperties":{"host":%q}}`, via, folder))
	dataset := func(name, service, location string) {
		w.put("datasets", name, fmt.Sprintf(`{"type":"DelimitedText","linkedServiceName":{"referenceName":%q,"type":"LinkedServiceReference"},"typeProperties":{"location":%s}}`, service, location))
	}
	dataset("there", "Disk", `{"type":"FileServerLocation","fileName":"data.csv"}`)
	dataset("cloud", "Blobs", fmt.Sprintf(`{"type":"AzureBlobStorageLocation","container":%q,"fileName":"data.csv"}`, container))
	dataset("back", "Disk", `{"type":"FileServerLocation","folderPath":"back","fileName":"data.csv"}`)
	pipeline := func(name, from, to, read, write string) {
		w.put("pipelines", name, fmt.Sprintf(`{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":%q,"type":"DatasetReference"}],
			"outputs":[{"referenceName":%q,"type":"DatasetReference"}],"typeProperties":{"source":{"type":"DelimitedTextSource","storeSettings":{"type":%q}},"sink":{"type":"DelimitedTextSink","storeSettings":{"type":%q}}}}]}`, from, to, read, write))
	}
	pipeline("up", "there", "cloud", "FileServerReadSettings", "AzureBlobStorageWriteSettings")
	pipeline("down", "cloud", "back", "AzureBlobStorageReadSettings", "FileServerWriteSettings")
}

func playInside(t *testing.T) {
	lines := bufio.NewScanner(os.Stdin)
	if !lines.Scan() {
		t.Fatal("nobody says that the cable is there")
	}
	ip(t, "link", "set", "lo", "up")
	ip(t, "address", "add", "10.99.0.2/24", "dev", "veth1")
	ip(t, "link", "set", "veth1", "up")
	ip(t, "route", "add", "default", "via", "10.99.0.1")
	if c, err := net.DialTimeout("tcp", os.Getenv(storyTarget), 300*time.Millisecond); err == nil {
		_ = c.Close()
		t.Fatal("the factory can be reached without the proxy: the test proves nothing")
	}
	folder := os.Getenv(storyFolder)
	e := openEngine(t, filepath.Join(t.TempDir(), "data"))
	if err := e.SetSetting(t.Context(), SettingFolders, folder); err != nil {
		t.Fatal(err)
	}
	wrong, right := "guess", storyPass
	for _, password := range []*string{&wrong, &right, nil} { // nil keeps the right one
		if err := e.SetProxy(t.Context(), ProxySettings{Mode: "custom", URL: storyProxy, User: storyUser, Password: password}); err != nil {
			t.Fatal(err)
		}
		err := e.Register(t.Context(), os.Getenv(storyKey), "node", nil)
		if password == &wrong {
			if err == nil || !strings.Contains(err.Error(), `refused the user "anna"`) {
				t.Fatalf("with a wrong password: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t}
	s := w.state(e, Connected)
	waitStatus(t, e, func(now Status) bool { return !now.LastContact.IsZero() && now.LastContact.Sub(s.Since) > -time.Hour })
	fmt.Println("registered")
	for lines.Scan() {
		if lines.Text() != "check" {
			continue
		}
		r, err := e.CheckNetwork(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.WriteText(os.Stdout)
		if !r.OK {
			t.Error("the network check found something wrong")
		}
		p, err := e.TestProxy(t.Context(), nil)
		if err != nil || !p.OK || p.Used != "Basic" {
			t.Errorf("%+v, %v", p, err)
		}
		mustNotHold(t, "the log", logOf(t, e), storyPass)
		fmt.Println("checked")
	}
}

// spoken is what an actor has said so far.
type spoken struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
	over    bool
}

func startActor(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, *spoken) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	s := &spoken{changed: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			s.add(lines.Text()+"\n", false)
		}
		s.add("", true)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = read.Close()
	})
	return in, s
}

func (s *spoken) add(text string, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(text)
	s.over = s.over || over
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *spoken) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *spoken) wait(t *testing.T, word string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*soon)
	defer cancel()
	for {
		s.mu.Lock()
		text, changed, over := s.text.String(), s.changed, s.over
		s.mu.Unlock()
		if strings.Contains(text, word+"\n") {
			return
		}
		if over {
			t.Fatalf("inside ended before it said %q:\n%s", word, text)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("inside never said %q:\n%s", word, text)
		}
	}
}

// watchCable looks at every IPv4 packet that comes over an interface. What it returns gives the destinations other than
// the proxy; the test's own attempt to reach the factory must be among them, or nothing was seen at all.
func watchCable(t *testing.T, name string) func() []string {
	t.Helper()
	link, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	const everything = 0x0003 // ETH_P_ALL
	big := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, everything))
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, int(big))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: big, Ifindex: link.Index}); err != nil {
		t.Fatal(err)
	}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100_000})
	stop, done := make(chan struct{}), make(chan struct{})
	found := map[string]int{}
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n, _, err := syscall.Recvfrom(fd, buf, 0)
			if err != nil || n < 24 || buf[0]>>4 != 4 || !bytes.Equal(buf[12:16], []byte{10, 99, 0, 2}) {
				continue
			}
			to := netip.AddrFrom4([4]byte(buf[16:20])).String()
			if buf[9] == syscall.IPPROTO_TCP || buf[9] == syscall.IPPROTO_UDP {
				at := int(buf[0]&15) * 4
				to = net.JoinHostPort(to, fmt.Sprint(binary.BigEndian.Uint16(buf[at+2:])))
			}
			found[to]++
		}
	}()
	var once sync.Once
	end := func() { once.Do(func() { close(stop); <-done; _ = syscall.Close(fd) }) }
	t.Cleanup(end)
	return func() []string {
		end()
		var other []string
		control := false
		for to, n := range found {
			switch {
			case to == storyProxy:
			case strings.HasPrefix(to, storyFactory+":"):
				control = true // only the attempt before the engine was opened: one packet, at most repeated once
				if n > 2 {
					other = append(other, fmt.Sprintf("%s, %d packets", to, n))
				}
			case strings.HasPrefix(to, "224.") || to == "10.99.0.255":
			default:
				other = append(other, fmt.Sprintf("%s, %d packets", to, n))
			}
		}
		if !control || found[storyProxy] == 0 {
			other = append(other, fmt.Sprintf("nothing that could be told: %v", found))
		}
		return other
	}
}
