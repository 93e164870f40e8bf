package factory

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
)

// node is one installation that registered.
type node struct {
	ID, Gateway, KeyID, Name, Version string
	sealedToken, certificate          []byte
	Registered, Contact, HeartbeatAt  time.Time
	Heartbeat                         *protocol.Heartbeat
	Revoked                           string // why it may do nothing any more, "" while it may
}

const nodeColumns = "id, gateway, key_id, name, version, sealed_token, certificate, registered, contact, heartbeat, heartbeat_at, revoked"

func scanNode(scan func(...any) error) (node, error) {
	var n node
	var registered, contact, heartbeatAt int64
	var heartbeat sql.NullString
	err := scan(&n.ID, &n.Gateway, &n.KeyID, &n.Name, &n.Version, &n.sealedToken, &n.certificate, &registered, &contact, &heartbeat, &heartbeatAt, &n.Revoked)
	if err != nil {
		return n, err
	}
	n.Registered, n.Contact, n.HeartbeatAt = instant(registered), instant(contact), instant(heartbeatAt)
	if heartbeat.Valid {
		n.Heartbeat = &protocol.Heartbeat{}
		err = json.Unmarshal([]byte(heartbeat.String), n.Heartbeat)
	}
	return n, err
}

func tokenRow(nodeID string) string { return "node token " + nodeID }

func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// nodesOf are the nodes of a gateway that may work, by name.
func nodesOf(ctx context.Context, q querier, gateway string) ([]node, error) {
	return collect(ctx, q, scanNode, "SELECT "+nodeColumns+" FROM nodes WHERE gateway = ? AND revoked = '' ORDER BY name, id", gateway)
}

// errUnknownNode is what a caller with a token that is not, or no longer, valid is told, with HTTP status 401.
func errUnknownNode(why string) error {
	if why == "" {
		why = "the gateway was removed, or the node was unregistered"
	}
	return fault.New(fault.NotRegistered, "this node is not registered any more: %s", why).
		Try("Register the gateway again with its present key.")
}

// nodeByToken finds the node that a bearer token belongs to. Looking up by hash leaks nothing through time.
func nodeByToken(ctx context.Context, q querier, token string) (node, error) {
	n, err := scanNode(q.QueryRowContext(ctx, "SELECT "+nodeColumns+" FROM nodes WHERE token_hash = ?", tokenHash(token)).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return n, errUnknownNode("")
	case err != nil:
		return n, err
	case n.Revoked != "":
		return n, errUnknownNode(n.Revoked)
	}
	return n, nil
}

// nodeNamed finds a gateway's node by its name.
func nodeNamed(ctx context.Context, q querier, gateway, name string) (node, error) {
	n, err := scanNode(q.QueryRowContext(ctx, "SELECT "+nodeColumns+" FROM nodes WHERE gateway = ? AND name = ? AND revoked = ''", gateway, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return n, fault.New(fault.NotFound, "the gateway has no node %q", name).At(name)
	}
	return n, err
}

// Statuses of gateways and nodes, as Data Factory spells them.
const (
	statusNeedRegistration = "NeedRegistration"
	statusOnline           = "Online"
	statusLimited          = "Limited"
	statusOffline          = "Offline"
	statusUpgrading        = "Upgrading"
	statusInitializing     = "Initializing"
)

// status derives how a node is from what it said last, and from how long it has been silent: three heartbeats.
func (n node) status(heartbeat time.Duration, now time.Time) (status, reason string) {
	silent := now.Sub(n.Contact)
	switch {
	case silent > 3*heartbeat:
		return statusOffline, fmt.Sprintf("it has not been heard of for %s", silent.Round(time.Second))
	case n.Heartbeat == nil:
		return statusInitializing, "it has registered and not yet reported"
	}
	// The states of engine.State.
	switch n.Heartbeat.State {
	case "Updating":
		return statusUpgrading, n.Heartbeat.Reason
	case "Stopped", "Disconnected", "NeedRegistration":
		return statusOffline, n.Heartbeat.Reason
	case "Limited":
		return statusLimited, n.Heartbeat.Reason
	case "Draining":
		return statusLimited, "it takes no new jobs"
	}
	return statusOnline, ""
}

// gatewayStatus derives how a gateway is from its nodes: the best of them decides.
func gatewayStatus(nodes []wire.Node) (status, reason string) {
	if len(nodes) == 0 {
		return statusNeedRegistration, "no node has registered with its key"
	}
	for _, want := range []string{statusOnline, statusLimited, statusUpgrading, statusInitializing} {
		for _, n := range nodes {
			if n.Status != want {
				continue
			}
			if want == statusInitializing {
				return statusOffline, n.Reason // a gateway has no such state
			}
			return want, n.Reason
		}
	}
	return statusOffline, nodes[0].Reason
}

func (f *Factory) wireNode(n node, now time.Time) wire.Node {
	status, reason := n.status(f.o.Heartbeat, now)
	w := wire.Node{
		NodeName: n.Name, MachineName: n.Name, NodeID: n.ID, Status: status, Reason: reason, Version: n.Version, VersionStatus: "None",
		Capabilities: map[string]string{"serviceBusConnected": "True"}, RegisterTime: n.Registered, LastConnectTime: n.Contact,
	}
	if h := n.Heartbeat; h != nil {
		w.Version = h.Version
		w.ConcurrentJobsLimit, w.MaxConcurrentJobs, w.ConcurrentJobsRunning = h.Limit, h.Limit, h.Running
		w.AvailableMemoryInMB, w.CPUUtilization = h.Memory>>20, h.CPU
		tellUpdate(&w, h.Update)
	}
	if status == statusOffline {
		w.ConcurrentJobsRunning, w.CPUUtilization = 0, 0
		w.Capabilities["serviceBusConnected"] = "False"
	}
	return w
}

// runtimeStatus is everything that a person can know about a gateway.
func (f *Factory) runtimeStatus(ctx context.Context, g gateway, now time.Time) (wire.RuntimeStatus, error) {
	nodes, err := nodesOf(ctx, f.db, g.ID)
	if err != nil {
		return wire.RuntimeStatus{}, err
	}
	d := wire.RuntimeStatusDetail{
		CreateTime: g.Created, TaskQueueID: jobQueue(g.ID), VersionStatus: "None", AutoUpdate: "Off",
		Capabilities: map[string]string{}, ServiceURLs: []string{}, Nodes: []wire.Node{},
	}
	if url := f.address(); url != "" {
		d.ServiceURLs = []string{url}
	}
	for _, n := range nodes {
		d.Nodes = append(d.Nodes, f.wireNode(n, now))
	}
	if len(d.Nodes) > 0 {
		first := d.Nodes[0]
		d.Version, d.Capabilities, d.VersionStatus = first.Version, first.Capabilities, first.VersionStatus
		d.ScheduledUpdateDate = first.ScheduledUpdateDate
		if first.AutoUpdate {
			d.AutoUpdate = "On"
		}
	}
	state, reason := gatewayStatus(d.Nodes)
	return wire.RuntimeStatus{Name: g.Name, Properties: wire.RuntimeStatusProperties{
		Type: "SelfHosted", DataFactoryName: f.name, State: state, Reason: reason, Description: g.Description, GatewayID: g.ID, TypeProperties: d,
	}}, nil
}
