package factory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// check refuses what is not supported, with its JSON path, and what refers to something that is not there. It returns the
// properties as they are to be kept: with secrets sealed.
func (f *Factory) check(ctx context.Context, q querier, k kind, name string, properties json.RawMessage) (json.RawMessage, error) {
	switch k {
	case kindLinkedService:
		return f.checkLinkedService(ctx, q, name, properties)
	case kindDataset:
		return properties, f.checkDataset(ctx, q, properties)
	}
	return properties, f.checkPipeline(ctx, q, name, properties)
}

func document(name string, properties json.RawMessage) ([]byte, error) {
	return resource{Name: name, Properties: properties}.document()
}

func (f *Factory) checkLinkedService(ctx context.Context, q querier, name string, properties json.RawMessage) (json.RawMessage, error) {
	ls := readLinkedService(properties)
	if f.o.Stores.LinkedService(ls.Type) == nil {
		return nil, fault.New(fault.Unsupported, "linked services of type %q are not supported; known: %s", ls.Type, f.linkedServiceTypes()).At("$.properties.type")
	}
	if via := ls.ConnectVia.ReferenceName; via != "" && ls.gateway() != via {
		return nil, fault.New(fault.BadInput, "connectVia names gateway %q and gatewayName %q", via, ls.gateway()).At("$.properties.connectVia")
	}
	if g := ls.gateway(); g != "" {
		if _, err := gatewayNamed(ctx, q, g); err != nil {
			return nil, err
		}
	}
	doc, err := document(name, properties)
	if err != nil {
		return nil, err
	}
	// A sealed credential hides what the store needs, and parameters are filled in only when it runs: the run checks those.
	if !ls.sealed() && len(ls.Parameters) == 0 && !refersToSecrets(doc) {
		if _, err := activity.ParseLinkedService(doc, f.o.Stores); err != nil && !f.awaitsCredential(doc) {
			return nil, err
		}
	}
	return f.seal(name, properties)
}

func (f *Factory) linkedServiceTypes() string {
	var names []string
	for _, d := range f.o.Stores.All() {
		names = append(names, d.LinkedServices...)
	}
	return strings.Join(names, ", ")
}

func (f *Factory) checkDataset(ctx context.Context, q querier, properties json.RawMessage) error {
	o, err := props.Parse(properties, "$.properties")
	if err != nil {
		return err
	}
	typ := o.Required("type")
	if typ != "" && len(f.o.Stores.Dataset(typ)) == 0 && !f.formatDataset(typ) {
		o.Problem(fault.Unsupported, "type", "datasets of type %q are not supported", typ)
	}
	refs := references(kindDataset, properties)
	if len(refs) == 0 {
		o.Problem(fault.BadInput, "linkedServiceName", "the property is missing")
	}
	o.Ignore(o.Names()...)
	if tp := o.Object("typeProperties"); tp != nil {
		tp.Ignore(tp.Names()...) // decoded with the activity that uses it
	}
	if err := o.Err(); err != nil {
		return err
	}
	if _, err := getResource(ctx, q, kindLinkedService, refs[0]); err != nil {
		return atPath(err, "$.properties.linkedServiceName")
	}
	return nil
}

// formatDataset reports whether a dataset of the type is files in some format, or files as they are.
func (f *Factory) formatDataset(typ string) bool {
	if strings.EqualFold(typ, activity.BinaryDataset) {
		return true
	}
	for _, d := range f.o.Formats.All() {
		for _, t := range d.Datasets {
			if strings.EqualFold(t, typ) {
				return true
			}
		}
	}
	return false
}

func atPath(err error, path string) error {
	e := *fault.As(err)
	e.Target = path
	return &e
}

// checkPipeline refuses a pipeline that could never run: with other than one Copy activity, or one that does not parse.
func (f *Factory) checkPipeline(ctx context.Context, q querier, name string, properties json.RawMessage) error {
	doc, err := document(name, properties)
	if err != nil {
		return err
	}
	list, err := activity.Activities(doc)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault.New(fault.BadInput, "the pipeline has no activities").At("$.properties.activities")
	}
	for i, a := range list {
		path := fmt.Sprintf("$.properties.activities[%d]", i)
		if !strings.EqualFold(a.Type, "Copy") {
			return fault.New(fault.Unsupported, "activities of type %q are not supported; known: Copy", a.Type).At(path + ".type")
		}
		if i > 0 {
			return fault.New(fault.Unsupported, "a pipeline has one activity; this is another").At(path).Try("Make a pipeline of each activity.")
		}
		if a.Name == "" {
			return fault.New(fault.BadInput, "the activity has no name").At(path + ".name")
		}
	}
	if err := checkPipelineProperties(properties); err != nil {
		return err
	}
	at := time.Now().UTC().Truncate(time.Hour)
	_, err = f.plan(ctx, q, doc, activity.Values{
		WindowStart: at, WindowEnd: at.Add(time.Hour), Parameters: map[string]any{}, RunID: "00000000-0000-0000-0000-000000000000",
		Pipeline: name, Factory: f.name, Now: at,
	})
	if needsArguments(properties) && !fault.Is(err, fault.NotFound) {
		return nil // what the expressions become is known only when it runs
	}
	return err
}

// checkPipelineProperties refuses properties of a pipeline that would be ignored; v1's schedule is taken with the window
// of each run given by hand.
func checkPipelineProperties(properties json.RawMessage) error {
	o, err := props.Parse(properties, "$.properties")
	if err != nil {
		return err
	}
	o.Ignore("activities", "parameters", "description", "annotations", "folder", "policy",
		"start", "end", "isPaused", "hubName", "pipelineMode", "expirationTime", "datasets", "id", "provisioningState", "runtimeInfo")
	if vars := o.Raw("variables"); len(vars) > 0 && string(vars) != "{}" {
		o.Refuse("variables", "pipeline variables are not supported; use parameters")
	}
	o.Refuse("concurrency", "the runs of a pipeline are not limited; remove the property")
	o.Refuse("runDimensions", "run dimensions are not supported")
	return o.Err()
}

// needsArguments reports whether a pipeline has a parameter without a default.
func needsArguments(properties json.RawMessage) bool {
	var p struct {
		Parameters map[string]struct {
			DefaultValue json.RawMessage
		}
	}
	if json.Unmarshal(properties, &p) != nil {
		return false
	}
	for _, d := range p.Parameters {
		if len(d.DefaultValue) == 0 {
			return true
		}
	}
	return false
}

// planned is a pipeline's activity, ready to be queued.
type planned struct {
	activity   string
	bundle     []byte // expressions filled in
	retry      int
	retryAfter time.Duration
	gateway    gateway
}

// plan gathers what a pipeline's Copy activity needs, fills in its expressions, checks all of it and finds the gateway.
func (f *Factory) plan(ctx context.Context, q querier, pipeline []byte, v activity.Values) (planned, error) {
	var p planned
	var failed error
	bundle, err := activity.FromPipeline(pipeline, "", lookup(ctx, q, kindDataset, &failed), lookup(ctx, q, kindLinkedService, &failed))
	if failed != nil {
		return p, failed
	}
	if err != nil {
		return p, relocate(err)
	}
	if p.bundle, err = activity.Expand(bundle, v); err != nil {
		return p, relocate(err)
	}
	opened, sealed, err := withoutSealed(p.bundle)
	if err != nil {
		return p, err
	}
	if _, err := activity.Parse(opened, f.o.Stores, f.o.Formats); err != nil {
		// What a sealed linked service lacks, only the gateway can see; and a credential may be set there later.
		if err = relocate(besides(err, append(sealed, f.awaiting(p.bundle)...))); err != nil {
			return p, err
		}
	}
	if err := p.policy(); err != nil {
		return p, err
	}
	p.gateway, err = f.gatewayOf(ctx, q, p.bundle)
	return p, err
}

// policy reads how often the activity is tried, from v2's policy or v1's, where long retries multiply the short ones.
func (p *planned) policy() error {
	var b struct{ Activity json.RawMessage }
	if err := json.Unmarshal(p.bundle, &b); err != nil {
		return err
	}
	a, err := props.Parse(b.Activity, "$.activity")
	if err != nil {
		return relocate(err)
	}
	p.activity = a.String("name")
	o := a.Object("policy")
	p.retry = int(o.IntIn("retry", 0, 0, 1000))
	p.retryAfter = time.Duration(o.IntIn("retryIntervalInSeconds", 30, 0, 86400)) * time.Second
	if long := int(o.IntIn("longRetry", 1, 0, 10)); long > 1 {
		p.retry = max(p.retry, 1) * long
	}
	return nil // problems of the policy are told by activity.Parse
}

// relocate turns paths of a bundle into those of the pipeline that it was made from.
func relocate(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	moved := *e
	const from, to = "$.activity", "$.properties.activities[0]"
	if strings.HasPrefix(e.Target, from) {
		moved.Target = to + strings.TrimPrefix(e.Target, from)
		moved.Message = strings.Replace(e.Message, "("+e.Target+")", "("+moved.Target+")", 1)
	}
	if list, ok := e.Cause.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, c := range list.Unwrap() {
			errs = append(errs, relocate(c))
		}
		moved.Cause = errors.Join(errs...)
	}
	return &moved
}
