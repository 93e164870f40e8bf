package engine

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/supervise"
	"dmgateway/engine/update"
	"dmgateway/engine/update/feed"
)

// feedClient is what the engine wants of a feed.
type feedClient interface {
	Latest(ctx context.Context, channel, node, current string) (*feed.Release, error)
	Download(ctx context.Context, r *feed.Release, file string, progress func(done, total int64)) error
}

// updates is what the engine knows of newer versions, and does about them.
type updates struct {
	starter *Starter // nil where this process does not run the program
	now     func() time.Time
	open    func() (feedClient, error) // of tests; nil = the feed that the settings name
	restart chan struct{}              // closed when the program is to start again
	beat    chan struct{}              // closed when the factory's queue has taken a heartbeat

	asking sync.Mutex // one question to the feed at a time

	mu         sync.Mutex // protects what follows
	status     UpdateStatus
	release    *feed.Release
	node       string // by which the feed's roll-out knows this installation
	next       time.Time
	installing bool
	beaten     bool
	trial      *update.Trial // this program has to prove itself
}

// openUpdates reads what is known of kept programs. It comes before the databases are opened: a version on trial backs
// them up first.
func (e *Engine) openUpdates(ctx context.Context) error {
	u := &e.updates
	u.starter, u.now, u.open = e.o.Starter, time.Now, e.o.feed
	if e.o.now != nil {
		u.now = e.o.now
	}
	u.restart, u.beat = make(chan struct{}), make(chan struct{})
	s, err := update.Load(e.data)
	if err != nil {
		e.refusedProgram(err)
		return nil
	}
	e.showUpdated(s)
	if u.starter == nil || !u.starter.OnTrial() || s.Trial == nil {
		return nil
	}
	t := s.Trial
	u.trial, u.status.State = t, UpdateOnTrial
	e.machine.change(func(f *facts) { f.updating = true })
	return e.backUp(ctx, t.Version)
}

// refusedProgram says that a kept program was not run.
func (e *Engine) refusedProgram(err error) {
	f := fault.As(err)
	e.log.Warn("a newer program that is kept was not run", logging.Key, logging.ProgramRefused, "error", err)
	e.warnings.set("programs", Warning{
		ID: "programs", Title: "A newer version could not be started", Text: f.Error() + ". The installed version runs.", Remedy: f.Hint,
	})
}

// beginUpdates says what the starter did, and begins to look for newer versions.
func (e *Engine) beginUpdates(ctx context.Context) error {
	u := &e.updates
	if e.o.Idle || u.starter == nil {
		return e.loadUpdateNode(ctx)
	}
	if err := u.starter.Refused; err != nil {
		e.refusedProgram(err)
	}
	told, err := update.Told(e.data)
	if err != nil {
		e.log.Warn("what happened to an update cannot be read", logging.Key, logging.Notable, "error", err)
	}
	for _, t := range told {
		if t.Kind == update.NotConnected {
			if err := e.journal.ClearSetting(ctx, settingUpdateOffer); err != nil { // else it is tried again at once
				return err
			}
			began := u.now()
			e.work.Go(func() { supervise.Contain(e.log, "Update", func() { e.judgeUndone(e.background, t.Version, began) }) })
		}
		e.log.Error("an update did not work and was undone", logging.Key, logging.UpdateRolledBack, "version", t.Version, "at", t.When, "why", t.Text)
		e.notice(Notice{ID: "update", Title: "An update was undone", Text: e.status().Update.Problem, Error: true})
	}
	if err := e.loadUpdateNode(ctx); err != nil {
		return err
	}
	u.mu.Lock()
	trial := u.trial != nil
	u.next = u.now().Add(update.FirstLook + update.Jitter(update.FirstLook, u.node, "first"))
	u.mu.Unlock()
	if trial {
		e.work.Go(func() { supervise.Contain(e.log, "Update", func() { e.proveItself(e.background) }) })
	}
	e.work.Go(func() { e.supervisor.Run(e.background, "Updates", e.tendUpdates) })
	return nil
}

// settingUpdateNode is where the journal keeps the name by which a feed's roll-out knows this installation.
const settingUpdateNode = "update.node"

func (e *Engine) loadUpdateNode(ctx context.Context) error {
	node, found, err := e.journal.Setting(ctx, settingUpdateNode)
	if err == nil && !found {
		node = uuid.NewString()
		err = e.journal.SetSetting(ctx, settingUpdateNode, node)
	}
	e.updates.mu.Lock()
	e.updates.node = node
	e.updates.mu.Unlock()
	return err
}

// showUpdated brings the last update and the last failure into the status.
func (e *Engine) showUpdated(s update.State) {
	u := &e.updates
	u.mu.Lock()
	u.status.Updated = nil
	if d := s.Updated; d != nil && d.To == strings.TrimPrefix(e.o.Version, "v") {
		u.status.Updated = &Updated{From: d.From, To: d.To, When: d.When, Notes: d.Notes}
	}
	u.mu.Unlock()
	if s.Failure == nil || s.Trial != nil {
		e.warnings.set("update")
		return
	}
	text := "Version " + s.Failure.Version + " did not work here: " + s.Failure.Why + ". Version " + s.Failure.From + " runs again, as before."
	remedy := "Send the logs, so that the cause can be found. The version is not tried again by itself; Update now tries it again."
	if s.Failure.Again {
		remedy = "It is tried again by itself, since the factory or the network may have been down. Update now tries it at once."
	}
	e.warnings.set("update", Warning{ID: "update", Title: "An update was undone", Text: text, Remedy: remedy})
	u.mu.Lock()
	u.status.State, u.status.Problem, u.status.Remedy = UpdateFailed, text, remedy
	u.mu.Unlock()
}

// Restarts is closed when the program is to close the engine and to start again, by [Starter.Restart].
func (e *Engine) Restarts() <-chan struct{} { return e.updates.restart }

// updateOff says why this program cannot be updated by itself, "" where it can.
func (e *Engine) updateOff() string {
	switch {
	case !feed.IsRelease(strings.TrimPrefix(e.o.Version, "v")):
		return "This is a build between releases; only released versions are updated by themselves."
	case !feed.Pinned() && e.updates.open == nil:
		return "This build has no key of whoever makes the updates; install newer versions by hand."
	case e.feedAddress() == "" && e.updates.open == nil:
		return "No place is known at which newer versions are offered. The setting " + SettingUpdateFeed + " names one."
	}
	return ""
}

// feedAddress is where newer versions are looked for, "" = nowhere.
func (e *Engine) feedAddress() string {
	if at := e.setting(SettingUpdateFeed); at != "" {
		return at
	}
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil {
		return ""
	}
	return e.located(id).URL() + protocol.PathUpdates
}

// feedNow is the feed as the settings name it now. The factory's own is trusted by its pinned key, as all it says is.
func (e *Engine) feedNow() (feedClient, error) {
	if e.updates.open != nil {
		return e.updates.open()
	}
	tune := func(*http.Transport) {}
	if e.setting(SettingUpdateFeed) == "" {
		e.mu.Lock()
		id := e.identity
		e.mu.Unlock()
		if id != nil {
			tune = func(t *http.Transport) { t.TLSClientConfig = registration.PinnedTLS(id.Pin) }
		}
	}
	return feed.New(feed.Options{
		URL: e.feedAddress(), Dir: filepath.Join(e.data, "update", "tuf"), Now: e.updates.now,
		HTTP: &http.Client{Transport: e.out.Transport(tune)},
	})
}

// updateStatus is what is known now.
func (e *Engine) updateStatus() UpdateStatus {
	u := &e.updates
	off := e.updateOff()
	auto := e.setting(SettingAutoUpdate) == "true"
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.status
	s.Off, s.Auto = off, auto && off == ""
	if s.State == "" {
		s.State = UpdateNone
	}
	if s.Scheduled != nil {
		at := *s.Scheduled
		s.Scheduled = &at
	}
	return s
}

// changeUpdate changes the status and tells whoever watches.
func (e *Engine) changeUpdate(edit func(*UpdateStatus)) {
	e.updates.mu.Lock()
	edit(&e.updates.status)
	e.updates.mu.Unlock()
	e.announce()
}

// CheckUpdate asks the feed now.
func (e *Engine) CheckUpdate(ctx context.Context) (UpdateStatus, error) {
	if off := e.updateOff(); off != "" {
		return e.updateStatus(), errUpdateOff(off)
	}
	_, err := e.askFeed(ctx)
	return e.updateStatus(), err
}

func errUpdateOff(why string) error {
	return fault.New(fault.Unsupported, "this program cannot be updated by itself").Try("%s", why)
}

// tendUpdates looks for newer versions from time to time, and installs one when its time has come.
func (e *Engine) tendUpdates(ctx context.Context, pulse *supervise.Pulse) error {
	supervise.Every(ctx, pulse, time.Minute, e.tendUpdate)
	return ctx.Err()
}

func (e *Engine) tendUpdate(ctx context.Context) {
	if e.updateOff() != "" {
		return
	}
	u := &e.updates
	now := u.now()
	u.mu.Lock()
	idle := !u.installing && u.trial == nil
	ask := idle && !now.Before(u.next)
	u.mu.Unlock()
	if ask {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		_, _ = e.askFeed(ctx) // it has told
		return
	}
	if idle && e.installsNow(now) {
		e.work.Go(func() {
			_ = supervise.Guard(func() error { return e.InstallUpdate(e.background, nil) }) // it has told
		})
	}
}

// installsNow reports whether the time of a scheduled update has come.
func (e *Engine) installsNow(now time.Time) bool {
	at := e.updateStatus().Scheduled
	return at != nil && !now.Before(*at) && (e.canProve() || now.Sub(*at) > withoutFactory)
}

// withoutFactory is how long a gateway that is not connected puts off a scheduled update, which could not prove itself.
// Then it may be what the gateway needs to be connected again.
const withoutFactory = 7 * 24 * time.Hour

// askTime bounds what the updates' component does at once.
const askTime = time.Minute

// askFeed asks for the newest version and says what follows.
func (e *Engine) askFeed(ctx context.Context) (*feed.Release, error) {
	u := &e.updates
	u.asking.Lock()
	defer u.asking.Unlock()
	u.mu.Lock()
	node := u.node
	u.mu.Unlock()
	client, err := e.feedNow()
	var r *feed.Release
	if err == nil {
		r, err = client.Latest(ctx, e.setting(SettingUpdateChannel), node, strings.TrimPrefix(e.o.Version, "v"))
	}
	if fault.Is(err, fault.NotFound) && e.setting(SettingUpdateFeed) == "" {
		r, err = nil, nil // the factory has no feed, and need not have one
	}
	now := u.now()
	u.mu.Lock()
	if err != nil {
		u.next = now.Add(update.LookAgain + update.Jitter(update.LookAgain/2, node, now.String()))
		u.mu.Unlock()
		e.feedFailed(err)
		return nil, err
	}
	u.next = now.Add(update.LookEvery + update.Jitter(update.LookEvery/2, node, now.String()))
	u.release = r
	u.mu.Unlock()
	e.warnings.set("feed")
	e.changeUpdate(func(s *UpdateStatus) {
		s.Checked = now.UTC().Truncate(time.Second)
		if s.State != UpdateFailed {
			s.Problem, s.Remedy = "", ""
		}
	})
	e.offer(r)
	return r, nil
}

// feedFailed says that the feed could not be asked. One that is not believed is worth a warning; one that is not reached
// today is reached tomorrow.
func (e *Engine) feedFailed(err error) {
	f := fault.As(err)
	if f.Code == fault.Cancelled {
		return
	}
	e.log.Warn("newer versions could not be looked for", logging.Key, logging.FeedFailed, "error", err)
	if f.Code == feed.Refused {
		e.warnings.set("feed", Warning{ID: "feed", Title: "Updates are not believed", Text: f.Error() + ". Nothing is installed.", Remedy: f.Hint})
	}
	e.changeUpdate(func(s *UpdateStatus) {
		if s.State != UpdateFailed {
			s.Problem, s.Remedy = f.Error(), f.Hint
		}
	})
}
