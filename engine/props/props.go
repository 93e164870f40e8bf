// Package props reads Data Factory JSON: property names without regard to case, every problem with its JSON path, and
// nothing silently ignored.
//
// A decoder asks an [Object] for each property it knows. What nobody asked for, and what had the wrong type, is reported
// by [Object.Err], all of it at once. Getters therefore return no error: on a problem they return the zero value and
// remember it.
package props

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

const (
	maxDepth = 64
	maxBytes = 16 << 20
)

// Object is one JSON object. The nil *Object is valid and empty: its getters find nothing.
type Object struct {
	path   string
	fields map[string]*field // by lower-case name
	sink   *problems
	left   bool // by IgnoreAll
}

type field struct {
	name  string // as written
	raw   json.RawMessage
	read  bool
	child []*Object // objects handed out for this field, to be checked by Err as well
}

type problems struct {
	list     []*fault.Error
	warnings []string
}

// Parse reads one JSON object; path is what its problems' paths begin with, usually "$". Text that is no JSON object,
// is deeper than 64 levels, larger than 16 MiB or has a name twice (case aside) is refused.
func Parse(data []byte, path string) (*Object, error) {
	if len(data) > maxBytes {
		return nil, fault.New(fault.BadInput, "JSON of %d bytes is larger than the limit of %d", len(data), maxBytes).At(path)
	}
	if err := checkDepth(data); err != nil {
		return nil, fault.New(fault.BadInput, "JSON cannot be read").At(path).Because(err)
	}
	o := &Object{path: path, sink: &problems{}}
	if err := o.fill(data); err != nil {
		return nil, err
	}
	if len(o.sink.list) > 0 {
		return nil, o.sink.err()
	}
	return o, nil
}

func checkDepth(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	depth := 0
	for {
		tok, err := dec.Token()
		if err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxDepth {
				return fmt.Errorf("nested deeper than %d levels", maxDepth)
			}
		}
	}
}

func (o *Object) fill(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	tok, err := dec.Token()
	if err != nil {
		return fault.New(fault.BadInput, "JSON cannot be read").At(o.path).Because(err)
	}
	if tok != json.Delim('{') {
		return fault.New(fault.BadInput, "a JSON object is needed here").At(o.path)
	}
	o.fields = map[string]*field{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return fault.New(fault.BadInput, "JSON cannot be read").At(o.path).Because(err)
		}
		f := &field{name: tok.(string)}
		if err := dec.Decode(&f.raw); err != nil {
			return fault.New(fault.BadInput, "JSON cannot be read").At(o.child(f.name)).Because(err)
		}
		key := strings.ToLower(f.name)
		if o.fields[key] != nil {
			o.problem(fault.BadInput, f.name, "the property is there twice")
			continue
		}
		o.fields[key] = f
	}
	if _, err := dec.Token(); err != nil {
		return fault.New(fault.BadInput, "JSON cannot be read").At(o.path).Because(err)
	}
	return nil
}

func (o *Object) child(name string) string { return o.path + "." + name }

func (o *Object) problem(code, name, format string, args ...any) {
	path := o.path
	if name != "" {
		path = o.child(name)
	}
	o.sink.list = append(o.sink.list, fault.New(code, format, args...).At(path))
}

// Path is the object's JSON path, "$.properties.typeProperties"; "" for the nil Object.
func (o *Object) Path() string {
	if o == nil {
		return ""
	}
	return o.path
}

// At is the JSON path of a property, as it was written where it is there.
func (o *Object) At(name string) string {
	if o == nil {
		return "$." + name
	}
	if f := o.fields[strings.ToLower(name)]; f != nil {
		name = f.name
	}
	return o.child(name)
}

// Has reports whether the property is there and not null. It does not count as reading it.
func (o *Object) Has(name string) bool {
	if o == nil {
		return false
	}
	f := o.fields[strings.ToLower(name)]
	return f != nil && !isNull(f.raw)
}

// Names are the names of all properties as written, sorted.
func (o *Object) Names() []string {
	if o == nil {
		return nil
	}
	names := make([]string, 0, len(o.fields))
	for _, f := range o.fields {
		names = append(names, f.name)
	}
	sort.Strings(names)
	return names
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// Peek is Raw without counting as reading the property.
func (o *Object) Peek(name string) json.RawMessage {
	if !o.Has(name) {
		return nil
	}
	return o.fields[strings.ToLower(name)].raw
}

func (o *Object) take(name string) *field {
	if o == nil {
		return nil
	}
	f := o.fields[strings.ToLower(name)]
	if f == nil {
		return nil
	}
	f.read = true
	if isNull(f.raw) {
		return nil
	}
	return f
}

// Raw gives the property as it stands, nil where it is absent or null. Nothing below it is checked.
func (o *Object) Raw(name string) json.RawMessage {
	if f := o.take(name); f != nil {
		return f.raw
	}
	return nil
}

// String gives a text; "" where absent. Numbers and booleans are taken as their text, as Data Factory does. An object
// {"type":"Expression","value":…} is refused: expressions are filled in before a decoder sees them.
func (o *Object) String(name string) string {
	f := o.take(name)
	if f == nil {
		return ""
	}
	return o.text(f, name)
}

func (o *Object) text(f *field, name string) string {
	switch f.raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(f.raw, &s); err != nil {
			o.problem(fault.BadInput, f.name, "a text is needed: %v", err)
		}
		return s
	case '{':
		o.problem(fault.BadInput, f.name, "a text is needed, not an object or expression")
		return ""
	case '[':
		o.problem(fault.BadInput, f.name, "a text is needed, not an array")
		return ""
	}
	return string(f.raw)
}

// Required is String for a property that must be there and not empty.
func (o *Object) Required(name string) string {
	s := o.String(name)
	if s == "" && o != nil && !o.hasProblem(name) {
		o.problem(fault.BadInput, o.written(name), "the property is missing")
	}
	return s
}

func (o *Object) hasProblem(name string) bool {
	at := o.At(name)
	for _, p := range o.sink.list {
		if p.Target == at {
			return true
		}
	}
	return false
}

// Secret gives a text that must not be shown: a plain string, or Data Factory's {"type":"SecureString","value":…}. A
// Key Vault reference is refused as unsupported.
func (o *Object) Secret(name string) secret.String {
	f := o.take(name)
	if f == nil {
		return secret.String{}
	}
	if f.raw[0] != '{' {
		return secret.New(o.text(f, name))
	}
	c := o.Object(name)
	if t := c.String("type"); !strings.EqualFold(t, "SecureString") {
		c.Ignore(c.Names()...)
		o.problem(fault.Unsupported, f.name+".type", "secrets of type %q are not supported", t)
		return secret.String{}
	}
	return secret.New(c.String("value"))
}

// Int gives a whole number, def where absent. A text of digits is taken as well.
func (o *Object) Int(name string, def int64) int64 {
	f := o.take(name)
	if f == nil {
		return def
	}
	n, err := strconv.ParseInt(strings.TrimSpace(o.text(f, name)), 10, 64)
	if err != nil {
		if !o.hasProblem(name) {
			o.problem(fault.BadInput, f.name, "a whole number is needed, not %s", shorten(f.raw))
		}
		return def
	}
	return n
}

// IntIn is Int with limits, both included.
func (o *Object) IntIn(name string, def, low, high int64) int64 {
	n := o.Int(name, def)
	if o.Has(name) && (n < low || n > high) && !o.hasProblem(name) {
		o.problem(fault.BadInput, o.written(name), "%d is outside %d to %d", n, low, high)
		return def
	}
	return n
}

// Bool gives a boolean, def where absent. The texts "true" and "false" are taken as well.
func (o *Object) Bool(name string, def bool) bool {
	f := o.take(name)
	if f == nil {
		return def
	}
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(o.text(f, name))))
	if err != nil {
		if !o.hasProblem(name) {
			o.problem(fault.BadInput, f.name, "true or false is needed, not %s", shorten(f.raw))
		}
		return def
	}
	return b
}

// Enum gives one of the allowed texts in the allowed spelling, whatever the case it was written in; def where absent.
func (o *Object) Enum(name, def string, allowed ...string) string {
	s := o.String(name)
	if s == "" {
		return def
	}
	for _, a := range allowed {
		if strings.EqualFold(a, s) {
			return a
		}
	}
	o.problem(fault.Unsupported, o.written(name), "%q is not supported; known: %s", s, strings.Join(allowed, ", "))
	return def
}

// Duration gives a .NET TimeSpan ("[d.]hh:mm:ss[.fffffff]"), def where absent.
func (o *Object) Duration(name string, def time.Duration) time.Duration {
	s := o.String(name)
	if s == "" {
		return def
	}
	d, err := ParseTimeSpan(s)
	if err != nil {
		o.problem(fault.BadInput, o.written(name), "%v", err)
		return def
	}
	return d
}

// Time gives an instant in RFC 3339 or ISO 8601 without zone (taken as UTC); the zero Time where absent.
func (o *Object) Time(name string) time.Time {
	s := o.String(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly, "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	o.problem(fault.BadInput, o.written(name), "%q is no date and time such as 2026-01-31T00:00:00Z", s)
	return time.Time{}
}

func (o *Object) written(name string) string {
	if f := o.fields[strings.ToLower(name)]; f != nil {
		return f.name
	}
	return name
}

// Object gives the object under name, nil where absent. Its unread properties count as unread here.
func (o *Object) Object(name string) *Object {
	f := o.take(name)
	if f == nil {
		return nil
	}
	if len(f.child) == 1 {
		return f.child[0] // the same object for every caller, so that what one read counts for all
	}
	c := &Object{path: o.child(f.name), sink: o.sink}
	if err := c.fill(f.raw); err != nil {
		o.sink.list = append(o.sink.list, fault.As(err))
		return nil
	}
	f.child = []*Object{c}
	return c
}

// Objects gives an array of objects, nil where absent.
func (o *Object) Objects(name string) []*Object {
	f := o.take(name)
	if f == nil {
		return nil
	}
	if f.child != nil {
		return f.child
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(f.raw, &raws); err != nil {
		o.problem(fault.BadInput, f.name, "an array of objects is needed")
		return nil
	}
	for i, raw := range raws {
		c := &Object{path: fmt.Sprintf("%s[%d]", o.child(f.name), i), sink: o.sink}
		if err := c.fill(raw); err != nil {
			o.sink.list = append(o.sink.list, fault.As(err))
			continue
		}
		f.child = append(f.child, c)
	}
	return f.child
}

// Strings gives an array of texts, nil where absent.
func (o *Object) Strings(name string) []string {
	f := o.take(name)
	if f == nil {
		return nil
	}
	var list []string
	if err := json.Unmarshal(f.raw, &list); err != nil {
		o.problem(fault.BadInput, f.name, "an array of texts is needed")
	}
	return list
}

// Ignore marks properties as known and of no effect here (annotations, ids, …).
func (o *Object) Ignore(names ...string) {
	for _, n := range names {
		o.take(n)
	}
}

// IgnoreAll leaves the object and everything below it unchecked: what is wrong with it was said already, or nobody uses it.
func (o *Object) IgnoreAll() {
	if o != nil {
		o.left = true
	}
}

// Warn remembers a sentence for the person about a property that is accepted without effect, where it is there.
func (o *Object) Warn(name, format string, args ...any) {
	if o.Has(name) {
		o.sink.warnings = append(o.sink.warnings, o.At(name)+": "+fmt.Sprintf(format, args...))
	}
	o.Ignore(name)
}

// Refuse reports a property that is there but not supported, with a sentence why or what to use instead.
func (o *Object) Refuse(name, format string, args ...any) {
	if o.Has(name) {
		o.problem(fault.Unsupported, o.written(name), format, args...)
	}
	o.Ignore(name)
}

// Problem reports anything else that is wrong with the property name ("" = with the object itself).
func (o *Object) Problem(code, name, format string, args ...any) {
	if o == nil {
		return
	}
	o.problem(code, o.written(name), format, args...)
}

func shorten(raw []byte) string {
	if len(raw) > 40 {
		return string(raw[:37]) + "..."
	}
	return string(raw)
}
