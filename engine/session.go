package engine

import (
	"context"
	"sync"
	"time"

	"dmgateway/engine/channel"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/supervise"
)

// session is the time between Start and Stop: one line to the factory, the workers, the leases.
type session struct {
	e      *Engine
	id     *registration.Identity
	rest   *registration.Client
	ch     *channel.Channel
	pool   *pool
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

var _ channel.Handler = (*session)(nil)

// newSession prepares everything and takes up the jobs that had not ended; begin starts it.
func (e *Engine) newSession(ctx context.Context, id *registration.Identity) (*session, error) {
	id = e.located(id)
	s := &session{e: e, id: id, rest: registration.Connect(id, e.out)}
	var err error
	s.ch, err = channel.New(channel.Options{
		Connection: id.Connection, Jobs: id.Jobs, Status: id.Status, Address: id.Location, TLS: registration.PinnedTLS(id.Pin),
		Dial: e.busDialer(id), Out: e.out, SigningKey: id.SigningKey, Factory: id.Factory, Gateway: id.Gateway, Node: id.Node, Token: id.Token,
		Handler: s, Sent: e.sent, Outbox: e.journal, Log: e.log.With("part", "channel"),
	})
	if err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(e.background)
	s.pool = newPool(e.jobLimit(), func(t *task) { s.work.Go(func() { s.guardTask(t) }) })
	if err := s.takeUp(ctx); err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// takeUp queues the jobs that had not ended.
func (s *session) takeUp(ctx context.Context) error {
	if err := s.e.reckonDeaths(ctx); err != nil {
		return err
	}
	unfinished, err := s.e.journal.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, entry := range unfinished {
		deaths, err := s.e.journal.Deaths(ctx, entry.Job.ActivityRun)
		if err != nil {
			return err
		}
		s.pool.add(newTask(entry, deaths))
	}
	return nil
}

func (s *session) begin() {
	s.component("Connection", s.ch.Run)
	s.component("Leases", s.renewLeases)
	s.component("Heartbeats", s.heartbeats)
	s.work.Go(func() { supervise.Contain(s.e.log, "Certificate", s.tellCertificate) })
	if !s.e.onTrial() {
		s.pool.open()
	}
}

// component runs a part of the session, under supervision, until the session ends.
func (s *session) component(name string, run func(context.Context, *supervise.Pulse) error) {
	s.work.Go(func() { s.e.supervisor.Run(s.ctx, name, run) })
}

// finish ends the session and waits for it. Running jobs end where they are and stay unfinished in the journal.
func (s *session) finish() {
	s.pool.close()
	s.cancel()
	s.work.Wait()
	s.rest.Close()
}

func (s *session) over() bool { return s.ctx.Err() != nil }

// Ready reports whether the journal can be written.
func (s *session) Ready(ctx context.Context) error {
	return s.e.journal.SetSetting(ctx, "journal.written", time.Now().UTC().Format(time.RFC3339))
}

// Free waits for a free worker.
func (s *session) Free(ctx context.Context) error { return s.pool.free(ctx) }

// Take writes a job down and queues it for a worker.
func (s *session) Take(ctx context.Context, job protocol.Job) (bool, error) {
	entry := journal.Entry{Job: job, Taken: time.Now().UTC(), Status: Queued}
	entry.Source, entry.Sink = s.e.describe(job)
	taken, err := s.e.journal.Take(ctx, entry)
	if err != nil || !taken {
		return false, err
	}
	s.e.log.Info("job taken", logging.Key, logging.JobTaken, "run", job.ActivityRun, "attempt", job.Attempt, "pipeline", job.Pipeline, "waited", entry.Taken.Sub(job.QueuedAt).Round(time.Millisecond).String())
	s.pool.supersede(job.ActivityRun, job.Attempt, errSuperseded())
	s.e.publishJob(entry)
	deaths, err := s.e.journal.Deaths(ctx, job.ActivityRun)
	if err != nil { // taken it is; without its past it is like any other
		s.e.log.Warn("what is known of a job could not be read", logging.Key, logging.Notable, "run", job.ActivityRun, "error", err)
	}
	s.pool.add(newTask(entry, deaths))
	return true, nil
}

// Cancel stops a run that is here.
func (s *session) Cancel(run string, attempt int) {
	s.pool.supersede(run, attempt+1, errCancelled("at the data factory"))
}

// Contact remembers that the queue has answered.
func (s *session) Contact() { s.e.contact() }

// Link brings the line's state into the gateway's. A queue that refuses the gateway may do so because the key was
// recreated: the factory knows.
func (s *session) Link(l channel.Link, err error) {
	p := problem{}
	if err != nil {
		f := fault.As(err)
		p = problem{f.Error(), f.Hint}
	}
	s.e.change(func(f *facts) {
		if s.over() {
			return
		}
		f.linkProblem = p
		f.link = map[channel.Link]link{channel.Connecting: linkConnecting, channel.Connected: linkUp, channel.Disconnected: linkDown}[l]
	})
	if code := fault.Code(err); code == fault.SignInFailed || code == fault.NotFound {
		s.stillKnown()
	}
}

// stillKnown asks the factory whether it knows this node, and stops where it does not.
func (s *session) stillKnown() {
	ctx, cancel := context.WithTimeout(s.ctx, 15*time.Second)
	defer cancel()
	if _, err := s.rest.Lease(ctx, nil); fault.Code(err) == fault.NotRegistered {
		s.e.revoke(s, err)
	}
}

// event is one of this node's events with everything that all have filled in.
func (s *session) event(kind string) protocol.Event {
	return protocol.Event{Kind: kind, Factory: s.id.Factory, Gateway: s.id.Gateway, Node: s.id.Node, Time: time.Now().UTC()}
}
