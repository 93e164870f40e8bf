package avro

import (
	"os"
	"strings"
	"testing"
)

// The files were written by testdata/write.js with npm's avsc, which keeps no logical types.
func TestFilesOfAvsc(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"avsc-null.avro", "avsc-deflate.avro"} {
		file, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(show(t, v2(t, `{}`), file), "\n")
		if len(got) != 41 {
			t.Fatalf("%s: %d lines: %q", name, len(got), got[len(got)-1])
		}
		for i, want := range map[int]string{
			0:  "id:Int64 name:String? score:Double ok:Boolean raw:Binary color:String address.street:String address.no:Int32? tags:JSON scores:JSON any:JSON when:Int64",
			1:  `0|<null>|0|True|\x00ff|GREEN|Street 0|<null>|[]|{"x":0}|<null>|1580000000000`,
			2:  `1000003|näme 1|0.25|False|\x01fe|RED|Street 1|1|["a","b1"]|{"x":1}|1|1580000000001`,
			3:  `2000006|näme 2|0.5|True|\x02fd|GREEN|Street 2|2|["a","b2"]|{"x":2}|"t2"|1580000000002`,
			40: `39000117|<null>|9.75|False|\x27d8|RED|Street 39|39|["a","b39"]|{"x":39}|true|1580000000039`,
		} {
			if got[i] != want {
				t.Errorf("%s, line %d: %s", name, i, got[i])
			}
		}
	}
}
