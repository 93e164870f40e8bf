package factory

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"strings"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
)

// seal keeps plain secrets out of the database. Properties without any pass as they are; ones with a secret are sealed
// for the certificates of the gateway that connects, which alone can open them; where that cannot be, they are refused.
func (f *Factory) seal(ctx context.Context, q querier, name string, ls linkedService, properties json.RawMessage) (json.RawMessage, error) {
	plain, err := plainSecrets(properties)
	if err != nil || len(plain) == 0 {
		return properties, err
	}
	g, err := sealFor(ctx, q, ls)
	if err != nil {
		return nil, errPlain(plain, err)
	}
	certificates, err := certificatesOf(ctx, q, g)
	if err != nil {
		return nil, errPlain(plain, err)
	}
	doc, err := document(name, properties)
	if err != nil {
		return nil, err
	}
	sealed, err := credential.Seal(doc, certificates...)
	if err != nil {
		return nil, err
	}
	var out struct{ Properties json.RawMessage }
	if err := json.Unmarshal(sealed, &out); err != nil {
		return nil, err
	}
	if left, err := plainSecrets(out.Properties); err != nil || len(left) > 0 {
		return nil, errPlain(left, err)
	}
	return out.Properties, nil
}

// errPlain refuses secrets that could not be sealed.
func errPlain(paths []string, why error) error {
	e := fault.New(fault.BadInput, "the linked service has a secret in the clear, which a factory never stores").Because(why).
		Try("Register the gateway first, so that the factory can seal the secret for it, or seal it yourself with `dmgcmd credential encrypt`.")
	if len(paths) > 0 {
		e.Message += ": " + strings.Join(paths, ", ")
		e.Target = paths[0]
	}
	return e
}

// sealFor is the gateway that will have to open the secret.
func sealFor(ctx context.Context, q querier, ls linkedService) (gateway, error) {
	if name := ls.gateway(); name != "" {
		return gatewayNamed(ctx, q, name)
	}
	return onlyGateway(ctx, q)
}

// certificatesOf are the certificates of a gateway's nodes, each once: any node may get the job.
func certificatesOf(ctx context.Context, q querier, g gateway) ([]*x509.Certificate, error) {
	nodes, err := nodesOf(ctx, q, g.ID)
	if err != nil {
		return nil, err
	}
	var list []*x509.Certificate
	seen := map[string]bool{}
	for _, n := range nodes {
		if seen[string(n.certificate)] {
			continue
		}
		seen[string(n.certificate)] = true
		c, err := x509.ParseCertificate(n.certificate)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fault.New(fault.NotRegistered, "gateway %s has no registered node yet", g.Name)
	}
	return list, nil
}
