package factory

import (
	"bytes"
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint/definition"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// Setting credentials: a node of the gateway that connects reads the linked services, seals a credential and puts it
// back. Nothing here ever holds a plain secret.

// awaitsCredential reports whether all that a linked service lacks is its credential, which is set at the gateway later.
func (f *Factory) awaitsCredential(doc []byte) bool {
	return definition.CanBeSet(doc, func(filled []byte) error {
		_, err := activity.ParseLinkedService(filled, f.o.Stores)
		return err
	})
}

// linkedServicesOf answers a node with the linked services of its gateway. Those that name no gateway are of the
// factory's only one.
func (f *Factory) linkedServicesOf(w http.ResponseWriter, r *http.Request, n node) error {
	ctx := r.Context()
	nodes, err := nodesOf(ctx, f.db, n.Gateway)
	if err != nil {
		return err
	}
	answer := protocol.LinkedServices{LinkedServices: []protocol.LinkedService{}}
	for _, other := range nodes {
		answer.Nodes = append(answer.Nodes, protocol.NodeCertificate{ID: other.ID, Name: other.Name, Certificate: other.certificate})
	}
	all, err := listResources(ctx, f.db, kindLinkedService)
	if err != nil {
		return err
	}
	for _, one := range all {
		if g, err := sealFor(ctx, f.db, readLinkedService(one.Properties)); err != nil || g.ID != n.Gateway {
			continue
		}
		doc, err := one.document()
		if err != nil {
			return err
		}
		answer.LinkedServices = append(answer.LinkedServices, protocol.LinkedService{Name: one.Name, ETag: one.ETag, Definition: doc})
	}
	return writeJSON(w, http.StatusOK, answer)
}

// putCredential stores what a node sealed. It refuses whatever is more than a credential, and secrets in the clear.
func (f *Factory) putCredential(w http.ResponseWriter, r *http.Request, n node) error {
	var in protocol.PutCredential
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ctx := r.Context()
	answer := protocol.PutCredentialAnswer{ETag: randomText(12)}
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		old, err := getResource(ctx, tx, kindLinkedService, in.Name)
		if err != nil {
			return err
		}
		g, err := sealFor(ctx, tx, readLinkedService(old.Properties))
		if err != nil || g.ID != n.Gateway { // what is another gateway's is not this node's to know of
			return fault.New(fault.NotFound, "there is no linked service %q", in.Name).At(in.Name)
		}
		if in.ETag != old.ETag {
			return fault.New(fault.Conflict, "linked service %s was changed in the meantime", old.Name).At(old.Name).Try("Set the credential again.")
		}
		properties, err := f.checkCredential(old, in.Definition)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE resources SET properties = ?, etag = ?, changed = ? WHERE kind = ? AND name = ?",
			string(properties), answer.ETag, micros(time.Now()), kindLinkedService.path, old.Name)
		return err
	})
	if err != nil {
		f.o.Log.Warn("credential refused", logging.Key, logging.CredentialRefused, "linkedService", in.Name, "node", n.Name, "nodeId", n.ID, "error", err)
		return err
	}
	f.o.Log.Info("credential set", logging.Key, logging.CredentialSet, "linkedService", in.Name, "node", n.Name, "nodeId", n.ID)
	return writeJSON(w, http.StatusOK, answer)
}

func (f *Factory) checkCredential(old resource, doc []byte) (json.RawMessage, error) {
	before, err := old.document()
	if err != nil {
		return nil, err
	}
	if err := definition.SameButCredential(before, doc); err != nil {
		return nil, err
	}
	var in struct{ Properties json.RawMessage }
	if err := json.Unmarshal(doc, &in); err != nil {
		return nil, bodyFault(err)
	}
	plain, err := plainSecrets(in.Properties)
	if err != nil {
		return nil, err
	}
	if len(plain) > 0 {
		return nil, errPlain(plain, nil)
	}
	if !readLinkedService(in.Properties).sealed() && credential.Sealed(doc) {
		return nil, fault.New(fault.BadInput, "the sealed credential is not where it belongs").At(old.Name)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, in.Properties); err != nil {
		return nil, bodyFault(err)
	}
	return compact.Bytes(), nil
}

// credentialLinks makes links at which a person can set a linked service's credential, one for each node whose endpoint
// is on. The token in each works once and for ten minutes.
func (f *Factory) credentialLinks(ctx context.Context, name string, now time.Time) (wire.CredentialLinks, error) {
	var out wire.CredentialLinks
	one, err := getResource(ctx, f.db, kindLinkedService, name)
	if err != nil {
		return out, err
	}
	g, err := sealFor(ctx, f.db, readLinkedService(one.Properties))
	if err != nil {
		return out, err
	}
	nodes, err := nodesOf(ctx, f.db, g.ID)
	if err != nil {
		return out, err
	}
	out = wire.CredentialLinks{LinkedService: one.Name, Gateway: g.Name, Expires: now.Add(protocol.CredentialTokenLife).UTC().Truncate(time.Second), Links: []wire.CredentialLink{}}
	for _, n := range nodes {
		if status, _ := n.status(f.o.Heartbeat, now); status == statusOffline || n.Heartbeat == nil || !isEndpoint(n.Heartbeat.Endpoint) {
			continue
		}
		token, err := protocol.CredentialToken{
			Purpose: protocol.PurposeCredential, Factory: f.id, Gateway: g.ID, LinkedService: one.Name, ID: randomText(16), Issued: now.Unix(), Expires: out.Expires.Unix(),
		}.Sign(f.signing)
		if err != nil {
			return out, err
		}
		link := wire.CredentialLink{Node: n.Name, URL: strings.TrimSuffix(n.Heartbeat.Endpoint, "/") + "/#token=" + token}
		if c, err := x509.ParseCertificate(n.certificate); err == nil {
			link.Thumbprint = credential.Thumbprint(c)
		}
		out.Links = append(out.Links, link)
	}
	if len(out.Links) == 0 {
		return out, fault.New(fault.Conflict, "no node of gateway %s has its credentials endpoint on", g.Name).At(g.Name).
			Try("Start the gateway, and turn on its endpoint: `dmgcmd settings endpoint true` at its machine. Or set the credential there with `dmgcmd credential set %s`.", one.Name)
	}
	f.o.Log.Info("link for setting a credential made", logging.Key, logging.CredentialLink, "linkedService", one.Name, "gateway", g.Name)
	return out, nil
}

// isEndpoint lets no other link through that a node may have reported.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && strings.Trim(u.Path, "/") == ""
}

// armCredentialLink answers POST /linkedservices/NAME/credentialLink, which Data Factory does not have.
func (f *Factory) armCredentialLink(c armCall) error {
	out, err := f.credentialLinks(c.r.Context(), c.rest[1], time.Now())
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, out)
}

// awaiting are the paths of a bundle's linked services that lack their credential still.
func (f *Factory) awaiting(bundle []byte) []string {
	var b struct{ LinkedServices []json.RawMessage }
	if json.Unmarshal(bundle, &b) != nil {
		return nil
	}
	var paths []string
	for i, doc := range b.LinkedServices {
		if _, err := activity.ParseLinkedService(doc, f.o.Stores); err != nil && f.awaitsCredential(doc) {
			paths = append(paths, fmt.Sprintf("$.linkedServices[%d]", i))
		}
	}
	return paths
}
