package files

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dmgateway/engine/store"
)

func TestPackedPartsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		file := rapid.Custom(func(t *rapid.T) store.File {
			f := store.File{
				Path: rapid.StringMatching(`(a/|bb/|ü/){0,3}[a-cä]{1,5}(\.txt)?`).Draw(t, "path"),
				Size: rapid.Int64Range(0, 1<<60).Draw(t, "size"),
				ETag: rapid.SampledFrom([]string{"", `"0x8DC1"`, `"0x8DC2AB"`, "19-4"}).Draw(t, "etag"),
			}
			if rapid.Bool().Draw(t, "time") {
				f.Modified = time.Unix(rapid.Int64Range(-1<<35, 1<<35).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
			}
			if rapid.Bool().Draw(t, "md5") {
				f.MD5 = rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "sum")
			}
			return f
		})
		want := Part{Base: rapid.SampledFrom([]string{"", "a", "c/d"}).Draw(t, "base"), Files: rapid.SliceOfN(file, 2, 40).Draw(t, "files")}
		p := want.Partition(3)
		got, err := ParsePart(p)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v, %v", want, got, err)
		}
		if n := Count(p); n != int64(len(want.Files)) {
			t.Fatalf("Count is %d of %d", n, len(want.Files))
		}
	})
}

func FuzzParsePart(f *testing.F) {
	f.Add(Part{Base: "b", Files: []store.File{{Path: "a"}, {Path: "ab", Size: 7}}}.pack())
	f.Add(`{"files":[{"path":"x"}]}`)
	f.Add("~2:AAAA")
	f.Add("~99999999999999:")
	f.Fuzz(func(t *testing.T, spec string) {
		x, err := ParsePart(store.Partition{ID: "f", Spec: spec})
		if err == nil && strings.HasPrefix(spec, "~") {
			if again, err := unpack(x.pack()); err != nil || len(again.Files) != len(x.Files) {
				t.Errorf("%q: %v", spec, err)
			}
		}
	})
}

func TestAGrouperMakesTheGroupsOfAllFilesAtOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 999, 1000, 1001, 1300, 5000} {
		var list []store.File
		g := Grouper{Base: "b"}
		for i := range n {
			size := int64(1 << 10)
			if i%700 == 0 {
				size = maxGroupBytes + 1
			}
			f := store.File{Path: fmt.Sprintf("b/%06d", i), Size: size}
			list = append(list, f)
			if err := g.Add(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		groups := Groups(list)
		if len(groups) != len(g.Partitions) || g.Files != int64(n) {
			t.Errorf("%d files: %d partitions, %d groups", n, len(g.Partitions), len(groups))
			continue
		}
		for i, p := range g.Partitions {
			part, err := ParsePart(p)
			if err != nil || part.Base != "b" || len(part.Files) != len(groups[i]) || part.Files[0].Path != groups[i][0].Path {
				t.Fatalf("%d files, partition %d: %+v, %v", n, i, part, err)
			}
		}
	}
}

// TestAPlanOfManyFilesIsSmall measures what a file costs in a plan: five million of them have to fit.
func TestAPlanOfManyFilesIsSmall(t *testing.T) {
	const n = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g := Grouper{Base: "in"}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at = at.Add(time.Duration(i*7919%1_000_003) * time.Microsecond)
		if err := g.Add(t.Context(), store.File{Path: fmt.Sprintf("in/folder%03d/file-%07d.json", i/1000, i), Size: int64(1000 + i%50), Modified: at, ETag: fmt.Sprintf("%x-%x", at.UnixNano(), 1000+i%50)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes a file, %d partitions", per, len(g.Partitions))
	if per > 50 {
		t.Errorf("a file takes %d bytes of the plan", per)
	}
	runtime.KeepAlive(g.Partitions)
}
