// Package avro reads and writes Avro object container files. Rows are decoded from Avro's binary encoding straight into
// columns, and encoded from them; blocks are compressed on all cores.
package avro

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// Definition is the format's registry entry.
func Definition() format.Definition {
	return format.Definition{
		Name: "avro", Title: "Avro",
		V1: []string{"AvroFormat"}, Datasets: []string{"Avro"},
		Sources: []string{"AvroSource"}, Sinks: []string{"AvroSink"},
		ReadSettings: []string{"AvroReadSettings"}, WriteSettings: []string{"AvroWriteSettings"},
		Decode: decode, Extension: ".avro", Types: types,
	}
}

// Format is Avro with one set of properties.
type Format struct {
	codec   string // Avro's name of it
	level   int    // 1 to 9 as deflate has them; 0 = the codec's own choice
	record  string // name of the record
	space   string // its namespace
	minPart int64  // the least number of bytes that are worth a part of their own
}

var (
	_ format.Format   = (*Format)(nil)
	_ format.Splitter = (*Format)(nil)
)

const minPart = 4 << 20

func decode(spec format.Spec) format.Format {
	f := &Format{codec: "null", record: "topLevelRecord", minPart: minPart}
	if spec.V1 != nil {
		spec.V1.Ignore("type", "deserializer", "serializer")
		return f
	}
	o, set := spec.Dataset, spec.Settings
	name := o.String("avroCompressionCodec")
	codec, ok := codecs[strings.ToLower(name)]
	if !ok {
		o.Problem(fault.Unsupported, "avroCompressionCodec", "the codec %q is not supported for Avro; known: none, deflate, snappy, bzip2, xz, zstandard", name)
	}
	f.codec = codec
	f.level = int(o.IntIn("avroCompressionLevel", 0, 1, 9))
	if set.Has("recordName") {
		f.record = set.String("recordName")
	}
	f.space = set.String("recordNamespace")
	if validName(f.record) != f.record {
		set.Problem(fault.BadInput, "recordName", "%q is no name in Avro: only letters, digits and underscores, and no digit first", f.record)
	}
	for _, part := range strings.Split(f.space, ".") {
		if f.space != "" && validName(part) != part {
			set.Problem(fault.BadInput, "recordNamespace", "%q is no namespace in Avro: names of letters, digits and underscores, joined by points", f.space)
			break
		}
	}
	set.Ignore("type", "maxRowsPerFile", "fileNamePrefix", "fileExtension", "compressionProperties", "recordName")
	return f
}

// codecs are Data Factory's names and Avro's own.
var codecs = map[string]string{
	"": "null", "none": "null", "null": "null", "deflate": "deflate", "snappy": "snappy",
	"bzip2": "bzip2", "xz": "xz", "zstandard": "zstandard", "zstd": "zstandard",
}

// Schema reads the columns from the file's header.
func (f *Format) Schema(ctx context.Context, in format.Input) (batch.Schema, error) {
	b, err := open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer b.close()
	flat, _, err := flatten(b.head.schema)
	if err != nil {
		return nil, err
	}
	schema := make(batch.Schema, len(flat.columns))
	for i, c := range flat.columns {
		schema[i] = c.field
	}
	return schema, nil
}

// Types gives the stored type of each column; see the folder's README for the table.
func (f *Format) Types(schema batch.Schema) (batch.Schema, error) {
	out := make(batch.Schema, len(schema))
	for i, field := range schema {
		field.Type = stored(field.Type)
		field.Native = ""
		out[i] = field
	}
	return out, nil
}

// Read reads a whole file. A row with a value that its type does not have (a text that is not UTF-8, a time beyond its
// day) is an error with its number, counted from 1; the next call of Next goes on behind it. Damage ends reading.
func (f *Format) Read(ctx context.Context, in format.Input, want batch.Schema) (format.Reader, error) {
	return f.ReadPart(ctx, in, "", want)
}

// Split plans parts of equal length. A part is the blocks behind the markers that begin in its range of bytes,
// "from-to".
func (f *Format) Split(ctx context.Context, in format.Input, n int) ([]string, error) {
	if n > 1 {
		n = int(min(int64(n), in.Size/f.minPart))
	}
	if n <= 1 {
		return []string{""}, nil
	}
	b, err := open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer b.close()
	first := b.head.size - int64(len(b.head.sync))
	size := (in.Size - first) / int64(n)
	parts := make([]string, n)
	for i := range parts {
		from, to := first+int64(i)*size, first+int64(i+1)*size
		if i == n-1 {
			to = in.Size
		}
		parts[i] = fmt.Sprintf("%d-%d", from, to)
	}
	return parts, nil
}

// ReadPart reads one part of Split's. Rows in errors are counted from 1 within the part.
func (f *Format) ReadPart(ctx context.Context, in format.Input, part string, want batch.Schema) (format.Reader, error) {
	b, err := open(ctx, in)
	if err != nil {
		return nil, err
	}
	if part != "" {
		if b, err = b.part(ctx, in, part); err != nil {
			return nil, err
		}
	}
	r, err := newReader(b, want)
	if err != nil {
		b.close()
		return nil, err
	}
	return r, nil
}

// part goes on in the middle of the file, with what the header said. b is closed.
func (b *blocks) part(ctx context.Context, in format.Input, part string) (*blocks, error) {
	if err := b.body.Close(); err != nil {
		return nil, err
	}
	var from, to int64
	if n, err := fmt.Sscanf(part, "%d-%d", &from, &to); n != 2 || err != nil || from < 0 || to < from {
		b.unpack.close()
		return nil, fault.New(fault.Internal, "%q is no part of an Avro file", part).At(in.Name)
	}
	p, err := openAt(ctx, in, from)
	if err != nil {
		b.unpack.close()
		return nil, err
	}
	p.head, p.unpack, p.stop = b.head, b.unpack, to
	if err := p.seek(); err != nil {
		if !errors.Is(err, io.EOF) {
			p.close()
			return nil, err
		}
		p.stop = 0 // no marker, no block
	}
	return p, nil
}

// Write begins a file.
func (f *Format) Write(w io.Writer, schema batch.Schema) (format.Writer, error) {
	out, err := newWriter(f, w, schema)
	if err != nil {
		return nil, err
	}
	return out, nil
}
