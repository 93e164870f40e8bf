package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"dmgateway/engine/fault"
)

// LogContents says what Send logs would send.
func (c *Client) LogContents(ctx context.Context) (LogContents, error) {
	var out LogContents
	return out, c.call(ctx, http.MethodGet, "logs", nil, &out)
}

// LogPart gives one of those files as it would be sent.
func (c *Client) LogPart(ctx context.Context, name string) ([]byte, error) {
	var out []byte
	return out, c.call(ctx, http.MethodGet, "logs/part?name="+url.QueryEscape(name), nil, &out)
}

// SendLogs lets the engine send its logs.
func (c *Client) SendLogs(ctx context.Context, note string, progress func(LogProgress)) (SentLogs, error) {
	var out SentLogs
	err := c.logs(ctx, "logs/send", sendLogsRequest{note}, progress, func(p logsPart) error {
		if p.Sent != nil {
			out = *p.Sent
		}
		return nil
	})
	return out, err
}

// ArchiveLogs writes the engine's logs to a zip file of the caller's.
func (c *Client) ArchiveLogs(ctx context.Context, file string, progress func(LogProgress)) (LogContents, error) {
	return archiveTo(file, func(w io.Writer) (LogContents, error) {
		var out *LogContents
		err := c.logs(ctx, "logs/archive", struct{}{}, progress, func(p logsPart) error {
			if p.Contents != nil {
				out = p.Contents
			}
			_, err := w.Write(p.Data)
			return err
		})
		if err == nil && out == nil {
			err = fault.New(fault.Internal, "the gateway's answer ended too early")
		}
		if err != nil {
			return LogContents{}, err
		}
		return *out, nil
	})
}

// logs asks for an answer that comes bit by bit, and ends asking at the first error of each.
func (c *Client) logs(ctx context.Context, path string, in any, progress func(LogProgress), each func(logsPart) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	err := c.stream(ctx, http.MethodPost, path, in, func(s streamed) {
		var p logsPart
		if failed != nil || len(s.Part) == 0 {
			return
		}
		if failed = json.Unmarshal(s.Part, &p); failed != nil {
			cancel()
			return
		}
		if p.Progress != nil && progress != nil {
			progress(*p.Progress)
		}
		if failed = each(p); failed != nil {
			cancel()
		}
	})
	if failed != nil {
		return errors.Join(failed, err)
	}
	return err
}
