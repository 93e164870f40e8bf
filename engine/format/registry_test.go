package format_test

import (
	"testing"

	"dmgateway/engine/format"
)

func define(name string, change func(*format.Definition)) format.Definition {
	d := format.Definition{
		Name: name, V1: []string{name + "Format"}, Datasets: []string{name}, Sources: []string{name + "Source"},
		Sinks: []string{name + "Sink"}, ReadSettings: []string{name + "Read"}, WriteSettings: []string{name + "Write"},
		Decode: func(format.Spec) format.Format { return nil },
	}
	if change != nil {
		change(&d)
	}
	return d
}

func TestRegistryFindsByTypeWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	r := format.NewRegistry(define("One", nil), define("Two", nil))
	if n := len(r.All()); n != 2 {
		t.Fatalf("%d formats", n)
	}
	for what, found := range map[string]*format.Definition{
		"name": r.Name("tWO"), "v1": r.V1("TWOFORMAT"), "dataset": r.Dataset("two"), "source": r.Source("TwoSource"),
		"sink": r.Sink("twosink"), "read settings": r.ReadSettings("tworead"), "write settings": r.WriteSettings("TwoWRITE"),
	} {
		if found == nil || found.Name != "Two" {
			t.Errorf("%s found %v", what, found)
		}
	}
	if r.V1("TwoSource") != nil || r.Name("") != nil {
		t.Error("a type of one sort is found as another")
	}
}

func TestRegistryPanicsOnDuplicates(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*format.Definition){
		"name":           func(d *format.Definition) { d.Name = "ONE" },
		"v1":             func(d *format.Definition) { d.V1 = []string{"oneFORMAT"} },
		"dataset":        func(d *format.Definition) { d.Datasets = []string{"one"} },
		"source":         func(d *format.Definition) { d.Sources = []string{"oneSource"} },
		"sink":           func(d *format.Definition) { d.Sinks = []string{"oneSink"} },
		"read settings":  func(d *format.Definition) { d.ReadSettings = []string{"oneRead"} },
		"write settings": func(d *format.Definition) { d.WriteSettings = []string{"oneWrite"} },
		"no name":        func(d *format.Definition) { d.Name = "" },
		"no decoder":     func(d *format.Definition) { d.Decode = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			format.NewRegistry(define("One", nil), define("Two", change))
		})
	}
}
