// Command page writes the page of help: go run ./page FILE.
package main

import (
	"bytes"
	"html/template"
	"log"
	"os"
	"regexp"

	"dmgateway/engine/help"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: page FILE")
	}
	page, err := render()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], page, 0o644); err != nil { //nolint:gosec // a page for everybody
		log.Fatal(err)
	}
}

var code = regexp.MustCompile("`([^`]+)`")

func render() ([]byte, error) {
	t, err := template.New("help").Funcs(template.FuncMap{
		"text": func(s string) template.HTML {
			return template.HTML(code.ReplaceAllString(template.HTMLEscapeString(s), "<code>$1</code>")) //nolint:gosec // escaped first
		},
	}).Parse(page)
	if err != nil {
		return nil, err
	}
	var data struct{ Codes, Events []help.Topic }
	for _, topic := range help.Topics() {
		if topic.Event {
			data.Events = append(data.Events, topic)
		} else {
			data.Codes = append(data.Codes, topic)
		}
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

const page = `<!DOCTYPE html>
<!-- Made by go generate ./engine/help. -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Data Management Gateway: errors and events</title>
<style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h3 { margin: 2rem 0 .2rem; font-size: 1.05rem; }
h3 a { color: inherit; text-decoration: none; }
h3 small { font-weight: normal; opacity: .7; }
p { margin: .3rem 0; }
nav { columns: 12rem; font-size: .9rem; }
nav a { display: block; }
:target { outline: 2px solid; outline-offset: .5rem; }
</style>
</head>
<body>
<h1>Errors and events</h1>
<p>Every error that the gateway shows has a code, and what matters in its log has an event number. This page explains each. <code>dmgcmd help CODE</code> and <code>dmgcmd help NUMBER</code> show the same.</p>
<h2>Error codes</h2>
<nav>{{range .Codes}}<a href="#{{.Anchor}}">{{.Name}}</a>{{end}}</nav>
{{range .Codes}}<h3 id="{{.Anchor}}"><a href="#{{.Anchor}}">{{.Name}}</a> <small>{{.Title}}</small></h3>
<p>{{text .Text}}</p>{{with .Do}}
<p><strong>What to do:</strong> {{text .}}</p>{{end}}
{{end}}
<h2>Events of the log</h2>
<nav>{{range .Events}}<a href="#{{.Anchor}}">{{.Name}} {{.Title}}</a>{{end}}</nav>
{{range .Events}}<h3 id="{{.Anchor}}"><a href="#{{.Anchor}}">{{.Name}}</a> <small>{{.Title}}</small></h3>
<p>{{text .Text}}</p>{{with .Do}}
<p><strong>What to do:</strong> {{text .}}</p>{{end}}
{{end}}
</body>
</html>
`
