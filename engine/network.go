package engine

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/diagnostics/network"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/store"
)

// recentJobs is how many jobs are looked through for stores in the cloud, recentStores how many of those are checked.
const (
	recentJobs   = 50
	recentStores = 8
)

// CheckNetwork tries everything that the gateway uses and calls progress as each check ends. It takes at most 15 seconds.
func (e *Engine) CheckNetwork(ctx context.Context, progress func(NetworkCheck)) (NetworkReport, error) {
	o := network.Options{Out: e.out, Local: e.localEndpoint(ctx)}
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id != nil {
		id = e.located(id)
		o.Factory = &network.Factory{Location: id.Location, Pin: id.Pin, Node: id.Node, Token: id.Token}
		o.Queue = &network.Queue{Connection: id.Connection, Jobs: id.Jobs, InProcess: e.busDialer(id) != nil}
	}
	var err error
	if o.Stores, err = e.recentStores(ctx); err != nil {
		return NetworkReport{}, err
	}
	report := network.Run(ctx, o, progress)
	e.log.Info("network checked", logging.Key, logging.NetworkChecked, "ok", report.OK, "took", report.Took, "verdict", report.Verdict())
	e.keepNetworkReport(report)
	return report, ctx.Err()
}

// localEndpoint is where the gateway's own HTTPS endpoint should listen.
func (e *Engine) localEndpoint(ctx context.Context) *network.Local {
	s, err := e.Endpoint(ctx)
	switch {
	case err != nil:
		return &network.Local{Why: fault.As(err).Error()}
	case s.Address == "" || s.State == "Off":
		return &network.Local{Why: "it is off"}
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return &network.Local{Why: "its address cannot be read"}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return &network.Local{Address: net.JoinHostPort(host, port)}
}

// recentStores are the stores in the cloud of recent jobs, each once. Signing in to one works only where its credential
// can be opened.
func (e *Engine) recentStores(ctx context.Context) ([]network.Store, error) {
	entries, err := e.journal.List(ctx, recentJobs)
	if err != nil {
		return nil, err
	}
	var list []network.Store
	seen := map[string]bool{}
	for _, entry := range entries {
		bundle, err := e.opener(entry.Job).Bundle(entry.Job.Bundle)
		why := ""
		if err != nil {
			bundle, why = entry.Job.Bundle, "the credential cannot be opened with this gateway's certificate"
		}
		var b struct{ LinkedServices []json.RawMessage }
		if json.Unmarshal(bundle, &b) != nil {
			continue
		}
		for _, text := range b.LinkedServices {
			s, ok := cloudStore(text)
			if !ok || seen[s.Name+" "+s.URL] || len(list) == recentStores {
				continue
			}
			seen[s.Name+" "+s.URL] = true
			if s.Why = why; why == "" {
				e.signInTo(&s, text)
			}
			list = append(list, s)
		}
	}
	return list, nil
}

// signInTo makes the store's own test of the connection the round trip.
func (e *Engine) signInTo(s *network.Store, linkedService []byte) {
	service, err := activity.ParseLinkedService(linkedService, e.stores)
	if err != nil || service.Test == nil {
		s.Why = "the linked service cannot be tested"
		return
	}
	s.RoundTrip = func(ctx context.Context) error {
		return service.Test(ctx, store.Env{Outbound: e.out, Log: e.log}, func(store.Stage) {})
	}
}

// cloudStore finds the address of a linked service that is reached by HTTP.
func cloudStore(linkedService []byte) (s network.Store, found bool) {
	var ls struct {
		Name       string
		Properties struct {
			Type           string
			TypeProperties map[string]json.RawMessage
		}
	}
	if json.Unmarshal(linkedService, &ls) != nil {
		return s, false
	}
	switch strings.ToLower(ls.Properties.Type) {
	case "azureblobstorage", "azurestorage", "azureblobfs", "azurestoragesas":
	default:
		return s, false
	}
	text := func(name string) string {
		for n, raw := range ls.Properties.TypeProperties {
			if strings.EqualFold(n, name) {
				var plain string
				var secure struct{ Value string }
				if json.Unmarshal(raw, &plain) == nil {
					return plain
				}
				if json.Unmarshal(raw, &secure) == nil {
					return secure.Value
				}
			}
		}
		return ""
	}
	s.Name = ls.Name
	for _, name := range []string{"serviceEndpoint", "sasUri", "containerUri", "url"} {
		if u, err := url.Parse(text(name)); err == nil && u.Host != "" {
			s.URL = u.Scheme + "://" + u.Host
			return s, true
		}
	}
	s.URL = accountURL(text("connectionString"))
	return s, s.URL != ""
}

// accountURL is where a storage account's connection string points to, "" where it does not say.
func accountURL(connection string) string {
	parts := map[string]string{}
	for part := range strings.SplitSeq(connection, ";") {
		name, value, _ := strings.Cut(part, "=")
		parts[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	if u, err := url.Parse(parts["blobendpoint"]); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	if parts["accountname"] == "" {
		return ""
	}
	scheme, suffix := parts["defaultendpointsprotocol"], parts["endpointsuffix"]
	if scheme == "" {
		scheme = "https"
	}
	if suffix == "" {
		suffix = "core.windows.net"
	}
	return scheme + "://" + parts["accountname"] + ".blob." + suffix
}
