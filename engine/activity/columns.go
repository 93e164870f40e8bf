package activity

import (
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
