package network

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"sync"
	"time"

	"dmgateway/engine/outbound"
	"dmgateway/engine/secret"
	"dmgateway/engine/supervise"
)

// Options say what a gateway uses. Whatever is nil is told as not being there.
type Options struct {
	Out     *outbound.Out
	Factory *Factory
	Queue   *Queue
	Stores  []Store
	Local   *Local

	// Of tests. Lookup asks DNS, Roots are whom TLS trusts, Now is the clock, Limit bounds the whole.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	Roots  *x509.CertPool
	Now    func() time.Time
	Limit  time.Duration
}

// Factory is where the gateway is registered.
type Factory struct {
	Location string // host:port with the path prefix
	Pin      [32]byte
	Node     string
	Token    secret.String
}

// Queue is the gateway's Service Bus.
type Queue struct {
	// Connection is the connection string; its host "factory" means the bus at the factory's own address.
	Connection secret.String
	Jobs       string
	InProcess  bool // the bus is inside this program
}

// Store is a store in the cloud that recent jobs used.
type Store struct {
	Name string // of the linked service
	URL  string // https://account.blob.core.windows.net
	// RoundTrip signs in and reads a little; nil where that is not possible, with Why as the reason.
	RoundTrip func(ctx context.Context) error
	Why       string
}

// Local is the gateway's own HTTPS endpoint. An empty Address means that it does not serve, for the reason Why.
type Local struct{ Address, Why string }

const (
	wholeLimit = 14 * time.Second
	nameLimit  = 4 * time.Second
	tcpLimit   = 4 * time.Second
	proxyLimit = 6 * time.Second
	tlsLimit   = 5 * time.Second
	askLimit   = 5 * time.Second
)

// doctor is one run.
type doctor struct {
	o        Options
	progress func(Check)
	mu       sync.Mutex // protects what follows, and calls of progress
	checks   map[int]Check
	skew     time.Duration
	dated    bool
	factory  chan struct{} // closed when the factory was asked
}

// Run checks everything and calls progress, which can be nil, as each check ends, never twice at once. It takes at most 15
// seconds.
func Run(ctx context.Context, o Options, progress func(Check)) Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limit == 0 {
		o.Limit = wholeLimit
	}
	d := &doctor{o: o, progress: progress, checks: map[int]Check{}, factory: make(chan struct{})}
	report := Report{Started: o.Now().UTC()}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	var work sync.WaitGroup
	n := 0
	start := func(check func(context.Context, *recorder)) {
		place := n
		n++
		work.Go(func() {
			r := &recorder{ctx: ctx}
			if err := supervise.Guard(func() error { check(ctx, r); return nil }); err != nil {
				r.check.Steps = append(r.check.Steps, Step{Name: "check", State: Failed, Detail: "a defect of the program stopped this check: " + clean(err.Error()), Remedy: "Send the logs."})
			}
			d.done(place, r.check)
		})
	}
	start(d.checkFactory)
	start(d.checkClock)
	d.startQueue(start)
	for _, s := range o.Stores {
		start(func(ctx context.Context, r *recorder) { d.checkStore(ctx, r, s) })
	}
	start(d.checkLocal)
	work.Wait()
	for i := range n {
		report.Checks = append(report.Checks, d.checks[i])
	}
	eitherQueue(report.Checks)
	report.Needed = needed(ctx, o)
	report.OK = !slices.ContainsFunc(report.Checks, func(c Check) bool { return c.State() == Failed })
	report.Took = time.Since(began)
	return report
}

func (d *doctor) done(place int, c Check) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checks[place] = c
	if d.progress != nil {
		d.progress(c)
	}
}

// finding is what a step has found out; the zero value is that all is well.
type finding struct {
	state  string // "" = ok
	detail string
	remedy string
}

func ok(detail string) finding { return finding{detail: detail} }

// recorder writes the steps of one check down.
type recorder struct {
	ctx   context.Context
	check Check
}

// step tries something for at most limit and reports whether the next step makes sense.
func (r *recorder) step(name string, limit time.Duration, try func(ctx context.Context) finding) bool {
	ctx, cancel := context.WithTimeout(r.ctx, limit)
	defer cancel()
	began := time.Now()
	f := try(ctx)
	if f.state == "" {
		f.state = OK
	}
	r.check.Steps = append(r.check.Steps, Step{Name: name, State: f.state, Detail: f.detail, Took: time.Since(began), Remedy: f.remedy})
	return f.state != Failed
}

func (r *recorder) skip(name, why string) {
	r.check.Steps = append(r.check.Steps, Step{Name: name, State: Skipped, Detail: why})
}

// eitherQueue turns what fails on one way to the queue into a warning where the other way works.
func eitherQueue(checks []Check) {
	var ways []*Check
	works := false
	for i := range checks {
		if checks[i].Name == amqpName || checks[i].Name == webSocketName {
			ways = append(ways, &checks[i])
			works = works || slices.ContainsFunc(checks[i].Steps, func(s Step) bool { return s.Name == roundTrip && s.State == OK })
		}
	}
	if !works || len(ways) < 2 {
		return
	}
	for _, c := range ways {
		for i := range c.Steps {
			if s := &c.Steps[i]; s.State == Failed {
				s.State = Warning
				s.Remedy = "Nothing has to be done: the other way to the queue works. " + s.Remedy
			}
		}
	}
}
