package sftp

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

const (
	dialTime      = 30 * time.Second
	handshakeTime = 30 * time.Second
	// aliveEvery is how often a connection is asked whether it lives; no answer in aliveTime ends it.
	aliveEvery = 15 * time.Second
	aliveTime  = 30 * time.Second
	// requests of one file that are under way at once.
	requests = 64
)

// connection is one SSH connection with one SFTP session in it.
type connection struct {
	ssh   *ssh.Client
	sftp  *sftp.Client
	users int           // guarded by the pool
	dead  chan struct{} // closed when the connection has ended
	ended atomic.Bool   // somebody has ended it: known before dead is
	guard sync.WaitGroup
}

// dial connects and signs in.
func (s *server) dial(ctx context.Context, env store.Env) (*connection, error) {
	auth, err := s.auth(env)
	if err != nil {
		return nil, err
	}
	p, err := s.proof()
	if err != nil {
		return nil, err
	}
	var client *ssh.Client
	var refused error // the first key that was seen and is not the right one
	for i, algorithms := range p.algorithms {
		client, err = s.handshake(ctx, auth, p.check, algorithms)
		// The server may have a key of another type that is the right one.
		if err == nil || i == len(p.algorithms)-1 || !fault.Is(err, HostKeyRefused) && !errors.Is(err, errNoCommonKey) {
			break
		}
		if refused == nil && fault.Is(err, HostKeyRefused) {
			refused = err
		}
	}
	if refused != nil && errors.Is(err, errNoCommonKey) {
		err = refused // the server has keys, only none of the last type
	}
	if err != nil {
		return nil, err
	}
	c, err := sftp.NewClient(client, sftp.UseConcurrentWrites(true), sftp.UseConcurrentReads(true), sftp.MaxConcurrentRequestsPerFile(requests))
	if err != nil {
		_ = client.Close()
		return nil, fault.New(fault.StoreFailed, "start SFTP").At(s.address()).Because(err).
			Try("Check that the server offers the subsystem sftp to this user.")
	}
	x := &connection{ssh: client, sftp: c, dead: make(chan struct{})}
	x.guard.Go(func() { _ = client.Wait(); close(x.dead) })
	x.guard.Go(x.keepAlive)
	return x, nil
}

// errNoCommonKey: the server has no key of the type that was offered.
var errNoCommonKey = errors.New("the server has no key of this type")

func (s *server) handshake(ctx context.Context, auth []ssh.AuthMethod, check ssh.HostKeyCallback, algorithms []string) (*ssh.Client, error) {
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", s.address())
	if err != nil {
		return nil, s.unreachable(ctx, "connect to", err)
	}
	var refused error // the check's own words: the library wraps them in others
	config := &ssh.ClientConfig{
		User: s.user, Auth: auth, HostKeyAlgorithms: algorithms, ClientVersion: "SSH-2.0-dmgateway",
		HostKeyCallback: func(name string, at net.Addr, key ssh.PublicKey) error {
			refused = check(name, at, key)
			return refused
		},
	}
	_ = conn.SetDeadline(time.Now().Add(handshakeTime))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	c, chans, reqs, err := ssh.NewClientConn(conn, s.address(), config)
	if !stop() && err == nil { // the deadline has come over a good connection
		_ = c.Close()
		return nil, ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, s.noHandshake(ctx, refused, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, chans, reqs), nil
}

func (s *server) noHandshake(ctx context.Context, refused, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if refused != nil {
		return refused
	}
	if algo, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		cause := error(algo)
		if strings.Contains(err.Error(), "host key") {
			cause = errNoCommonKey
		}
		return fault.New(fault.Unreachable, "agree on a way of speaking with").At(s.address()).Because(cause).
			Try("The server and the gateway know no common cipher or key type; update the server, or check hostKeyFingerprint.")
	}
	if errors.Is(err, errMore) {
		return fault.New(fault.SignInFailed, "sign in as %s", s.user).At(s.address()).Because(errMore).
			Try("Let the server take password or key alone for this user: a code cannot be typed in when a job runs.")
	}
	// The library has no type for this.
	if strings.Contains(err.Error(), "unable to authenticate") {
		return fault.New(fault.SignInFailed, "sign in as %s", s.user).At(s.address()).
			Because(errors.New("the server refused " + map[string]string{basic: "the password", publicKey: "the key", multiFactor: "key and password"}[s.kind])).
			Try("Check authenticationType, userName and what belongs to it; the server's log says why it refused.")
	}
	return s.unreachable(ctx, "speak SSH with", err)
}

var errMore = errors.New("the server asks for more than the password")

// auth are the ways of signing in, in the order in which they are tried.
func (s *server) auth(env store.Env) ([]ssh.AuthMethod, error) {
	var list []ssh.AuthMethod
	if s.kind != basic {
		signer, err := s.signer(env)
		if err != nil {
			return nil, err
		}
		list = append(list, ssh.PublicKeys(signer))
	}
	if s.kind != publicKey {
		password := s.password.Reveal()
		list = append(list, ssh.Password(password), ssh.KeyboardInteractive(func(_, _ string, questions []string, echo []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i := range questions {
				if echo[i] {
					return nil, errMore
				}
				answers[i] = password
			}
			return answers, nil
		}))
	}
	return list, nil
}

// keepAlive notices a connection whose other end is gone without a word.
func (c *connection) keepAlive() {
	var err error
	defer func() {
		if err != nil {
			c.kill()
		}
	}()
	defer fault.Recover(&err)
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.dead:
			return
		case <-tick.C:
		}
		late := time.AfterFunc(aliveTime, c.kill)
		_, _, err = c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}

// close ends the connection and waits for its goroutines.
func (c *connection) close() error {
	err := errors.Join(c.sftp.Close(), c.ssh.Close())
	c.guard.Wait()
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// kill ends the connection, and with it every call that is under way.
func (c *connection) kill() {
	c.ended.Store(true)
	_ = c.ssh.Close()
}

func (c *connection) alive() bool {
	if c.ended.Load() {
		return false
	}
	select {
	case <-c.dead:
		return false
	default:
		return true
	}
}

// maxConnections of one side of a job: servers take about ten at a time from one place.
const maxConnections = 4

// pool hands out connections: the least used, or a new one while all are in use and there are few.
type pool struct {
	server *server
	env    store.Env

	dialing chan struct{} // held while a connection is made

	mu     sync.Mutex
	list   []*connection
	closed bool
	wg     sync.WaitGroup // calls under way, also those that nobody waits for any more
}

func newPool(s *server, env store.Env) *pool {
	return &pool{server: s, env: env, dialing: make(chan struct{}, 1)}
}

// errClosed: the store was closed.
var errClosed = errors.New("the connection was closed")

// get gives a connection; put gives it back.
func (p *pool) get(ctx context.Context) (*connection, error) {
	if c, err := p.pick(false); c != nil || err != nil {
		return c, err
	}
	select {
	case p.dialing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.dialing }()
	if c, err := p.pick(false); c != nil || err != nil { // somebody else has made one
		return c, err
	}
	c, err := p.server.dial(ctx, p.env)
	if err != nil {
		// What works already is better than one more.
		if c, _ := p.pick(true); c != nil && ctx.Err() == nil {
			return c, nil
		}
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.Join(errClosed, c.close())
	}
	c.users++
	p.list = append(p.list, c)
	return c, nil
}

// pick gives the least used connection; nil where a new one is to be made, unless any will do.
func (p *pool) pick(any bool) (*connection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	var best *connection
	living := p.list[:0]
	for _, c := range p.list {
		if !c.alive() {
			continue
		}
		living = append(living, c)
		if best == nil || c.users < best.users {
			best = c
		}
	}
	p.list = living
	if best == nil || best.users > 0 && len(p.list) < maxConnections && !any {
		return nil, nil
	}
	best.users++
	return best, nil
}

func (p *pool) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.users--
}

// calls is how often a call is made where its connection breaks.
const calls = 3

// do makes one call on a connection, and again on another where that breaks, so it must be of the kind that can be made
// again. It waits as long as ctx lets it; f may go on then, so it must own what it uses.
func (p *pool) do(ctx context.Context, f func(*sftp.Client) error) (err error) {
	for range calls {
		if err = p.once(ctx, f); err == nil || !lost(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (p *pool) once(ctx context.Context, f func(*sftp.Client) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := p.get(ctx)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	p.wg.Go(func() {
		defer p.put(c)
		err := func() (err error) {
			defer fault.Recover(&err)
			return f(c.sftp)
		}()
		if lost(err) {
			c.kill()
		}
		done <- err
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the connections, and with them every call.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	list := p.list
	p.list = nil
	p.mu.Unlock()
	var errs []error
	for _, c := range list {
		errs = append(errs, c.close())
	}
	p.wg.Wait()
	return errors.Join(errs...)
}
