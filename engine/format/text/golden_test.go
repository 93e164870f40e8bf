package text

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
	"dmgateway/engine/props"
)

// null stands for NULL in the rows below.
const null = "<null>"

// version says how a case's JSON is meant.
func decodeCase(t *testing.T, version int, json, settings string) format.Format {
	t.Helper()
	if version == 1 {
		return formattest.V1(t, Definition(), json)
	}
	return formattest.V2(t, Definition(), json, settings)
}

func TestReadGolden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		version        int
		json, settings string
		file           string
		columns        string
		rows           [][]string
	}{
		{"v2 defaults", 2, `{}`, ``, "a,\"b,c\",\r\n1,\"x\ny\",\"\"\n", "Prop_0 Prop_1 Prop_2", [][]string{{"a", "b,c", null}, {"1", "x\ny", ""}}},
		{"v2 escape is a backslash", 2, `{}`, ``, `"a \"b\" \\ \n c",\"d` + "\n", "Prop_0 Prop_1", [][]string{{`a "b" \ \n c`, `\"d`}}},
		{"v2 doubled quotes are one too", 2, `{}`, ``, `"a ""b""","""",""` + "\n", "Prop_0 Prop_1 Prop_2", [][]string{{`a "b"`, `"`, ""}}},
		{"v2 RFC 4180", 2, `{"escapeChar": "\""}`, ``, `"a ""b"" \",c\` + "\n", "Prop_0 Prop_1", [][]string{{`a "b" \`, `c\`}}},
		{"v2 a quote inside a value is itself", 2, `{}`, ``, `a"b,c""d` + "\n", "Prop_0 Prop_1", [][]string{{`a"b`, `c""d`}}},
		{"v2 header", 2, `{"firstRowAsHeader": true}`, ``, "id,\"the, name\",\n1,2,3\n", "id the, name Prop_2", [][]string{{"1", "2", "3"}}},
		{"v2 all line ends", 2, `{}`, ``, "a\rb\nc\r\nd", "Prop_0", [][]string{{"a"}, {"b"}, {"c"}, {"d"}}},
		{"v2 empty lines between rows", 2, `{}`, ``, "\n\na,b\n\n\r\nc,d\n\n", "Prop_0 Prop_1", [][]string{{"a", "b"}, {"c", "d"}}},
		{"v2 empty lines are rows of one column", 2, `{}`, ``, "\na\n\n", "Prop_0", [][]string{{null}, {"a"}, {null}}},
		{"v2 own row delimiter", 2, `{"rowDelimiter": ";"}`, ``, "a,b\n;c,d;", "Prop_0 Prop_1", [][]string{{"a", "b\n"}, {"c", "d"}}},
		{"v2 CRLF only", 2, `{"rowDelimiter": "\r\n"}`, ``, "a,b\nc\r\nd\r,e\r\n", "Prop_0 Prop_1", [][]string{{"a", "b\nc"}, {"d\r", "e"}}},
		{"v2 nullValue", 2, `{"nullValue": "N/A"}`, ``, "N/A,\"N/A\",\n", "Prop_0 Prop_1 Prop_2", [][]string{{null, "N/A", ""}}},
		{"v2 no quotes", 2, `{"quoteChar": "", "escapeChar": "\\"}`, ``, `"a\,b",c\\,d\` + "\n" + `e` + "\n", "Prop_0 Prop_1 Prop_2", [][]string{{`"a,b"`, `c\`, "d\ne"}}},
		{"v2 no quotes, no escapes", 2, `{"quoteChar": "", "escapeChar": ""}`, ``, `"a",\b` + "\n", "Prop_0 Prop_1", [][]string{{`"a"`, `\b`}}},
		{"v2 no column delimiter", 2, `{"columnDelimiter": "", "quoteChar": "", "escapeChar": ""}`, ``, "a,b\tc\n", "Prop_0", [][]string{{"a,b\tc"}}},
		{"v2 several characters", 2, `{"columnDelimiter": "||"}`, ``, "a|b||\"c||d\"||e\n", "Prop_0 Prop_1 Prop_2", [][]string{{"a|b", "c||d", "e"}}},
		{"v2 skipLineCount counts lines that are not empty", 2, `{"firstRowAsHeader": true}`, `{"type": "DelimitedTextReadSettings", "skipLineCount": 2}`, "one\n\ntwo \"\n\nid\n7\n", "id", [][]string{{"7"}}},
		{"v2 skips past the end", 2, `{}`, `{"skipLineCount": 9}`, "a\nb\n", "", nil},
		{"v2 UTF-8 byte order mark", 2, `{"firstRowAsHeader": true}`, ``, "\xef\xbb\xbfid\nü\n", "id", [][]string{{"ü"}}},
		{"v2 UTF-16 by its mark", 2, `{}`, ``, "\xff\xfea\x00,\x00\xfc\x00\n\x00", "Prop_0 Prop_1", [][]string{{"a", "ü"}}},
		{"v2 windows-1252", 2, `{"encodingName": "windows-1252"}`, ``, "\x80,\xfc\n", "Prop_0 Prop_1", [][]string{{"€", "ü"}}},
		{"v2 shift_jis", 2, `{"encodingName": "Shift_JIS"}`, ``, "\x93\xfa\x96\x7b,a\n", "Prop_0 Prop_1", [][]string{{"日本", "a"}}},
		{"v2 empty file", 2, `{"firstRowAsHeader": true}`, ``, "", "", nil},

		{"v1 defaults", 1, `{"type": "TextFormat"}`, ``, "a,\"b\\,\\N,NULL,\nc,d,e,f,g", "Prop_0 Prop_1 Prop_2 Prop_3 Prop_4", [][]string{{"a", `"b\`, null, null, null}, {"c", "d", "e", "f", "g"}}},
		{"v1 empty is not NULL", 1, `{"treatEmptyAsNull": false}`, ``, "a,,\\N\r", "Prop_0 Prop_1 Prop_2", [][]string{{"a", "", null}}},
		{"v1 nullValue replaces both", 1, `{"nullValue": "-"}`, ``, "-,NULL,\\N\n", "Prop_0 Prop_1 Prop_2", [][]string{{null, "NULL", `\N`}}},
		{"v1 escapeChar", 1, `{"escapeChar": "$"}`, ``, "$,a,$$,$\\N,\\N\n", "Prop_0 Prop_1 Prop_2 Prop_3", [][]string{{",a", "$", `\N`, null}}},
		{"v1 quoteChar", 1, `{"quoteChar": "'"}`, ``, "'a,''b','NULL',NULL,''\n", "Prop_0 Prop_1 Prop_2 Prop_3", [][]string{{"a,'b", "NULL", null, ""}}},
		{"v1 names without regard to case", 1, `{"ColumnDelimiter": ";", "NullValue": "x", "FirstRowAsHeader": true, "SkipLineCount": 1}`, ``, "# comment\nid;n\n1;x\n", "id n", [][]string{{"1", null}}},
		{"v1 skipLineCount counts every line", 1, `{"skipLineCount": 2}`, ``, "a\n\nb\n", "Prop_0", [][]string{{"b"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := decodeCase(t, c.version, c.json, c.settings)
			in := formattest.Input("f", []byte(c.file))
			schema, err := f.Schema(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, field := range schema {
				names = append(names, field.Name)
			}
			if got := strings.Join(names, " "); got != c.columns {
				t.Errorf("columns %q, not %q", got, c.columns)
			}
			got := formattest.Rows(formattest.Read(t, f, in, schema))
			if len(got)+len(c.rows) > 0 && !reflect.DeepEqual(got, c.rows) {
				t.Errorf("rows %q\n not %q", got, c.rows)
			}
		})
	}
}

func TestWriteGolden(t *testing.T) {
	t.Parallel()
	us := batch.Micro
	schema := batchtest.Schema(
		batch.Type{Kind: batch.String}, batch.Type{Kind: batch.Boolean}, batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4},
		batch.Type{Kind: batch.TimestampTZ, Unit: us}, batch.Type{Kind: batch.Binary},
	)
	rows := [][]string{
		{"plain", "true", "12.5", "2024-01-31 12:00:00.123456+00", `\x6869`},
		{"a,b", "false", "0", "2024-01-31", null},
		{"line\nend", null, null, null, null},
		{`say "x" \ y`, null, null, null, null},
		{"", null, null, null, null},
	}
	for _, c := range []struct {
		name           string
		version        int
		json, settings string
		rows           int
		want           string
	}{
		{"v2 defaults", 2, `{}`, ``, 5, "plain,True,12.5000,2024-01-31 12:00:00.123456+00,\\x6869\r\n" +
			"\"a,b\",False,0.0000,2024-01-31 00:00:00+00,\r\n\"line\nend\",,,,\r\n\"say \\\"x\\\" \\\\ y\",,,,\r\n\"\",,,,\r\n"},
		{"v2 as psql writes it", 2, `{"escapeChar": "\"", "rowDelimiter": "\n"}`, ``, 5, "plain,True,12.5000,2024-01-31 12:00:00.123456+00,\\x6869\n" +
			"\"a,b\",False,0.0000,2024-01-31 00:00:00+00,\n\"line\nend\",,,,\n\"say \"\"x\"\" \\ y\",,,,\n\"\",,,,\n"},
		{
			"v2 header and quotes", 2, `{"firstRowAsHeader": true}`, `{"type": "DelimitedTextWriteSettings", "quoteAllText": true, "fileExtension": ".csv", "maxRowsPerFile": 5, "fileNamePrefix": "x"}`, 2,
			"\"c0\",\"c1\",\"c2\",\"c3\",\"c4\"\r\n\"plain\",\"True\",\"12.5000\",\"2024-01-31 12:00:00.123456+00\",\"\\\\x6869\"\r\n\"a,b\",\"False\",\"0.0000\",\"2024-01-31 00:00:00+00\",\r\n",
		},
		{"v2 nullValue", 2, `{"nullValue": "plain", "columnDelimiter": ";"}`, ``, 2, "\"plain\";True;12.5000;2024-01-31 12:00:00.123456+00;\\x6869\r\na,b;False;0.0000;2024-01-31 00:00:00+00;plain\r\n"},
		{"v2 UTF-16 begins with its mark", 2, `{"encodingName": "utf-16", "columnDelimiter": "|"}`, ``, 0, "\xff\xfe"},
		{"v1 defaults", 1, `{}`, ``, 1, "plain,True,12.5000,2024-01-31 12:00:00.123456+00,\\x6869\r\n"},
		{"v1 NULL", 1, `{"columnDelimiter": "\t"}`, ``, 2, "plain\tTrue\t12.5000\t2024-01-31 12:00:00.123456+00\t\\x6869\r\na,b\tFalse\t0.0000\t2024-01-31 00:00:00+00\t\\N\r\n"},
		{"v1 escapeChar", 1, `{"escapeChar": "$"}`, ``, 3, "plain,True,12.5000,2024-01-31 12:00:00.123456+00,\\x6869\r\na$,b,False,0.0000,2024-01-31 00:00:00+00,\\N\r\nline$\nend,\\N,\\N,\\N,\\N\r\n"},
		{"v1 quoteChar", 1, `{"quoteChar": "\""}`, ``, 5, "plain,True,12.5000,2024-01-31 12:00:00.123456+00,\\x6869\r\n\"a,b\",False,0.0000,2024-01-31 00:00:00+00,\\N\r\n" +
			"\"line\nend\",\\N,\\N,\\N,\\N\r\n\"say \"\"x\"\" \\ y\",\\N,\\N,\\N,\\N\r\n\"\",\\N,\\N,\\N,\\N\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := batch.New(schema, 0)
			for _, row := range rows[:c.rows] {
				for i, v := range row {
					if v == null {
						b.Cols[i].AppendNull()
					} else if err := batch.ParseText(&b.Cols[i], []byte(v)); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := formattest.Write(t, decodeCase(t, c.version, c.json, c.settings), schema, b)
			if string(got) != c.want {
				t.Errorf("wrote\n%q, not\n%q", got, c.want)
			}
		})
	}
}

func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version        int
		json, settings string
		at             string
	}{
		{1, `{"quoteChar": "\"", "escapeChar": "\\"}`, ``, "$.escapeChar"},
		{1, `{"columnDelimiter": "||"}`, ``, "$.columnDelimiter"},
		{1, `{"columnDelimiter": ""}`, ``, "$.columnDelimiter"},
		{1, `{"quoteChar": "''"}`, ``, "$.quoteChar"},
		{1, `{"encodingName": "klingon"}`, ``, "$.encodingName"},
		{1, `{"skipLineCount": -1}`, ``, "$.skipLineCount"},
		{1, `{"nullValues": "x"}`, ``, "$.nullValues"},
		{2, `{"rowDelimiter": ""}`, ``, "$.rowDelimiter"},
		{2, `{"escapeChar": ""}`, ``, "$.escapeChar"},
		{2, `{"columnDelimiter": "\n"}`, ``, "$.columnDelimiter"},
		{2, `{"columnDelimiter": "\""}`, ``, "$.quoteChar"},
		{2, `{"encodingName": "UTF-7"}`, ``, "$.encodingName"},
		{2, `{"quoteChar": "", "escapeChar": ""}`, `{"quoteAllText": true}`, "$.quoteAllText"},
		{2, `{}`, `{"skipLines": 1}`, "$.skipLines"},
	} {
		o, err := props.Parse([]byte(c.json), "$")
		if err != nil {
			t.Fatal(err)
		}
		spec := format.Spec{Dataset: o}
		if c.version == 1 {
			spec = format.Spec{V1: o}
		}
		if c.settings != "" {
			if spec.Settings, err = props.Parse([]byte(c.settings), "$"); err != nil {
				t.Fatal(err)
			}
		}
		Definition().Decode(spec)
		err = errors.Join(o.Err(), spec.Settings.Err())
		if fault.As(err).Target != c.at {
			t.Errorf("v%d %s %s: %v at %q, not %q", c.version, c.json, c.settings, err, fault.As(err).Target, c.at)
		}
	}
}

func TestLegacyProperties(t *testing.T) {
	t.Parallel()
	legacy := func(json string) *props.Object {
		o, err := props.Parse([]byte(json), "$.source")
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	empty, err := props.Parse([]byte(`{}`), "$")
	if err != nil {
		t.Fatal(err)
	}
	source := Definition().Decode(format.Spec{V1: empty, Legacy: legacy(`{"type": "BlobSource", "treatEmptyAsNull": false, "skipHeaderLineCount": 1}`)})
	in := formattest.Input("f", []byte("skipped\na,\n"))
	schema, err := source.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got := formattest.Rows(formattest.Read(t, source, in, schema)); !reflect.DeepEqual(got, [][]string{{"a", ""}}) {
		t.Errorf("%q", got)
	}
	sink := Definition().Decode(format.Spec{V1: empty, Legacy: legacy(`{"blobWriterAddHeader": true, "blobWriterDateTimeFormat": "dd.MM.yyyy"}`)})
	s := batch.Schema{{Name: "when", Type: batch.Type{Kind: batch.Date}}}
	b := batch.New(s, 0)
	b.Cols[0].AppendInt(0)
	if got := string(formattest.Write(t, sink, s, b)); got != "when\r\n01.01.1970\r\n" {
		t.Errorf("%q", got)
	}
}
