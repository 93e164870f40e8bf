package registration

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/protocol"
)

// Client makes a registered node's REST calls: over the pinned TLS key, with its token. It may be used from several
// goroutines.
//
// Errors: code NotRegistered where the factory does not know the node or its key any more; Unreachable and transient
// where it could not be asked; else what the factory says.
type Client struct {
	rest *rest
	node string
}

// NewClient makes a client; it connects when it is first used. dial can be nil.
func NewClient(id *Identity, dial Dial) *Client { return newClient(id, nil, dial) }

// Connect makes a client that takes the given way out.
func Connect(id *Identity, out *outbound.Out) *Client { return newClient(id, out, nil) }

func newClient(id *Identity, out *outbound.Out, dial Dial) *Client {
	r := newREST(id.Location, PinnedTLS(id.Pin), out, dial)
	r.token = id.Token.Reveal()
	return &Client{rest: r, node: id.Node}
}

// Close gives up idle connections.
func (c *Client) Close() { c.rest.close() }

// Lease renews or takes the lease of jobs and returns one of protocol's answers for each, in order. Without jobs it asks
// whether the node is still known.
func (c *Client) Lease(ctx context.Context, jobs []protocol.LeaseJob) ([]string, error) {
	var answer protocol.LeaseResponse
	if jobs == nil {
		jobs = []protocol.LeaseJob{}
	}
	if err := c.rest.call(ctx, http.MethodPost, protocol.PathLease, protocol.LeaseRequest{Node: c.node, Jobs: jobs}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Answers) != len(jobs) {
		return nil, fault.New(fault.BadData, "the factory answered %d leases instead of %d", len(answer.Answers), len(jobs)).At(c.rest.location)
	}
	return answer.Answers, nil
}

// Checkpoint hands over the newest checkpoint of an attempt; code LeaseLost where another attempt has the run.
func (c *Client) Checkpoint(ctx context.Context, r protocol.CheckpointRequest) error {
	err := c.rest.call(ctx, http.MethodPost, protocol.PathCheckpoint, r, nil)
	if fault.Code(err) == fault.Conflict {
		return fault.New(fault.LeaseLost, "the data factory gave the job to another attempt or ended it").Because(err)
	}
	return err
}

// Unregister tells the factory that the node is gone.
func (c *Client) Unregister(ctx context.Context) error {
	return c.rest.call(ctx, http.MethodPost, protocol.PathUnregister, struct{}{}, nil)
}

// Retry asks the factory for another attempt of a run that failed or was cancelled.
func (c *Client) Retry(ctx context.Context, run string) error {
	return c.rest.call(ctx, http.MethodPost, protocol.PathRetry, protocol.RetryRequest{ActivityRun: run}, nil)
}

// PinnedTLS trusts the owner of one TLS key and nobody else.
func PinnedTLS(pin [32]byte) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection compares the key itself
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 || protocol.SPKIHash(cs.PeerCertificates[0]) != pin {
				return errPin
			}
			return nil
		},
	}
}

var errPin = errors.New("the server's TLS key is not the one that the factory had when this gateway registered")

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

type rest struct {
	location string
	token    string
	client   *http.Client
	skew     skew
}

func newREST(location string, t *tls.Config, out *outbound.Out, dial Dial) *rest {
	transport := out.Transport(func(h *http.Transport) {
		h.TLSClientConfig, h.ResponseHeaderTimeout = t, 30*time.Second
		if dial != nil {
			h.DialContext = dial
		}
	})
	return &rest{location: location, client: &http.Client{
		Transport: transport, Timeout: time.Minute,
		// A factory does not redirect; whoever does would be handed the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (r *rest) close() { r.client.CloseIdleConnections() }

// call sends in as JSON and decodes the answer into out, which can be nil.
func (r *rest) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("marshal request: %w", err)
	}
	return r.send(ctx, method, path, "application/json", body, out)
}

// send sends a body as it is and decodes the answer into out, which can be nil.
func (r *rest) send(ctx context.Context, method, path, kind string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "https://"+r.location+path, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.BadInput, "the factory's address %q cannot be used", r.location).Because(err)
	}
	req.Header.Set("Content-Type", kind)
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	asked := time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return r.unreachable(ctx, err)
	}
	r.skew.note(resp.Header, asked, time.Now())
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return r.unreachable(ctx, err)
	}
	if resp.StatusCode >= 300 {
		return r.refused(resp.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fault.New(fault.BadData, "the answer of %s cannot be read", r.location).At(r.location).Because(err).
			Try("Check that a data factory answers at this address.")
	}
	return nil
}

func (r *rest) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fault.New(fault.Cancelled, "asking %s was cut off", r.location).At(r.location).Because(context.Cause(ctx))
	}
	e := fault.New(fault.Unreachable, "cannot reach the data factory at %s", r.location).At(r.location).Because(err).AsTransient()
	if proxy, ok := errors.AsType[*fault.Error](err); ok && proxy.Hint != "" {
		return e.Try("%s", proxy.Hint) // the way out knows better
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errPin):
		e.Transient = false
		return e.Try("If the factory got a new certificate, register again with a key from its page. If not, another machine answers in its place: ask the network's administrator.")
	case errors.As(err, &dns):
		return e.Try("Check the name in the key and this machine's DNS.")
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return e.Try("What answers there does not speak HTTPS: check host and port in the key.")
	}
	return e.Try("Check that the factory runs and that outbound connections to %s are allowed, by firewall and proxy.", r.location)
}

func (r *rest) refused(status int, data []byte) error {
	var body protocol.ErrorBody
	if json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
		body.Error.Code = ""
		body.Error.Message = fmt.Sprintf("the factory answered HTTP %d %s", status, strings.ToLower(http.StatusText(status)))
	}
	// While registering, whoever answers has proven nothing yet.
	e := fault.New(clip(body.Error.Code), "%s", clip(body.Error.Message)).At(clip(body.Error.Target)).Try("%s", clip(body.Error.Hint))
	switch {
	case r.token != "" && status == http.StatusUnauthorized:
		e.Code = fault.NotRegistered
	case e.Code != "":
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Code = fault.SignInFailed
	case status == http.StatusNotFound:
		e.Code = fault.NotFound
	case status == http.StatusConflict:
		e.Code = fault.Conflict
	default:
		e.Code = fault.Unreachable
	}
	e.Transient = status == http.StatusTooManyRequests || status >= 500
	return e
}

// clip bounds a text of the other side and leaves out control characters.
func clip(text string) string {
	const most = 2000
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}
