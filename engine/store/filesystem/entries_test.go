package filesystem

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEntriesComeBackInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x entries
		var want []entry
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			e := entry{
				name: strings.Repeat(rapid.StringMatching(`[a-cä/€]{1,9}`).Draw(t, "name"), rapid.SampledFrom([]int{1, 1, 30, 900}).Draw(t, "times")),
				link: rapid.Bool().Draw(t, "link"),
			}
			if !slices.ContainsFunc(want, func(w entry) bool { return w.name == e.name }) && x.add(e) {
				want = append(want, e)
			}
		}
		x.sort()
		slices.SortFunc(want, func(a, b entry) int { return strings.Compare(a.name, b.name) })
		for i, w := range want {
			if got := x.at(i); got != w {
				t.Fatalf("%d: %v, want %v", i, got, w)
			}
		}
		if x.len() != len(want) {
			t.Fatalf("%d entries of %d", x.len(), len(want))
		}
	})
}

// TestAFolderOfManyFilesIsListedInLittleMemory measures what a file takes while its folder is listed.
func TestAFolderOfManyFilesIsListedInLittleMemory(t *testing.T) {
	const n = 500_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var x entries
	for i := range n {
		if !x.add(entry{name: fmt.Sprintf("file-%07d.txt", i*7919%n)}) {
			t.Fatal("full")
		}
	}
	x.sort()
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes a file", per)
	if per > 32 || x.at(7).name != "file-0000007.txt" {
		t.Errorf("%d bytes a file, %q is the eighth", per, x.at(7).name)
	}
	runtime.KeepAlive(&x)
}
