package activity

import (
	"sort"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// translator reads the column mapping, in any of its spellings; none where there is none.
func (p *parser) translator(t *props.Object) []Mapping {
	t.Enum("type", "", "TabularTranslator")
	r := mappingReader{collection: t.String("collectionReference")}
	spellings := map[string][]Mapping{}
	for _, o := range t.Objects("mappings") {
		spellings["mappings"] = append(spellings["mappings"], r.mapping(o))
	}
	if list := columnMappings(t); list != nil {
		spellings["columnMappings"] = list
	}
	if list := r.schemaMapping(t); list != nil {
		spellings["schemaMapping"] = list
	}
	var list []Mapping
	for _, name := range []string{"mappings", "columnMappings", "schemaMapping"} {
		switch {
		case spellings[name] == nil:
		case list != nil:
			t.Problem(fault.BadInput, name, "mappings, columnMappings and schemaMapping exclude each other")
		default:
			list = distinct(t, name, spellings[name])
		}
	}
	p.nested(t, r, list)
	return list
}

// nested keeps what the mapping says of hierarchical data for the formats of both ends.
func (p *parser) nested(t *props.Object, r mappingReader, list []Mapping) {
	text := t.Bool("mapComplexValuesToString", false)
	if r.collection == "" && !text && r.sources == nil && r.sinks == nil {
		return
	}
	from := &format.Nested{Collection: r.collection, ComplexAsText: text}
	if r.collection != "" || r.sources != nil {
		for _, m := range list {
			path, ok := r.sources[m.Source]
			if !ok {
				path = "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(m.Source) + "']"
				if r.collection == "" {
					path = "$" + path
				}
			}
			from.Paths = append(from.Paths, format.ColumnPath{Column: m.Source, Path: path})
		}
	}
	p.nestedSource = from
	if r.sinks != nil {
		p.nestedSink = &format.Nested{}
		for _, m := range list {
			if path, ok := r.sinks[m.Sink]; ok {
				p.nestedSink.Paths = append(p.nestedSink.Paths, format.ColumnPath{Column: m.Sink, Path: path})
			}
		}
	}
}

// hierarchy gives a format of one end what the mapping says of nested data. Only JSON has such data; for the others
// objects and arrays are texts in any case.
func (p *parser) hierarchy(def *format.Definition, dataset *props.Object, source bool) *format.Nested {
	n := p.nestedSink
	if source {
		n = p.nestedSource
	}
	if n == nil || def.Name == "json" {
		return n
	}
	if n.Collection != "" || n.Paths != nil {
		dataset.Problem(fault.Unsupported, "", "the mapping has paths into nested data, which only JSON has; %s has columns with names", def.Title)
	}
	return nil
}

// flat refuses paths into nested data where an end is a table.
func (p *parser) flat(t *props.Object) {
	for _, end := range []struct {
		n     *format.Nested
		table bool
		title string
	}{{p.nestedSource, p.job.Source.Files == nil, p.job.Source.Title}, {p.nestedSink, p.job.Sink.Files == nil, p.job.Sink.Title}} {
		if end.n != nil && end.table && (end.n.Collection != "" || end.n.Paths != nil) {
			t.Problem(fault.Unsupported, "", "the mapping has paths into nested data, which only JSON has; a table of %s has columns with names", end.title)
		}
	}
}

// mappingReader reads mappings and remembers the paths of those columns that a name does not find.
type mappingReader struct {
	collection string
	// Columns with a path into nested data, by the name that they have in the copy, which is the path itself.
	sources, sinks map[string]string
}

// distinct reports sink columns that are written twice.
func distinct(t *props.Object, name string, list []Mapping) []Mapping {
	seen := map[string]bool{}
	for _, m := range list {
		key := m.Sink
		if key == "" {
			key = "#" + strconv.Itoa(m.SinkOrdinal)
		}
		if seen[key] {
			t.Problem(fault.BadInput, name, "the sink column %q is there twice", key)
		}
		seen[key] = true
	}
	return list
}

// mapping reads one of v2's mappings.
func (r *mappingReader) mapping(o *props.Object) (m Mapping) {
	source, sink := need(o, "source"), need(o, "sink")
	m.Source, m.SourceOrdinal = r.column(source, true)
	m.Sink, m.SinkOrdinal = r.column(sink, false)
	columnType(source)
	m.SinkType = columnType(sink)
	m.Culture, m.Format = sink.String("culture"), sink.String("format")
	for name, mine := range map[string]*string{"culture": &m.Culture, "format": &m.Format} {
		s := source.String(name)
		if *mine == "" {
			*mine = s
		} else if s != "" && s != *mine {
			source.Problem(fault.BadInput, name, "source and sink say different things")
		}
	}
	checkColumn(o, m)
	return m
}

// checkColumn reports a culture or format that no conversion of the column can use.
func checkColumn(o *props.Object, m Mapping) {
	kinds := []batch.Kind{m.SinkType.Kind}
	if m.Format != "" && m.SinkType.Kind != batch.Time && m.SinkType.Kind != batch.Duration {
		kinds = []batch.Kind{batch.Timestamp, batch.Duration} // which of the two is known when the columns are
	}
	var first error
	for _, k := range kinds {
		if k == batch.Invalid {
			k = batch.Timestamp
		}
		_, err := batch.NewParser(batch.Type{Kind: k, Unit: batch.Tick}, batch.Options{Culture: m.Culture, Format: m.Format})
		if err == nil {
			return
		}
		if first == nil {
			first = err
		}
	}
	if f := fault.As(first); f != nil {
		o.Problem(f.Code, "", "%s. %s", f.Error(), f.Hint)
	}
}

// column reads the name, path or ordinal of one side of a mapping.
func (r *mappingReader) column(o *props.Object, source bool) (name string, ordinal int) {
	if o == nil {
		return "", 0
	}
	name = o.String("name")
	ordinal = int(o.IntIn("ordinal", 0, 1, 1<<20))
	if path := o.String("path"); path != "" {
		simple, ok := simplePath(path)
		switch {
		case !ok || source && r.collection != "":
			name = r.placed(path, source)
		case name == "":
			name = simple
		case name != simple:
			o.Problem(fault.BadInput, "path", "name and path say different things")
		}
	}
	if name == "" && ordinal == 0 {
		o.Problem(fault.BadInput, "", "a column needs a name or an ordinal")
	}
	if name != "" {
		ordinal = 0 // both may be there, as the portal writes them; the name tells more
	}
	return name, ordinal
}

// placed remembers a path and gives the name that the column has in the copy.
func (r *mappingReader) placed(path string, source bool) string {
	to := &r.sinks
	if source {
		to = &r.sources
	}
	if *to == nil {
		*to = map[string]string{}
	}
	(*to)[path] = path
	return path
}

// simplePath takes "$.name", "$['name']" and "['name']".
func simplePath(p string) (string, bool) {
	rest := strings.TrimPrefix(p, "$")
	if inner, ok := strings.CutPrefix(rest, "['"); ok {
		name, ok := strings.CutSuffix(inner, "']")
		return name, ok && name != "" && !strings.ContainsAny(name, "'[]")
	}
	name := rest
	if rest != p {
		var dot bool
		if name, dot = strings.CutPrefix(rest, "."); !dot {
			return "", false
		}
	}
	return name, name != "" && !strings.ContainsAny(name, ".[]'*")
}

// columnType reads type with precision and scale; physicalType is what the store knows better.
func columnType(o *props.Object) batch.Type {
	o.Ignore("physicalType")
	var t batch.Type
	if typ := o.String("type"); typ != "" {
		var ok bool
		if t, ok = interim[strings.ToLower(typ)]; !ok {
			o.Problem(fault.Unsupported, "type", "%q is no type of a mapping; known: %s", typ, interimNames())
		}
	}
	return digits(o, t)
}

// schemaMapping reads {"source": "sink"} of early v2, where either can be a column's name or, in hierarchical data, a path.
func (r *mappingReader) schemaMapping(t *props.Object) (list []Mapping) {
	o := t.Object("schemaMapping")
	names := o.Names()
	sort.Strings(names)
	for _, source := range names {
		sink := o.Required(source)
		list = append(list, Mapping{Source: r.either(source, true), Sink: r.either(sink, false)})
	}
	return list
}

// either is the column of a text that is a name or a path.
func (r *mappingReader) either(text string, source bool) string {
	name, simple := simplePath(text)
	switch {
	case source && r.collection != "":
		return r.placed(text, source)
	case simple:
		return name
	case strings.HasPrefix(text, "$"):
		return r.placed(text, source)
	}
	return text
}

// columnMappings reads "a: b, c: d", or the same as an object.
func columnMappings(t *props.Object) (list []Mapping) {
	raw := t.Raw("columnMappings")
	if len(raw) > 0 && raw[0] == '{' {
		o := t.Object("columnMappings")
		names := o.Names()
		sort.Strings(names)
		for _, name := range names {
			list = append(list, Mapping{Source: name, Sink: o.Required(name)})
		}
		return list
	}
	text := t.String("columnMappings")
	if strings.TrimSpace(text) == "" {
		return nil
	}
	for _, pair := range strings.Split(text, ",") {
		from, to, ok := strings.Cut(pair, ":")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !ok || from == "" || to == "" {
			t.Problem(fault.BadInput, "columnMappings", "%q is no pair such as \"source: sink\"", strings.TrimSpace(pair))
			continue
		}
		list = append(list, Mapping{Source: from, Sink: to})
	}
	return list
}
