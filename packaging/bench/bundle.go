package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
)

// side is the linked service, dataset and source or sink type of one side of a copy.
type side struct {
	service, dataset map[string]any
	source, sink     map[string]any
}

// file is a local file, in the columns of the table where it is text.
func (b *bench) file(format, name string) side {
	properties := map[string]any{"location": map[string]any{"type": "FileServerLocation", "fileName": name}}
	dataset := map[string]any{"type": format, "typeProperties": properties}
	if format == "DelimitedText" {
		properties["escapeChar"] = `"`
		properties["nullValue"] = ""
		dataset["schema"] = tableSchema
	}
	return side{
		service: map[string]any{"type": "FileServer", "typeProperties": map[string]any{"host": b.dir}},
		dataset: dataset,
		source:  map[string]any{"type": format + "Source", "storeSettings": map[string]any{"type": "FileServerReadSettings"}},
		sink:    map[string]any{"type": format + "Sink", "storeSettings": map[string]any{"type": "FileServerWriteSettings"}},
	}
}

// tableSchema are the names of the table's columns, for text without a header.
var tableSchema = func() (list []any) {
	for _, name := range []string{"id", "n", "small", "amount", "ratio", "flag", "created", "changed", "day", "code", "name", "note"} {
		list = append(list, map[string]any{"name": name})
	}
	return list
}()

// copy writes the bundle of a copy and gives the command that runs it.
func (b *bench) copy(from, to side, flags ...string) []string {
	reference := func(name string) map[string]any {
		return map[string]any{"referenceName": name, "type": "LinkedServiceReference"}
	}
	dataset := func(name string, d map[string]any) map[string]any {
		d = maps.Clone(d)
		d["linkedServiceName"] = reference(name)
		return map[string]any{"name": name, "properties": d}
	}
	input := func(name string) []any {
		return []any{map[string]any{"referenceName": name, "type": "DatasetReference"}}
	}
	bundle := map[string]any{
		"linkedServices": []any{map[string]any{"name": "from", "properties": from.service}, map[string]any{"name": "to", "properties": to.service}},
		"datasets":       []any{dataset("from", from.dataset), dataset("to", to.dataset)},
		"activity": map[string]any{
			"name": "bench", "type": "Copy", "inputs": input("from"), "outputs": input("to"),
			"typeProperties": map[string]any{"source": from.source, "sink": to.sink},
		},
	}
	text, err := json.Marshal(bundle)
	if err != nil {
		panic(err) // texts and maps always marshal
	}
	b.bundles++
	name := b.path(fmt.Sprintf("bundle-%d.json", b.bundles))
	if err := os.WriteFile(name, text, 0o600); err != nil {
		panic(err)
	}
	return append([]string{b.dmgcmd, "copy", name, "--json"}, flags...)
}
