package registration

import (
	"context"
	"net/http"

	"dmgateway/engine/protocol"
)

// Certificate tells the factory this node's present certificate (DER; empty only asks) and gives the linked services of
// its gateway that have a sealed credential. A factory of an earlier version answers code NotFound.
func (c *Client) Certificate(ctx context.Context, der []byte) ([]protocol.SealedService, error) {
	var answer protocol.CertificateResponse
	err := c.rest.call(ctx, http.MethodPost, protocol.PathCertificate, protocol.CertificateRequest{Certificate: der}, &answer)
	return answer.Sealed, err
}
