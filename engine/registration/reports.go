package registration

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"dmgateway/engine/protocol"
)

// BeginReport announces a report, or asks how far one is that was begun before.
func (c *Client) BeginReport(ctx context.Context, r protocol.ReportBegin) (protocol.ReportState, error) {
	var s protocol.ReportState
	return s, c.rest.call(ctx, http.MethodPost, protocol.PathReports, r, &s)
}

// SendReport sends bytes of a report from an offset on, at most [protocol.ReportChunk] of them.
func (c *Client) SendReport(ctx context.Context, id string, offset int64, data []byte) (protocol.ReportState, error) {
	var s protocol.ReportState
	path := protocol.PathReports + "/" + url.PathEscape(id) + "?offset=" + strconv.FormatInt(offset, 10)
	return s, c.rest.send(ctx, http.MethodPut, path, "application/octet-stream", data, &s)
}
