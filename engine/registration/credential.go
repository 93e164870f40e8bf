package registration

import (
	"context"
	"net/http"

	"dmgateway/engine/protocol"
)

// LinkedServices are those that the node's gateway connects to, and the gateway's nodes.
func (c *Client) LinkedServices(ctx context.Context) (protocol.LinkedServices, error) {
	var answer protocol.LinkedServices
	return answer, c.rest.call(ctx, http.MethodGet, protocol.PathLinkedServices, nil, &answer)
}

// PutCredential puts a sealed credential into a linked service; code Conflict where somebody changed the linked service
// since it was read, Forbidden where more than its credential would change.
func (c *Client) PutCredential(ctx context.Context, r protocol.PutCredential) error {
	return c.rest.call(ctx, http.MethodPut, protocol.PathCredential, r, nil)
}
