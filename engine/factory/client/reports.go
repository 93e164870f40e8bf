package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

// Reports are what gateways have sent by Send logs, the newest first.
func (c *Client) Reports(ctx context.Context) ([]wire.Report, error) {
	var list wire.List[wire.Report]
	return list.Value, c.do(ctx, http.MethodGet, nil, nil, &list, "reports")
}

// Report describes one of them.
func (c *Client) Report(ctx context.Context, id string) (wire.Report, error) {
	var r wire.Report
	return r, c.do(ctx, http.MethodGet, nil, nil, &r, "reports", id)
}

// RemoveReport removes one; it is no error where there is none.
func (c *Client) RemoveReport(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, nil, nil, nil, "reports", id)
}

// reportPiece is how much of a report is asked for at once, so that no single request takes long.
const reportPiece = 8 << 20

// SaveReport writes a report's zip file to w, and checks that it is whole.
func (c *Client) SaveReport(ctx context.Context, id string, w io.Writer) (wire.Report, error) {
	r, err := c.Report(ctx, id)
	if err != nil {
		return r, err
	}
	path, err := c.path(ctx, "reports", r.ID, "content")
	if err != nil {
		return r, err
	}
	hash := sha256.New()
	for at := int64(0); at < r.Bytes; {
		n, err := c.piece(ctx, path, at, min(at+reportPiece, r.Bytes)-1, io.MultiWriter(w, hash))
		if err != nil {
			return r, err
		}
		at += n
	}
	if hex.EncodeToString(hash.Sum(nil)) != r.SHA256 {
		return r, fault.New(fault.BadData, "the report did not arrive as the factory has it").At(id).Try("Try again.")
	}
	return r, nil
}

func (c *Client) piece(ctx context.Context, path string, from, to int64, w io.Writer) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path+"?api-version="+wire.APIVersion, nil)
	if err != nil {
		return 0, fault.New(fault.BadInput, "the address %q cannot be used", c.url).Because(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to))
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what is there says why
		return 0, c.refused(resp.StatusCode, data)
	}
	n, err := io.Copy(w, io.LimitReader(resp.Body, to-from+1))
	if err == nil && n != to-from+1 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return n, c.unreachable(ctx, err)
	}
	return n, nil
}
