package copy

import (
	"fmt"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/memory"
)

// sales is a tree of text files in folders that are called by year and month.
func sales(t testing.TB) string {
	return tree(t, map[string]string{
		"in/year=2025/month=12/a.csv":                                   "id,name\n1,one\n2,two\n",
		"in/year=2026/month=01/a.csv":                                   "id,name\n3,three\n",
		"in/year=2026/month=" + "__HIVE_DEFAULT_PARTITION__" + "/a.csv": "id,name\n4,four\n",
	})
}

func discovering(t testing.TB, s *memory.Server, dir string) *activity.Job {
	job := fromFiles(t, s, dir)
	f := job.Source.Files
	f.Folder, f.Recursive, f.Discover, f.Compression = "in", true, true, ""
	job.Sink.Open = s.Definition().Sink(spec(t, `{}`, `{"tableName":"dst"}`, `{"tableOption":"autoCreate"}`))
	return job
}

func TestPartitionsInFolderNamesBecomeColumns(t *testing.T) {
	s := memory.New()
	mustRun(t, discovering(t, s, sales(t)), Options{})
	schema, rows := s.Rows("dst")
	names := ""
	for _, f := range schema {
		names += f.Name + " "
	}
	if names != "id name year month " {
		t.Errorf("the columns are %s", names)
	}
	if got := fmt.Sprint(texts(rows)); got != "[1|one|2025|12| 2|two|2025|12| 3|three|2026|01| 4|four|2026|NULL|]" {
		t.Error(got)
	}
}

func TestOnlyColumnsOfFoldersAreWanted(t *testing.T) {
	s := memory.New()
	job := discovering(t, s, sales(t))
	job.Mapping = []activity.Mapping{{Source: "month", Sink: "m"}, {Source: "YEAR", Sink: "y"}}
	mustRun(t, job, Options{})
	_, rows := s.Rows("dst")
	if got := fmt.Sprint(texts(rows)); got != "[01|2026| 12|2025| 12|2025| NULL|2026|]" {
		t.Error(got)
	}
}

func TestAColumnInFileAndFolderIsRefused(t *testing.T) {
	s := memory.New()
	dir := tree(t, map[string]string{"in/Name=x/a.csv": "id,name\n1,one\n"})
	if _, err := Run(t.Context(), discovering(t, s, dir), Options{}); fault.Code(err) != fault.Conflict {
		t.Error(err)
	}
}
