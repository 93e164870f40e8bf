package activity

import (
	"fmt"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// Expand fills in the expressions of a bundle: v1's "$$…" and partitionedBy, v2's "@…", "@{…}" and
// {"type":"Expression"}, with the arguments of parameterised datasets and linked services. It must be done exactly
// once, before [Parse]. A dataset that is used twice with different arguments is there twice afterwards.
//
// v2 expressions are looked for in objects of the v2 shape only, and in linked services only where linkedService() is
// named, so that a password that begins with "@" stays what it is. Every problem has its JSON path.
func Expand(bundle []byte, v Values) ([]byte, error) {
	root, err := readTree(bundle)
	if err != nil {
		return nil, err
	}
	x := &expander{values: &v, root: root}
	x.originals = map[string][]any{}
	for _, list := range []string{"datasets", "linkedServices"} {
		for _, o := range root.list(list) {
			x.originals[list] = append(x.originals[list], clone(o))
		}
	}
	x.run()
	if err := props.Join(x.problems); err != nil {
		return nil, err
	}
	return writeTree(root), nil
}

type expander struct {
	values     *Values
	root       *object
	originals  map[string][]any // by list, before anything was filled in
	filled     map[string]string
	parameters parameters
	problems   []*fault.Error
}

func (x *expander) problem(path, format string, args ...any) {
	x.problems = append(x.problems, fault.New(fault.BadInput, format, args...).At(path))
}

func (x *expander) run() {
	x.filled = map[string]string{}
	given := map[string]any{}
	for name, v := range x.values.Parameters {
		given[name] = value(v)
	}
	ps, err := arguments(given, x.root.child("parameters"))
	if err != nil {
		x.problem("$.parameters", "%v", err)
		return
	}
	x.parameters = ps
	x.root.remove("parameters")
	if from, to := x.values.WindowStart, x.values.WindowEnd; !from.IsZero() {
		x.root.set("slice", from.UTC().Format(time.RFC3339Nano)+"/"+to.UTC().Format(time.RFC3339Nano))
	}
	activity := x.root.child("activity")
	if activity == nil {
		return // said by Parse
	}
	in := activity.list("inputs")
	w := &walker{x: x, scope: scope{values: x.values, parameters: ps}}
	if first, ok := firstObject(in); ok && first.get("referenceName") == nil {
		w.v1 = true
	}
	path := "$." + x.root.written("activity")
	for _, name := range []string{"typeProperties", "policy"} {
		w.member(activity, name, path)
	}
	for _, side := range []string{"inputs", "outputs"} {
		if ref, ok := firstObject(activity.list(side)); ok {
			x.dataset(w, ref, fmt.Sprintf("%s.%s[0]", path, activity.written(side)))
		}
	}
}

func firstObject(list []any) (*object, bool) {
	if len(list) == 0 {
		return nil, false
	}
	o, ok := list[0].(*object)
	return o, ok
}

// dataset fills in the dataset that ref means, and the linked service behind it.
func (x *expander) dataset(w *walker, ref *object, path string) {
	orig, i := x.original("datasets", referenceName(ref))
	if orig == nil {
		return // said by Parse
	}
	inst := clone(orig).(*object)
	pr := inst.child("properties")
	args, ok := x.arguments(w, ref, pr.child("parameters"), path)
	if !ok {
		return
	}
	dw := &walker{x: x, scope: w.scope}
	dw.scope.dataset = args
	_, dw.v1 = pr.get("linkedServiceName").(string)
	at := fmt.Sprintf("$.%s[%d].%s", x.root.written("datasets"), i, inst.written("properties"))
	x.partitionedBy(dw, pr.child("typeProperties"), at+"."+pr.written("typeProperties"))
	dw.member(pr, "typeProperties", at)
	if link, ok := pr.get("linkedServiceName").(*object); ok {
		x.linkedService(dw, link, at+"."+pr.written("linkedServiceName"))
	} else {
		link := &object{}
		link.set("referenceName", pr.text("linkedServiceName"))
		x.linkedService(dw, link, at+"."+pr.written("linkedServiceName"))
		if name := link.text("referenceName"); pr.get("linkedServiceName") != nil {
			pr.set("linkedServiceName", name)
		}
	}
	pr.remove("parameters")
	x.place("datasets", i, inst, ref)
}

// linkedService fills in the linked service that link means.
func (x *expander) linkedService(w *walker, link *object, path string) {
	orig, i := x.original("linkedServices", referenceName(link))
	if orig == nil {
		return // said by Parse
	}
	inst := clone(orig).(*object)
	pr := inst.child("properties")
	args, ok := x.arguments(w, link, pr.child("parameters"), path)
	if !ok {
		return
	}
	lw := &walker{x: x, scope: scope{values: x.values, linked: args}, only: "linkedservice()"}
	lw.member(pr, "typeProperties", fmt.Sprintf("$.%s[%d].%s", x.root.written("linkedServices"), i, inst.written("properties")))
	pr.remove("parameters")
	x.place("linkedServices", i, inst, link)
}

// original finds an object by name as it was before anything was filled in.
func (x *expander) original(list, name string) (*object, int) {
	for i, v := range x.originals[list] {
		if o, ok := v.(*object); ok && name != "" && strings.EqualFold(o.text("name"), name) && o.child("properties") != nil {
			return o, i
		}
	}
	return nil, -1
}

// arguments evaluates the arguments of a reference and takes them away from it.
func (x *expander) arguments(w *walker, ref, declared *object, path string) (parameters, bool) {
	given := map[string]any{}
	if args := ref.child("parameters"); args != nil {
		at := path + "." + ref.written("parameters")
		for _, m := range args.members {
			given[m.name] = evaluated(w.value(m.value, at+"."+m.name))
		}
	}
	ref.remove("parameters")
	if declared == nil && len(given) == 0 {
		return parameters{}, true
	}
	if declared == nil {
		declared = &object{}
	}
	p, err := arguments(given, declared)
	if err != nil {
		x.problem(path, "%v", err)
		return nil, false
	}
	return p, true
}

// place puts a filled-in object where the original was, or beside it under another name where that place is taken by
// one that was filled in differently.
func (x *expander) place(list string, i int, inst, ref *object) {
	key := fmt.Sprintf("%s %d", list, i)
	text := string(writeTree(inst))
	all := x.root.list(list)
	before, taken := x.filled[key]
	switch {
	case !taken:
		x.filled[key] = text
		all[i] = inst
	case before != text:
		name := inst.text("name") + " (2)"
		inst.set("name", name)
		if ref.get("referenceName") != nil {
			ref.set("referenceName", name)
		} else {
			ref.set("name", name)
		}
		all = append(all, inst)
	}
	x.root.set(list, all)
}

// partitionedBy fills "{Year}" and the like into folderPath and fileName of a v1 dataset.
func (x *expander) partitionedBy(w *walker, tp *object, path string) {
	if tp == nil {
		return
	}
	path += "." + tp.written("partitionedBy")
	for i, v := range tp.list("partitionedBy") {
		at := fmt.Sprintf("%s[%d]", path, i)
		part, _ := v.(*object)
		name, val := part.text("name"), part.child("value")
		if name == "" || val == nil {
			x.problem(at, "name and value are needed")
			continue
		}
		if typ := val.text("type"); !strings.EqualFold(typ, "DateTime") {
			x.problem(at+".value.type", "%q is not supported; known: DateTime", typ)
			continue
		}
		text, err := w.partition(val)
		if err != nil {
			x.problem(at+".value", "%v", err)
			continue
		}
		for _, prop := range []string{"folderPath", "fileName", "fileFilter"} {
			if s, ok := tp.get(prop).(string); ok {
				tp.set(prop, strings.ReplaceAll(s, "{"+name+"}", text))
			}
		}
	}
	tp.remove("partitionedBy")
}

// walker goes through the values of one object of the bundle.
type walker struct {
	x     *expander
	scope scope
	v1    bool
	// only is a lower-case text that v2 expressions must contain to be taken for such, "" for all.
	only string
}

func (w *walker) partition(val *object) (string, error) {
	v, err := w.scope.variable1(val.text("date"))
	if err != nil {
		return "", err
	}
	t, err := date1(v)
	if err != nil {
		return "", err
	}
	return formatDate(t, val.text("format"))
}

// member fills in the property name of o.
func (w *walker) member(o *object, name, path string) {
	if v := o.get(name); v != nil {
		o.set(name, w.value(v, path+"."+o.written(name)))
	}
}

// value fills in a value and everything below it.
func (w *walker) value(v any, path string) any {
	switch v := v.(type) {
	case string:
		return w.text(v, path)
	case []any:
		for i := range v {
			v[i] = w.value(v[i], fmt.Sprintf("%s[%d]", path, i))
		}
	case *object:
		if e, ok := v.get("value").(string); ok && strings.EqualFold(v.text("type"), "Expression") {
			return w.text(e, path)
		}
		for i := range v.members {
			v.members[i].value = w.value(v.members[i].value, path+"."+v.members[i].name)
		}
	}
	return v
}

// text fills in one text.
func (w *walker) text(s, path string) any {
	v, err := w.fill(s)
	if err != nil {
		code := fault.BadInput
		if fault.Is(err, fault.Unsupported) {
			code = fault.Unsupported
		}
		w.x.problems = append(w.x.problems, fault.New(code, "expression: %v", err).At(path))
		return s
	}
	return treed(v)
}

func (w *walker) fill(s string) (any, error) {
	if strings.HasPrefix(s, "$$") {
		if reserved(s) {
			return s, nil
		}
		n, err := parseExpression(s[2:], dialect1)
		if err != nil {
			return nil, err
		}
		v, err := n.eval(&w.scope)
		return asText(v), err
	}
	if w.v1 || !strings.Contains(s, "@") || !strings.Contains(strings.ToLower(s), w.only) {
		return s, nil
	}
	pieces, whole, err := template(s)
	if err != nil {
		return nil, err
	}
	if whole {
		return pieces[0].node.eval(&w.scope)
	}
	var b strings.Builder
	for _, p := range pieces {
		if p.node == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.node.eval(&w.scope)
		if err != nil {
			return nil, err
		}
		b.WriteString(asText(v))
	}
	return limited(b.String())
}

// reserved are the values of additional columns that look like v1 expressions.
func reserved(s string) bool {
	return strings.EqualFold(s, "$$FILEPATH") || hasPrefixFold(s, "$$COLUMN:")
}
