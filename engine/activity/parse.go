package activity

import (
	"slices"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// defaultRetryInterval is Data Factory's pause between two tries of an activity.
const defaultRetryInterval = 30 * time.Second

// Parse reads a bundle {"linkedServices":[…],"datasets":[…],"activity":{…}}, v1 and v2 shapes mixed freely, and gives
// the one copy that it describes. Nothing is opened. Everything that is wrong or not supported is in the error, each
// with its JSON path. Expressions must have been filled in before, by [Expand].
func Parse(bundle []byte, stores *store.Registry, formats *format.Registry, options ...Option) (*Job, error) {
	root, err := props.Parse(bundle, "$")
	if err != nil {
		return nil, err
	}
	p := &parser{root: root, stores: stores, formats: formats, used: map[*props.Object]bool{}, job: &Job{}}
	for _, o := range options {
		o(p.job)
	}
	p.linked = p.index("linkedServices")
	p.datasets = p.index("datasets")
	root.Ignore("parameters")
	p.job.Slice = root.String("slice")
	if !root.Has("activity") {
		root.Problem(fault.BadInput, "activity", "the Copy activity is missing")
	}
	if a := root.Object("activity"); a != nil {
		p.activity(a)
	}
	p.leaveUnused()
	if err := root.Err(); err != nil {
		return nil, err
	}
	for _, w := range root.Warnings() { // an object that two ends share is decoded twice
		if !slices.Contains(p.job.Warnings, w) {
			p.job.Warnings = append(p.job.Warnings, w)
		}
	}
	return p.job, nil
}

// parser holds a bundle while it is turned into a job.
type parser struct {
	root     *props.Object
	stores   *store.Registry
	formats  *format.Registry
	linked   map[string]*props.Object // by lower-case name
	datasets map[string]*props.Object
	used     map[*props.Object]bool // linked services and datasets that the activity refers to
	job      *Job

	nestedSource, nestedSink *format.Nested // what the mapping says of hierarchical data, nil where nothing
}

// index reads the names of linked services or datasets.
func (p *parser) index(list string) map[string]*props.Object {
	found := map[string]*props.Object{}
	for _, o := range p.root.Objects(list) {
		name := o.Required("name")
		key := strings.ToLower(name)
		if name == "" {
			continue
		}
		if found[key] != nil {
			o.Problem(fault.Conflict, "name", "%q is there twice", name)
			continue
		}
		found[key] = o
	}
	return found
}

// leaveUnused keeps objects that the activity does not refer to from being reported as unread.
func (p *parser) leaveUnused() {
	for _, list := range []string{"linkedServices", "datasets"} {
		for _, o := range p.root.Objects(list) {
			if !p.used[o] {
				o.IgnoreAll()
			}
		}
	}
}

// activity reads the Copy activity.
func (p *parser) activity(a *props.Object) {
	p.job.Name = a.Required("name")
	if t := a.String("type"); !strings.EqualFold(t, "Copy") {
		a.Problem(fault.Unsupported, "type", "activities of type %q are not supported; known: Copy", t)
	}
	a.Ignore("description", "dependsOn", "userProperties", "scheduler", "onInactiveMarkAs")
	if s := a.Enum("state", "Active", "Active", "Inactive"); s == "Inactive" {
		a.Problem(fault.Unsupported, "state", "the activity is inactive")
	}
	a.Refuse("linkedServiceName", "a Copy activity runs where its gateway is; remove the property")
	p.policy(a.Object("policy"))

	tp := need(a, "typeProperties")
	if tp == nil {
		return
	}
	p.common(tp)
	source, sink := need(tp, "source"), need(tp, "sink")
	in, out := p.endpoint(a, "inputs"), p.endpoint(a, "outputs")
	if t := tp.Object("translator"); t != nil {
		p.job.Mapping = p.translator(t)
		p.job.Conversion = conversion(t)
	}
	if in != nil && source != nil {
		p.source(in, source)
	}
	if out != nil && sink != nil {
		p.sink(out, sink)
	}
	if in == nil || out == nil || source == nil || sink == nil || in.failed || out.failed {
		tp.Ignore("validateDataConsistency")
		tp.Object("skipErrorFile").IgnoreAll()
		unsaid(in, source)
		unsaid(out, sink)
		return
	}
	p.bothSides(tp, in, out)
	p.readBack(tp, out, sink)
	p.flat(tp.Object("translator"))
	p.limit(source, sink)
}

// unsaid leaves what follows from an end that failed.
func unsaid(e *endpoint, o *props.Object) {
	if e == nil || e.failed {
		o.IgnoreAll()
	}
	if e != nil && e.failed {
		e.typeProps.IgnoreAll()
		e.linked.IgnoreAll()
	}
}

// policy reads the activity's policy in either shape.
func (p *parser) policy(o *props.Object) {
	p.job.RetryInterval = defaultRetryInterval
	p.job.Timeout = o.Duration("timeout", 0)
	p.job.Retry = int(o.IntIn("retry", 0, 0, 1000))
	p.job.RetryInterval = time.Duration(o.IntIn("retryIntervalInSeconds", int64(defaultRetryInterval/time.Second), 0, 86400)) * time.Second
	if long := o.IntIn("longRetry", 1, 0, 10); long > 1 {
		p.job.Retry = max(p.job.Retry, 1) * int(long)
		o.Warn("longRetry", "long retries are made as ordinary ones, without longRetryInterval")
	}
	o.Ignore("longRetryInterval", "concurrency", "executionPriorityOrder", "style", "secureInput", "secureOutput")
	if o.Duration("delay", 0) != 0 {
		o.Warn("delay", "has no effect here")
	}
}

// mostCopies is how many copies run at once at most, as in Data Factory.
const mostCopies = 32

// common reads what belongs to the copy as a whole.
func (p *parser) common(tp *props.Object) {
	if p.job.Parallel = int(tp.IntIn("parallelCopies", 0, 0, 256)); p.job.Parallel > mostCopies {
		tp.Warn("parallelCopies", "%d copies run at once, which is the most", mostCopies)
		p.job.Parallel = mostCopies
	}
	for _, name := range []string{"cloudDataMovementUnits", "dataIntegrationUnits"} {
		tp.Warn(name, "applies only between cloud stores and has no effect here")
	}
	tp.Warn("executionLocation", "has no effect here: the copy runs on the gateway")
	p.faults(tp)
	p.staging(tp)
	unlessEmpty(tp, "preserve", "attributes and access lists of files cannot be preserved")
	unlessEmpty(tp, "preserveRules", "attributes and access lists of files cannot be preserved")
}

// refuseTrue accepts a boolean that says false.
func refuseTrue(o *props.Object, name, why string) {
	if o.Bool(name, false) {
		o.Problem(fault.Unsupported, name, "%s", why)
	}
}

// unlessEmpty refuses an object or array that says something.
func unlessEmpty(o *props.Object, name, why string) {
	raw := strings.Join(strings.Fields(string(o.Raw(name))), "")
	if raw != "" && raw != "{}" && raw != "[]" {
		o.Problem(fault.Unsupported, name, "%s", why)
	}
}

// limit keeps parallel copies within the connections that source and sink may have. Where parallelCopies is left to
// the engine, only small limits need to be said: its own choice stays below larger ones.
func (p *parser) limit(ends ...*props.Object) {
	const small = 8
	for _, o := range ends {
		for _, at := range []*props.Object{o, o.Object("storeSettings")} {
			n := int(at.IntIn("maxConcurrentConnections", 0, 0, 10_000))
			if n == 0 {
				continue
			}
			if p.job.Parallel > n || (p.job.Parallel == 0 && n < small) {
				p.job.Parallel = n
			}
		}
	}
}

// bothSides checks what only both ends together can tell.
func (p *parser) bothSides(tp *props.Object, in, out *endpoint) {
	from, to := p.job.Source.Files, p.job.Sink.Files
	fromBinary, toBinary := from != nil && from.Format == nil, to != nil && to.Format == nil
	p.skipFiles(tp, fromBinary && toBinary)
	const hint = "a copy without format moves files as they are, so both sides must be files without format"
	switch {
	case fromBinary && !toBinary:
		in.dataset.Problem(fault.BadInput, "properties", "the source has no format but the sink needs rows; give the dataset a format (%s)", hint)
	case toBinary && !fromBinary:
		out.dataset.Problem(fault.BadInput, "properties", "the sink has no format but the source gives rows; give the dataset a format (%s)", hint)
	case fromBinary && p.job.Staging != nil:
		tp.Problem(fault.Unsupported, "enableStaging", "files that are copied as they are have no use for a stage; copy them to the other store and from there by two activities")
	case p.job.Skip != nil && p.job.Staging != nil:
		tp.Problem(fault.Unsupported, "enableSkipIncompatibleRow", "a staged copy cannot leave out rows; remove enableStaging, which the gateway never needs")
	case fromBinary && tp.Has("translator"):
		tp.Problem(fault.BadInput, "translator", "a copy without format has no columns to map")
	}
	if from != nil && to != nil && to.Prefix != "" && to.MaxRowsPerFile > 0 && to.Behavior != MergeFiles {
		tp.Object("sink").Object("formatSettings").Warn("fileNamePrefix", "has no effect because the files are named after those of the source")
	}
	if from != nil && from.DeleteAfter && !fromBinary {
		p.job.Source.Files.DeleteAfter = false
		tp.Object("source").Object("storeSettings").Problem(fault.Unsupported, "deleteFilesAfterCompletion", "files are deleted only after a copy without format")
	}
}
