// Package parquet reads and writes Parquet files. It uses Arrow's implementation of the file format below its Arrow
// types: columns of a batch are encoded from and decoded into their own buffers.
package parquet

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/compress"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// Definition is the format's registry entry.
func Definition() format.Definition {
	return format.Definition{
		Name: "parquet", Title: "Parquet",
		V1: []string{"ParquetFormat"}, Datasets: []string{"Parquet"},
		Sources: []string{"ParquetSource"}, Sinks: []string{"ParquetSink"},
		ReadSettings: []string{"ParquetReadSettings"}, WriteSettings: []string{"ParquetWriteSettings"},
		Decode: decode, Extension: ".parquet", Types: types(),
	}
}

// Format is Parquet with one set of properties.
type Format struct {
	codec     compress.Compression
	level     int
	groupRows int // rows of a row group at most
}

var (
	_ format.Format   = (*Format)(nil)
	_ format.Splitter = (*Format)(nil)
)

func decode(spec format.Spec) format.Format {
	f := &Format{codec: compress.Codecs.Snappy, level: compress.DefaultCompressionLevel, groupRows: groupRows}
	if spec.V1 != nil {
		spec.V1.Ignore("type", "deserializer", "serializer")
		return f
	}
	f.readCodec(spec.Dataset)
	spec.Settings.Ignore("type", "maxRowsPerFile", "fileNamePrefix", "fileExtension", "compressionProperties")
	return f
}

// readCodec reads v2's compressionCodec and compressionLevel. When reading a file its own codec counts.
func (f *Format) readCodec(o *props.Object) {
	name := o.String("compressionCodec")
	level := o.Enum("compressionLevel", "Optimal", "Optimal", "Fastest")
	switch strings.ToLower(name) {
	case "", "snappy":
	case "none", "uncompressed":
		f.codec = compress.Codecs.Uncompressed
	case "gzip":
		f.codec = compress.Codecs.Gzip
		f.level = 6
		if level == "Fastest" {
			f.level = 1
		}
	case "zstd":
		f.codec = compress.Codecs.Zstd
	case "brotli":
		f.codec = compress.Codecs.Brotli
	case "lz4", "lz4_raw":
		f.codec = compress.Codecs.Lz4Raw
	default:
		o.Problem(fault.Unsupported, "compressionCodec", "the codec %q is not supported for Parquet; known: none, snappy, gzip, zstd, brotli, lz4", name)
	}
}

// Schema reads the columns from the file's footer.
func (f *Format) Schema(ctx context.Context, in format.Input) (batch.Schema, error) {
	r, err := open(ctx, in)
	if err != nil {
		return nil, err
	}
	return r.schema, nil
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

// Read reads a whole file.
func (f *Format) Read(ctx context.Context, in format.Input, want batch.Schema) (format.Reader, error) {
	return f.ReadPart(ctx, in, "", want)
}

// Split plans parts of whole row groups, "from-to", of about equal size.
func (f *Format) Split(ctx context.Context, in format.Input, n int) ([]string, error) {
	r, err := open(ctx, in)
	if err != nil {
		return nil, err
	}
	meta := r.file.MetaData()
	groups := r.file.NumRowGroups()
	n = min(n, groups)
	if n <= 1 {
		return []string{""}, nil
	}
	var total, done int64
	for i := range groups {
		total += meta.RowGroup(i).TotalByteSize()
	}
	var parts []string
	from := 0
	for i := range groups {
		done += meta.RowGroup(i).TotalByteSize()
		last := i == groups-1
		if last || done*int64(n) >= total*int64(len(parts)+1) && len(parts) < n-1 {
			parts = append(parts, fmt.Sprintf("%d-%d", from, i+1))
			from = i + 1
		}
	}
	return parts, nil
}

// ReadPart reads the row groups of one part.
func (f *Format) ReadPart(ctx context.Context, in format.Input, part string, want batch.Schema) (format.Reader, error) {
	r, err := open(ctx, in)
	if err != nil {
		return nil, err
	}
	r.end = r.file.NumRowGroups()
	if part != "" {
		from, to, ok := strings.Cut(part, "-")
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if !ok || errA != nil || errB != nil || a < 0 || b < a || b > r.end {
			return nil, fault.New(fault.Internal, "%q is no part of this Parquet file", part).At(in.Name).
				Try("The file may have changed since the run was planned; start the run again.")
		}
		r.group, r.end = a, b
	}
	if err := r.project(want); err != nil {
		return nil, err
	}
	return r, nil
}

// Write begins a file.
func (f *Format) Write(w io.Writer, schema batch.Schema) (format.Writer, error) {
	return newWriter(f, w, schema)
}
