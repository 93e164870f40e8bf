package format

import (
	"fmt"
	"strings"
)

// Registry is every format that a program knows, found by the type names of Data Factory's JSON without regard to case.
// It is made once and only read afterwards, so it may be used from any goroutine.
type Registry struct {
	list []*Definition
	// The maps are keyed by lower-case type name.
	names, v1, datasets, sources, sinks, read, write map[string]*Definition
}

// NewRegistry makes a registry of the formats, in their order. A type name that two formats claim, a format without a
// name or without Decode, or a name that is there twice is a defect of the program and panics.
func NewRegistry(definitions ...Definition) *Registry {
	r := &Registry{
		names: map[string]*Definition{}, v1: map[string]*Definition{}, datasets: map[string]*Definition{},
		sources: map[string]*Definition{}, sinks: map[string]*Definition{},
		read: map[string]*Definition{}, write: map[string]*Definition{},
	}
	for i := range definitions {
		d := &definitions[i]
		if d.Name == "" || d.Decode == nil {
			panic(fmt.Sprintf("format: definition %q without name or Decode", d.Name))
		}
		r.list = append(r.list, d)
		claim(r.names, "name", d, d.Name)
		claim(r.v1, "v1 format", d, d.V1...)
		claim(r.datasets, "dataset", d, d.Datasets...)
		claim(r.sources, "source", d, d.Sources...)
		claim(r.sinks, "sink", d, d.Sinks...)
		claim(r.read, "read settings", d, d.ReadSettings...)
		claim(r.write, "write settings", d, d.WriteSettings...)
	}
	return r
}

func claim(m map[string]*Definition, what string, d *Definition, names ...string) {
	for _, name := range names {
		key := strings.ToLower(name)
		if other := m[key]; other != nil {
			panic(fmt.Sprintf("format: %s %q belongs to %q and to %q", what, name, other.Name, d.Name))
		}
		m[key] = d
	}
}

// All are the formats in the order in which they were given.
func (r *Registry) All() []*Definition { return r.list }

// Name finds a format by its own name ("text"); nil where there is none.
func (r *Registry) Name(name string) *Definition { return r.names[strings.ToLower(name)] }

// V1 finds the format of a v1 dataset's format type ("TextFormat"); nil where there is none.
func (r *Registry) V1(typ string) *Definition { return r.v1[strings.ToLower(typ)] }

// Dataset finds the format of a v2 dataset type ("DelimitedText"); nil where there is none.
func (r *Registry) Dataset(typ string) *Definition { return r.datasets[strings.ToLower(typ)] }

// Source finds the format of a v2 source type ("DelimitedTextSource"); nil where there is none.
func (r *Registry) Source(typ string) *Definition { return r.sources[strings.ToLower(typ)] }

// Sink finds the format of a v2 sink type ("DelimitedTextSink"); nil where there is none.
func (r *Registry) Sink(typ string) *Definition { return r.sinks[strings.ToLower(typ)] }

// ReadSettings finds the format of a v2 formatSettings type of a source; nil where there is none.
func (r *Registry) ReadSettings(typ string) *Definition { return r.read[strings.ToLower(typ)] }

// WriteSettings finds the format of a v2 formatSettings type of a sink; nil where there is none.
func (r *Registry) WriteSettings(typ string) *Definition { return r.write[strings.ToLower(typ)] }
