package text

import (
	"testing"

	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format/formattest"
)

// Finding rows and cells alone.
func BenchmarkScan(b *testing.B) {
	f := formattest.V2(b, Definition(), rfc4180, "")
	file := formattest.Write(b, f, batchtest.Orders(), orders(4096))
	sc := newScanner(&f.(*Format).s)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		for at := 0; at < len(file); {
			n, err := sc.next(file[at:], true)
			if err != nil {
				b.Fatal(err)
			}
			at += n
		}
	}
}
