package activity_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
)

// repository is a Data Factory repository with one pipeline, file by file.
var repository = map[string]string{
	"linkedService/Shop.json": `{"name":"Shop","type":"Microsoft.DataFactory/factories/linkedservices","properties":{"type":"PostgreSql","typeProperties":{"connectionString":"Host=h"}}}`,
	"linkedService/Idle.json": `{"name":"Idle","properties":{"type":"PostgreSql","typeProperties":{"connectionString":"Host=h"}}}`,
	"linkedService/Disk.json": `{"name":"Disk","properties":{"type":"FileServer","typeProperties":{"host":"/srv"}}}`,
	"dataset/Orders.json":     `{"name":"Orders","properties":{"type":"PostgreSqlTable","linkedServiceName":{"referenceName":"SHOP","type":"LinkedServiceReference"},"typeProperties":{"table":"orders"}}}`,
	"dataset/Csv.json":        `{"name":"Csv","properties":{"type":"DelimitedText","linkedServiceName":{"referenceName":"Disk","type":"LinkedServiceReference"},"typeProperties":{"location":{"type":"FileServerLocation","folderPath":"out"}}}}`,
	"pipeline/Nightly.json": `{"name":"Nightly","properties":{"activities":[
		{"name":"Wait","type":"Wait","typeProperties":{"waitTimeInSeconds":1}},
		{"name":"Export","type":"Copy","dependsOn":[{"activity":"Wait","dependencyConditions":["Succeeded"]}],
		 "inputs":[{"referenceName":"orders","type":"DatasetReference"}],"outputs":[{"referenceName":"Csv","type":"DatasetReference"}],
		 "typeProperties":{"source":{"type":"PostgreSqlSource","query":"select @{pipeline().parameters.n}"},"sink":{"type":"DelimitedTextSink"}}}],
		"parameters":{"n":{"type":"Int","defaultValue":5}}}}`,
	"trigger/Daily.json":             `{"name":"Daily","properties":{"type":"ScheduleTrigger","typeProperties":{"recurrence":{}},"pipelines":[]}}`,
	"integrationRuntime/Office.json": `{"name":"Office","properties":{"type":"SelfHosted"}}`,
	"factory/acme.json":              `{"name":"acme","properties":{},"location":"here"}`,
	".git/config.json":               `not JSON, not looked at`,
	"readme.md":                      `not JSON, not looked at`,
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func with(changes map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{repository, changes} {
		for k, v := range m {
			all[k] = v
			if v == "" {
				delete(all, k)
			}
		}
	}
	return all
}

func TestLoadBundleFromFolder(t *testing.T) {
	t.Parallel()
	bundle, err := activity.LoadBundle(folder(t, repository))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(bundle), "Idle") {
		t.Error("an unused linked service is in the bundle")
	}
	if bundle, err = activity.Expand(bundle, activity.Values{}); err != nil {
		t.Fatal(err)
	}
	job, err := activity.Parse(bundle, stores(), formats())
	if err != nil {
		t.Fatal(problems(err))
	}
	if from, to := activity.Describe(job); from != "PostgreSQL orders" || to != "File system out" || !strings.Contains(string(bundle), `"select 5"`) {
		t.Errorf("got %s to %s: %s", from, to, bundle)
	}
}

func TestLoadBundleFromFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"b.json": "\ufeff" + `{"linkedServices":[],"Datasets":[],"activity":{"name":"x"}}`, "ls.json": repository["linkedService/Shop.json"], "bad.json": "{"})
	if b, err := activity.LoadBundle(filepath.Join(dir, "b.json")); err != nil || !json.Valid(b) {
		t.Errorf("got %s, %v", b, err)
	}
	for name, code := range map[string]string{"ls.json": fault.BadInput, "bad.json": fault.BadInput, "missing.json": fault.NotFound} {
		if _, err := activity.LoadBundle(filepath.Join(dir, name)); fault.Code(err) != code || !strings.Contains(err.Error(), name) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestLoadBundleRefusesFolders(t *testing.T) {
	t.Parallel()
	second := strings.ReplaceAll(repository["pipeline/Nightly.json"], "Export", "Other")
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no copy":           {with(map[string]string{"pipeline/Nightly.json": ""}), "no Copy activity"},
		"two copies":        {with(map[string]string{"pipeline/Second.json": second}), "2 Copy activities: Export (Nightly.json), Other (Second.json)"},
		"unknown file":      {with(map[string]string{"x.json": `{"hello":1}`}), "x.json"},
		"broken file":       {with(map[string]string{"x.json": `{`}), "x.json"},
		"no name":           {with(map[string]string{"x.json": `{"properties":{"type":"A","typeProperties":{}}}`}), "no name"},
		"name twice":        {with(map[string]string{"x.json": strings.ReplaceAll(repository["dataset/Csv.json"], "Csv", "CSV")}), `"CSV" is there twice`},
		"dataset missing":   {with(map[string]string{"dataset/Csv.json": ""}), `no dataset "Csv"`},
		"no linked service": {with(map[string]string{"linkedService/Disk.json": ""}), `no linked service "Disk"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := activity.LoadBundle(folder(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestActivities(t *testing.T) {
	t.Parallel()
	got, err := activity.Activities([]byte(repository["pipeline/Nightly.json"]))
	want := []activity.PipelineActivity{{Name: "Wait", Type: "Wait"}, {Name: "Export", Type: "Copy", DependsOn: map[string][]string{"Wait": {"Succeeded"}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFromPipeline(t *testing.T) {
	t.Parallel()
	lookup := func(kind string) activity.Lookup {
		return func(name string) ([]byte, bool) {
			for file, text := range repository {
				if strings.EqualFold(file, kind+"/"+name+".json") {
					return []byte(text), true
				}
			}
			return nil, false
		}
	}
	pipeline := repository["pipeline/Nightly.json"]
	for _, name := range []string{"", "export"} {
		bundle, err := activity.FromPipeline([]byte(pipeline), name, lookup("dataset"), lookup("linkedService"))
		if err != nil {
			t.Fatal(err)
		}
		if bundle, err = activity.Expand(bundle, activity.Values{Parameters: map[string]any{"N": 7}}); err != nil {
			t.Fatal(err)
		}
		if _, err = activity.Parse(bundle, stores(), formats()); err != nil || !strings.Contains(string(bundle), `"select 7"`) {
			t.Errorf("got %s, %v", bundle, err)
		}
	}
	for text, want := range map[string]string{
		strings.ReplaceAll(pipeline, `"Copy"`, `"Lookup"`):                          "no Copy activity",
		strings.ReplaceAll(pipeline, `"Wait","type":"Wait"`, `"Two","type":"Copy"`): "2 Copy activities",
		strings.ReplaceAll(pipeline, `"orders"`, `"nothing"`):                       `no dataset "nothing"`,
		`[]`: "object is needed",
	} {
		if _, err := activity.FromPipeline([]byte(text), "", lookup("dataset"), lookup("linkedService")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s gives %v; want %s", text, err, want)
		}
	}
	if _, err := activity.FromPipeline([]byte(pipeline), "Wait", lookup("dataset"), lookup("linkedService")); fault.Code(err) != fault.NotFound {
		t.Errorf("an activity that is no Copy gives %v", err)
	}
}
