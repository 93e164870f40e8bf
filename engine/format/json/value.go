package json

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// target turns the values of one column into those of a type.
type target struct {
	typ   batch.Type
	parse batch.Parser
	exact bool // a Double of the sample's choosing: digits must not be lost
	tmp   []byte
	whole *whole
}

func newTarget(c *column, want batch.Type) (target, error) {
	t := target{typ: c.field.Type}
	if want.Kind != batch.Invalid && (!c.stated || c.field.Type.Kind == batch.String || c.field.Type.Kind == want.Kind) {
		t.typ = want
	}
	t.exact = !c.stated && c.field.Type.Kind == batch.Double && t.typ.Kind == batch.Double
	var err error
	t.parse, err = batch.NewParser(t.typ, c.options)
	return t, err
}

// append appends a value of a scanned text to col. On an error nothing is appended.
func (t *target) append(col *batch.Column, text []byte, c cell) error {
	switch c.sort {
	case absent, isNull:
		col.AppendNull()
		return nil
	}
	if t.typ.Kind == batch.JSON {
		from, to := c.start, c.end
		if c.sort == isText {
			from, to = from-1, to+1
		}
		col.AppendBytes(text[from:to])
		return nil
	}
	v := text[c.start:c.end]
	switch c.sort {
	case isText:
		return t.text(col, v, c.escaped)
	case isNumber:
		return t.number(col, v)
	case isTrue, isFalse:
		return t.boolean(col, v, c.sort == isTrue)
	}
	if t.typ.Kind != batch.String {
		return t.misfit("an object or array", v)
	}
	return t.parse(col, v)
}

func (t *target) misfit(what string, v []byte) error {
	return fault.New(fault.Conversion, "%s is not a %s", what, t.typ).InRow(0, "", string(v[:min(len(v), 100)])).
		Try("Correct the value, or give the column another type.")
}

func (t *target) text(col *batch.Column, v []byte, escaped bool) error {
	if escaped {
		var ok bool
		if t.tmp, ok = unescape(t.tmp[:0], v); !ok {
			return fault.New(fault.Conversion, "the text has half of a surrogate pair, which is no character").
				InRow(0, "", string(v[:min(len(v), 100)])).Try("Correct the value.")
		}
		v = t.tmp
	}
	switch t.typ.Kind {
	case batch.String:
		if t.typ.Length == 0 || len(v) <= t.typ.Length {
			col.AppendBytes(v) // the scanner has found it to be UTF-8
			return nil
		}
	case batch.Binary:
		return t.binary(col, v)
	}
	return t.parse(col, v)
}

// binary reads Base64; what is not Base64 can be hexadecimal behind 0x or \x.
func (t *target) binary(col *batch.Column, v []byte) error {
	start := len(col.Data)
	data, err := base64.StdEncoding.AppendDecode(col.Data, v)
	if err != nil && len(v) > 1 && (v[0] == '0' || v[0] == '\\') && v[1]|0x20 == 'x' {
		data, err = hex.AppendDecode(col.Data[:start], v[2:])
	}
	if err != nil || t.typ.Length > 0 && len(data)-start > t.typ.Length {
		col.Data = col.Data[:start]
		return t.misfit("the text", v)
	}
	col.Data = data
	col.EndBytes()
	return nil
}

func (t *target) boolean(col *batch.Column, v []byte, yes bool) error {
	switch t.typ.Kind {
	case batch.Boolean, batch.String:
		return t.parse(col, v)
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64, batch.Single, batch.Double, batch.Decimal:
		if yes {
			return t.parse(col, []byte{'1'})
		}
		return t.parse(col, []byte{'0'})
	}
	return t.misfit("a boolean", v)
}

func (t *target) number(col *batch.Column, v []byte) error {
	switch t.typ.Kind {
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		err := t.parse(col, v)
		if err == nil {
			return nil
		}
		if t.whole == nil {
			t.whole = newWhole()
		}
		if digits := t.whole.digits(v); digits != nil {
			return t.parse(col, digits)
		}
		return err
	case batch.Double:
		if !t.exact {
			return t.parse(col, v)
		}
		f, ok := exactDouble(v)
		if !ok {
			return fault.New(fault.Conversion, "the number would lose digits as %s, the type of the first numbers of the column", t.typ).
				InRow(0, "", string(v)).Try("Give the column the type Decimal in the dataset's structure or the mapping.")
		}
		col.AppendFloat(f)
		return nil
	case batch.Boolean, batch.String, batch.Single, batch.Decimal:
		return t.parse(col, v)
	}
	return t.misfit("a number", v)
}

// whole reads numbers such as 12.0 and 1e3, which are whole though they do not look it.
type whole struct {
	parse batch.Parser
	col   batch.Column
	buf   []byte
}

func newWhole() *whole {
	t := batch.Type{Kind: batch.Decimal, Precision: 20}
	p, err := batch.NewParser(t, batch.Options{})
	if err != nil {
		panic("json: " + err.Error())
	}
	return &whole{parse: p, col: batch.Column{Type: t}}
}

// digits gives the number without point and exponent; nil where it is not whole.
func (w *whole) digits(v []byte) []byte {
	w.col.Reset()
	if w.parse(&w.col, v) != nil {
		return nil
	}
	if n, ok := w.col.Wide[0].Int64(); ok {
		w.buf = strconv.AppendInt(w.buf[:0], n, 10)
		return w.buf
	}
	return nil
}
