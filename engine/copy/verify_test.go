package copy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/report"
	"dmgateway/engine/store/memory"
)

// comparing makes a job of two memory tables compare their content.
func comparing(t testing.TB, s *memory.Server, keys ...string) *activity.Job {
	job := memoryJob(t, s)
	job.Verification = activity.Verification{Checksum: true, Keys: keys, Open: s.Definition().Source(spec(t, `{}`, `{"tableName":"dst"}`, `{}`))}
	return job
}

func TestContentIsComparedByChecksum(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 4} {
		s := filled(t, 10_000)
		res, err := Run(t.Context(), comparing(t, s), Options{Parallel: parallel})
		if err != nil || res.Consistency.VerificationResult != "Verified" || res.Consistency.Method != methodChecksum {
			t.Errorf("%v, %+v", err, res.Consistency)
		}
	}
	s := filled(t, 0)
	res, err := Run(t.Context(), comparing(t, s), Options{})
	if err != nil || res.Consistency.VerificationResult != "Verified" {
		t.Errorf("an empty table: %v, %+v", err, res.Consistency)
	}
}

func TestCountsAloneDoNotClaimContent(t *testing.T) {
	t.Parallel()
	res, err := Run(t.Context(), memoryJob(t, filled(t, 10)), Options{})
	if err != nil || res.Consistency.VerificationResult != "Verified" || res.Consistency.Method != methodCount {
		t.Errorf("%v, %+v", err, res.Consistency)
	}
}

// spoil changes one row of dst before it is read back.
func spoil(s *memory.Server, change func(schema batch.Schema, rows *batch.Batch)) memory.Hooks {
	return memory.Hooks{AfterCommit: func(context.Context, string) error {
		schema, rows := s.Rows("dst")
		change(schema, rows)
		s.Create("dst", schema)
		return s.Add("dst", rows)
	}}
}

func TestADifferenceIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(batch.Schema, *batch.Batch)
		keys   []string
		says   string
	}{
		"a value differs": {func(_ batch.Schema, b *batch.Batch) { b.Cols[2].Ints[41]++ }, []string{"id"}, "id=42 differs"},
		"a value is lost": {func(_ batch.Schema, b *batch.Batch) { b.Remove([]int{41}) }, []string{"id"}, "id=42 is missing in the sink"},
		"two rows change a value": {func(_ batch.Schema, b *batch.Batch) {
			b.Cols[2].Ints[0], b.Cols[2].Ints[1] = b.Cols[2].Ints[1], b.Cols[2].Ints[0]
		}, []string{"id"}, "id=1 differs"},
		"without keys the row is shown": {func(_ batch.Schema, b *batch.Batch) { b.Cols[2].Ints[41]++ }, nil, `id=42, name="person 41`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := filled(t, 5000)
			s.SetHooks(spoil(s, test.change))
			res, err := Run(t.Context(), comparing(t, s, test.keys...), Options{})
			if fault.Code(err) != Inconsistent || fault.As(err).Hint == "" || res.Status != report.Failed {
				t.Fatalf("%v, %+v", err, res)
			}
			c := res.Consistency
			if c.VerificationResult != "Inconsistent" || c.Method != methodChecksum || !slices.ContainsFunc(c.Differences, func(d string) bool { return strings.Contains(d, test.says) }) {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestASinkThatHeldRowsIsToldOpenly(t *testing.T) {
	t.Parallel()
	s := filled(t, 100)
	s.Create("dst", people)
	if err := s.Add("dst", peopleRows(7)); err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), comparing(t, s), Options{})
	if err != nil || res.Consistency.VerificationResult != "NotVerified" || !strings.Contains(res.Consistency.Reason, "7 rows beside the 100") {
		t.Errorf("%v, %+v", err, res.Consistency)
	}
}

func TestASinkThatCannotBeReadIsNotVerified(t *testing.T) {
	t.Parallel()
	job := memoryJob(t, filled(t, 10))
	job.Verification.Checksum = true
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.Consistency.VerificationResult != "NotVerified" || res.Consistency.Reason == "" {
		t.Errorf("%v, %+v", err, res.Consistency)
	}
}

func TestChecksumsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	s := filled(t, 10_000)
	keep := &stateful{}
	keep.fail = func(what string) error {
		if what == "committed rows-2" {
			return fault.New(fault.Internal, "the process died")
		}
		return nil
	}
	o := Options{RunID: "r", Parallel: 1, Checkpoints: keep}
	job := comparing(t, s)
	job.Parallel = 4
	if _, err := Run(t.Context(), job, Options{RunID: "r", Parallel: 4, Checkpoints: keep}); err == nil {
		t.Fatal("the first attempt did not fail")
	}
	keep.fail = nil
	res, err := Run(t.Context(), comparing(t, s), o)
	if err != nil {
		t.Fatal(err)
	}
	// The sum of the part whose checkpoint was lost is not known, and that is said.
	if res.Consistency.VerificationResult != "NotVerified" || !strings.Contains(res.Consistency.Reason, "earlier attempt") {
		t.Errorf("%+v", res.Consistency)
	}
}

// stateful keeps checkpoints as JSON, as a journal does.
type stateful struct{ keeper }

func (k *stateful) Load(ctx context.Context) (State, error) {
	s, err := k.keeper.Load(ctx)
	if err != nil {
		return s, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	var out State
	return out, json.Unmarshal(text, &out)
}

// everything has a column of every kind, with values at their ends.
func everything() (batch.Schema, *batch.Batch) {
	s := batch.Schema{
		{Name: "i", Type: batch.Type{Kind: batch.Int64}},
		{Name: "f", Type: batch.Type{Kind: batch.Double}},
		{Name: "w", Type: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 10}},
		{Name: "d", Type: batch.Type{Kind: batch.Date}},
		{Name: "t", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}},
		{Name: "s", Type: batch.Type{Kind: batch.String}},
		{Name: "b", Type: batch.Type{Kind: batch.Binary}},
		{Name: "bool", Type: batch.Type{Kind: batch.Boolean}},
		{Name: "x", Type: batch.Type{Kind: batch.Decimal, Precision: 9, Scale: 3}},
	}
	rows := [][]string{
		{"-9223372036854775808", "-1.7976931348623157e+308", "-9999999999999999999999999999.9999999999", "0001-01-01", "0001-01-01 00:00:00", "", `\x`, "False", "-999999.999"},
		{"9223372036854775807", "5e-324", "9999999999999999999999999999.9999999999", "9999-12-31", "9999-12-31 23:59:59.999999", "\U0010FFFD ä, \"q\"\n\\N", `\x00ff`, "True", "999999.999"},
		{"0", "0", "0", "1970-01-01", "1970-01-01 00:00:00", " a ", `\x20`, "True", "0"},
	}
	b := batch.New(s, len(rows)+1)
	for i := range s {
		s[i].Nullable = true
		for _, r := range rows {
			if err := batch.ParseText(&b.Cols[i], []byte(r[i])); err != nil {
				panic(err)
			}
		}
		b.Cols[i].AppendNull()
	}
	return s, b
}

func TestFilesAreReadBack(t *testing.T) {
	t.Parallel()
	formats := map[string]struct {
		f         format.Format
		name, ext string
	}{
		"text":    {textFormat(t), "text", ".csv"},
		"parquet": {parquet.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), "parquet", ".parquet"},
	}
	for name, f := range formats {
		for _, harm := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " harmed ", harm), func(t *testing.T) {
				t.Parallel()
				s, dir := memory.New(), t.TempDir()
				schema, rows := everything()
				s.Create("src", schema)
				for range 500 {
					if err := s.Add("src", rows); err != nil {
						t.Fatal(err)
					}
				}
				job := memoryJob(t, s)
				open := folder(t, dir)
				job.Sink = activity.Sink{Type: "FileSink", Store: "filesystem", Files: &activity.FileSink{
					Open: open, Format: f.f, FormatName: f.name, Extension: f.ext, Folder: "out", Behavior: activity.PreserveHierarchy,
				}}
				job.Verification = activity.Verification{Checksum: true, Files: &activity.FileSource{Open: open, Format: f.f, FormatName: f.name}}
				if harm {
					keep := &keeper{}
					keep.fail = func(what string) error {
						if !strings.HasPrefix(what, "committed") {
							return nil
						}
						for _, n := range fileNames(t, dir) {
							path := filepath.Join(dir, n)
							text, err := os.ReadFile(path)
							if err == nil && name == "text" {
								err = os.WriteFile(path, []byte(strings.Replace(string(text), "999999.999", "999999.998", 1)), 0o600)
							} else if err == nil {
								err = os.WriteFile(path, text[:len(text)/2], 0o600)
							}
							if err != nil {
								return err
							}
						}
						return nil
					}
					res, err := Run(t.Context(), job, Options{Checkpoints: keep})
					if name == "text" && (fault.Code(err) != Inconsistent || len(res.Consistency.Differences) == 0) || res.Consistency.VerificationResult == "Verified" {
						t.Errorf("%v, %+v", err, res.Consistency)
					}
					return
				}
				res, err := Run(t.Context(), job, Options{Parallel: 2})
				if err != nil || res.Consistency.VerificationResult != "Verified" || res.Consistency.Method != methodChecksum {
					t.Errorf("%v, %+v", err, res.Consistency)
				}
			})
		}
	}
}

func TestTheSumDoesNotDependOnOrderOrParts(t *testing.T) {
	t.Parallel()
	schema, rows := everything()
	job := &activity.Job{Verification: activity.Verification{Checksum: true}}
	r := &run{job: job}
	one := r.newSum(schema)
	one.add(rows, nil)
	two, three := r.newSum(schema), r.newSum(schema)
	two.add(rows, []int{0, 2})
	three.add(rows, []int{3, 1})
	two.sum.add(three.sum)
	if one.sum != two.sum {
		t.Errorf("%s and %s", one.sum, two.sum)
	}
	if back, ok := parseChecksum(one.text()); !ok || back != one.sum {
		t.Errorf("%s becomes %s", one.sum, back)
	}
	for _, wrong := range []string{"", "x", strings.Repeat("z", 32), strings.Repeat("1", 31)} {
		if _, ok := parseChecksum(wrong); ok {
			t.Errorf("%q is taken as a checksum", wrong)
		}
	}
}

func TestTheHashIsOfWhatValuesMean(t *testing.T) {
	t.Parallel()
	same := func(typ batch.Type, native string, a, b string) bool {
		h := newRowHash(batch.Schema{{Name: "x", Type: typ, Native: native}}, false)
		x := batch.New(batch.Schema{{Name: "x", Type: typ}}, 2)
		for _, text := range []string{a, b} {
			if err := batch.ParseText(&x.Cols[0], []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		return h.of(x, 0) == h.of(x, 1)
	}
	decimal, text, json := batch.Type{Kind: batch.Decimal}, batch.Type{Kind: batch.String}, batch.Type{Kind: batch.JSON}
	for _, test := range []struct {
		typ    batch.Type
		native string
		a, b   string
		same   bool
	}{
		{decimal, "", "1.50", "1.5", true},
		{decimal, "", "100", "1", false},
		{decimal, "", "10", "1", false},
		{decimal, "", "0.00", "-0", true},
		{batch.Type{Kind: batch.Double}, "", "0", "-0", true},
		{batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}, "", "2020-01-01 12:00:00+02", "2020-01-01 10:00:00+00", true},
		{text, "varchar(5)", "a", "a ", false},
		{text, "character(5)", "a", "a  ", true},
		{text, "characteristic", "a", "a  ", false},
		{json, "jsonb", `{"b":1.0,"a":[1,2]}`, `{ "a" : [1, 2], "b" : 1 }`, true},
		{json, "jsonb", `{"b":1,"a":[1,2]}`, `{"a":[2,1],"b":1}`, false},
	} {
		if got := same(test.typ, test.native, test.a, test.b); got != test.same {
			t.Errorf("%s %s: %q and %q are the same: %v", test.typ, test.native, test.a, test.b, got)
		}
	}
}
