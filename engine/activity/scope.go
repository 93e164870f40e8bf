package activity

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"dmgateway/engine/fault"
)

// Values are what the expressions of a run stand for.
type Values struct {
	// WindowStart and WindowEnd are the run's window: v1's WindowStart, WindowEnd, SliceStart and SliceEnd, and v2's
	// trigger().outputs of a tumbling window. Zero where the run has none.
	WindowStart, WindowEnd time.Time
	// Parameters of the pipeline by name, as encoding/json gives them. Where the bundle declares parameters, defaults are
	// filled in and texts are turned into the declared type.
	Parameters map[string]any
	RunID      string // pipeline().RunId
	Pipeline   string // pipeline().Pipeline
	Factory    string // pipeline().DataFactory
	// The trigger of the run; "" and zero where a person started it.
	TriggerID, TriggerName, TriggerType string
	TriggerTime                         time.Time
	// Now is utcnow(), the same for the whole run.
	Now time.Time
}

// Set gives a value by its name, as a command line does: WindowStart, WindowEnd (or SliceStart, SliceEnd), RunId, or
// else a parameter of the pipeline.
func (v *Values) Set(name, text string) error {
	var at *time.Time
	switch strings.ToLower(name) {
	case "windowstart", "slicestart":
		at = &v.WindowStart
	case "windowend", "sliceend":
		at = &v.WindowEnd
	case "runid":
		v.RunID = text
		return nil
	default:
		if v.Parameters == nil {
			v.Parameters = map[string]any{}
		}
		v.Parameters[name] = text
		return nil
	}
	t, err := parseDate(text)
	if err != nil {
		return fault.New(fault.BadInput, "set %s", name).Because(err)
	}
	*at = t
	return nil
}

// scope is what an expression can see.
type scope struct {
	values     *Values
	parameters parameters // of the pipeline
	dataset    parameters
	linked     parameters
}

// parameters are arguments by lower-case name; nil where the place has none.
type parameters map[string]any

func (p parameters) object() *object {
	o := &object{}
	names := make([]string, 0, len(p))
	for name := range p {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		o.set(name, p[name])
	}
	return o
}

func (s *scope) parametersOf(where string, p parameters) (any, error) {
	if p == nil {
		return nil, fmt.Errorf("%s() means nothing here", where)
	}
	return p.object(), nil
}

func (s *scope) pipeline() (any, error) {
	v := s.values
	o := &object{}
	if s.parameters != nil {
		o.set("parameters", s.parameters.object())
	}
	o.set("RunId", v.RunID)
	o.set("Pipeline", v.Pipeline)
	o.set("DataFactory", v.Factory)
	o.set("TriggerId", v.TriggerID)
	o.set("TriggerName", v.TriggerName)
	o.set("TriggerType", v.TriggerType)
	if !v.TriggerTime.IsZero() {
		o.set("TriggerTime", isoText(v.TriggerTime))
	}
	return o, nil
}

func (s *scope) trigger() (any, error) {
	v := s.values
	o := &object{}
	if !v.TriggerTime.IsZero() {
		o.set("startTime", isoText(v.TriggerTime))
		o.set("scheduledTime", isoText(v.TriggerTime))
	}
	if !v.WindowStart.IsZero() {
		out := &object{}
		out.set("windowStartTime", isoText(v.WindowStart))
		out.set("windowEndTime", isoText(v.WindowEnd))
		o.set("outputs", out)
	}
	return o, nil
}

func isoText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

func (l literal) eval(*scope) (any, error) { return l.value, nil }

// eval looks v1's names and v2's apart by whether the call has a class, or is a variable.
func (c *call) eval(s *scope) (any, error) {
	if c.args == nil || strings.Contains(c.name, ".") {
		return s.call1(c)
	}
	return s.call2(c)
}

func (p *property) eval(s *scope) (any, error) {
	of, err := p.of.eval(s)
	if err != nil {
		return nil, err
	}
	name := p.name
	if p.index != nil {
		i, err := p.index.eval(s)
		if err != nil {
			return nil, err
		}
		if n, ok := i.(int64); ok {
			list, ok := of.([]any)
			if !ok || n < 0 || n >= int64(len(list)) {
				return nil, fmt.Errorf("there is no element %d", n)
			}
			return evaluated(list[n]), nil
		}
		if name, _ = i.(string); name == "" {
			return nil, fmt.Errorf("an index is a number or a name")
		}
	}
	o, ok := of.(*object)
	if !ok && of == nil && p.optional {
		return nil, nil
	}
	if !ok {
		return nil, fmt.Errorf("%q is asked of something that has no properties", name)
	}
	for _, m := range o.members {
		if strings.EqualFold(m.name, name) {
			return evaluated(m.value), nil
		}
	}
	if p.optional {
		return nil, nil
	}
	return nil, fmt.Errorf("there is no %q", name)
}

// value turns what encoding/json gives into a value of expressions.
func value(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
		return v
	case string, bool, int64, nil:
		return v
	case json.Number:
		return evaluated(v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	out, err := fromJSON(string(data))
	if err != nil {
		return nil
	}
	return out
}

// arguments fills in defaults and turns texts into the declared types. given are values of expressions by name as
// written; declared is {"name":{"type","defaultValue"}}.
func arguments(given map[string]any, declared *object) (parameters, error) {
	p := parameters{}
	known := map[string]bool{}
	if declared != nil {
		for _, m := range declared.members {
			spec, _ := m.value.(*object)
			key := strings.ToLower(m.name)
			known[key] = true
			v, ok := lookupFold(given, m.name)
			if !ok {
				if v, ok = spec.get("defaultValue"), spec.get("defaultValue") != nil; !ok {
					return nil, fmt.Errorf("the parameter %q has no value", m.name)
				}
				v = evaluated(v)
			}
			v, err := typed(v, spec.text("type"))
			if err != nil {
				return nil, fmt.Errorf("parameter %q: %w", m.name, err)
			}
			p[key] = v
		}
	}
	for name, v := range given {
		if !known[strings.ToLower(name)] && declared != nil {
			return nil, fmt.Errorf("there is no parameter %q", name)
		}
		if declared == nil {
			p[strings.ToLower(name)] = v
		}
	}
	return p, nil
}

func lookupFold(m map[string]any, name string) (any, bool) {
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

// typed checks a value against a parameter's declared type.
func typed(v any, typ string) (any, error) {
	s, isText := v.(string)
	switch strings.ToLower(typ) {
	case "int":
		return toInt(v)
	case "float":
		return toFloat(v)
	case "bool", "boolean":
		return toBool(v)
	case "array", "object":
		if isText {
			parsed, err := fromJSON(s)
			if err != nil {
				return nil, fmt.Errorf("JSON is needed")
			}
			v = parsed
		}
		_, list := v.([]any)
		_, obj := v.(*object)
		if strings.EqualFold(typ, "array") && !list || strings.EqualFold(typ, "object") && !obj {
			return nil, fmt.Errorf("the value is no %s", strings.ToLower(typ))
		}
		return v, nil
	case "string", "securestring":
		return asText(v), nil
	}
	return v, nil
}
