// Package factory is the cloud side of the conversation: an embedded data factory. It keeps logical gateways, linked
// services, datasets, pipelines and runs, registers nodes, signs and queues jobs, watches their leases and stores what
// comes of them. Its REST interface is Data Factory's own; see README.md for the resources, the life of a run and what is
// guaranteed.
package factory

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/secret"
	"dmgateway/engine/store"
	"dmgateway/engine/supervise"
)

// Options of a factory. Only Dir, Stores and Formats have to be given.
type Options struct {
	// Dir holds state, keys and certificates. It is made, for its owner only. One factory at a time uses it.
	Dir string
	// Name of the factory, as it stands in REST paths.
	//
	// Default: the name it had before, at first "factory".
	Name string
	// URL is the address by which gateways and people reach the factory: it stands in gateway keys, and its host in the
	// server's certificate.
	//
	// Default: https:// and the listener's address.
	URL string
	// CertFile and KeyFile are a PEM certificate and key for the server. Gateways pin the key: keep it when renewing.
	//
	// Default: a certificate of the factory's own authority.
	CertFile, KeyFile string
	// ServiceBus is the connection string of an Azure Service Bus namespace, with a rule that may manage.
	//
	// Default: the built-in Service Bus.
	ServiceBus secret.String
	// Feed is a folder with a feed of updates, which is served to gateways as it is.
	//
	// Default: none.
	Feed string
	// Stores and Formats are what pipelines may use.
	Stores  *store.Registry
	Formats *format.Registry
	// Version of this program, for the log and the REST interface.
	Version string
	Log     *slog.Logger

	// Heartbeat is how often nodes report.
	//
	// Default: 10 seconds.
	Heartbeat time.Duration
	// Lease is how long a node may run a job without having reached the factory; past it the job is queued again.
	//
	// Default: 1 minute.
	Lease time.Duration
	// Expiry is how long a queued attempt is worth taking. One that nobody took by then is queued anew.
	//
	// Default: 24 hours.
	Expiry time.Duration
	// Of tests: the means to make components panic or hang, and how long they may.
	disturb func(component string)
	limit   time.Duration
	// MaxLosses is how often a run is queued again because a node was lost with it, before it fails.
	//
	// Default: 5.
	MaxLosses int
}

func (o *Options) fill() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	setDefault(&o.Heartbeat, 10*time.Second)
	setDefault(&o.Lease, time.Minute)
	setDefault(&o.Expiry, 24*time.Hour)
	setDefault(&o.MaxLosses, 5)
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Factory is an open factory: its background work runs from Open to Close, whether or not it serves.
type Factory struct {
	o    Options
	id   string // GUID, stands in keys and jobs
	name string
	made time.Time

	lock       *flock.Flock // on the folder
	db         *sql.DB
	secrets    sealer
	signing    ed25519.PrivateKey
	token      string
	sealing    *credential.Certificate // of the factory itself, for secrets that come in the clear
	broker     broker
	sender     *sender
	supervisor *supervise.Supervisor
	posts      chan struct{} // a message waits in the outbox
	granting   sync.Mutex    // held while the Service Bus's rules are brought in line
	guesses    *guesses
	logins     *logins
	reports    sync.Mutex // held while reports and their files change

	mu          sync.Mutex // protects what follows
	url         string
	certificate *tls.Certificate
	watching    map[string]bool // status queues with a receiver

	stop       context.CancelFunc
	background context.Context // of the goroutines below, ends in Close
	work       sync.WaitGroup
}

// factoryName is what Data Factory allows: letters, digits and single hyphens.
var factoryName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{1,61})[A-Za-z0-9]$`)

// Open opens the factory in o.Dir, making it at first start, and takes up every run where it was left.
func Open(ctx context.Context, o Options) (*Factory, error) {
	o.fill()
	if o.Stores == nil || o.Formats == nil {
		return nil, fault.New(fault.Internal, "a factory needs registries of stores and formats")
	}
	if err := checkFeed(o.Feed); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fault.New(fault.Forbidden, "make the factory's folder").At(o.Dir).Because(err).
			Try("Choose another place with --data, or give the user running the program the right to write there.")
	}
	f := &Factory{
		o: o, url: o.URL, posts: make(chan struct{}, 1), watching: map[string]bool{}, guesses: newGuesses(), logins: newLogins(),
	}
	f.supervisor = supervise.New(supervise.Options{Log: o.Log, Disturb: o.disturb, Limit: o.limit})
	f.background, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := f.open(ctx); err != nil {
		return nil, errors.Join(folderFault(o.Dir, err), f.Close())
	}
	return f, nil
}

// folderFault gives what the file system refused a code and a remedy; other errors stay as they are.
func folderFault(dir string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); !ok || fault.Code(err) != fault.Internal {
		return err
	}
	return fault.New(fault.StoreFailed, "use the factory's folder").At(dir).Because(err).
		Try("Check that the disk is not full, and that the user running the program may read and write there.")
}

func (f *Factory) open(ctx context.Context) error {
	f.lock = flock.New(filepath.Join(f.o.Dir, lockFile))
	held, err := f.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the factory's folder: %w", err)
	}
	if !held {
		return fault.New(fault.Conflict, "another factory uses the folder").At(f.o.Dir).Try("Stop it, or give this one a folder of its own.")
	}
	if f.secrets, err = newSealer(f.o.Dir); err != nil {
		return err
	}
	if f.signing, err = signingKey(f.o.Dir); err != nil {
		return err
	}
	if f.token, err = secretFile(f.o.Dir, tokenFile); err != nil {
		return err
	}
	if f.db, err = openDatabase(ctx, filepath.Join(f.o.Dir, databaseFile)); err != nil {
		return err
	}
	if err := f.identify(ctx); err != nil {
		return err
	}
	if err := f.openSealing(ctx); err != nil {
		return err
	}
	if f.broker, err = f.openBroker(ctx); err != nil {
		return err
	}
	f.sender = newSender(f.broker.client())
	if err := f.resume(ctx, time.Now()); err != nil {
		return err
	}
	f.component("Factory's outbox", f.sendLoop)
	f.component("Factory's sweep", f.sweepLoop)
	f.component("Factory's dead letters", f.deadLetterLoop)
	return nil
}

// identify reads who this factory is, deciding it at first start.
func (f *Factory) identify(ctx context.Context) error {
	var err error
	if f.id, err = f.meta(ctx, "id", uuid.NewString); err != nil {
		return err
	}
	name := f.o.Name
	if name == "" {
		name = "factory"
	}
	if !factoryName.MatchString(name) {
		return fault.New(fault.BadInput, "%q is no name for a factory", name).
			Try("Use 3 to 63 letters, digits and hyphens, beginning and ending with a letter or digit.")
	}
	if f.name, err = f.meta(ctx, "name", func() string { return name }); err != nil {
		return err
	}
	if f.o.Name != "" && f.o.Name != f.name {
		f.name = f.o.Name
		if _, err := f.db.ExecContext(ctx, "UPDATE meta SET value = ? WHERE name = 'name'", f.name); err != nil {
			return err
		}
	}
	made, err := f.meta(ctx, "created", func() string { return time.Now().UTC().Format(time.RFC3339Nano) })
	if err != nil {
		return err
	}
	f.made, err = time.Parse(time.RFC3339Nano, made)
	return err
}

// Close ends the background work and closes everything; runs go on at the next Open. Serve must have returned.
func (f *Factory) Close() error {
	f.stop()
	f.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	if f.sender != nil {
		f.sender.close(ctx)
	}
	if f.broker != nil {
		errs = append(errs, f.broker.close(ctx))
	}
	if f.db != nil {
		errs = append(errs, f.db.Close())
	}
	if f.lock != nil {
		errs = append(errs, f.lock.Close())
	}
	return errors.Join(errs...)
}

// ID is the factory's GUID.
func (f *Factory) ID() string { return f.id }

// Name is the factory's name.
func (f *Factory) Name() string { return f.name }

// Handler is the factory's whole HTTP interface. [Factory.Serve] serves it over HTTPS; registering works only there,
// because it is bound to the certificate.
func (f *Factory) Handler() http.Handler { return f.routes() }

// component runs a part of the factory, under supervision, until it closes.
func (f *Factory) component(name string, run func(context.Context, *supervise.Pulse) error) {
	f.work.Go(func() { f.supervisor.Run(f.background, name, run) })
}
