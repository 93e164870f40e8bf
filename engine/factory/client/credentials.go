package client

import (
	"context"
	"net/http"

	"dmgateway/engine/factory/wire"
)

// CredentialLinks makes links to the pages at which the credential of a linked service can be set, each for once and ten
// minutes; code Conflict where no node of its gateway serves such a page.
func (c *Client) CredentialLinks(ctx context.Context, linkedService string) (wire.CredentialLinks, error) {
	var out wire.CredentialLinks
	return out, c.do(ctx, http.MethodPost, nil, nil, &out, wire.LinkedServices, linkedService, wire.CredentialLinkAction)
}
