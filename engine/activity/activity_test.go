package activity_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/blob"
	"dmgateway/engine/store/filesystem"
)

var update = flag.Bool("update", false, "write the expected parts of testdata anew")

// stores are the real file stores and two databases that only decode.
func stores() *store.Registry {
	postgres := store.Definition{
		Name: "postgres", Title: "PostgreSQL",
		LinkedServices: []string{"PostgreSql", "OnPremisesPostgreSql"},
		Datasets:       []string{"PostgreSqlTable", "RelationalTable"},
		Sources:        []string{"PostgreSqlSource", "RelationalSource"},
		Sinks:          []string{"PostgreSqlSink"},
	}
	sqlserver := store.Definition{
		Name: "sqlserver", Title: "SQL Server",
		LinkedServices: []string{"SqlServer", "OnPremisesSqlServer"},
		Datasets:       []string{"SqlServerTable"},
		Sources:        []string{"SqlSource", "SqlServerSource"},
		Sinks:          []string{"SqlSink", "SqlServerSink"},
	}
	readOnly := store.Definition{
		Name: "legacy", Title: "Legacy DB", LinkedServices: []string{"LegacyDb"}, Datasets: []string{"LegacyTable"},
		Sources: []string{"LegacySource"}, Sinks: []string{"LegacySink"},
	}
	for _, d := range []*store.Definition{&postgres, &sqlserver, &readOnly} {
		d.Source = func(s store.Spec) store.OpenSource { decodeTable(s); return nil }
		d.Sink = func(s store.Spec) store.OpenSink { decodeTable(s); return nil }
		d.Test = func(ls *props.Object) store.Test { ls.Secret("connectionString"); return nil }
	}
	readOnly.Sink = nil
	return store.NewRegistry(postgres, sqlserver, readOnly, blob.Definition(), filesystem.Definition())
}

func decodeTable(s store.Spec) {
	for _, name := range []string{"server", "database", "username", "schema", "authenticationType"} {
		s.LinkedService.String(name)
	}
	s.LinkedService.Secret("password")
	s.LinkedService.Secret("connectionString")
	for _, name := range []string{"tableName", "schema", "table"} {
		s.Dataset.String(name)
	}
	for _, name := range []string{"query", "sqlReaderQuery", "preCopyScript", "sqlWriterCleanupScript", "tableOption"} {
		s.Activity.String(name)
	}
	s.Activity.Int("writeBatchSize", 0)
	s.Activity.Duration("writeBatchTimeout", 0)
}

// decoded is a format that only remembers what it was given.
type decoded struct {
	format.Format
	said string
}

func formats() *format.Registry {
	text := format.Definition{
		Name: "text", Title: "Delimited text", Outer: true, Extension: ".csv",
		V1: []string{"TextFormat"}, Datasets: []string{"DelimitedText"}, Sources: []string{"DelimitedTextSource"}, Sinks: []string{"DelimitedTextSink"},
		ReadSettings: []string{"DelimitedTextReadSettings"}, WriteSettings: []string{"DelimitedTextWriteSettings"},
		Decode: func(s format.Spec) format.Format {
			o := s.V1
			if o == nil {
				o = s.Dataset
			}
			said := fmt.Sprintf("delimiter %q, header %t", o.String("columnDelimiter"), o.Bool("firstRowAsHeader", false))
			s.Settings.Int("skipLineCount", 0)
			s.Settings.Bool("quoteAllText", false)
			if n := s.Legacy.Int("skipHeaderLineCount", 0); n > 0 {
				said += fmt.Sprintf(", skip %d", n)
			}
			for i, f := range s.Structure {
				said += fmt.Sprintf(", %s %s %s%s", f.Name, f.Type, s.Cultures[i], s.Formats[i])
			}
			return decoded{said: said}
		},
	}
	parquet := format.Definition{
		Name: "parquet", Title: "Parquet", Extension: ".parquet",
		V1: []string{"ParquetFormat"}, Datasets: []string{"Parquet"}, Sources: []string{"ParquetSource"}, Sinks: []string{"ParquetSink"},
		ReadSettings: []string{"ParquetReadSettings"}, WriteSettings: []string{"ParquetWriteSettings"},
		Decode: func(s format.Spec) format.Format {
			codec := s.Dataset.String("compressionCodec")
			return decoded{said: "codec " + codec}
		},
	}
	orc := format.Definition{
		Name: "orc", Title: "ORC", Extension: ".orc", V1: []string{"OrcFormat"}, Datasets: []string{"Orc"}, Sources: []string{"OrcSource"},
		Decode: func(s format.Spec) format.Format { return decoded{} },
	}
	return format.NewRegistry(text, parquet, orc)
}

// TestParse reads testdata/parse/*.txtar: bundle.json, values.json where expressions are to be filled in, and job.txt or
// problems.txt, which is what is expected. With -update they are written anew.
func TestParse(t *testing.T) {
	golden(t, "testdata/parse/*.txtar", func(t *testing.T, part func(string) []byte) string {
		bundle := part("bundle.json")
		if v := part("values.json"); v != nil {
			var err error
			if bundle, err = activity.Expand(bundle, values(t, v)); err != nil {
				return problems(err)
			}
		}
		job, err := activity.Parse(bundle, stores(), formats())
		if err != nil {
			return problems(err)
		}
		return dump(t, job)
	})
}

// golden runs f on every file and compares what it gives with the file's last part.
func golden(t *testing.T, pattern string, f func(t *testing.T, part func(string) []byte) string) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(p)
			if err != nil {
				t.Fatal(err)
			}
			last := len(a.Files) - 1
			got := f(t, func(name string) []byte {
				for _, file := range a.Files[:last] {
					if file.Name == name {
						return file.Data
					}
				}
				return nil
			})
			if *update {
				a.Files[last].Data = []byte(got)
				if err := os.WriteFile(p, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(a.Files[last].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func values(t *testing.T, data []byte) activity.Values {
	t.Helper()
	var set map[string]any
	if err := json.Unmarshal(data, &set); err != nil {
		t.Fatal(err)
	}
	v := activity.Values{RunID: "run-1", Pipeline: "Nightly", Factory: "factory", Now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	for name, x := range set {
		if s, ok := x.(string); ok {
			if err := v.Set(name, s); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if v.Parameters == nil {
			v.Parameters = map[string]any{}
		}
		v.Parameters[name] = x
	}
	return v
}

// problems are a line each.
func problems(err error) string {
	var b strings.Builder
	for _, p := range props.Problems(err) {
		fmt.Fprintf(&b, "%s %s: %s\n", p.Code, p.Target, p.Message)
	}
	return b.String()
}

// dump writes a job for people to compare.
func dump(t *testing.T, j *activity.Job) string {
	t.Helper()
	from, to := activity.Describe(j)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s -> %s\n", j.Name, from, to)
	fmt.Fprintf(&b, "parallel %d, timeout %v, retry %d after %v\n", j.Parallel, j.Timeout, j.Retry, j.RetryInterval)
	s, k := j.Source, j.Sink
	fmt.Fprintf(&b, "source %s of %s %s%s\n", s.Type, s.Store, s.LinkedService, structure(s.Structure))
	dumpFiles(&b, s.Files)
	if s.Watermark != nil {
		fmt.Fprintf(&b, "  watermark %+v\n", *s.Watermark)
	}
	if j.Staging != nil {
		fmt.Fprintf(&b, "  through %s %q, compressed %t\n", j.Staging.Type, j.Staging.Folder, j.Staging.Compress)
	}
	for _, a := range s.Additional {
		fmt.Fprintf(&b, "  add %+v\n", a)
	}
	fmt.Fprintf(&b, "sink %s of %s %s%s\n", k.Type, k.Store, k.LinkedService, structure(k.Structure))
	if f := k.Files; f != nil {
		line(&b, "folder", f.Folder, "name", f.Name, "behavior", f.Behavior, "format", f.FormatName, "says", said(f.Format), "compression", f.Compression,
			"level", f.Level, "extension", f.Extension, "prefix", f.Prefix)
		if f.BlockSize > 0 || f.MaxRowsPerFile > 0 {
			fmt.Fprintf(&b, "  block size %d, rows a file %d\n", f.BlockSize, f.MaxRowsPerFile)
		}
	}
	if j.Skip != nil {
		fmt.Fprintf(&b, "skip %+v\n", *j.Skip)
	}
	if l := j.SessionLog; l != nil {
		fmt.Fprintf(&b, "log %q, opens %t, legacy %t, info %t\n", l.Folder, l.Open != nil, l.Legacy, l.Info)
	}
	if v := j.Verification; v.Required || v.Checksum {
		fmt.Fprintf(&b, "verify required %t, checksum %t, keys %q, upsert %t, table %t, files %t\n", v.Required, v.Checksum, v.Keys, v.Upsert, v.Open != nil, v.Files != nil)
	}
	if j.Conversion != (activity.Conversion{}) {
		fmt.Fprintf(&b, "convert %+v\n", j.Conversion)
	}
	for _, m := range j.Mapping {
		fmt.Fprintf(&b, "map %q/%d -> %q/%d %s %s%s\n", m.Source, m.SourceOrdinal, m.Sink, m.SinkOrdinal, m.SinkType, m.Culture, m.Format)
	}
	for _, w := range j.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

func dumpFiles(b *strings.Builder, f *activity.FileSource) {
	if f == nil {
		return
	}
	line(b, "folder", f.Folder, "name", f.Name, "folders", f.FolderPattern, "names", f.NamePattern, "prefix", f.Prefix, "format", f.FormatName,
		"says", said(f.Format), "compression", f.Compression)
	fmt.Fprintf(b, "  recursive %t, delete %t", f.Recursive, f.DeleteAfter)
	if !f.ModifiedFrom.IsZero() || !f.ModifiedTo.IsZero() {
		fmt.Fprintf(b, ", modified %s to %s", f.ModifiedFrom.Format(time.RFC3339), f.ModifiedTo.Format(time.RFC3339))
	}
	b.WriteByte('\n')
}

func line(b *strings.Builder, pairs ...string) {
	b.WriteString(" ")
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(b, " %s %q", pairs[i], pairs[i+1])
		}
	}
	b.WriteByte('\n')
}

func said(f format.Format) string {
	if d, ok := f.(decoded); ok {
		return d.said
	}
	return ""
}

func structure(s batch.Schema) string {
	var b strings.Builder
	for _, f := range s {
		fmt.Fprintf(&b, " [%s %s]", f.Name, f.Type)
	}
	return b.String()
}

// TestPropertyNamesInAnyCase parses every accepted bundle again with all property names in upper case.
func TestPropertyNamesInAnyCase(t *testing.T) {
	paths, _ := filepath.Glob("testdata/parse/v*.txtar")
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Files) != 2 || a.Files[1].Name != "job.txt" {
			continue
		}
		t.Run(filepath.Base(p), func(t *testing.T) {
			var v any
			if err := json.Unmarshal(a.Files[0].Data, &v); err != nil {
				t.Fatal(err)
			}
			loud, err := json.Marshal(upper(v))
			if err != nil {
				t.Fatal(err)
			}
			// The names of columns and parameters are property names in two places, where case counts.
			job, err := activity.Parse(loud, stores(), formats())
			if err != nil {
				t.Fatal(problems(err))
			}
			want := strings.Split(string(a.Files[1].Data), "\nwarning ")[0]
			if got := strings.Split(dump(t, job), "\nwarning ")[0]; strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func upper(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			if strings.EqualFold(k, "columnMappings") {
				m[k] = x
				continue
			}
			m[strings.ToUpper(k)] = upper(x)
		}
		return m
	case []any:
		for i := range v {
			v[i] = upper(v[i])
		}
	}
	return v
}

func TestSecretsStayOutOfJobs(t *testing.T) {
	bundle := []byte(`{"linkedServices":[{"name":"db","properties":{"type":"PostgreSql","typeProperties":{"connectionString":"Password=hunter2","noSuch":1}}}],
		"datasets":[{"name":"t","properties":{"type":"PostgreSqlTable","linkedServiceName":"db","typeProperties":{"table":"t"}}}],
		"activity":{"name":"c","type":"Copy","inputs":[{"name":"t"}],"outputs":[{"name":"t"}],"typeProperties":{"source":{"type":"PostgreSqlSource"},"sink":{"type":"PostgreSqlSink"}}}}`)
	job, err := activity.Parse(bundle, stores(), formats())
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, job), "hunter2") {
		t.Errorf("the password is in %v", err)
	}
	job, err = activity.Parse(bytes.Replace(bundle, []byte(`,"noSuch":1`), nil, 1), stores(), formats())
	if err != nil || strings.Contains(fmt.Sprintf("%+v", job), "hunter2") {
		t.Errorf("the password is in %+v, %v", job, err)
	}
}

func TestParseLinkedService(t *testing.T) {
	ls, err := activity.ParseLinkedService([]byte(`{"name":"db","properties":{"type":"postgresql","connectVia":{"referenceName":"g"},"typeProperties":{"connectionString":"x"}}}`), stores())
	if err != nil || ls.Name != "db" || ls.Title != "PostgreSQL" || ls.Type != "postgresql" {
		t.Errorf("got %+v, %v", ls, err)
	}
	for text, want := range map[string]string{
		`{"name":"db","properties":{"type":"Nothing","typeProperties":{"a":1}}}`:                      "$.properties.type",
		`{"name":"db","properties":{"type":"PostgreSql","typeProperties":{"strange":1}}}`:             "$.properties.typeProperties.strange",
		`{"name":"db","properties":{"type":"PostgreSql","typeProperties":{"encryptedCredential":1}}}`: "$.properties.typeProperties.encryptedCredential",
		`{"name":"db"}`: "$.properties",
		`[]`:            "$",
	} {
		_, err := activity.ParseLinkedService([]byte(text), stores())
		if list := props.Problems(err); len(list) == 0 || list[0].Target != want {
			t.Errorf("%s gives %v", text, err)
		}
	}
}

// FuzzParse looks for bundles that bring the parser down.
func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/parse/*.txtar")
	for _, p := range paths {
		if a, err := txtar.ParseFile(p); err == nil {
			f.Add(a.Files[0].Data)
		}
	}
	s, fo := stores(), formats()
	v := activity.Values{WindowStart: time.Unix(0, 0), WindowEnd: time.Unix(3600, 0), Now: time.Unix(0, 0)}
	f.Fuzz(func(t *testing.T, data []byte) {
		if job, err := activity.Parse(data, s, fo); err == nil {
			activity.Describe(job)
		} else if len(props.Problems(err)) == 0 {
			t.Errorf("the error %v has no place", err)
		}
		if expanded, err := activity.Expand(data, v); err == nil {
			_, _ = activity.Parse(expanded, s, fo)
			if !json.Valid(expanded) {
				t.Errorf("expanded to %q, which is no JSON", expanded)
			}
		}
		_, _ = activity.ParseLinkedService(data, s)
		_, _ = activity.Activities(data)
	})
}
