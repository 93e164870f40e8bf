package all_test

import (
	"testing"

	"dmgateway/engine/format/all"
)

func TestEveryFormatIsFoundByEachOfItsTypes(t *testing.T) {
	t.Parallel()
	r := all.Formats()
	for name, c := range map[string]struct{ v1, dataset, source, sink, read, write string }{
		"text":    {"TextFormat", "DelimitedText", "DelimitedTextSource", "DelimitedTextSink", "DelimitedTextReadSettings", "DelimitedTextWriteSettings"},
		"json":    {"JsonFormat", "Json", "JsonSource", "JsonSink", "JsonReadSettings", "JsonWriteSettings"},
		"avro":    {"AvroFormat", "Avro", "AvroSource", "AvroSink", "AvroReadSettings", "AvroWriteSettings"},
		"parquet": {"ParquetFormat", "Parquet", "ParquetSource", "ParquetSink", "ParquetReadSettings", "ParquetWriteSettings"},
	} {
		d := r.Name(name)
		if d == nil || d.Title == "" || d.Extension == "" {
			t.Fatalf("%s: %+v", name, d)
		}
		if r.V1(c.v1) != d || r.Dataset(c.dataset) != d || r.Source(c.source) != d || r.Sink(c.sink) != d || r.ReadSettings(c.read) != d || r.WriteSettings(c.write) != d {
			t.Errorf("%s is not found by its types", name)
		}
	}
}
