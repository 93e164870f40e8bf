package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// side is the linked service, dataset and source or sink type of one side of a copy.
type side struct {
	service, dataset map[string]any
	source, sink     map[string]any
}

func (b *bench) table(name string) side {
	c := b.config
	return side{
		service: map[string]any{"type": "PostgreSql", "typeProperties": map[string]any{
			"connectionString": fmt.Sprintf("Host=%s;Port=%d;Database=%s;Username=%s;Password=%s;SSLMode=Disable", c.Host, c.Port, c.Database, c.User, c.Password),
		}},
		dataset: map[string]any{"type": "PostgreSqlTable", "typeProperties": map[string]any{"schema": "public", "table": name}},
		source:  map[string]any{"type": "PostgreSqlSource"},
		sink:    map[string]any{"type": "PostgreSqlSink"},
	}
}

func (b *bench) file(format, name string) side {
	properties := map[string]any{"location": map[string]any{"type": "FileServerLocation", "fileName": name}}
	if format == "DelimitedText" {
		properties["escapeChar"] = `"`
		properties["firstRowAsHeader"] = true
	}
	return side{
		service: map[string]any{"type": "FileServer", "typeProperties": map[string]any{"host": b.dir}},
		dataset: map[string]any{"type": format, "typeProperties": properties},
		source:  map[string]any{"type": format + "Source", "storeSettings": map[string]any{"type": "FileServerReadSettings"}},
		sink:    map[string]any{"type": format + "Sink", "storeSettings": map[string]any{"type": "FileServerWriteSettings"}},
	}
}

// copy writes the bundle of a copy and gives the command that runs it.
func (b *bench) copy(from, to side) []string {
	reference := func(name string) map[string]any {
		return map[string]any{"referenceName": name, "type": "LinkedServiceReference"}
	}
	dataset := func(name string, d map[string]any) map[string]any {
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
	name := filepath.Join(b.dir, fmt.Sprintf("bundle-%d.json", b.bundles))
	if err := os.WriteFile(name, text, 0o600); err != nil {
		panic(err)
	}
	return []string{b.dmgcmd, "copy", name, "--json"}
}
