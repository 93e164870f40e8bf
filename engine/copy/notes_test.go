package copy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/avro"
	"dmgateway/engine/format/json"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/store/memory"
)

// warningsOf copies the files in out to a new table, in parallel, and gives the warnings.
func warningsOf(t *testing.T, f format.Format, files map[string]string, change func(*activity.Job)) []string {
	t.Helper()
	s := memory.New()
	job := fromFiles(t, s, tree(t, files))
	job.Source.Files.Format = f
	change(job)
	res, err := Run(t.Context(), job, Options{Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	if res.Consistency.VerificationResult != "Verified" {
		t.Fatalf("result %+v", res)
	}
	return res.Warnings
}

func nothing(*activity.Job) {}

func TestColumnsOfLaterFilesThatTheFirstDoesNotHaveAreTold(t *testing.T) {
	files := map[string]string{"out/1.csv": "a,b\n1,2\n", "out/2.csv": "b,a,c\n4,3,9\n", "out/3.csv": "A,b,c,d\n5,6,7,8\n"}
	got := warningsOf(t, textFormat(t), files, nothing)
	if len(got) != 2 || !strings.Contains(got[0], `"c"`) || !strings.Contains(got[0], `"out/2.csv"`) || !strings.Contains(got[1], `"d"`) || !strings.Contains(got[1], `"out/3.csv"`) {
		t.Errorf("warnings %q", got)
	}
	delete(files, "out/2.csv")
	files["out/3.csv"] = "b,A\n3,4\n"
	if got := warningsOf(t, textFormat(t), files, nothing); len(got) != 0 {
		t.Errorf("the same columns: warnings %q", got)
	}
}

func TestColumnsThatTheJobMapsAreAllItWants(t *testing.T) {
	files := map[string]string{"out/1.csv": "a,b\n1,2\n", "out/2.csv": "b,a,c\n4,3,9\n"}
	got := warningsOf(t, textFormat(t), files, func(job *activity.Job) { job.Mapping = []activity.Mapping{{Source: "a", Sink: "a"}} })
	if len(got) != 0 {
		t.Errorf("warnings %q", got)
	}
}

func TestManyColumnsThatAreNotCopiedAreCounted(t *testing.T) {
	files := map[string]string{"out/1.csv": "a\n1\n"}
	for i := range 25 {
		files[fmt.Sprintf("out/2%02d.csv", i)] = fmt.Sprintf("a,c%d\n1,2\n", i)
	}
	got := warningsOf(t, textFormat(t), files, nothing)
	if len(got) != 21 || !strings.Contains(got[0], `"c0"`) || !strings.HasPrefix(got[20], "5 more") {
		t.Errorf("warnings %q", got)
	}
}

func TestPropertiesOfJSONThatAreNotCopiedAreTold(t *testing.T) {
	f := json.Definition().Decode(format.Spec{Dataset: object(t, `{}`)})
	got := warningsOf(t, f, map[string]string{
		"out/1.json": strings.Repeat(`{"a":1}`+"\n", 100_000) + `{"a":2,"late":3}`,
		"out/2.json": `{"a":1}{"a":2,"other":3}`,
	}, nothing)
	slices.Sort(got)
	if len(got) != 2 || !strings.Contains(got[0], `"late"`) || !strings.Contains(got[0], `"out/1.json", first in row 100001.`) ||
		!strings.Contains(got[1], `"other"`) || !strings.Contains(got[1], `"out/2.json", first in row 2.`) {
		t.Errorf("warnings %q", got)
	}
}

func TestColumnsBesideThoseOfFoldersAreTold(t *testing.T) {
	files := map[string]string{"out/y=1/1.csv": "a\n1\n", "out/y=2/2.csv": "a,c\n4,9\n"}
	got := warningsOf(t, textFormat(t), files, func(job *activity.Job) { job.Source.Files.Discover = true })
	if len(got) != 1 || !strings.Contains(got[0], `"c"`) {
		t.Errorf("warnings %q", got)
	}
}

func TestKeysToCompareByThatAreNoColumnsAreRefused(t *testing.T) {
	s := filled(t, 10)
	job := memoryJob(t, s)
	job.Verification.Keys = []string{"ID", "nobody"}
	_, err := Run(t.Context(), job, Options{})
	if fault.Code(err) != fault.NotFound || !strings.Contains(err.Error(), `"nobody"`) || !strings.Contains(fault.As(err).Hint, "id, name, salary") {
		t.Errorf("%v", err)
	}
	if _, rows := s.Rows("dst"); rows != nil {
		t.Error("the sink was touched")
	}
}

func TestColumnsOfLaterParquetAndAvroFilesAreTold(t *testing.T) {
	for name, d := range map[string]format.Definition{"parquet": parquet.Definition(), "avro": avro.Definition()} {
		t.Run(name, func(t *testing.T) {
			f := d.Decode(format.Spec{Dataset: object(t, `{}`)})
			file := func(columns ...string) string {
				var schema batch.Schema
				for _, c := range columns {
					schema = append(schema, batch.Field{Name: c, Type: batch.Type{Kind: batch.Int64}, Nullable: true})
				}
				b := batch.New(schema, 1)
				for i := range b.Cols {
					b.Cols[i].AppendInt(int64(i))
				}
				var buf bytes.Buffer
				w, err := f.Write(&buf, schema)
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(w.Write(b), w.Close()); err != nil {
					t.Fatal(err)
				}
				return buf.String()
			}
			got := warningsOf(t, f, map[string]string{"out/1": file("a", "b"), "out/2": file("b", "c", "a")}, nothing)
			if len(got) != 1 || !strings.Contains(got[0], `"c"`) || !strings.Contains(got[0], `"out/2"`) {
				t.Errorf("warnings %q", got)
			}
		})
	}
}
