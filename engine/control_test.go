package engine

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dmgateway/engine/fault"
)

func dial(t *testing.T, data string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestOneEnginePerDataDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if _, err := Dial(t.Context(), data); fault.Code(err) != fault.NotRunning || fault.As(err).Hint == "" {
		t.Errorf("before the start: %v", err)
	}
	e := openEngine(t, data)
	if _, err := Open(t.Context(), Options{Data: data}); fault.Code(err) != fault.Conflict || !strings.Contains(err.Error(), data) {
		t.Errorf("a second one: %v", err)
	}
	events, err := e.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next(t, events)
	c := dial(t, data) // the second program asks the first to show itself
	if err := c.Show(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ev := next(t, events); !ev.Show {
		t.Errorf("got %+v", ev)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); fault.Code(err) != fault.NotRunning {
		t.Errorf("after the end: %v", err)
	}
	openEngine(t, data)
	if _, err := dial(t, data).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheControlSocketIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("file modes mean nothing there")
	}
	for name, data := range map[string]string{"short": t.TempDir(), "long": filepath.Join(t.TempDir(), strings.Repeat("long-", 30))} {
		e := openEngine(t, data)
		socket := socketOf(data)
		if len(socket) > maxSocketPath {
			t.Errorf("%s: the path %s has %d bytes", name, socket, len(socket))
		}
		for _, path := range []string{socket, filepath.Dir(socket), filepath.Join(data, vaultFileName), filepath.Join(data, lockFile)} {
			if info, err := os.Stat(path); err != nil || name == "long" && info.Mode().Perm()&0o077 != 0 || !info.IsDir() && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		}
		dial(t, data)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(socket); err == nil {
			t.Errorf("%s: the socket was left behind", name)
		}
	}
}

const vaultFileName = "vault.json"

func TestASocketLeftBehindByACrashDoesNoHarm(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(data, controlSocket), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(t.Context(), data); fault.Code(err) != fault.NotRunning {
		t.Errorf("stale: %v", err)
	}
	openEngine(t, data)
	dial(t, data)
}

func TestTheClientDoesWhatTheEngineDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.gateway("gw")
	e := openEngine(t, filepath.Join(w.dir, "n"), func(o *Options) { o.stores = w.stores() })
	c := dial(t, e.Data())
	ctx := t.Context()

	if s, err := c.Status(ctx); err != nil || s.State != NeedRegistration || s.Version != "1.0.0" || s.Certificate.Thumbprint != e.certificate().Thumbprint() {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := c.Start(ctx); fault.Code(err) != fault.NotRegistered || fault.As(err).Hint == "" {
		t.Errorf("start: %v", err)
	}
	if err := c.Register(ctx, key[:50], "", nil); fault.Code(err) != fault.BadInput || !strings.Contains(fault.As(err).Target, "gateway key") {
		t.Errorf("half a key: %v", err)
	}
	var steps []string
	if err := c.Register(ctx, key, "node", func(s RegisterStep) { steps = append(steps, s.Name) }); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(steps, " "); got != "key contact prove certificate queue done" {
		t.Errorf("steps %s", got)
	}
	w.state(c, Connected)

	run, id := w.run(w.pipeline("gw", 100))
	w.wait(run)
	if j := waitJob(t, c, id[:13], ended); j.ID != id || j.Result.RowsCopied != 100 {
		t.Errorf("job %+v", j)
	}
	if list, err := c.Jobs(ctx, 5); err != nil || len(list) != 1 {
		t.Errorf("jobs %+v, %v", list, err)
	}
	for _, missing := range []string{"no/such job", "", "%"} {
		if _, err := c.Job(ctx, missing); fault.Code(err) != fault.NotFound {
			t.Errorf("job %q: %v", missing, err)
		}
	}
	if err := c.Cancel(ctx, id); fault.Code(err) != fault.Conflict {
		t.Errorf("cancel: %v", err)
	}
	if err := c.Retry(ctx, id); fault.Code(err) != fault.Conflict {
		t.Errorf("retry: %v", err)
	}

	if err := c.SetSetting(ctx, "joblimit", "3"); err != nil || value(t, c, "joblimit").Value != "3" {
		t.Errorf("setting: %v", err)
	}
	if err := c.SetSetting(ctx, "joblimit", "x"); fault.Code(err) != fault.BadInput || fault.As(err).Target != "joblimit" {
		t.Errorf("wrong setting: %v", err)
	}

	for _, step := range []struct {
		do   func(context.Context) error
		want State
	}{{c.Stop, Stopped}, {c.Start, Connected}, {c.Start, Connected}, {c.Drain, Stopped}, {c.Start, Connected}, {c.Unregister, NeedRegistration}} {
		if err := step.do(ctx); err != nil {
			t.Fatal(err)
		}
		w.state(c, step.want)
	}
	if err := c.Unregister(ctx); fault.Code(err) != fault.NotRegistered {
		t.Errorf("unregistered twice: %v", err)
	}

	// A subscription over the socket ends with the engine.
	events, err := c.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	next(t, events)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for range events {
	}
}
