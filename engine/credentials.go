package engine

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint"
	lsdef "dmgateway/engine/endpoint/definition"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/store"
)

// Who asks for a credential to be set or tested: a person at this machine may name any host and file.
const (
	fromHere    = lsdef.Here
	fromNetwork = lsdef.Elsewhere
)

// withFactory calls do with the node's line to its factory.
func (e *Engine) withFactory(do func(*registration.Identity, *registration.Client) error) error {
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil {
		return fault.New(fault.NotRegistered, "the gateway is not registered with a data factory").Try("Register the gateway first.")
	}
	id = e.located(id)
	rest := registration.Connect(id, e.out)
	defer rest.Close()
	return do(id, rest)
}

// CredentialTargets are the linked services of this gateway at the factory.
func (e *Engine) CredentialTargets(ctx context.Context) ([]CredentialTarget, error) {
	list := []CredentialTarget{}
	err := e.withFactory(func(id *registration.Identity, rest *registration.Client) error {
		known, err := rest.LinkedServices(ctx)
		if err != nil {
			return err
		}
		nodes, err := credentialNodes(known.Nodes, id.Node)
		if err != nil {
			return err
		}
		for _, ls := range known.LinkedServices {
			d, err := lsdef.Parse(ls.Definition)
			if err != nil {
				return err
			}
			t := CredentialTarget{Name: ls.Name, Type: d.Type(), Kinds: d.Kinds(), Set: credential.Sealed(ls.Definition), Place: d.Place(), Nodes: nodes}
			if t.Set {
				_, err := e.opener(protocol.Job{Gateway: id.Gateway}).LinkedService(ls.Definition)
				t.Readable = err == nil
			}
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

// credentialNodes are the gateway's nodes, the one with the ID first.
func credentialNodes(known []protocol.NodeCertificate, this string) ([]CredentialNode, error) {
	var nodes []CredentialNode
	for _, n := range known {
		c, err := x509.ParseCertificate(n.Certificate)
		if err != nil {
			return nil, fault.New(fault.BadData, "the certificate of node %s cannot be read", n.Name).Because(err)
		}
		node := CredentialNode{Name: n.Name, Thumbprint: credential.Thumbprint(c), This: n.ID == this}
		if node.This {
			nodes = slices.Insert(nodes, 0, node)
		} else {
			nodes = append(nodes, node)
		}
	}
	return nodes, nil
}

// prepared is a linked service with a credential put in, in the clear: it must live no longer than the call.
type prepared struct {
	ls     protocol.LinkedService // as the factory has it; without an ETag where it does not
	opened []byte
	nodes  []protocol.NodeCertificate
}

// prepare puts the credential into the linked service that is meant.
func (e *Engine) prepare(ctx context.Context, r CredentialRequest, id *registration.Identity, rest *registration.Client, from lsdef.Place) (prepared, error) {
	var p prepared
	if len(r.Definition) > 0 {
		p.ls.Definition = r.Definition
	} else {
		known, err := rest.LinkedServices(ctx)
		if err != nil {
			return p, err
		}
		i := slices.IndexFunc(known.LinkedServices, func(ls protocol.LinkedService) bool { return strings.EqualFold(ls.Name, r.LinkedService) })
		if i < 0 {
			return p, fault.New(fault.NotFound, "this gateway has no linked service %q at the data factory", r.LinkedService).At(r.LinkedService).
				Try("`dmgcmd credential list` shows them.")
		}
		p.ls, p.nodes = known.LinkedServices[i], known.Nodes
	}
	gateway := ""
	if id != nil {
		gateway = id.Gateway
	}
	// What else was sealed stays, where it can be opened: a wallet's password, an address with its signature.
	base, err := e.opener(protocol.Job{Gateway: gateway}).LinkedService(p.ls.Definition)
	if err != nil {
		base = p.ls.Definition
	}
	d, err := lsdef.Parse(base)
	if err != nil {
		return p, err
	}
	p.ls.Name = d.Name()
	if err := d.Apply(r.Kind, r.Values, from); err != nil {
		return p, err
	}
	p.opened = d.JSON()
	return p, nil
}

// parse reads the linked service as its store does.
func (e *Engine) parseOpened(p prepared, r CredentialRequest) (*activity.LinkedService, error) {
	service, err := activity.ParseLinkedService(p.opened, e.stores)
	if err != nil {
		return nil, masked(err, r.Values)
	}
	return service, nil
}

// masked is an error without the credential's secrets.
func masked(err error, values map[string]string) error {
	if err == nil {
		return nil
	}
	f := fault.As(err)
	return &fault.Error{Code: f.Code, Message: endpoint.Mask(f.Error(), values), Hint: endpoint.Mask(f.Hint, values), Transient: f.Transient}
}

// orFactory calls do with the factory's line, or with none where the request brings its own definition.
func (e *Engine) orFactory(r CredentialRequest, do func(*registration.Identity, *registration.Client) error) error {
	e.mu.Lock()
	registered := e.identity != nil
	e.mu.Unlock()
	if len(r.Definition) > 0 && !registered {
		return do(nil, nil)
	}
	return e.withFactory(do)
}

// TestCredential connects to a store as the request says and calls report after each stage.
func (e *Engine) TestCredential(ctx context.Context, r CredentialRequest, report func(Stage)) error {
	return e.testCredential(ctx, r, fromHere, report)
}

func (e *Engine) testCredential(ctx context.Context, r CredentialRequest, from lsdef.Place, report func(Stage)) error {
	var p prepared
	err := e.orFactory(r, func(id *registration.Identity, rest *registration.Client) (err error) {
		p, err = e.prepare(ctx, r, id, rest, from)
		return err
	})
	if err != nil {
		return masked(err, r.Values)
	}
	service, err := e.parseOpened(p, r)
	if err != nil {
		return err
	}
	env := store.Env{Outbound: e.out, Log: e.log}
	if from == fromNetwork {
		env.Allow = e.allowPath
	}
	err = service.Test(ctx, env, func(s store.Stage) {
		out := Stage{Name: s.Name, Detail: endpoint.Mask(s.Detail, r.Values), Took: s.Took}
		if s.Err != nil {
			out.Error, out.Remedy = endpoint.Mask(s.Err.Error(), r.Values), endpoint.Mask(fault.As(s.Err).Hint, r.Values)
		}
		report(out)
	})
	return masked(err, r.Values)
}

// SetCredential seals a credential for this gateway and puts it into the linked service at the factory, or, where the
// request brings a definition, only gives it.
func (e *Engine) SetCredential(ctx context.Context, r CredentialRequest) (SealedCredential, error) {
	return e.setCredential(ctx, r, fromHere)
}

func (e *Engine) setCredential(ctx context.Context, r CredentialRequest, from lsdef.Place) (SealedCredential, error) {
	var out SealedCredential
	err := e.orFactory(r, func(id *registration.Identity, rest *registration.Client) error {
		p, err := e.prepare(ctx, r, id, rest, from)
		if err != nil {
			return err
		}
		if _, err := e.parseOpened(p, r); err != nil {
			return err
		}
		out.LinkedService = p.ls.Name
		certificates := []*x509.Certificate{e.certificate().Leaf}
		gateway := ""
		if id != nil {
			gateway = id.Gateway
			out.SealedFor = []string{id.NodeName}
			others, names, err := otherNodes(p.nodes, r.AlsoFor, e.certificate())
			if err != nil {
				return err
			}
			certificates, out.SealedFor = append(certificates, others...), append(out.SealedFor, names...)
		}
		sealed, err := credential.SealFor(gateway, p.opened, certificates...)
		if err != nil {
			return err
		}
		out.Definition = sealed
		if p.ls.ETag == "" {
			return nil
		}
		if err := rest.PutCredential(ctx, protocol.PutCredential{Name: p.ls.Name, ETag: p.ls.ETag, Definition: sealed}); err != nil {
			return err
		}
		out.Stored = true
		e.log.Info("credential set", logging.Key, logging.CredentialSealed, "linkedService", p.ls.Name, "kind", r.Kind, "sealedFor", out.SealedFor)
		return nil
	})
	return out, masked(err, r.Values)
}

// otherNodes are the nodes whose certificates a person chose, each by the thumbprint that was shown.
func otherNodes(known []protocol.NodeCertificate, chosen []string, this *credential.Certificate) (list []*x509.Certificate, names []string, err error) {
	for _, thumbprint := range chosen {
		i := slices.IndexFunc(known, func(n protocol.NodeCertificate) bool {
			c, err := x509.ParseCertificate(n.Certificate)
			return err == nil && strings.EqualFold(credential.Thumbprint(c), thumbprint)
		})
		if i < 0 {
			return nil, nil, fault.New(fault.NotFound, "the gateway has no node with the certificate %s", thumbprint).At("alsoFor").
				Try("Look at the list of nodes again: one may have a new certificate.")
		}
		c, err := x509.ParseCertificate(known[i].Certificate)
		if err != nil {
			return nil, nil, err
		}
		if c.Equal(this.Leaf) {
			continue
		}
		list, names = append(list, c), append(names, known[i].Name)
	}
	return list, names, nil
}

// CredentialKinds are the ways to sign in that a linked service, given as JSON, can be given.
func CredentialKinds(linkedService []byte) ([]CredentialKind, error) {
	d, err := lsdef.Parse(linkedService)
	if err != nil {
		return nil, err
	}
	return d.Kinds(), nil
}
