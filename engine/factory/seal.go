package factory

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/credential"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// lessSecure is the annotation that a linked service shows whose secret the factory can open.
const lessSecure = "credential: sealed by the factory (less secure)"

// seal keeps plain secrets out of the database: properties with a secret are sealed for the factory's own certificate.
// Those without any, and those that a gateway sealed, pass as they are.
func (f *Factory) seal(name string, properties json.RawMessage) (json.RawMessage, error) {
	properties, err := withoutMark(properties)
	if err != nil {
		return nil, err
	}
	plain, err := plainSecrets(properties)
	if err != nil || len(plain) == 0 {
		return properties, err
	}
	return f.sealPlain(name, properties, plain)
}

// shown is a resource as a person gets it: a linked service that no gateway can open, or that the factory sealed itself,
// says so.
func (f *Factory) shown(k kind, r wire.Resource) wire.Resource {
	if k != kindLinkedService {
		return r
	}
	r.Warnings = append(r.Warnings, f.unopenable(r.Name, r.Properties)...)
	if !f.opens(r.Name, r.Properties) {
		return r
	}
	r.Warnings = append(r.Warnings, fmt.Sprintf("The secret of linked service %s came to the factory in the clear. It is stored sealed with the factory's own certificate, "+
		"which is less secure: whoever has the factory's folder can open it. Seal it for the gateway instead, on its Set credentials page or with `dmgcmd credential encrypt`.", r.Name))
	if marked, err := withMark(r.Properties); err == nil {
		r.Properties = marked
	}
	return r
}

// opens reports whether the factory itself can open the credential of a linked service.
func (f *Factory) opens(name string, properties json.RawMessage) bool {
	doc, err := document(name, properties)
	if err != nil {
		return false
	}
	recipients, err := credential.SealedFor(doc)
	return err == nil && f.sealedHere(recipients)
}

// sealFor is the gateway that will have to open the secret.
func sealFor(ctx context.Context, q querier, ls linkedService) (gateway, error) {
	if name := ls.gateway(); name != "" {
		return gatewayNamed(ctx, q, name)
	}
	return onlyGateway(ctx, q)
}

func (f *Factory) sealPlain(name string, properties json.RawMessage, plain []string) (json.RawMessage, error) {
	doc, err := document(name, properties)
	if err != nil {
		return nil, err
	}
	sealed, err := credential.SealFor(f.id, doc, f.sealing.Leaf)
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

// errPlain refuses secrets that stand where they cannot be sealed.
func errPlain(paths []string, why error) error {
	e := fault.New(fault.BadInput, "the linked service has a secret in the clear where it cannot be sealed, and a factory never stores one").Because(why).
		Try("Give the secret in the property that is meant for it, as a SecureString, or seal it yourself with `dmgcmd credential encrypt`.")
	if len(paths) > 0 {
		e.Message += ": " + strings.Join(paths, ", ")
		e.Target = paths[0]
	}
	return e
}

// sealedHere reports whether the factory's own certificate is among recipients.
func (f *Factory) sealedHere(recipients []string) bool {
	return slices.Contains(recipients, f.sealing.Thumbprint())
}

// annotations finds the annotations among properties, and the name they are written with.
func annotations(properties json.RawMessage) (all map[string]json.RawMessage, name string, list []json.RawMessage, err error) {
	name = "annotations"
	if err := json.Unmarshal(properties, &all); err != nil {
		return nil, "", nil, err
	}
	for n, raw := range all {
		if strings.EqualFold(n, name) {
			name = n
			err = json.Unmarshal(raw, &list)
		}
	}
	return all, name, list, err
}

func isMark(raw json.RawMessage) bool {
	var text string
	return json.Unmarshal(raw, &text) == nil && text == lessSecure
}

// withMark adds the annotation.
func withMark(properties json.RawMessage) (json.RawMessage, error) {
	all, name, list, err := annotations(properties)
	if err != nil {
		return nil, err
	}
	mark, err := json.Marshal(lessSecure)
	if err != nil {
		return nil, err
	}
	if all[name], err = json.Marshal(append(list, mark)); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// withoutMark takes the annotation away that what was got and is put again has; it is never stored.
func withoutMark(properties json.RawMessage) (json.RawMessage, error) {
	all, name, list, err := annotations(properties)
	if err != nil || !slices.ContainsFunc(list, isMark) {
		return properties, nil //nolint:nilerr // annotations of another shape are checked elsewhere, if at all
	}
	list = slices.DeleteFunc(list, isMark)
	if len(list) == 0 {
		delete(all, name)
	} else if all[name], err = json.Marshal(list); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// reseal seals what the factory itself can open for the certificates that the gateway's nodes have now. What a gateway
// sealed stays closed, as it came.
func (f *Factory) reseal(ctx context.Context, q querier, gatewayID string, bundle json.RawMessage) (json.RawMessage, error) {
	if !credential.Sealed(bundle) {
		return bundle, nil
	}
	certificates, err := certificatesOf(ctx, q, gatewayID)
	if err != nil {
		return nil, err
	}
	from := credential.Opener{Certificates: []*credential.Certificate{f.sealing}, Gateway: f.id}
	return credential.ResealBundle(bundle, from, gatewayID, certificates...)
}

// certificatesOf are the certificates of a gateway's nodes, each once: any node may get the job.
func certificatesOf(ctx context.Context, q querier, gatewayID string) ([]*x509.Certificate, error) {
	nodes, err := nodesOf(ctx, q, gatewayID)
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
	return list, nil
}

// refersToSecrets reports whether a linked service names secrets that lie at the gateway: what the store gets only the
// gateway can check.
func refersToSecrets(doc []byte) bool {
	list, err := credential.ServicesWithReferences(fmt.Appendf(nil, `{"linkedServices":[%s]}`, doc))
	return err == nil && len(list) > 0
}

// unopenable says what a gateway will refuse in a linked service although its secret cannot be seen here: what is not
// supported is so whatever the secret is. It is read as a gateway reads it.
func (f *Factory) unopenable(name string, properties json.RawMessage) []string {
	ls := readLinkedService(properties)
	doc, err := document(name, properties)
	if err != nil || len(ls.Parameters) > 0 || !ls.sealed() && !refersToSecrets(doc) {
		return nil // with parameters it is read when it runs; one without a secret was refused
	}
	opened, _, err := withoutSealed(fmt.Appendf(nil, `{"linkedServices":[%s]}`, doc))
	if err == nil { // a secret at the gateway may be anything
		opened, err = credential.Opener{Resolve: func(credential.Reference) (string, error) { return "secret", nil }}.Bundle(opened)
	}
	if err != nil {
		return nil
	}
	var b struct{ LinkedServices []json.RawMessage }
	if json.Unmarshal(opened, &b) != nil || len(b.LinkedServices) != 1 {
		return nil
	}
	var list []string
	_, err = activity.ParseLinkedService(b.LinkedServices[0], f.o.Stores)
	for _, p := range props.Problems(err) {
		if p.Code == fault.Unsupported {
			list = append(list, fmt.Sprintf("No gateway can open linked service %s: %s (%s).", name, p.Message, p.Target))
		}
	}
	return list
}
