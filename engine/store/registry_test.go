package store

import (
	"strings"
	"testing"
)

func sample() (Definition, Definition) {
	return Definition{
		Name: "one", LinkedServices: []string{"One", "OnPremisesOne"}, Datasets: []string{"OneTable", "RelationalTable"},
		Sources: []string{"OneSource", "RelationalSource"}, Sinks: []string{"OneSink"},
	}, Definition{
		Name: "two", LinkedServices: []string{"Two"}, Datasets: []string{"RelationalTable"}, Sources: []string{"RelationalSource"},
		Files: &FileDefinition{Locations: []string{"TwoLocation"}, ReadSettings: []string{"TwoReadSettings"}, WriteSettings: []string{"TwoWriteSettings"}},
	}
}

func TestRegistryFindsTypesWhateverTheirCase(t *testing.T) {
	t.Parallel()
	one, two := sample()
	r := NewRegistry(one, two)
	if len(r.All()) != 2 {
		t.Fatalf("All has %d stores, want 2", len(r.All()))
	}
	for what, got := range map[string]*Definition{
		"name":          r.Name("TWO"),
		"location":      r.Location("twolocation"),
		"readSettings":  r.ReadSettings("TWOREADSETTINGS"),
		"writeSettings": r.WriteSettings("twowritesettings"),
		"linkedService": r.LinkedService("tWo"),
	} {
		if got == nil || got.Name != "two" {
			t.Errorf("%s finds %v, want store two", what, got)
		}
	}
	if got := r.LinkedService("onpremisesone"); got == nil || got.Name != "one" {
		t.Errorf("linked service finds %v, want store one", got)
	}
	if got := r.Source("relationalsource"); len(got) != 2 {
		t.Errorf("RelationalSource belongs to %d stores, want 2", len(got))
	}
	if got := r.Sink("onesink"); len(got) != 1 || got[0].Name != "one" {
		t.Errorf("sink finds %v, want store one", got)
	}
	if got := r.Dataset("onetable"); len(got) != 1 || !got[0].HasDataset("ONETABLE") || !got[0].HasSource("onesource") || !got[0].HasSink("ONEsink") {
		t.Errorf("dataset finds %v, want store one that answers to its own types", got)
	}
	if r.LinkedService("three") != nil || r.Dataset("three") != nil || r.Name("") != nil || one.HasSink("TwoSink") {
		t.Error("an unknown type finds something")
	}
}

func TestRegistryPanicsOnDuplicates(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(one, two *Definition){
		"store name":     func(_, two *Definition) { two.Name = "ONE" },
		"no name":        func(_, two *Definition) { two.Name = "" },
		"linked service": func(_, two *Definition) { two.LinkedServices = []string{"onpremisesONE"} },
		"dataset":        func(_, two *Definition) { two.Datasets = []string{"oneTable"} },
		"source":         func(_, two *Definition) { two.Sources = []string{"ONESource"} },
		"sink":           func(_, two *Definition) { two.Sinks = []string{"ONESink"} },
		"location": func(one, _ *Definition) {
			one.Files = &FileDefinition{Locations: []string{"TWOLocation"}}
		},
		"read settings":  func(one, _ *Definition) { one.Files = &FileDefinition{ReadSettings: []string{"TwoReadSettings"}} },
		"write settings": func(one, _ *Definition) { one.Files = &FileDefinition{WriteSettings: []string{"TwoWriteSettings"}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := sample()
			change(&one, &two)
			defer func() {
				if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "store: ") {
					t.Errorf("panic is %v, want one of this package", p)
				}
			}()
			NewRegistry(one, two)
		})
	}
}
