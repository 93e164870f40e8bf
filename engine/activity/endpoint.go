package activity

import (
	"encoding/json"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// endpoint is one end of the copy: a dataset and its linked service, not yet decoded.
type endpoint struct {
	dataset     *props.Object // the whole dataset, for problems that have no better place
	datasetType string
	typeProps   *props.Object // the dataset's typeProperties
	linkedName  string
	linked      *props.Object // the linked service's typeProperties
	def         *store.Definition
	columns     columns
	object      string // for people: table, folder or file
	failed      bool   // something was refused already: what follows from it is not worth saying
}

// endpoint follows the first entry of inputs or outputs to its dataset and linked service; nil where that fails, which
// is reported.
func (p *parser) endpoint(a *props.Object, list string) *endpoint {
	refs := a.Objects(list)
	if len(refs) == 0 {
		a.Problem(fault.BadInput, list, "one dataset is needed")
		return nil
	}
	v2 := refs[0].Has("referenceName")
	for _, r := range refs[1:] {
		r.IgnoreAll()
		if v2 || list == "outputs" {
			r.Problem(fault.Unsupported, "", "a Copy activity has exactly one dataset in %s", list)
		}
	}
	name := reference(refs[0], "DatasetReference")
	dataset := p.datasets[strings.ToLower(name)]
	if dataset == nil {
		if name != "" {
			refs[0].Problem(fault.NotFound, nameOf(refs[0]), "there is no dataset %q", name)
		}
		return nil
	}
	return p.follow(dataset)
}

func nameOf(ref *props.Object) string {
	if ref.Has("referenceName") {
		return "referenceName"
	}
	return "name"
}

// reference reads {"name"} or {"referenceName","type","parameters"}.
func reference(o *props.Object, typ string) string {
	o.Ignore("parameters")
	if !o.Has("referenceName") {
		return o.Required("name")
	}
	o.Ignore("name")
	o.Enum("type", typ, typ)
	return o.Required("referenceName")
}

// follow reads a dataset's envelope and finds its linked service and store.
func (p *parser) follow(dataset *props.Object) *endpoint {
	e := &endpoint{dataset: dataset}
	p.used[dataset] = true
	dataset.Ignore("id", "type", "etag", "$schema")
	pr := need(dataset, "properties")
	if pr == nil {
		return nil
	}
	e.datasetType = pr.Required("type")
	pr.Ignore("availability", "policy", "external", "published", "description", "annotations", "folder", "parameters")
	e.typeProps = pr.Object("typeProperties")
	e.object = objectName(pr.Peek("typeProperties"))

	linked := p.linkedOf(pr)
	if linked == nil {
		pr.IgnoreAll()
		return nil
	}
	p.used[linked] = true
	e.linkedName = linked.String("name")
	linked.Ignore("id", "type", "etag", "$schema")
	if !p.service(e, linked) {
		pr.IgnoreAll()
		return nil
	}
	e.columns = readColumns(pr, e.def.Files != nil)
	return e
}

func need(o *props.Object, name string) *props.Object {
	if !o.Has(name) {
		o.Problem(fault.BadInput, name, "the property is missing")
	}
	return o.Object(name)
}

// linkedOf finds the linked service that a dataset names, as a text (v1) or a reference (v2).
func (p *parser) linkedOf(pr *props.Object) *props.Object {
	var name string
	at, place := pr, "linkedServiceName"
	if raw := pr.Peek("linkedServiceName"); len(raw) > 0 && raw[0] == '{' {
		at = pr.Object("linkedServiceName")
		place = nameOf(at)
		name = reference(at, "LinkedServiceReference")
	} else {
		name = pr.Required("linkedServiceName")
	}
	linked := p.linked[strings.ToLower(name)]
	if linked == nil && name != "" {
		at.Problem(fault.NotFound, place, "there is no linked service %q", name)
	}
	return linked
}

// service reads a linked service's properties and finds its store.
func (p *parser) service(e *endpoint, linked *props.Object) bool {
	pr := need(linked, "properties")
	if pr == nil {
		return false
	}
	pr.Ignore("description", "annotations", "connectVia", "hubName", "parameters", "version")
	typ := pr.Required("type")
	if typ == "" {
		return false
	}
	def := p.stores.LinkedService(typ)
	if def == nil {
		pr.Ignore("typeProperties")
		pr.Problem(fault.Unsupported, "type", "linked services of type %q are not supported; known: %s", typ, linkedServiceTypes(p.stores))
		return false
	}
	e.def = def
	e.linked = serviceProps(pr)
	return true
}

// serviceProps gives a linked service's typeProperties without what only the factory needs.
func serviceProps(pr *props.Object) *props.Object {
	tp := need(pr, "typeProperties")
	tp.Ignore("gatewayName")
	tp.Refuse("encryptedCredential", "the credential is sealed and was not opened; only the gateway it was sealed for can open it")
	return tp
}

func linkedServiceTypes(stores *store.Registry) string {
	var types []string
	for _, d := range stores.All() {
		types = append(types, d.LinkedServices...)
	}
	return strings.Join(types, ", ")
}

// oneOf finds a type name without regard to case and gives its proper spelling. The first templates of v2 wrote
// "…ReadSetting" and "…WriteSetting".
func oneOf(typ string, known []string) (string, bool) {
	old := strings.HasSuffix(strings.ToLower(typ), "setting")
	for _, k := range known {
		if strings.EqualFold(k, typ) || old && strings.EqualFold(k, typ+"s") {
			return k, true
		}
	}
	return "", false
}

// source decodes the reading end.
func (p *parser) source(e *endpoint, o *props.Object) {
	typ := o.Required("type")
	p.job.Source = Source{Type: typ, Store: e.def.Name, Title: e.def.Title, Object: e.object, LinkedService: e.linkedName}
	o.Ignore("disableMetricsCollection")
	retries(o, "sourceRetryCount", "sourceRetryWait")
	p.job.Source.Additional = additional(o)
	p.job.Source.Watermark = watermark(o, e.def.Files != nil)
	if e.def.Files != nil {
		p.fileSource(e, o, typ)
		return
	}
	p.job.Source.Structure = e.columns.v1
	if !e.tableTypes(o, typ, e.def.Sources) {
		return
	}
	if e.def.Source == nil {
		e.refuse(o, "%s cannot be a source", e.def.Title)
		return
	}
	p.job.Source.Open = e.def.Source(store.Spec{LinkedService: e.linked, Dataset: e.typeProps, Activity: o, Structure: e.columns.v1})
}

// sink decodes the writing end.
func (p *parser) sink(e *endpoint, o *props.Object) {
	typ := o.Required("type")
	p.job.Sink = Sink{Type: typ, Store: e.def.Name, Title: e.def.Title, Object: e.object, LinkedService: e.linkedName}
	o.Ignore("disableMetricsCollection")
	retries(o, "sinkRetryCount", "sinkRetryWait")
	if e.def.Files != nil {
		p.fileSink(e, o, typ)
		return
	}
	p.job.Sink.Structure, p.job.Sink.EmptyIsNull = e.columns.v1, e.def.EmptyIsNull
	if !e.tableTypes(o, typ, e.def.Sinks) {
		return
	}
	if e.def.Sink == nil {
		e.refuse(o, "%s cannot be a sink", e.def.Title)
		return
	}
	p.job.Sink.Open = e.def.Sink(store.Spec{LinkedService: e.linked, Dataset: e.typeProps, Activity: o, Structure: e.columns.v1})
}

// tableTypes checks that dataset and source or sink belong to the linked service's store.
func (e *endpoint) tableTypes(o *props.Object, typ string, known []string) bool {
	if _, ok := oneOf(e.datasetType, e.def.Datasets); !ok {
		e.failed = true
		e.dataset.Object("properties").Problem(fault.Unsupported, "type", "datasets of type %q do not belong to %s; known: %s", e.datasetType, e.def.Title, strings.Join(e.def.Datasets, ", "))
	}
	if _, ok := oneOf(typ, known); !ok && typ != "" {
		e.refuse(o, "%q does not belong to %s; known: %s", typ, e.def.Title, strings.Join(known, ", "))
	}
	return !e.failed
}

// refuse reports the type of a source or sink. What follows from that is not worth saying.
func (e *endpoint) refuse(o *props.Object, format string, args ...any) {
	e.failed = true
	o.Problem(fault.Unsupported, "type", format, args...)
}

func retries(o *props.Object, count, wait string) {
	if o.Int(count, 0) != 0 {
		o.Warn(count, "has no effect: the gateway itself decides what is worth retrying")
	}
	o.Duration(wait, 0) // a text that is no time span is a mistake all the same
}

// watermark reads {"watermark": {"column": "…", "name": "…"}}.
func watermark(o *props.Object, files bool) *Watermark {
	if !o.Has("watermark") {
		return nil
	}
	w := o.Object("watermark")
	if files {
		o.Problem(fault.Unsupported, "watermark", "files have no watermark; select new ones by modifiedDatetimeStart and modifiedDatetimeEnd")
		w.IgnoreAll()
		return nil
	}
	return &Watermark{Column: w.Required("column"), Name: w.String("name")}
}

// additional reads additionalColumns.
func additional(o *props.Object) []Additional {
	var list []Additional
	for _, c := range o.Objects("additionalColumns") {
		a := Additional{Name: c.Required("name")}
		value := c.String("value")
		if !c.Has("value") {
			c.Problem(fault.BadInput, "value", "the property is missing: a text, $$FILEPATH, or $$COLUMN: and a column's name")
		}
		switch {
		case strings.EqualFold(value, "$$FILEPATH"):
			a.FilePath = true
		case len(value) > 9 && strings.EqualFold(value[:9], "$$COLUMN:"):
			a.Copy = value[9:]
		default:
			a.Value = value
		}
		list = append(list, a)
	}
	return list
}

// objectName is what a dataset's typeProperties point at, for people. It reads the JSON aside from props, so that it
// does not count as reading the properties.
func objectName(raw json.RawMessage) string {
	var m map[string]any
	if json.Unmarshal(raw, &m) != nil {
		return ""
	}
	text := func(m map[string]any, names ...string) string {
		for _, want := range names {
			for name, v := range m {
				if s, ok := v.(string); ok && strings.EqualFold(name, want) {
					return s
				}
			}
		}
		return ""
	}
	if t := text(m, "table"); t != "" {
		if s := text(m, "schema"); s != "" {
			return s + "." + t
		}
		return t
	}
	if t := text(m, "tableName"); t != "" {
		return t
	}
	for name, v := range m {
		if l, ok := v.(map[string]any); ok && strings.EqualFold(name, "location") {
			m = l
			break
		}
	}
	return joinPath(text(m, "container", "fileSystem"), slashed(text(m, "folderPath")), text(m, "fileName", "fileFilter"))
}

// columns are a dataset's columns, as far as it names any.
type columns struct {
	v1       batch.Schema // structure only: v2's schema describes what a store knows better itself
	schema   batch.Schema // structure, else v2's schema
	cultures []string
	formats  []string
}
