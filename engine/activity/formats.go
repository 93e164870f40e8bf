package activity

import (
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// format finds and decodes the format of one end, and says whether the dataset has the v1 shape.
func (p *parser) format(e *endpoint, o *props.Object, typ string, source bool) (f fileFormat, v1, ok bool) {
	if e.def.HasDataset(e.datasetType) {
		f = p.formatV1(e, o, typ, source)
		return f, true, !e.failed
	}
	f = p.formatV2(e, o, typ, source)
	return f, false, !e.failed
}

func (p *parser) formatV1(e *endpoint, o *props.Object, typ string, source bool) fileFormat {
	known := e.def.Sinks
	if source {
		known = e.def.Sources
	}
	if _, ok := oneOf(typ, known); !ok {
		e.refuse(o, "%q does not belong to a %s dataset; known: %s", typ, e.datasetType, strings.Join(known, ", "))
		return fileFormat{}
	}
	f := fileFormat{extension: ".txt"}
	fo := e.typeProps.Object("format")
	if fo == nil {
		f.compression, f.level = compression(e.typeProps, "compression", true)
		writable(e.typeProps, f.compression, source)
		acceptDefaults(o)
		return f
	}
	def := p.formats.V1(fo.Required("type"))
	if def == nil {
		e.failed = true
		if name := fo.String("type"); name != "" {
			fo.Problem(fault.Unsupported, "type", "formats of type %q are not supported; known: %s", name, p.formatTypes(func(d *format.Definition) []string { return d.V1 }))
		}
		return f
	}
	f.name = def.Name
	f.compression, f.level = compression(e.typeProps, "compression", def.Outer)
	writable(e.typeProps, f.compression, source)
	f.format = def.Decode(format.Spec{
		V1: fo, Legacy: o, Structure: e.columns.schema, Cultures: e.columns.cultures, Formats: e.columns.formats,
	})
	acceptDefaults(o)
	return f
}

// acceptDefaults lets properties of text files pass on other formats where they say nothing.
func acceptDefaults(o *props.Object) {
	for _, name := range []string{"skipHeaderLineCount", "treatEmptyAsNull", "blobWriterAddHeader"} {
		switch strings.ToLower(strings.Trim(string(o.Peek(name)), `"`)) {
		case "0", "false":
			o.Ignore(name)
		}
	}
}

func (p *parser) formatV2(e *endpoint, o *props.Object, typ string, source bool) fileFormat {
	sourceSink := func(d *format.Definition) []string { return d.Sinks }
	if source {
		sourceSink = func(d *format.Definition) []string { return d.Sources }
	}
	if strings.EqualFold(e.datasetType, BinaryDataset) {
		return e.binary(o, typ, source)
	}
	datasets := func(d *format.Definition) []string { return d.Datasets }
	def := p.formats.Dataset(e.datasetType)
	if def == nil {
		e.refuse(o, "a source or sink of %s needs a dataset of its own", e.def.Title)
		e.dataset.Object("properties").Problem(fault.Unsupported, "type", "datasets of type %q are not supported for %s; known: %s",
			e.datasetType, e.def.Title, strings.Join(append(append([]string{BinaryDataset}, e.def.Datasets...), p.formatTypes(datasets)), ", "))
		return fileFormat{}
	}
	if known := sourceSink(def); len(known) == 0 {
		e.refuse(o, "%s files cannot be %s", def.Title, map[bool]string{true: "read", false: "written"}[source])
		return fileFormat{}
	} else if _, ok := oneOf(typ, known); !ok {
		e.refuse(o, "%q does not belong to a %s dataset; known: %s", typ, e.datasetType, strings.Join(known, ", "))
		return fileFormat{}
	}
	f := fileFormat{name: def.Name, extension: def.Extension}
	settings := o.Object("formatSettings")
	e.formatSettings(settings, def, source)
	if def.Outer {
		f.compression, f.level = compressionV2(e.typeProps)
		writable(e.typeProps, f.compression, source)
	}
	e.typeProps.Object("location") // read by v2Place
	f.format = def.Decode(format.Spec{
		Dataset: e.typeProps, Settings: settings, Structure: e.columns.schema, Cultures: e.columns.cultures, Formats: e.columns.formats,
		Nested: p.hierarchy(def, e.dataset, source),
	})
	return f
}

func (e *endpoint) formatSettings(st *props.Object, def *format.Definition, source bool) {
	known := def.WriteSettings
	if source {
		known = def.ReadSettings
		uncompressed(st)
	}
	if typ := st.String("type"); typ != "" {
		if _, ok := oneOf(typ, known); !ok {
			st.Problem(fault.Unsupported, "type", "%q does not belong to %s; known: %s", typ, def.Title, strings.Join(known, ", "))
		}
	}
}

// spread reads compressionProperties of a binary source: whether archives are unpacked into no folders of their own. Data
// Factory's default is folders.
func spread(st *props.Object) bool {
	cp := st.Object("compressionProperties")
	cp.Enum("type", "", "ZipDeflateReadSettings", "TarReadSettings", "TarGZipReadSettings")
	return !cp.Bool("preserveZipFileNameAsFolder", true) || !cp.Bool("preserveCompressionFileNameAsFolder", true)
}

// uncompressed reads compressionProperties of rows, which come out of an archive into no folders.
func uncompressed(st *props.Object) {
	cp := st.Object("compressionProperties")
	cp.Enum("type", "", "ZipDeflateReadSettings", "TarReadSettings", "TarGZipReadSettings")
	refuseTrue(cp, "preserveZipFileNameAsFolder", "an archive's name cannot be made a folder")
	refuseTrue(cp, "preserveCompressionFileNameAsFolder", "an archive's name cannot be made a folder")
}

// binary reads the v2 types of a copy without format.
func (e *endpoint) binary(o *props.Object, typ string, source bool) (f fileFormat) {
	want := BinaryDataset + "Sink"
	if source {
		want = BinaryDataset + "Source"
	}
	if !strings.EqualFold(typ, want) {
		e.refuse(o, "%q does not belong to a Binary dataset; known: %s", typ, want)
		return f
	}
	if source {
		st := o.Object("formatSettings")
		st.Enum("type", "", "BinaryReadSettings")
		f.spread = spread(st)
	}
	f.compression, f.level = compression(e.typeProps, "compression", true)
	writable(e.typeProps, f.compression, source)
	return f
}

func (p *parser) formatTypes(types func(*format.Definition) []string) string {
	var all []string
	for _, d := range p.formats.All() {
		all = append(all, types(d)...)
	}
	return strings.Join(all, ", ")
}

// compressions are Data Factory's names of them, in lower case, v1 and v2.
var compressions = map[string]string{
	"none": "", "gzip": "gzip", "deflate": "deflate", "bzip2": "bzip2", "zipdeflate": "zip", "zstd": "zstd", "snappy": "snappy", "lz4": "lz4",
	"tar": "tar", "targzip": "targzip",
}

// writable refuses a sink's compression that can only be read.
func writable(tp *props.Object, kind string, source bool) {
	if source || kind != "tar" && kind != "targzip" {
		return
	}
	name := "compressionCodec"
	if tp.Has("compression") {
		name = "compression"
	}
	tp.Problem(fault.Unsupported, name, "%s archives can be read but not written; use GZip, ZipDeflate or zstd", kind)
}

// compression reads {"type","level"}. outer says whether files of this format are compressed as a whole.
func compression(tp *props.Object, name string, outer bool) (kind, level string) {
	c := tp.Object(name)
	if c == nil {
		return "", ""
	}
	if !outer {
		c.Ignore(c.Names()...)
		tp.Problem(fault.Unsupported, name, "files of this format are compressed inside, never as a whole")
		return "", ""
	}
	if !c.Has("type") && c.Has("level") {
		c.Problem(fault.BadInput, "type", "the property is missing beside level")
	}
	return compressionName(c, "type"), c.Enum("level", "", "Optimal", "Fastest")
}

// compressionV2 reads compression as an object, or compressionCodec and compressionLevel.
func compressionV2(tp *props.Object) (kind, level string) {
	if tp.Has("compression") {
		tp.Refuse("compressionCodec", "compression says it already")
		return compression(tp, "compression", true)
	}
	kind, level = compressionName(tp, "compressionCodec"), tp.Enum("compressionLevel", "", "Optimal", "Fastest")
	if level != "" && kind == "" {
		tp.Warn("compressionLevel", "has no effect without a compressionCodec")
	}
	return kind, level
}

func compressionName(o *props.Object, name string) string {
	s := o.String(name)
	if s == "" {
		return ""
	}
	kind, ok := compressions[strings.ToLower(s)]
	if !ok {
		o.Problem(fault.Unsupported, name, "compression %q is not supported; known: none, GZip, Deflate, BZip2, ZipDeflate, TarGzip, tar, zstd, snappy, lz4", s)
	}
	return kind
}
