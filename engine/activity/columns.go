package activity

import (
	"sort"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// interim are the types of a dataset's structure, by lower-case name.
var interim = map[string]batch.Type{
	"boolean":        {Kind: batch.Boolean},
	"byte":           {Kind: batch.Byte},
	"int16":          {Kind: batch.Int16},
	"int32":          {Kind: batch.Int32},
	"int64":          {Kind: batch.Int64},
	"single":         {Kind: batch.Single},
	"double":         {Kind: batch.Double},
	"decimal":        {Kind: batch.Decimal},
	"string":         {Kind: batch.String},
	"guid":           {Kind: batch.GUID},
	"byte[]":         {Kind: batch.Binary},
	"datetime":       {Kind: batch.Timestamp, Unit: batch.Tick},
	"datetimeoffset": {Kind: batch.TimestampTZ, Unit: batch.Tick},
	"timespan":       {Kind: batch.Duration, Unit: batch.Tick},
	"date":           {Kind: batch.Date},
	"xml":            {Kind: batch.XML},
}

func interimNames() string {
	return "Boolean, Byte, Byte[], Date, Datetime, Datetimeoffset, Decimal, Double, Guid, Int16, Int32, Int64, Single, String, Timespan, Xml"
}

// readColumns reads structure and schema of a dataset. Only files have no columns of their own; the schema of a table is
// what its store says.
func readColumns(pr *props.Object, files bool) columns {
	var c columns
	for _, o := range pr.Objects("structure") {
		c.add(o)
		o.Ignore("description")
	}
	c.v1 = c.schema
	raw := pr.Raw("schema")
	if c.schema != nil || !files || len(raw) == 0 || raw[0] != '[' {
		return c // not an array: the schema of a JSON or Avro file, which those files tell themselves
	}
	for i, o := range pr.Objects("schema") {
		c.addPhysical(o, i)
	}
	return c
}

// add takes a column of a structure.
func (c *columns) add(o *props.Object) {
	f := batch.Field{Name: o.Required("name"), Nullable: true, Type: batch.Type{Kind: batch.String}}
	if typ := o.String("type"); typ != "" {
		t, ok := interim[strings.ToLower(typ)]
		if !ok {
			o.Problem(fault.Unsupported, "type", "%q is no type of a structure; known: %s", typ, interimNames())
		}
		f.Type = t
	}
	f.Type = digits(o, f.Type)
	c.schema = append(c.schema, f)
	c.cultures = append(c.cultures, o.String("culture"))
	c.formats = append(c.formats, o.String("format"))
}

// addPhysical takes a column of a v2 schema, whose types are those of the store that it was imported from.
func (c *columns) addPhysical(o *props.Object, i int) {
	name := o.String("name")
	if name == "" {
		name = "Prop_" + strconv.Itoa(i)
	}
	t, ok := interim[strings.ToLower(o.String("type"))]
	if !ok {
		t = batch.Type{Kind: batch.String}
	}
	c.schema = append(c.schema, batch.Field{Name: name, Nullable: true, Type: digits(o, t)})
	c.cultures = append(c.cultures, o.String("culture"))
	c.formats = append(c.formats, o.String("format"))
	o.Ignore(o.Names()...)
}

// digits gives a decimal the precision and scale that a column says.
func digits(o *props.Object, t batch.Type) batch.Type {
	p := o.IntIn("precision", 0, 0, 1000)
	s := o.IntIn("scale", 0, 0, 1000)
	if t.Kind != batch.Decimal || p == 0 {
		return t
	}
	if s > p {
		o.Problem(fault.BadInput, "scale", "scale %d is larger than precision %d", s, p)
		return t
	}
	t.Precision, t.Scale = int(p), int(s)
	return t
}

// translator reads the column mapping; nil where there is none.
func translator(tp *props.Object) []Mapping {
	t := tp.Object("translator")
	if t == nil {
		return nil
	}
	t.Enum("type", "", "TabularTranslator")
	refuseText(t, "collectionReference", "give the array in the dataset's format (jsonNodeReference)")
	refuseTrue(t, "mapComplexValuesToString", "objects and arrays are made texts by the format")
	unlessEmpty(t, "schemaMapping", "use mappings")
	mappings, list := t.Objects("mappings"), columnMappings(t)
	if mappings == nil {
		return distinct(t, "columnMappings", list)
	}
	if list != nil {
		t.Problem(fault.BadInput, "columnMappings", "mappings and columnMappings exclude each other")
	}
	for _, o := range mappings {
		list = append(list, mapping(o))
	}
	return distinct(t, "mappings", list)
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
func mapping(o *props.Object) (m Mapping) {
	source, sink := need(o, "source"), need(o, "sink")
	m.Source, m.SourceOrdinal = column(source)
	m.Sink, m.SinkOrdinal = column(sink)
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
	return m
}

// column reads the name or ordinal of one side of a mapping.
func column(o *props.Object) (name string, ordinal int) {
	if o == nil {
		return "", 0
	}
	name = o.String("name")
	ordinal = int(o.IntIn("ordinal", 0, 1, 1<<20))
	if path := o.String("path"); path != "" {
		simple, ok := simplePath(path)
		switch {
		case !ok:
			o.Problem(fault.Unsupported, "path", "only paths to a property of the root are supported, such as $['name']; not %q", path)
			return path, 0
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
