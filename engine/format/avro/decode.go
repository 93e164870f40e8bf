package avro

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"dmgateway/engine/batch"
)

// appendValue reads one value of the type node.typ says into a column of that type. why is set where the value is whole
// but none of its type; nothing is appended then. What is no Avro at all is the cursor's to say.
func appendValue(col *batch.Column, n *node, c *cursor) (why string) {
	switch n.logical {
	case "decimal":
		b := n.raw(c)
		if c.why == "" && !appendDecimal(col, b) {
			return "the decimal has more digits than its type"
		}
		return ""
	case "uuid":
		return appendUUID(col, n.raw(c))
	case "time-millis", "time-micros":
		v := c.long()
		if v < 0 || v >= 86400*col.Type.Unit.PerSecond() {
			return "the time of day is outside of a day"
		}
		col.AppendInt(v)
		return ""
	case "date":
		v := c.int()
		if v < batch.MinDay || v > batch.MaxDay {
			return "the date is outside the years 1 to 9999"
		}
		col.AppendInt(v)
		return ""
	case logicalJSON:
		b := c.bytes()
		if c.why == "" && (!json.Valid(b) || !utf8.Valid(b)) {
			return "the text is no JSON"
		}
		c.put(col, b)
		return ""
	case "duration":
		if b := c.take(12); b != nil {
			col.Data = appendDuration(col.Data, b)
			col.EndBytes()
		}
		return ""
	}
	switch n.kind {
	case kNull:
		col.AppendNull()
	case kBoolean:
		col.AppendInt(c.boolean())
	case kInt:
		col.AppendInt(c.int())
	case kLong:
		col.AppendInt(c.long())
	case kFloat:
		col.AppendFloat(c.float())
	case kDouble:
		col.AppendFloat(c.double())
	case kBytes, kFixed:
		c.put(col, n.raw(c))
	case kString:
		b := c.bytes()
		if !utf8.Valid(b) {
			return notUTF8
		}
		c.put(col, b)
	case kEnum:
		if i := c.index(len(n.symbols), "an enum has no such symbol"); i < len(n.symbols) {
			col.AppendString(n.symbols[i])
		}
	}
	return ""
}

// raw is a value of bytes, string or fixed.
func (n *node) raw(c *cursor) []byte {
	if n.kind == kFixed {
		return c.take(n.size)
	}
	return c.bytes()
}

func appendUUID(col *batch.Column, b []byte) (why string) {
	if len(b) == 16 {
		col.AppendBytes(b)
		return ""
	}
	if batch.ParseText(col, b) != nil {
		return "the text is no UUID"
	}
	return ""
}

// appendDuration appends months, days and milliseconds as ISO 8601 writes durations: P1M2DT3.004S.
func appendDuration(dst, b []byte) []byte {
	months, days, ms := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	dst = append(dst, 'P')
	if months > 0 {
		dst = append(strconv.AppendUint(dst, uint64(months), 10), 'M')
	}
	if days > 0 {
		dst = append(strconv.AppendUint(dst, uint64(days), 10), 'D')
	}
	if ms > 0 || months|days == 0 {
		dst = append(dst, 'T')
		dst = strconv.AppendUint(dst, uint64(ms/1000), 10)
		if f := ms % 1000; f > 0 {
			dst = append(dst, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
		}
		dst = append(dst, 'S')
	}
	return dst
}
