package engine

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/factory"
	"dmgateway/engine/fault"
	"dmgateway/engine/registration"
)

func TestARecreatedKeyStopsTheGatewayAndItsSuccessorBringsItBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.gateway("gw")
	e := w.node("n1", old)
	w.pipeline("gw", 20_000)
	held, release := holdFirst(w)
	run, id := w.run("copy")
	await(t, held)
	fresh, err := w.client.RecreateKey(t.Context(), "gw")
	if err != nil {
		t.Fatal(err)
	}
	s := w.state(e, NeedRegistration)
	if !strings.Contains(s.Reason, "key") || s.Remedy == "" || s.Gateway != "gw" {
		t.Errorf("status %+v", s)
	}
	if err := e.Start(t.Context()); fault.Code(err) != fault.NotRegistered {
		t.Errorf("start: %v", err)
	}
	err = e.Register(t.Context(), old, "n1", nil)
	if !strings.HasPrefix(err.Error(), registration.FailureText+" ") || !strings.Contains(err.Error(), "expired") {
		t.Errorf("the old key: %v", err)
	}

	// The refusal is remembered over a restart.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openEngine(t, e.data, func(o *Options) { o.stores = w.stores() })
	if s, _ := e.Status(t.Context()); s.State != NeedRegistration || !strings.Contains(s.Reason, "key") {
		t.Errorf("after a restart %+v", s)
	}

	release()
	if err := e.Register(t.Context(), fresh, "n1", nil); err != nil {
		t.Fatal(err)
	}
	w.state(e, Connected)
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("the run that was under way: %+v", d)
	}
	if j := waitJob(t, e, id, ended); j.Status != Succeeded {
		t.Errorf("job %+v", j)
	}
	if rows, different := w.distinct(); rows != 20_000 || different != rows {
		t.Errorf("%d rows, %d of them different", rows, different)
	}
}

func TestRegisteringWithAnotherGatewayForsakesTheJobsOfTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 100)
	g := w.hold()
	_, id := w.run("copy")
	g.wait(t)
	// A key that is refused leaves everything as it is.
	wrong, err := registration.ParseKey(w.gateway("other"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(wrong.String(), wrong.Secret.Reveal(), base64.RawURLEncoding.EncodeToString(make([]byte, 32)), 1)
	if err := e.Register(t.Context(), text, "n1", nil); fault.Code(err) != fault.SignInFailed {
		t.Errorf("wrong secret: %v", err)
	}
	if s, _ := e.Status(t.Context()); s.State != Connected || s.Gateway != "gw" || s.Jobs.Running != 1 {
		t.Errorf("after the refusal %+v", s)
	}
	if err := e.Register(t.Context(), wrong.String(), "n1", nil); err != nil {
		t.Fatal(err)
	}
	if s := w.state(e, Connected); s.Gateway != "other" {
		t.Errorf("registered with %s", s.Gateway)
	}
	if j, err := e.Job(t.Context(), id); err != nil || j.Status != Cancelled || j.Result.Errors[0].Code != fault.LeaseLost {
		t.Errorf("job %+v, %v", j, err)
	}
	mustNotHold(t, "the log", logOf(t, e), wrong.Secret.Reveal(), e.identity.Token.Reveal(), e.identity.Connection.Reveal())
}

func TestTheWishOutlivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	reopen := func() {
		t.Helper()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = openEngine(t, e.data, func(o *Options) { o.stores = w.stores() })
	}
	reopen()
	w.state(e, Connected)
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	reopen()
	if s, _ := e.Status(t.Context()); s.State != Stopped {
		t.Errorf("stopped, then %s", s.State)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.state(e, Stopped)
	reopen()
	w.state(e, Connected)
}

func TestDrainLetsRunningJobsEndAndTakesNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 1000)
	g := w.hold()
	first, id := w.run("copy")
	g.wait(t)
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.state(e, Draining)
	second, later := w.run("copy")
	close(g.release)
	w.state(e, Stopped)
	if j := waitJob(t, e, id, ended); j.Status != Succeeded {
		t.Errorf("the running job is %+v", j)
	}
	if _, err := e.Job(t.Context(), later); fault.Code(err) != fault.NotFound {
		t.Errorf("the later one was taken: %v", err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := w.wait(first); d.Status != Succeeded {
		t.Errorf("first %s", d.Status)
	}
	if d := w.wait(second); d.Status != Succeeded {
		t.Errorf("second %s", d.Status)
	}
}

func TestAMachineBehindAnUnreachableFactorySaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *factory.Options) { o.Name = "faraway" })
	e := w.node("n1", w.gateway("gw"))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	w.stop()
	e = openEngine(t, e.data, func(o *Options) { o.stores = w.stores() })
	s := w.state(e, Disconnected)
	if s.Factory != "faraway" || !strings.Contains(s.Reason, w.address) || s.Remedy == "" {
		t.Errorf("status %+v", s)
	}
	w.up()
	w.state(e, Connected)
}

func TestAnUnusableDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Data: filepath.Join(file, "data")}); fault.Code(err) != fault.Forbidden || fault.As(err).Hint == "" {
		t.Errorf("below a file: %v", err)
	}
	data := t.TempDir()
	e := openEngine(t, data)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, journalFile), []byte(strings.Repeat("garbage ", 600)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Data: data}); fault.Code(err) != fault.BadData {
		t.Errorf("damaged journal: %v", err)
	}
}
