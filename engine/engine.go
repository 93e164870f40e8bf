package engine

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"dmgateway/engine/copy"
	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint"
	"dmgateway/engine/format"
	formats "dmgateway/engine/format/all"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/outbound"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
	stores "dmgateway/engine/store/all"
	"dmgateway/engine/supervise"
)

// Options of an engine.
type Options struct {
	// Data is the data directory.
	//
	// Default: see [DefaultData].
	Data string
	// Version that the factory is told.
	//
	// Default: that of this program.
	Version string
	// Log receives the log's lines besides the file in the data directory. Nil is fine.
	Log *slog.Logger
	// KeyStore is where the key of a new data directory's secrets goes.
	//
	// Default: the operating system's key store, or a file where there is none.
	KeyStore credential.KeyStore
	// Program says that this process is the gateway, not a test or a command beside one: it writes into the operating
	// system's log too, and keeps what it says should it crash.
	Program bool
	// Idle keeps it from connecting: for a command that only changes something.
	Idle bool
	// Starter is this program's, from [FirstStep]. Nil where the process is not the gateway: it installs no updates by
	// itself then, and does not restart.
	Starter *Starter

	// Of tests: stores of their own, and the means to make components panic or hang, and how long they may.
	stores  *store.Registry
	disturb func(component string)
	limit   time.Duration
	// feed is asked for newer versions instead of the one that the settings name, and now is the clock of updates.
	feed func() (feedClient, error)
	now  func() time.Time
	// endpointPort is another than the setting's, -1 for a free one.
	endpointPort int
}

// Engine is a running gateway: one per data directory. All its methods may be called from several goroutines.
type Engine struct {
	o          Options
	data       string
	log        *slog.Logger
	level      *slog.LevelVar
	logs       *logging.Log
	crash      *logging.Crash // nil unless this process is the gateway
	lock       *flock.Flock
	vault      *credential.Vault
	ring       atomic.Pointer[credential.Ring] // the gateway's certificates
	out        *outbound.Out                   // the way out of everything but databases
	journal    *journal.Journal
	stores     *store.Registry
	formats    *format.Registry
	hub        *hub
	machine    *machine
	limits     copy.Limits // of all jobs together
	load       loadMeter
	supervisor *supervise.Supervisor
	warnings   warnings
	control    *controlServer
	builtIn    builtIn
	endpoint   *endpoint.Server
	updates    updates

	background context.Context // of everything that outlives a call; ends in Close
	end        context.CancelFunc
	work       sync.WaitGroup

	sending sync.Mutex // held while a report is on its way

	turn sync.Mutex // Start, Stop, Drain, Register, Unregister, Close: one after the other

	mu            sync.Mutex // protects what follows
	settings      map[string]string
	identity      *registration.Identity
	session       *session
	lastContact   time.Time
	sampleFolders []string
	progress      map[string]*report.Progress // of running jobs, by run
	restarts      []supervise.Restart         // of the last hour
	lastStatus    Status
}

var _ Controller = (*Engine)(nil)

// Open opens the data directory, takes up jobs that had not ended, and starts unless a person had stopped the gateway.
// A second engine on the same directory is refused with code Conflict: [Dial] reaches the first.
func Open(ctx context.Context, o Options) (*Engine, error) {
	data, err := resolveData(o.Data)
	if err != nil {
		return nil, err
	}
	if o.Version == "" {
		o.Version = Version().Version
	}
	e := &Engine{
		o: o, data: data, level: &slog.LevelVar{}, hub: newHub(), machine: newMachine(facts{}),
		stores: stores.Stores(), formats: formats.Formats(), settings: map[string]string{}, progress: map[string]*report.Progress{},
	}
	if o.stores != nil {
		e.stores = o.stores
	}
	e.background, e.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.release())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) error {
	var err error
	if e.lock, err = claimData(e.data); err != nil {
		return err
	}
	e.logs = openLog(e.data, e.level, e.o)
	e.log = e.logs.Logger
	e.supervisor = supervise.New(supervise.Options{Log: e.log, Limit: e.o.limit, Restarted: e.restarted, Disturb: e.o.disturb})
	e.log.Log(ctx, e.courseLevel(), "starting", logging.Key, logging.Starting, "version", e.o.Version, "data", e.data)
	if err := e.openUpdates(ctx); err != nil {
		return err
	}
	if e.vault, err = credential.OpenVault(e.data, e.o.KeyStore); err != nil {
		return err
	}
	if e.out, err = loadProxy(e.vault); err != nil {
		return err
	}
	ring, err := credential.LoadRing(e.vault, hostName())
	if err != nil {
		return err
	}
	e.ring.Store(ring)
	if e.journal, err = openJournal(ctx, filepath.Join(e.data, journalFile)); err != nil {
		return err
	}
	if err := e.loadSettings(ctx); err != nil {
		return err
	}
	e.applyVerbose()
	e.applySystemLog()
	e.applyLimits()
	if err := e.loadSampleFolders(ctx); err != nil {
		return err
	}
	if err := e.loadIdentity(ctx); err != nil {
		return err
	}
	if err := e.journal.Prune(ctx, time.Now().Add(-historyFor), historyJobs); err != nil {
		return err
	}
	e.logs.PruneJobs(time.Now().Add(-historyFor), historyJobs)
	e.catchCrash()
	e.openEndpoint()
	if e.control, err = e.serveControl(); err != nil {
		return err
	}
	e.openControlToGroup()
	if err := e.openBuiltIn(ctx); err != nil {
		return err
	}
	if !e.o.Idle {
		e.work.Go(func() { e.supervisor.Run(e.background, "Self-checks", e.selfChecks) })
	}
	if !e.o.Idle {
		e.resumeReport()
	}
	if e.setting(SettingAutostart) == "true" && !e.o.Idle {
		if err := e.start(ctx); err != nil {
			return err
		}
	}
	return e.beginUpdates(ctx)
}

// courseLevel is that of lines about coming and going: a command that only changes something is not the gateway's start.
func (e *Engine) courseLevel() slog.Level {
	if e.o.Idle {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// History is kept for at least this long and this many jobs.
const (
	historyFor  = 30 * 24 * time.Hour
	historyJobs = 1000
)

// Close stops everything, as Stop does but without changing the wish, and releases the data directory. Jobs that run go
// on from their last checkpoint when the engine is opened again.
func (e *Engine) Close() error {
	e.log.Log(context.Background(), e.courseLevel(), "closing", logging.Key, logging.Closing)
	e.turn.Lock()
	e.endSession()
	e.turn.Unlock()
	return e.release()
}

// release gives up whatever open has got hold of.
func (e *Engine) release() error {
	e.end()
	var errs []error
	if e.control != nil {
		errs = append(errs, e.control.close())
	}
	e.closeEndpoint()
	e.hub.close()
	e.work.Wait()
	if e.out != nil {
		e.out.CloseIdle()
	}
	if e.session != nil { // opening failed after the session had begun
		e.endSession()
	}
	if e.lock != nil {
		errs = append(errs, e.closeBuiltIn())
	}
	if e.journal != nil {
		errs = append(errs, e.journal.Close())
	}
	if e.crash != nil {
		errs = append(errs, e.crash.Close())
	}
	if e.logs != nil {
		errs = append(errs, e.logs.Close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.Unlock())
	}
	return errors.Join(errs...)
}

// Data is the data directory.
func (e *Engine) Data() string { return e.data }

// Show asks the window to come up.
func (e *Engine) Show(context.Context) error {
	e.hub.publish(Event{Show: true})
	return nil
}

// Status is everything about the gateway as a whole.
func (e *Engine) Status(context.Context) (Status, error) { return e.status(), nil }

func (e *Engine) status() Status {
	at := e.machine.position()
	s := Status{
		State: at.state, Reason: at.reason, Remedy: at.remedy, Since: at.since, Version: e.o.Version,
		Certificate: CertificateStatus{Thumbprint: e.certificate().Thumbprint(), NotAfter: e.certificate().Leaf.NotAfter},
		Jobs:        JobCounts{Limit: e.jobLimit()},
		Endpoint:    e.endpointStatus(),
	}
	e.mu.Lock()
	id, session := e.identity, e.session
	s.LastContact = e.lastContact
	e.mu.Unlock()
	if id != nil {
		s.Gateway, s.Node, s.Factory, s.FactoryURL = id.GatewayName, id.NodeName, id.FactoryName, id.URL()
	}
	if session != nil {
		s.Jobs.Running = session.pool.runningNow()
	}
	e.describeBuiltIn(&s)
	s.Warnings = e.warnings.list()
	s.Update = e.updateStatus()
	return s
}

// announce tells subscribers the status where it has changed.
func (e *Engine) announce() {
	s := e.status()
	e.mu.Lock()
	changed := !reflect.DeepEqual(s, e.lastStatus)
	e.lastStatus = s
	e.mu.Unlock()
	if changed {
		e.hub.publish(Event{Status: &s})
	}
}

// notice tells a person something that matters even while the window is hidden.
func (e *Engine) notice(n Notice) { e.hub.publish(Event{Notice: &n}) }

// Subscribe tells everything from now on until ctx ends or the engine closes; the channel is closed then.
func (e *Engine) Subscribe(ctx context.Context) (<-chan Event, error) {
	return e.hub.subscribe(ctx, func() Event {
		s := e.status()
		return Event{Status: &s}
	}), nil
}

// change changes facts of the state machine and tells everybody what follows from it.
func (e *Engine) change(edit func(*facts)) {
	before, after := e.machine.change(edit)
	if before.state != after.state {
		e.log.Info("state changed", logging.Key, logging.StateChanged, "from", before.state, "to", after.state, "reason", after.reason)
	}
	e.announce()
	e.noticeState(before, after)
}

// contact remembers that the factory or its queue has answered.
func (e *Engine) contact() {
	e.mu.Lock()
	e.lastContact = time.Now().UTC().Truncate(time.Second)
	e.mu.Unlock()
	e.announce()
}
