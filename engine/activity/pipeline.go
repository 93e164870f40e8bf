package activity

import (
	"fmt"
	"strings"

	"dmgateway/engine/fault"
)

// Lookup gives a linked service's or dataset's JSON by its name (to be compared without regard to case); ok is false
// where there is none.
type Lookup func(name string) (data []byte, ok bool)

func (l Lookup) tree() lookup {
	return func(name string) (*object, error) {
		data, ok := l(name)
		if !ok {
			return nil, nil
		}
		return readTree(data)
	}
}

// PipelineActivity is one activity of a pipeline.
type PipelineActivity struct {
	Name string
	Type string
	// DependsOn maps the names of activities to the conditions (Succeeded, Failed, Completed, Skipped) under which this
	// one runs after them.
	DependsOn map[string][]string
}

// Activities lists the activities of a pipeline in their order.
func Activities(pipeline []byte) ([]PipelineActivity, error) {
	o, err := readTree(pipeline)
	if err != nil {
		return nil, err
	}
	var list []PipelineActivity
	for _, a := range activitiesOf(o) {
		pa := PipelineActivity{Name: a.text("name"), Type: a.text("type")}
		for _, d := range a.list("dependsOn") {
			dep, _ := d.(*object)
			if pa.DependsOn == nil {
				pa.DependsOn = map[string][]string{}
			}
			conditions := []string{}
			for _, c := range dep.list("dependencyConditions") {
				s, _ := c.(string)
				conditions = append(conditions, s)
			}
			pa.DependsOn[dep.text("activity")] = conditions
		}
		list = append(list, pa)
	}
	return list, nil
}

// activitiesOf finds a pipeline's activities, with or without "properties" around them.
func activitiesOf(pipeline *object) []*object {
	in := pipeline
	if pr := pipeline.child("properties"); pr != nil {
		in = pr
	}
	var list []*object
	for _, v := range in.list("activities") {
		if a, ok := v.(*object); ok {
			list = append(list, a)
		}
	}
	return list
}

// FromPipeline makes the bundle of one Copy activity of a pipeline, with the datasets and linked services that it uses
// and the pipeline's parameters. name is the activity's, "" = the only Copy that there is. Expressions stay as they are,
// see [Expand].
func FromPipeline(pipeline []byte, name string, datasets, linkedServices Lookup) ([]byte, error) {
	o, err := readTree(pipeline)
	if err != nil {
		return nil, err
	}
	var found []*object
	for _, a := range activitiesOf(o) {
		if strings.EqualFold(a.text("type"), "Copy") && (name == "" || strings.EqualFold(a.text("name"), name)) {
			found = append(found, a)
		}
	}
	switch {
	case len(found) == 0 && name != "":
		return nil, fault.New(fault.NotFound, "the pipeline has no Copy activity %q", name).At("$.properties.activities")
	case len(found) == 0:
		return nil, fault.New(fault.NotFound, "the pipeline has no Copy activity").At("$.properties.activities")
	case len(found) > 1:
		return nil, fault.New(fault.Conflict, "the pipeline has %d Copy activities where one is meant", len(found)).At("$.properties.activities")
	}
	return bundleOf(found[0], o, datasets.tree(), linkedServices.tree())
}

// bundleOf gathers what an activity uses.
func bundleOf(activity, pipeline *object, datasets, linked lookup) ([]byte, error) {
	var sets, services []any
	seen := map[string]bool{}
	for _, side := range []string{"inputs", "outputs"} {
		refs := activity.list(side)
		if len(refs) == 0 {
			continue // said by Parse, with its path
		}
		name := referenceName(refs[0])
		if seen["d "+strings.ToLower(name)] {
			continue
		}
		seen["d "+strings.ToLower(name)] = true
		set, err := fetch(datasets, "dataset", name, fmt.Sprintf("$.activity.%s[0]", side))
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
		name = referenceName(set.child("properties").get("linkedServiceName"))
		if seen["l "+strings.ToLower(name)] {
			continue
		}
		seen["l "+strings.ToLower(name)] = true
		service, err := fetch(linked, "linked service", name, fmt.Sprintf("$.datasets[%d].properties.linkedServiceName", len(sets)-1))
		if err != nil {
			return nil, err
		}
		services = append(services, service)
	}
	b := &object{}
	b.set("linkedServices", append([]any{}, services...))
	b.set("datasets", append([]any{}, sets...))
	b.set("activity", activity)
	in := pipeline
	if pr := pipeline.child("properties"); pr != nil {
		in = pr
	}
	if ps := in.child("parameters"); ps != nil {
		b.set("parameters", ps)
	}
	return writeTree(b), nil
}

// referenceName reads "name", {"name":…} and {"referenceName":…}.
func referenceName(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case *object:
		if s := v.text("referenceName"); s != "" {
			return s
		}
		return v.text("name")
	}
	return ""
}

func fetch(l lookup, what, name, path string) (*object, error) {
	o, err := l(name)
	if err != nil {
		return nil, fault.New(fault.BadInput, "read %s %q", what, name).At(path).Because(err)
	}
	if o == nil {
		return nil, fault.New(fault.NotFound, "there is no %s %q", what, name).At(path)
	}
	return o, nil
}
