package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"dmgateway/engine/fault"
	"dmgateway/engine/supervise"
)

// Client controls the engine that runs in another process, over the control socket of its data directory.
type Client struct {
	socket string
	http   *http.Client
}

var _ Controller = (*Client)(nil)

// Dial finds the engine that runs with a data directory ("" = the default one); code NotRunning where there is none.
func Dial(ctx context.Context, data string) (*Client, error) {
	data, err := resolveData(data)
	if err != nil {
		return nil, err
	}
	c := &Client{socket: socketOf(data)}
	c.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialControl(ctx, data)
	}}}
	if _, err := c.Status(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close gives up idle connections; the engine goes on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://engine/v1/"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err == nil {
		return resp, nil
	}
	if ctx.Err() != nil {
		return nil, fault.New(fault.Cancelled, "asking the gateway was cut off").Because(context.Cause(ctx))
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fault.New(fault.Forbidden, "the gateway's control socket is closed to this user").At(c.socket).
			Try("Run the command as the user that runs the gateway.")
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return nil, fault.New(fault.NotRunning, "no gateway runs with this data directory").At(c.socket).
			Try("Start the program, or `dmgcmd run`.")
	}
	return nil, fault.New(fault.NotRunning, "the gateway ended while it was asked").At(c.socket).Because(err)
}

func remoteError(e *ErrorInfo) error {
	return &fault.Error{Code: e.Code, Message: e.Message, Target: e.Target, Hint: e.Hint, Row: e.Row, Column: e.Column, Value: e.Value}
}

// call asks and decodes the answer into out, which can be nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var body streamed
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Error == nil {
			return fault.New(fault.Internal, "the gateway answered %s", resp.Status)
		}
		return remoteError(body.Error)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fault.New(fault.Internal, "the gateway's answer cannot be read").Because(err)
	}
	return nil
}

// stream asks and hands over the values of an answer that comes bit by bit.
func (c *Client) stream(ctx context.Context, method, path string, in any, each func(streamed)) error {
	resp, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for decoder := json.NewDecoder(resp.Body); ; {
		var s streamed
		if err := decoder.Decode(&s); err != nil {
			if ctx.Err() != nil {
				return fault.New(fault.Cancelled, "asking the gateway was cut off").Because(context.Cause(ctx))
			}
			return fault.New(fault.NotRunning, "the gateway ended while it was asked").At(c.socket).Because(err)
		}
		switch {
		case s.Error != nil:
			return remoteError(s.Error)
		case s.Done:
			return nil
		}
		each(s)
	}
}

// Status is everything about the gateway as a whole.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, http.MethodGet, "status", nil, &s)
}

// Start connects and takes jobs.
func (c *Client) Start(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "start", nil, nil)
}

// Stop ends running jobs at their last checkpoint and disconnects.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "stop", nil, nil)
}

// Drain takes no new jobs and stops when the running ones have ended.
func (c *Client) Drain(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "drain", nil, nil)
}

// Register registers with a key.
func (c *Client) Register(ctx context.Context, key, node string, progress func(RegisterStep)) error {
	return c.stream(ctx, http.MethodPost, "register", registerRequest{key, node}, stepsTo(progress))
}

func stepsTo(progress func(RegisterStep)) func(streamed) {
	return func(s streamed) {
		if s.Step != nil && progress != nil {
			progress(*s.Step)
		}
	}
}

// Unregister forgets the registration.
func (c *Client) Unregister(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "unregister", nil, nil)
}

// Jobs lists running and recent jobs.
func (c *Client) Jobs(ctx context.Context, limit int) ([]Job, error) {
	var list []Job
	return list, c.call(ctx, http.MethodGet, "jobs?limit="+strconv.Itoa(limit), nil, &list)
}

// Job is the newest attempt of one run.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	var j Job
	if id == "" {
		return j, fault.New(fault.NotFound, "a job needs an ID").Try("List the jobs to see their IDs.")
	}
	return j, c.call(ctx, http.MethodGet, "jobs/"+url.PathEscape(id), nil, &j)
}

// Cancel stops a job that has not ended.
func (c *Client) Cancel(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "jobs/"+url.PathEscape(id)+"/cancel", nil, nil)
}

// Retry asks the factory to run a job again that failed or was cancelled.
func (c *Client) Retry(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "jobs/"+url.PathEscape(id)+"/retry", nil, nil)
}

// Settings are all settings by name.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	var list []Setting
	return list, c.call(ctx, http.MethodGet, "settings", nil, &list)
}

// SetSetting checks, stores and applies one setting.
func (c *Client) SetSetting(ctx context.Context, name, value string) error {
	return c.call(ctx, http.MethodPut, "settings/"+url.PathEscape(name), value, nil)
}

// Show asks the window of the running program to come up.
func (c *Client) Show(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "show", nil, nil)
}

// Subscribe tells everything from now on until ctx or the engine ends; the channel is closed then.
func (c *Client) Subscribe(ctx context.Context) (<-chan Event, error) {
	out := make(chan Event)
	begun := make(chan error, 1)
	go func() {
		defer close(out)
		first := true
		err := supervise.Guard(func() error {
			return c.stream(ctx, http.MethodGet, "events", nil, func(s streamed) {
				if first {
					begun <- nil
					first = false
				}
				if s.Event == nil {
					return
				}
				select {
				case out <- *s.Event:
				case <-ctx.Done():
				}
			})
		})
		if first {
			begun <- err
		}
	}()
	return out, <-begun
}

// TryIt starts the built-in factory and runs the sample.
func (c *Client) TryIt(ctx context.Context, progress func(RegisterStep)) (Sample, error) {
	var sample Sample
	steps := stepsTo(progress)
	err := c.stream(ctx, http.MethodPost, "tryit", nil, func(s streamed) {
		steps(s)
		if s.Sample != nil {
			sample = *s.Sample
		}
	})
	return sample, err
}
