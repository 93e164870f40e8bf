package parquet

import (
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format/formattest"
)

func v2(t testing.TB, dataset string) *Format {
	t.Helper()
	return formattest.V2(t, Definition(), dataset, "").(*Format)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f := v2(t, `{}`)
	f.groupRows = 4000
	formattest.Suite{
		Format: f, DropsZones: true, Large: 12_000,
		Extra: []batch.Type{
			{Kind: batch.Decimal, Precision: 1}, {Kind: batch.Decimal, Precision: 19, Scale: 19}, {Kind: batch.Decimal, Precision: 76, Scale: 38},
		},
	}.Run(t)
}

func TestEveryCodec(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"none", "snappy", "gzip", "zstd", "brotli", "lz4"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			f := v2(t, `{"compressionCodec": "`+codec+`"}`)
			schema := batchtest.Schema(batch.Type{Kind: batch.Int64}, batch.Type{Kind: batch.String}, batch.Type{Kind: batch.Boolean})
			b := batchtest.Random(schema, 1, 3000, 4)
			got := formattest.Read(t, v2(t, `{}`), formattest.Input("f", formattest.Write(t, f, schema, b)), schema)
			if err := batch.Equal(got, b); err != nil {
				t.Error(err)
			}
		})
	}
}
