package text

import (
	"bytes"
	"testing"

	"dmgateway/engine/format/formattest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	// A quoted value comes last, so that a file that lacks its end has an open quote.
	cutQuote := func(file []byte) []byte { return file[:bytes.LastIndexByte(file, '"')] }
	for name, c := range map[string]struct {
		dataset, settings string
		suite             formattest.Suite
	}{
		"defaults":        {`{}`, ``, formattest.Suite{Unnamed: true}},
		"header":          {`{"firstRowAsHeader": true}`, ``, formattest.Suite{}},
		"quote all":       {`{"firstRowAsHeader": true}`, `{"quoteAllText": true}`, formattest.Suite{}},
		"RFC 4180":        {`{"escapeChar": "\"", "rowDelimiter": "\n"}`, ``, formattest.Suite{Unnamed: true}},
		"long delimiters": {`{"columnDelimiter": "||", "rowDelimiter": "~\n"}`, ``, formattest.Suite{Unnamed: true}},
		"tab and NULL":    {`{"columnDelimiter": "\t", "nullValue": "NULL"}`, ``, formattest.Suite{Unnamed: true}},
		"digits delimit":  {`{"columnDelimiter": "1", "rowDelimiter": "5", "quoteChar": "0", "nullValue": "77"}`, ``, formattest.Suite{Unnamed: true}},
		"space":           {`{"columnDelimiter": " "}`, ``, formattest.Suite{Unnamed: true}},
		"non-ASCII":       {`{"columnDelimiter": "¦", "firstRowAsHeader": true}`, ``, formattest.Suite{}},
		"UTF-16":          {`{"encodingName": "UTF-16"}`, ``, formattest.Suite{Unnamed: true}},
		"UTF-16BE":        {`{"encodingName": "UTF-16BE", "firstRowAsHeader": true}`, ``, formattest.Suite{}},
		"UTF-32":          {`{"encodingName": "UTF-32"}`, ``, formattest.Suite{Unnamed: true}},
		"GB18030":         {`{"encodingName": "GB18030"}`, ``, formattest.Suite{Unnamed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.suite.Format = formattest.V2(t, Definition(), c.dataset, c.settings)
			c.suite.Cut = cutQuote
			switch name {
			case "digits delimit":
				c.suite.Cut = func(file []byte) []byte { return file[:bytes.LastIndexByte(file, '0')] }
			case "UTF-16", "UTF-16BE", "UTF-32":
				c.suite.Cut = func(file []byte) []byte { return file[:bytes.LastIndexByte(file, '"')/4*4] }
			}
			c.suite.Run(t)
		})
	}
}

// v1 can escape without quoting, and by default do neither.
func TestConformanceV1(t *testing.T) {
	t.Parallel()
	for name, json := range map[string]string{
		"escape":                           `{"escapeChar": "\\", "treatEmptyAsNull": false}`,
		"escape and header, empty is NULL": `{"escapeChar": "$", "firstRowAsHeader": true, "columnDelimiter": ";"}`,
		"quote, empty is NULL":             `{"quoteChar": "'", "rowDelimiter": "\n"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := formattest.V1(t, Definition(), json)
			s := formattest.Suite{Format: f, Unnamed: name != "escape and header, empty is NULL", EmptyIsNull: name == "escape and header, empty is NULL"}
			s.Cut = func(file []byte) []byte { return file[:bytes.LastIndexByte(file[:len(file)-2], '\n')+2] } // in the first column
			s.Run(t)
		})
	}
}
