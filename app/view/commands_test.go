package view_test

import (
	"reflect"
	"testing"

	"dmgateway/app/view"
	"dmgateway/engine"
)

func TestWhateverTheEngineCanBeAskedHasAnAction(t *testing.T) {
	t.Parallel()
	methods := map[string]bool{}
	for m := range reflect.TypeFor[engine.Controller]().Methods() {
		methods[m.Name] = false
	}
	for _, a := range view.Actions {
		if (a.Command == "") == (a.Why == "") {
			t.Errorf("%s: it needs a command or the reason why there is none", a.Does)
		}
		for _, call := range a.Calls {
			if done, known := methods[call]; !known || done {
				t.Errorf("%s: %s is no method of the engine, or has an action already", a.Does, call)
			}
			methods[call] = true
		}
	}
	for name, done := range methods {
		if !done {
			t.Errorf("%s: no action of the window uses it, or view.Actions lacks one", name)
		}
	}
}
