package activity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/store"
	"dmgateway/engine/store/blob"
	"dmgateway/engine/store/filesystem"
	"dmgateway/engine/store/sftp"
)

func fileStores() *store.Registry {
	return store.NewRegistry(blob.Definition(), blob.DataLake(), filesystem.Definition(), sftp.Definition())
}

// services are linked services of every file store.
const services = `[
	{"name": "Blob", "properties": {"type": "AzureBlobStorage", "typeProperties": {"connectionString": "AccountName=acct;AccountKey=a2V5"}}},
	{"name": "Lake", "properties": {"type": "AzureBlobFS", "typeProperties": {"url": "https://acct.dfs.core.windows.net", "accountKey": "a2V5"}}},
	{"name": "Share", "properties": {"type": "FileServer", "typeProperties": {"host": "/srv"}}},
	{"name": "Sftp", "properties": {"type": "Sftp", "typeProperties": {"host": "h", "userName": "u", "password": "p", "authenticationType": "Basic", "skipHostKeyValidation": true}}}]`

// end is one side of a copy without format: its linked service, location and storeSettings, without their types.
type end struct{ service, location, settings string }

var kinds = map[string]string{"Blob": "AzureBlobStorage", "Lake": "AzureBlobFS", "Share": "FileServer", "Sftp": "Sftp"}

func (e end) dataset(name string) string {
	return fmt.Sprintf(`{"name": %q, "properties": {"type": "Binary", "linkedServiceName": {"referenceName": %q, "type": "LinkedServiceReference"},
		"typeProperties": {"location": {"type": "%sLocation" %s}}}}`, name, e.service, kinds[e.service], e.location)
}

func parseFiles(from, to end, more string) (*activity.Job, error) {
	return activity.Parse([]byte(fmt.Sprintf(`{"linkedServices": %s, "datasets": [%s, %s], "activity": {"name": "C", "type": "Copy",
		"inputs": [{"referenceName": "In", "type": "DatasetReference"}], "outputs": [{"referenceName": "Out", "type": "DatasetReference"}], "typeProperties": {
		"source": {"type": "BinarySource", "storeSettings": {"type": "%sReadSettings" %s}},
		"sink": {"type": "BinarySink", "storeSettings": {"type": "%sWriteSettings" %s}} %s}}}`,
		services, from.dataset("In"), to.dataset("Out"), kinds[from.service], from.settings, kinds[to.service], to.settings, more)), fileStores(), formats())
}

var target = end{"Share", `, "folderPath": "out"`, ""}

func TestPathsOfEveryFileStore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from end
		want string // folder, pattern of folders, pattern of names, name, list, prefix
	}{
		{end{"Blob", `, "container": "c", "folderPath": "/a/b/"`, ``}, "c/a/b||||"},
		{end{"Blob", `, "container": "c", "fileName": "x/f.txt"`, ``}, "c/x|||f.txt|"},
		{end{"Lake", `, "fileSystem": "fs", "folderPath": "a"`, `, "wildcardFolderPath": "a/*/c", "wildcardFileName": "*.csv"`}, "fs/a|a/*/c|*.csv||"},
		{end{"Lake", `, "fileSystem": "fs"`, `, "wildcardFolderPath": "a^*b/c"`}, "fs|a^*b/c|*||"},
		{end{"Sftp", `, "folderPath": "in/data"`, ``}, "in/data||||"},
		{end{"Sftp", `, "folderPath": "/srv/data/"`, ``}, "/srv/data||||"},
		{end{"Sftp", `, "folderPath": "/"`, `, "wildcardFileName": "*.csv"`}, "/||*.csv||"},
		{end{"Sftp", `, "folderPath": "x"`, `, "wildcardFolderPath": "/srv/*/in", "wildcardFileName": "*"`}, "/srv|srv/*/in|*||"},
		{end{"Share", `, "folderPath": "/a"`, `, "fileFilter": "*.txt"`}, "a||*.txt||"},
		{end{"Blob", `, "container": "c", "folderPath": "a"`, `, "fileListPath": "c/meta/list.txt"`}, "c/a||||c/meta/list.txt"},
		{end{"Sftp", `, "folderPath": "a"`, `, "fileListPath": "/etc/list.txt"`}, "a||||/etc/list.txt"},
	} {
		job, err := parseFiles(test.from, target, "")
		if err != nil {
			t.Errorf("%+v: %v", test.from, err)
			continue
		}
		f := job.Source.Files
		if got := strings.Join([]string{f.Folder, f.FolderPattern, f.NamePattern, f.Name, f.List}, "|"); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.from, got, test.want)
		}
	}
}

func TestSettingsOfFileSinksAndSources(t *testing.T) {
	t.Parallel()
	from := end{"Blob", `, "container": "c"`, `, "maxConcurrentConnections": 5`}
	job, err := parseFiles(from, end{"Blob", `, "container": "d"`, `, "maxConcurrentConnections": 3, "blockSizeInMB": 16,
		"metadata": [{"name": "origin", "value": "here"}, {"name": "changed", "value": "$$lastmodified"}]`},
		`, "validateDataConsistency": true, "skipErrorFile": {"fileMissing": true, "dataInconsistency": true}`)
	if err != nil {
		t.Fatal(err)
	}
	k := job.Sink.Files
	if job.Source.Files.Connections != 5 || k.Connections != 3 || k.BlockSize != 16<<20 || !job.Verification.Required ||
		fmt.Sprint(k.Metadata) != "[{origin here} {changed $$LASTMODIFIED}]" ||
		job.Source.Files.Skip != (activity.SkipFiles{Missing: true, Inconsistent: true}) {
		t.Errorf("source %+v, sink %+v", job.Source.Files, k)
	}
	job, err = parseFiles(from, end{"Sftp", `, "folderPath": "x"`, `, "useTempFileRename": false, "operationTimeout": "00:10:00"`}, "")
	if err != nil {
		t.Fatal(err)
	}
	if k := job.Sink.Files; !k.Direct || k.Timeout != 10*time.Minute {
		t.Errorf("sink %+v", k)
	}
}

func TestAPrefixWithoutEffectIsTold(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`"fileNamePrefix": "p"`: "maxRowsPerFile is not given", `"fileNamePrefix": "p", "maxRowsPerFile": 5`: "named after those of the source", `"maxRowsPerFile": 5`: "",
	} {
		dataset := func(name, folder string) string {
			return fmt.Sprintf(`{"name": %q, "properties": {"type": "DelimitedText", "linkedServiceName": {"referenceName": "Share", "type": "LinkedServiceReference"},
				"typeProperties": {"location": {"type": "FileServerLocation", "folderPath": %q}}}}`, name, folder)
		}
		job, err := activity.Parse([]byte(fmt.Sprintf(`{"linkedServices": %s, "datasets": [%s, %s], "activity": {"name": "C", "type": "Copy",
			"inputs": [{"referenceName": "In", "type": "DatasetReference"}], "outputs": [{"referenceName": "Out", "type": "DatasetReference"}], "typeProperties": {
			"source": {"type": "DelimitedTextSource"},
			"sink": {"type": "DelimitedTextSink", "formatSettings": {"type": "DelimitedTextWriteSettings", "fileExtension": ".csv", %s}}}}}`,
			services, dataset("In", "in"), dataset("Out", "out"), settings)), fileStores(), formats())
		if err != nil {
			t.Errorf("%s: %v", settings, err)
			continue
		}
		if got := strings.Join(job.Warnings, "; "); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %s", settings, got)
		}
	}
}

func TestSettingsOfFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	in := end{"Blob", `, "container": "c"`, ""}
	with := func(e end, settings string) end { e.settings = settings; return e }
	for _, test := range []struct {
		from, to   end
		more, want string
	}{
		{with(in, `, "fileListPath": "c/l", "wildcardFileName": "*"`), target, "", "fileListPath says already"},
		{with(in, `, "fileListPath": "c/../l"`), target, "", "must not go up"},
		{end{"Blob", `, "container": "c", "fileName": "f"`, `, "fileListPath": "c/l"`}, target, "", "names a file as well"},
		{with(in, `, "enablePartitionDiscovery": true`), target, "", "no columns"},
		{with(in, `, "maxConcurrentConnections": -1`), target, "", "outside 0 to 10000"},
		{in, with(target, `, "metadata": [{"name": "a", "value": "b"}]`), "", "keeps no metadata"},
		{in, with(in, `, "metadata": [{"name": "a-b", "value": "b"}]`), "", "letters, digits"},
		{in, with(in, `, "metadata": [{"name": "a", "value": "b"}, {"name": "A", "value": "c"}]`), "", "twice"},
		{in, with(in, `, "metadata": [{"name": "a", "value": "ü"}]`), "", "ASCII"},
		{in, with(target, `, "useTempFileRename": false`), "", "useTempFileRename"},
		{in, target, `, "preserve": ["Attributes"]`, "cannot be preserved"},
		{in, target, `, "skipErrorFile": {"fileMissing": "perhaps"}`, "true or false"},
		{in, target, `, "skipErrorFile": {"fileMissing": true, "other": true}`, "other"},
	} {
		_, err := parseFiles(test.from, test.to, test.more)
		if err == nil || !strings.Contains(problems(err), test.want) {
			t.Errorf("%+v %+v %s: %v", test.from, test.to, test.more, err)
		}
	}
}
