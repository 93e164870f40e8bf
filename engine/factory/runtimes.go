package factory

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// armRuntime answers /integrationRuntimes: logical gateways are self-hosted integration runtimes.
func (f *Factory) armRuntime(c armCall) error {
	switch len(c.rest) {
	case 1:
		return only(http.MethodGet, c, f.listRuntimes)
	case 2:
		switch c.r.Method {
		case http.MethodGet:
			return f.getRuntime(c)
		case http.MethodPut:
			return f.putRuntime(c)
		case http.MethodDelete:
			return gone(c, f.removeGateway(c.r.Context(), c.rest[1]))
		}
		return errMethod(c.r)
	case 3:
		if h := f.runtimeAction(strings.ToLower(c.rest[2])); h != nil {
			return only(http.MethodPost, c, h)
		}
	case 4:
		if strings.EqualFold(c.rest[2], "nodes") {
			return f.armNode(c)
		}
	}
	return errNoPath(c.r)
}

func (f *Factory) runtimeAction(name string) func(armCall) error {
	return map[string]func(armCall) error{
		"getstatus": f.getStatus, "monitoringdata": f.monitoringData, "listauthkeys": f.listAuthKeys, "regenerateauthkey": f.regenerateAuthKey,
	}[name]
}

func (c armCall) runtime(g gateway) wire.Resource {
	properties, err := json.Marshal(wire.Runtime{Type: "SelfHosted", Description: g.Description})
	if err != nil {
		panic(err) // two texts always marshal
	}
	return wire.Resource{
		ID: c.base + "/integrationruntimes/" + g.Name, Name: g.Name, Type: armType + "/integrationruntimes", ETag: g.etag(), Properties: properties,
	}
}

func (f *Factory) listRuntimes(c armCall) error {
	all, err := f.gateways(c.r.Context())
	if err != nil {
		return err
	}
	list := wire.List[wire.Resource]{Value: []wire.Resource{}}
	for _, g := range all {
		list.Value = append(list.Value, c.runtime(g))
	}
	return writeJSON(c.w, http.StatusOK, list)
}

func (f *Factory) getRuntime(c armCall) error {
	g, err := gatewayNamed(c.r.Context(), f.db, c.rest[1])
	if err != nil || unchanged(c, g.etag()) {
		return err
	}
	return writeJSON(c.w, http.StatusOK, c.runtime(g))
}

// putRuntime creates a gateway or changes its description.
func (f *Factory) putRuntime(c armCall) error {
	name := c.rest[1]
	if !runtimeName.MatchString(name) {
		return fault.New(fault.BadInput, "%q is no name for a gateway", name).At("$.name").
			Try("Use 1 to 63 letters, digits and hyphens, beginning and ending with a letter or digit.")
	}
	description, err := readRuntime(c.r, name)
	if err != nil {
		return err
	}
	ctx, now := c.r.Context(), time.Now()
	var g gateway
	err = f.inTx(ctx, func(tx *sql.Tx) error {
		var err error
		g, err = gatewayNamed(ctx, tx, name)
		if fault.Is(err, fault.NotFound) {
			if err := preconditions(c.r, ""); err != nil {
				return err
			}
			g, err = f.newGateway(ctx, tx, name, description, now)
			return err
		}
		if err != nil {
			return err
		}
		if err := preconditions(c.r, g.etag()); err != nil {
			return err
		}
		g.Description, g.Changed = description, now
		_, err = tx.ExecContext(ctx, "UPDATE gateways SET description = ?, changed = ? WHERE id = ?", description, micros(now), g.ID)
		return err
	})
	if err != nil {
		return err
	}
	if err := f.grantAll(ctx); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, c.runtime(g))
}

func readRuntime(r *http.Request, name string) (description string, err error) {
	body, err := readBody(r)
	if err != nil {
		return "", err
	}
	properties, err := propertiesOf(body, name)
	if err != nil {
		return "", err
	}
	o, err := props.Parse(properties, "$.properties")
	if err != nil {
		return "", err
	}
	if t := o.Required("type"); t != "" && !strings.EqualFold(t, "SelfHosted") {
		o.Problem(fault.Unsupported, "type", "integration runtimes of type %q are not supported; known: SelfHosted", t)
	}
	description = o.String("description")
	if tp := o.Object("typeProperties"); tp != nil {
		tp.Refuse("linkedInfo", "shared integration runtimes are not supported")
		if tp.Bool("selfContainedInteractiveAuthoringEnabled", false) {
			tp.Problem(fault.Unsupported, "selfContainedInteractiveAuthoringEnabled", "interactive authoring is not supported")
		}
	}
	return description, o.Err()
}

func (f *Factory) getStatus(c armCall) error {
	g, err := gatewayNamed(c.r.Context(), f.db, c.rest[1])
	if err != nil {
		return err
	}
	s, err := f.runtimeStatus(c.r.Context(), g, time.Now())
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, s)
}

func (f *Factory) monitoringData(c armCall) error {
	g, err := gatewayNamed(c.r.Context(), f.db, c.rest[1])
	if err != nil {
		return err
	}
	s, err := f.runtimeStatus(c.r.Context(), g, time.Now())
	if err != nil {
		return err
	}
	m := wire.Monitoring{Name: g.Name, Nodes: []wire.NodeMonitoring{}}
	for _, n := range s.Properties.TypeProperties.Nodes {
		m.Nodes = append(m.Nodes, wire.NodeMonitoring{
			NodeName: n.NodeName, AvailableMemoryInMB: n.AvailableMemoryInMB, CPUUtilization: int(n.CPUUtilization + 0.5),
			ConcurrentJobsLimit: n.ConcurrentJobsLimit, ConcurrentJobsRunning: n.ConcurrentJobsRunning, MaxConcurrentJobs: n.MaxConcurrentJobs,
		})
	}
	return writeJSON(c.w, http.StatusOK, m)
}

func (f *Factory) listAuthKeys(c armCall) error {
	g, err := gatewayNamed(c.r.Context(), f.db, c.rest[1])
	if err != nil {
		return err
	}
	return f.writeKey(c, g)
}

func (f *Factory) writeKey(c armCall, g gateway) error {
	key, err := f.key(g)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, wire.AuthKeys{AuthKey1: key})
}

func (f *Factory) regenerateAuthKey(c armCall) error {
	var in wire.RegenerateKey
	if err := readJSON(c.r, &in); err != nil {
		return err
	}
	if in.KeyName != "" && !strings.EqualFold(in.KeyName, "authKey1") {
		return fault.New(fault.Unsupported, "there is no key %q: a gateway has one key, authKey1", in.KeyName).At("$.keyName")
	}
	g, err := f.recreateKey(c.r.Context(), c.rest[1])
	if err != nil {
		return err
	}
	return f.writeKey(c, g)
}

// armNode answers /integrationRuntimes/GATEWAY/nodes/NODE.
func (f *Factory) armNode(c armCall) error {
	ctx := c.r.Context()
	g, err := gatewayNamed(ctx, f.db, c.rest[1])
	if err != nil {
		return err
	}
	switch c.r.Method {
	case http.MethodGet:
		n, err := nodeNamed(ctx, f.db, g.ID, c.rest[3])
		if err != nil {
			return err
		}
		return writeJSON(c.w, http.StatusOK, f.wireNode(n, time.Now()))
	case http.MethodDelete:
		return gone(c, f.removeNode(ctx, g.ID, c.rest[3]))
	}
	return errMethod(c.r)
}

// errRemoved is why the runs of a removed gateway failed.
func errRemoved(name string) error {
	return fault.New(fault.NotFound, "gateway %s was removed", name).At(name)
}

// pipelineRun finds a pipeline run by its ID.
func (f *Factory) pipelineRun(ctx context.Context, q querier, id string) (pipelineRun, error) {
	list, err := collect(ctx, q, scanPipelineRun, "SELECT "+pipelineRunColumns+" FROM pipeline_runs WHERE id = ?", id)
	if err != nil {
		return pipelineRun{}, err
	}
	if len(list) == 0 {
		return pipelineRun{}, fault.New(fault.NotFound, "there is no pipeline run %s", id).At(id).Try("List the runs with `dmgcmd factory runs`.")
	}
	return list[0], nil
}
