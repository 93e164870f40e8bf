package text

import (
	"unicode/utf8"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// settings are a format's properties, v1 and v2 alike.
type settings struct {
	column []byte // column delimiter; empty = a line is one column
	row    []byte // row delimiter; empty = read any of CRLF, LF, CR and write CRLF
	quote  byte   // 0 = none
	escape byte   // 0 = none; inside quotes where there is a quote, else anywhere

	nulls       []string // texts that are read as NULL where they are not quoted
	null        string   // what is written for NULL
	emptyIsNull bool     // an empty text that is not quoted is NULL

	header   bool // the first row has the column names
	skip     int64
	skipFull bool // skip counts only lines that are not empty (v2)
	quoteAll bool

	charset *charset
	guess   bool // no encoding was named: a byte order mark decides

	dates string // .NET format for dates and times on writing, "" = canonical

	structure batch.Schema
	options   []batch.Options // of structure's columns
}

func decode(spec format.Spec) format.Format {
	var s settings
	if spec.V1 != nil {
		s = decodeV1(spec)
	} else {
		s = decodeV2(spec)
	}
	s.structure = spec.Structure
	s.options = make([]batch.Options, len(spec.Structure))
	for i := range s.options {
		if i < len(spec.Cultures) {
			s.options[i].Culture = spec.Cultures[i]
		}
		if i < len(spec.Formats) {
			s.options[i].Format = spec.Formats[i]
		}
	}
	return &Format{s: s, minPart: minPart}
}

func decodeV1(spec format.Spec) settings {
	o, legacy := spec.V1, spec.Legacy
	o.Ignore("type", "deserializer", "serializer")
	s := settings{
		column: []byte(oneRune(o, "columnDelimiter", ",")), row: []byte(text(o, "rowDelimiter", "")),
		quote: oneByte(o, "quoteChar", 0), escape: oneByte(o, "escapeChar", 0),
		header: o.Bool("firstRowAsHeader", false), skip: o.IntIn("skipLineCount", 0, 0, 1<<40),
		emptyIsNull: o.Bool("treatEmptyAsNull", true), nulls: []string{`\N`, "NULL"}, null: `\N`,
	}
	if s.quote != 0 && s.escape != 0 {
		o.Problem(fault.BadInput, "escapeChar", "quoteChar and escapeChar cannot both be given")
	}
	if s.quote != 0 {
		s.escape = s.quote // a quote inside quotes is doubled
	}
	if o.Has("nullValue") {
		s.null = text(o, "nullValue", "")
		s.nulls = []string{s.null}
	} else {
		o.Ignore("nullValue")
	}
	readLegacy(&s, legacy)
	readEncoding(&s, o)
	check(&s, o)
	return s
}

// readLegacy reads what BlobSource and BlobSink say in place of the format.
func readLegacy(s *settings, legacy *props.Object) {
	s.emptyIsNull = legacy.Bool("treatEmptyAsNull", s.emptyIsNull)
	if n := legacy.Int("skipHeaderLineCount", 0); n > 0 {
		s.skip = n
	}
	s.header = legacy.Bool("blobWriterAddHeader", s.header)
	if f := legacy.String("blobWriterDateTimeFormat"); f != "" {
		s.dates = f
		if _, err := batch.NewAppender(batch.Type{Kind: batch.Timestamp}, batch.Options{Format: f}); err != nil {
			legacy.Problem(fault.BadInput, "blobWriterDateTimeFormat", "%v", err)
		}
	}
}

func decodeV2(spec format.Spec) settings {
	o, set := spec.Dataset, spec.Settings
	s := settings{
		column: []byte(text(o, "columnDelimiter", ",")), row: []byte(text(o, "rowDelimiter", "")),
		quote: oneByte(o, "quoteChar", '"'), escape: oneByte(o, "escapeChar", '\\'),
		header: o.Bool("firstRowAsHeader", false), null: text(o, "nullValue", ""),
		skip: set.IntIn("skipLineCount", 0, 0, 1<<40), skipFull: true, quoteAll: set.Bool("quoteAllText", false),
	}
	s.nulls = []string{s.null}
	s.emptyIsNull = s.null == ""
	set.Ignore("type", "fileExtension", "maxRowsPerFile", "fileNamePrefix", "compressionProperties")
	if o.Has("rowDelimiter") && len(s.row) == 0 {
		o.Problem(fault.Unsupported, "rowDelimiter", "a file without row delimiter is not supported")
	}
	if s.escape == 0 && s.quote != 0 {
		o.Problem(fault.BadInput, "escapeChar", "escapeChar can be empty only where quoteChar is empty too")
	}
	if s.quoteAll && s.quote == 0 {
		set.Problem(fault.BadInput, "quoteAllText", "quoteAllText needs a quoteChar")
	}
	readEncoding(&s, o)
	check(&s, o)
	return s
}

func readEncoding(s *settings, o *props.Object) {
	name := o.String("encodingName")
	c, ok := findCharset(name)
	if !ok {
		o.Problem(fault.Unsupported, "encodingName", "the encoding %q is not supported", name)
	}
	s.charset, s.guess = c, name == ""
}

// check refuses delimiters that cannot be told apart.
func check(s *settings, o *props.Object) {
	used := map[string]string{}
	claim := func(what, text string) {
		if text == "" {
			return
		}
		if other := used[text]; other != "" {
			o.Problem(fault.BadInput, what, "%q is %s and %s at once", text, other, what)
		}
		used[text] = what
	}
	claim("columnDelimiter", string(s.column))
	claim("rowDelimiter", string(s.row))
	if s.quote != 0 {
		claim("quoteChar", string(s.quote))
	}
	if s.escape != 0 && s.escape != s.quote {
		claim("escapeChar", string(s.escape))
	}
	if len(s.row) == 0 && (string(s.column) == "\n" || string(s.column) == "\r") {
		o.Problem(fault.BadInput, "columnDelimiter", "the column delimiter is also a row delimiter")
	}
}

// text is a property where "" is not the same as absent.
func text(o *props.Object, name, def string) string {
	if !o.Has(name) {
		o.Ignore(name)
		return def
	}
	return o.String(name)
}

// oneRune is text for a property of at most one character.
func oneRune(o *props.Object, name, def string) string {
	v := text(o, name, def)
	if utf8.RuneCountInString(v) != 1 {
		o.Problem(fault.BadInput, name, "one character is needed, not %q", v)
		return def
	}
	return v
}

// oneByte is text for one ASCII character or none.
func oneByte(o *props.Object, name string, def byte) byte {
	if !o.Has(name) {
		o.Ignore(name)
		return def
	}
	v := o.String(name)
	switch {
	case v == "":
		return 0
	case len(v) > 1 || v[0] >= utf8.RuneSelf || v[0] == '\n' || v[0] == '\r':
		o.Problem(fault.Unsupported, name, "one ASCII character is needed, not %q", v)
		return def
	}
	return v[0]
}
