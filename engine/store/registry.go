package store

import (
	"fmt"
	"strings"
)

// Registry is every store that a program knows, found by the type names of Data Factory's JSON without regard to case.
// It is made once and only read afterwards, so it may be used from any goroutine.
type Registry struct {
	list []*Definition
	// The maps are keyed by lower-case type name.
	names, linked, locations, read, write map[string]*Definition
	datasets, sources, sinks              map[string][]*Definition
}

// generic are the types of the v1 contract that belong to several stores at once: there the linked service tells which
// store is meant.
var generic = map[string]bool{
	"relationaltable": true, "relationalsource": true,
	"fileshare": true, "filesystemsource": true, "filesystemsink": true, // file system and SFTP
}

// NewRegistry makes a registry of the stores, in their order. A type name that two stores claim, a store without a name
// or a name that is there twice is a defect of the program and panics. Only the v1 types RelationalTable and
// RelationalSource may belong to several stores.
func NewRegistry(definitions ...Definition) *Registry {
	r := &Registry{
		names: map[string]*Definition{}, linked: map[string]*Definition{}, locations: map[string]*Definition{},
		read: map[string]*Definition{}, write: map[string]*Definition{},
		datasets: map[string][]*Definition{}, sources: map[string][]*Definition{}, sinks: map[string][]*Definition{},
	}
	for i := range definitions {
		r.add(&definitions[i])
	}
	return r
}

func (r *Registry) add(d *Definition) {
	if d.Name == "" {
		panic("store: a definition without a name")
	}
	r.list = append(r.list, d)
	claim(r.names, "name", d, d.Name)
	claim(r.linked, "linked service", d, d.LinkedServices...)
	share(r.datasets, "dataset", d, d.Datasets)
	share(r.sources, "source", d, d.Sources)
	share(r.sinks, "sink", d, d.Sinks)
	if d.Files != nil {
		claim(r.locations, "location", d, d.Files.Locations...)
		claim(r.read, "read settings", d, d.Files.ReadSettings...)
		claim(r.write, "write settings", d, d.Files.WriteSettings...)
	}
}

func claim(m map[string]*Definition, what string, d *Definition, names ...string) {
	for _, name := range names {
		key := strings.ToLower(name)
		if other := m[key]; other != nil {
			panic(fmt.Sprintf("store: %s %q belongs to %q and to %q", what, name, other.Name, d.Name))
		}
		m[key] = d
	}
}

func share(m map[string][]*Definition, what string, d *Definition, names []string) {
	for _, name := range names {
		key := strings.ToLower(name)
		if others := m[key]; len(others) > 0 && !generic[key] {
			panic(fmt.Sprintf("store: %s %q belongs to %q and to %q", what, name, others[0].Name, d.Name))
		}
		m[key] = append(m[key], d)
	}
}

// All are the stores in the order in which they were given.
func (r *Registry) All() []*Definition { return r.list }

// Name finds a store by its own name ("postgres"); nil where there is none.
func (r *Registry) Name(name string) *Definition { return r.names[strings.ToLower(name)] }

// LinkedService finds the store of a linked service type; nil where there is none.
func (r *Registry) LinkedService(typ string) *Definition { return r.linked[strings.ToLower(typ)] }

// Dataset finds the stores of a dataset type. There is at most one but for the v1 type RelationalTable; the linked
// service tells which of them is meant.
func (r *Registry) Dataset(typ string) []*Definition { return r.datasets[strings.ToLower(typ)] }

// Source finds the stores of a copy source type. There is at most one but for the v1 type RelationalSource.
func (r *Registry) Source(typ string) []*Definition { return r.sources[strings.ToLower(typ)] }

// Sink finds the stores of a copy sink type; there is at most one.
func (r *Registry) Sink(typ string) []*Definition { return r.sinks[strings.ToLower(typ)] }

// Location finds the file store of a v2 dataset location type; nil where there is none.
func (r *Registry) Location(typ string) *Definition { return r.locations[strings.ToLower(typ)] }

// ReadSettings finds the file store of a v2 source's storeSettings type; nil where there is none.
func (r *Registry) ReadSettings(typ string) *Definition { return r.read[strings.ToLower(typ)] }

// WriteSettings finds the file store of a v2 sink's storeSettings type; nil where there is none.
func (r *Registry) WriteSettings(typ string) *Definition { return r.write[strings.ToLower(typ)] }

// HasDataset reports whether the store answers to the dataset type.
func (d *Definition) HasDataset(typ string) bool { return has(d.Datasets, typ) }

// HasSource reports whether the store answers to the copy source type.
func (d *Definition) HasSource(typ string) bool { return has(d.Sources, typ) }

// HasSink reports whether the store answers to the copy sink type.
func (d *Definition) HasSink(typ string) bool { return has(d.Sinks, typ) }

func has(names []string, typ string) bool {
	for _, name := range names {
		if strings.EqualFold(name, typ) {
			return true
		}
	}
	return false
}
