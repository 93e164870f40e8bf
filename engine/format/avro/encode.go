package avro

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// maxDecimal is the largest precision that is written as a decimal, which other readers take as well; larger and
// unbounded decimals are written as text.
const maxDecimal = 76

// stored gives the type that a column has in a file.
func stored(t batch.Type) batch.Type {
	switch t.Kind {
	case batch.Byte, batch.Int16:
		return batch.Type{Kind: batch.Int32}
	case batch.Decimal:
		if t.Precision == 0 || t.Precision > maxDecimal {
			return batch.Type{Kind: batch.String}
		}
	case batch.JSON:
		return batch.Type{Kind: batch.JSON}
	case batch.Duration, batch.XML, batch.String:
		return batch.Type{Kind: batch.String} // of any length
	case batch.Binary:
		return batch.Type{Kind: batch.Binary}
	case batch.Time:
		switch t.Unit {
		case batch.Second:
			t.Unit = batch.Milli
		case batch.Tick, batch.Nano: // Avro's times end with the microsecond
			return batch.Type{Kind: batch.String}
		}
	case batch.Timestamp, batch.TimestampTZ:
		switch t.Unit {
		case batch.Second:
			t.Unit = batch.Milli
		case batch.Tick: // nanoseconds would end with the year 2262
			t.Unit = batch.Micro
		}
	}
	return t
}

// avroType is how a stored type is written.
func avroType(t batch.Type) any {
	logical := func(typ, name string) any { return map[string]any{"type": typ, "logicalType": name} }
	units := map[batch.Unit]string{batch.Milli: "millis", batch.Micro: "micros", batch.Nano: "nanos"}
	switch t.Kind {
	case batch.Boolean:
		return "boolean"
	case batch.Int32:
		return "int"
	case batch.Int64:
		return "long"
	case batch.Single:
		return "float"
	case batch.Double:
		return "double"
	case batch.Decimal:
		return map[string]any{"type": "bytes", "logicalType": "decimal", "precision": t.Precision, "scale": t.Scale}
	case batch.Date:
		return logical("int", "date")
	case batch.Time:
		if t.Unit == batch.Milli {
			return logical("int", "time-millis")
		}
		return logical("long", "time-micros")
	case batch.Timestamp:
		return logical("long", "local-timestamp-"+units[t.Unit])
	case batch.TimestampTZ:
		return logical("long", "timestamp-"+units[t.Unit])
	case batch.Binary:
		return "bytes"
	case batch.GUID:
		return logical("string", "uuid")
	case batch.JSON:
		return logical("string", logicalJSON)
	}
	return "string"
}

// schemaOf makes the file's schema.
func (f *Format) schemaOf(schema, kept batch.Schema) ([]byte, error) {
	type property struct {
		Name    string  `json:"name"`
		Column  *string `json:"dmgColumn,omitempty"`
		Type    any     `json:"type"`
		Default any     `json:"default,omitempty"`
	}
	record := struct {
		Type      string     `json:"type"`
		Name      string     `json:"name"`
		Namespace string     `json:"namespace,omitempty"`
		Fields    []property `json:"fields"`
	}{"record", f.record, f.space, []property{}}
	taken := map[string]string{}
	for i, c := range schema {
		name := validName(c.Name)
		if other, ok := taken[name]; ok {
			return nil, fault.New(fault.BadInput, "the columns %q and %q would both be called %q in Avro", other, c.Name, name).InRow(0, c.Name, "").
				Try("Map one of them to a name of letters, digits and underscores.")
		}
		taken[name] = c.Name
		p := property{Name: name, Type: avroType(kept[i].Type)}
		if name != c.Name {
			p.Column = &c.Name
		}
		if c.Nullable {
			p.Type, p.Default = []any{"null", p.Type}, json.RawMessage("null")
		}
		record.Fields = append(record.Fields, p)
	}
	return json.Marshal(record)
}

// validName makes a name of what Avro allows: letters, digits and underscores, no digit first.
func validName(name string) string {
	valid := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isNamePart(byte(r)) {
			return r
		}
		return '_'
	}, name)
	if valid == "" || valid[0]-'0' <= 9 {
		valid = "_" + valid
	}
	return valid
}

func isNamePart(c byte) bool {
	return c == '_' || c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// encoder writes the values of one column.
type encoder struct {
	name     string
	nullable bool
	typ      batch.Type
	convert  *batch.Converter
	tmp      batch.Column
	col      *batch.Column // of the batch being written, of type typ
}

func appendLong(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

func appendBytes(dst, v []byte) []byte {
	return append(appendLong(dst, int64(len(v))), v...)
}

// append appends the value of a row.
func (e *encoder) append(dst []byte, row int) ([]byte, string) {
	c := e.col
	if e.nullable {
		if c.IsNull(row) {
			return append(dst, 0), ""
		}
		dst = append(dst, 2)
	} else if c.IsNull(row) {
		return dst, "the column has a NULL although its source promised none"
	}
	switch e.typ.Kind {
	case batch.Boolean:
		return append(dst, byte(c.Ints[row])), ""
	case batch.Int32, batch.Int64, batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
		return appendLong(dst, c.Ints[row]), ""
	case batch.Single:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(c.Floats[row]))), ""
	case batch.Double:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.Floats[row])), ""
	case batch.Decimal:
		switch e.typ.Storage() {
		case batch.InInts:
			return appendWide(dst, batch.ToInt128(c.Ints[row])), ""
		case batch.InWide:
			return appendWide(dst, c.Wide[row]), ""
		}
		dst, ok := appendPlain(dst, c.Bytes(row))
		if !ok {
			return dst, "Avro has no decimal for NaN and Infinity"
		}
		return dst, ""
	case batch.GUID:
		return appendGUID(dst, c.Bytes(row)), ""
	case batch.Binary:
		return appendBytes(dst, c.Bytes(row)), ""
	}
	v := c.Bytes(row)
	if !utf8.Valid(v) {
		return dst, notUTF8
	}
	return appendBytes(dst, v), ""
}

const notUTF8 = "the text is not valid UTF-8"

func appendGUID(dst, id []byte) []byte {
	dst = append(dst, 72) // the length, 36
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
