package copy

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

// anyNumber lets a job skip as many rows as there are.
var anyNumber = activity.Skip{MaxRows: -1, MaxShare: 1}

// skipping makes a job skip rows and log them below dir.
func skipping(t testing.TB, job *activity.Job, dir string, legacy bool) *activity.Job {
	skip := anyNumber
	job.Skip = &skip
	if dir != "" {
		job.SessionLog = &activity.SessionLog{Open: folder(t, dir), Folder: "log", Legacy: legacy}
	}
	return job
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, "out", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// logged are the lines of all log files, without their times, sorted; and their paths.
func logged(t testing.TB, dir string) (lines, paths []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "log"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		paths = append(paths, filepath.ToSlash(strings.TrimPrefix(path, dir)))
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		all, err := r.ReadAll()
		for _, x := range all {
			if timestamp.MatchString(x[0]) {
				x[0] = "T"
			}
			lines = append(lines, strings.Join(x, "|"))
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines, paths
}

var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{7}$`)

// three are the columns of the files below; the memory table takes them with a short name and no NULL in it.
var three = batch.Schema{
	{Name: "id", Type: batch.Type{Kind: batch.Int32}, Nullable: false},
	{Name: "name", Type: batch.Type{Kind: batch.String, Length: 5}, Nullable: false},
	{Name: "day", Type: batch.Type{Kind: batch.Date}, Nullable: true},
}

func TestRowsThatDoNotFitAreSkippedAndLogged(t *testing.T) {
	noLeaks(t)
	for _, legacy := range []bool{false, true} {
		s, dir := memory.New(), t.TempDir()
		s.Create("dst", three)
		write(t, dir, "a.csv", "id,name,day\n1,one,2020-01-01\nx,two,2020-01-02\n3,three,\\N\n4,four\n5,\"far, \"\"too\"\" long\",2020-01-05\n6,\\N,2020-01-06\n7,seven,2020-01-07\n8,eight,tomorrow\n")
		s.SetHooks(memory.Hooks{Refuse: func(b *batch.Batch, row int) *fault.Error {
			if b.Cols[0].Ints[row] == 7 {
				return fault.New(fault.StoreFailed, "the key 7 is there already").InRow(1, "id", "7").Try("Correct the row.")
			}
			return nil
		}})
		job := skipping(t, fromFiles(t, s, dir), dir, legacy)
		res, err := Run(t.Context(), job, Options{RunID: "run-1"})
		if err != nil {
			t.Fatal(err)
		}
		if res.RowsRead != 8 || res.RowsCopied != 2 || res.RowsSkipped != 6 || res.Consistency.VerificationResult != "Verified" {
			t.Errorf("result %+v", res)
		}
		_, got := s.Rows("dst")
		if rows := texts(got); !slices.Equal(rows, []string{"1|one|2020-01-01|", "3|three|NULL|"}) {
			t.Errorf("rows %q", rows)
		}
		lines, paths := logged(t, dir)
		var want []string
		path := `^/log/copyactivity-logs/Copy rows/run-1/[0-9a-f-]{36}\.csv$`
		if legacy {
			path = `^/log/run-1/[0-9a-f-]{36}\.csv$`
			want = []string{
				`4|four|BadData|the row has 2 columns, not 3 (out/a.csv) in row 4`,
				`5|far, "too" long|2020-01-05|Conversion|the value is too long for String(5) (out/a.csv) in row 5 in column "name" with value "far, \"too\" long"`,
				`6||2020-01-06|Conversion|the column takes no NULL (out/a.csv) in row 6 in column "name"`,
				`7|seven|2020-01-07|StoreFailed|the key 7 is there already (out/a.csv) in row 7 in column "id" with value "7"`,
				`8|eight|tomorrow|Conversion|the value is not a Date (out/a.csv) in row 8 in column "day" with value "tomorrow"`,
				`x|two|2020-01-02|Conversion|the value is not a Int32 (out/a.csv) in row 2 in column "id" with value "x"`,
			}
			if res.RedirectRowPath != "log/run-1/" || res.LogFilePath != "" {
				t.Errorf("the result says %q and %q", res.RedirectRowPath, res.LogFilePath)
			}
		} else {
			want = []string{
				`T|Warning|TabularRowSkip|"4","four"|BadData: the row has 2 columns, not 3 (out/a.csv) in row 4`,
				`T|Warning|TabularRowSkip|"5","far, ""too"" long","2020-01-05"|Conversion: the value is too long for String(5) (out/a.csv) in row 5 in column "name" with value "far, \"too\" long"`,
				`T|Warning|TabularRowSkip|"6",,"2020-01-06"|Conversion: the column takes no NULL (out/a.csv) in row 6 in column "name"`,
				`T|Warning|TabularRowSkip|"7","seven","2020-01-07"|StoreFailed: the key 7 is there already (out/a.csv) in row 7 in column "id" with value "7"`,
				`T|Warning|TabularRowSkip|"8","eight","tomorrow"|Conversion: the value is not a Date (out/a.csv) in row 8 in column "day" with value "tomorrow"`,
				`T|Warning|TabularRowSkip|"x","two","2020-01-02"|Conversion: the value is not a Int32 (out/a.csv) in row 2 in column "id" with value "x"`,
				`Timestamp|Level|OperationName|OperationItem|Message`,
			}
			if res.LogFilePath != "log/copyactivity-logs/Copy rows/run-1/" || res.RedirectRowPath != "" {
				t.Errorf("the result says %q and %q", res.RedirectRowPath, res.LogFilePath)
			}
		}
		slices.Sort(want)
		if !slices.Equal(lines, want) {
			t.Errorf("logged\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
		if len(paths) != 1 || !regexp.MustCompile(path).MatchString(paths[0]) {
			t.Errorf("paths %q", paths)
		}
		if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "6 rows") {
			t.Errorf("warnings %q", res.Warnings)
		}
	}
}

// numbers is a memory table of texts, of which every tenth is no number.
func numbers(t testing.TB, n int) *memory.Server {
	t.Helper()
	s := memory.New()
	schema := batch.Schema{{Name: "n", Type: batch.Type{Kind: batch.String}, Nullable: true}, {Name: "note", Type: batch.Type{Kind: batch.String}, Nullable: true}}
	s.Create("src", schema)
	s.Create("dst", batch.Schema{{Name: "n", Type: batch.Type{Kind: batch.Int64}, Nullable: true}, schema[1]})
	b := batch.New(schema, n)
	for i := range n {
		if i%10 == 7 {
			b.Cols[0].AppendString(fmt.Sprintf("no %d", i))
		} else {
			b.Cols[0].AppendString(fmt.Sprint(i))
		}
		b.Cols[1].AppendString(fmt.Sprintf("note %d", i))
	}
	if err := s.Add("src", b); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantSkipped checks a finished copy of numbers.
func wantSkipped(t testing.TB, s *memory.Server, dir string, n int) {
	t.Helper()
	_, dst := s.Rows("dst")
	var got, want []string
	for i := range dst.Len() {
		got = append(got, fmt.Sprintf("%d note %d", dst.Cols[0].Ints[i], dst.Cols[0].Ints[i]))
		if note := dst.Cols[1].Text(i); note != strings.TrimPrefix(got[i], fmt.Sprint(dst.Cols[0].Ints[i], " ")) {
			t.Fatalf("row %d has %q", dst.Cols[0].Ints[i], note)
		}
	}
	var bad, logs []string
	for i := range n {
		if i%10 == 7 {
			bad = append(bad, fmt.Sprintf(`no %d|note %d`, i, i))
		} else {
			want = append(want, fmt.Sprintf("%d note %d", i, i))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows in the sink, want %d", len(got), len(want))
	}
	lines, _ := logged(t, dir)
	for _, line := range lines {
		logs = append(logs, strings.Join(strings.SplitN(line, "|", 3)[:2], "|"))
	}
	slices.Sort(logs)
	slices.Sort(bad)
	if !slices.Equal(logs, bad) {
		t.Errorf("%d rows in the log, want %d", len(logs), len(bad))
	}
}

func TestSkippedRowsAreLoggedOnceWhateverIsTriedAgain(t *testing.T) {
	const n = 20_000
	lost := errors.New("the process died")
	for name, test := range map[string]struct {
		hooks func() memory.Hooks
		fail  func() func(string) error // of checkpoints, in the first attempt
	}{
		"nothing fails": {},
		"the sink breaks half-way": {hooks: func() memory.Hooks {
			f := after(3, broken())
			return memory.Hooks{Write: func(context.Context, string, int64) error { return f() }}
		}},
		"a commit fails": {hooks: func() memory.Hooks {
			f := after(2, broken())
			return memory.Hooks{BeforeCommit: func(context.Context, string) error { return f() }}
		}},
		"the answer to a commit is lost": {hooks: func() memory.Hooks {
			f := after(1, broken())
			return memory.Hooks{AfterCommit: func(context.Context, string) error { return f() }}
		}},
		"a checkpoint is lost": {fail: func() func(string) error {
			return func(what string) error {
				if strings.HasPrefix(what, "committed") {
					return lost
				}
				return nil
			}
		}},
	} {
		for _, legacy := range []bool{true} {
			t.Run(name, func(t *testing.T) {
				noLeaks(t)
				s, dir := numbers(t, n), t.TempDir()
				if test.hooks != nil {
					s.SetHooks(test.hooks())
				}
				keep := &keeper{}
				if test.fail != nil {
					keep.fail = test.fail()
					if _, err := Run(t.Context(), skipping(t, memoryJob(t, s), dir, legacy), Options{RunID: "r", Attempt: 1, Parallel: 3, Checkpoints: keep, retry: quick}); !errors.Is(err, lost) {
						t.Fatal(err)
					}
					keep.fail = nil
				}
				res, err := Run(t.Context(), skipping(t, memoryJob(t, s), dir, legacy), Options{RunID: "r", Attempt: 2, Parallel: 3, Checkpoints: keep, retry: quick})
				if err != nil {
					t.Fatal(err)
				}
				if res.RowsRead != n || res.RowsCopied != n*9/10 || res.RowsSkipped != n/10 || res.Consistency.VerificationResult != "Verified" {
					t.Errorf("result %+v", res)
				}
				wantSkipped(t, s, dir, n)
			})
		}
	}
}

func TestWithoutALogTheResultSaysWhy(t *testing.T) {
	t.Parallel()
	s := numbers(t, 100)
	res, err := Run(t.Context(), skipping(t, memoryJob(t, s), "", false), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.RowsSkipped != 10 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "10 rows were skipped, Conversion:") ||
		!strings.Contains(res.Warnings[0], `in row 8 in column "n" with value "no 7"`) {
		t.Errorf("result %+v", res)
	}
}

func TestTooManySkippedRowsFailTheCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		skip activity.Skip
		fine bool
	}{
		"as many rows as allowed":     {activity.Skip{MaxRows: 10, MaxShare: 1}, true},
		"one row more":                {activity.Skip{MaxRows: 9, MaxShare: 1}, false},
		"none allowed":                {activity.Skip{MaxRows: 0, MaxShare: 1}, false},
		"as large a share as allowed": {activity.Skip{MaxRows: -1, MaxShare: 0.1}, true},
		"a larger share":              {activity.Skip{MaxRows: -1, MaxShare: 0.099}, false},
		"no share":                    {activity.Skip{MaxRows: -1, MaxShare: 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := numbers(t, 100)
			job := memoryJob(t, s)
			job.Skip = &test.skip
			res, err := Run(t.Context(), job, Options{})
			if (err == nil) != test.fine {
				t.Fatalf("%v", err)
			}
			_, dst := s.Rows("dst")
			if !test.fine && (fault.Code(err) != TooManySkipped || fault.As(err).Hint == "" || dst.Len() != 0 || res.RowsCopied != 0) {
				t.Errorf("%v, %d rows in the sink", err, dst.Len())
			}
		})
	}
}

func TestWithoutLeaveTheFirstRowThatDoesNotFitEndsTheCopy(t *testing.T) {
	t.Parallel()
	s := numbers(t, 100)
	res, err := Run(t.Context(), memoryJob(t, s), Options{})
	f := fault.As(err)
	if f == nil || f.Code != fault.Conversion || f.Row != 8 || f.Column != "n" || f.Value != "no 7" || f.Hint == "" {
		t.Errorf("%+v", f)
	}
	if res.RowsRead != 100 || res.RowsCopied != 0 {
		t.Errorf("%d rows read, %d copied", res.RowsRead, res.RowsCopied)
	}
}

// stuck is a reader that cannot go on behind a bad row.
type stuck struct{ store.Reader }

func (s stuck) Next(ctx context.Context, b *batch.Batch) error {
	if err := s.Reader.Next(ctx, b); err != nil {
		return err
	}
	b.Reset()
	return fault.New(fault.BadData, "the row cannot be read").InRow(5, "", "")
}

type stuckSource struct{ store.Source }

func (s stuckSource) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	r, err := s.Source.Open(ctx, p, want)
	return stuck{r}, err
}

func TestAReaderThatCannotGoOnEndsTheCopy(t *testing.T) {
	t.Parallel()
	s := numbers(t, 10_000)
	job := skipping(t, memoryJob(t, s), "", false)
	open := job.Source.Open
	job.Source.Open = func(ctx context.Context, env store.Env) (store.Source, error) {
		x, err := open(ctx, env)
		return stuckSource{x}, err
	}
	_, err := Run(t.Context(), job, Options{})
	if f := fault.As(err); f == nil || f.Code != fault.BadData || f.Row != 5 {
		t.Errorf("%v", err)
	}
	if _, dst := s.Rows("dst"); dst.Len() != 0 {
		t.Errorf("%d rows arrived", dst.Len())
	}
}

func TestRowNumbersCountSkippedRowsOfEachFile(t *testing.T) {
	t.Parallel()
	s, dir := memory.New(), t.TempDir()
	s.Create("dst", three)
	for _, name := range []string{"a.csv", "b.csv"} {
		var text strings.Builder
		text.WriteString("id,name,day\n")
		for i := 1; i <= 9000; i++ {
			switch i % 3000 {
			case 1:
				fmt.Fprintf(&text, "%d\n", i)
			case 2:
				fmt.Fprintf(&text, "%d,\\N,\\N\n", i)
			default:
				fmt.Fprintf(&text, "%d,x,\\N\n", i)
			}
		}
		write(t, dir, name, text.String())
	}
	job := skipping(t, fromFiles(t, s, dir), dir, true)
	res, err := Run(t.Context(), job, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.RowsSkipped != 12 || res.RowsRead != 18_000 {
		t.Errorf("result %+v", res)
	}
	lines, _ := logged(t, dir)
	for _, file := range []string{"a", "b"} {
		for _, row := range []int{1, 3001, 6001} {
			ragged := fmt.Sprintf("%d|BadData|the row has 1 columns, not 3 (out/%s.csv) in row %d", row, file, row)
			null := fmt.Sprintf("%d|||Conversion|the column takes no NULL (out/%s.csv) in row %d in column \"name\"", row+1, file, row+1)
			for _, want := range []string{ragged, null} {
				if !slices.Contains(lines, want) {
					t.Errorf("%s is missing in\n%s", want, strings.Join(lines, "\n"))
				}
			}
		}
	}
}
