package props

import (
	"errors"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
)

// Warnings are the sentences collected so far, over the whole document.
func (o *Object) Warnings() []string {
	if o == nil {
		return nil
	}
	return o.sink.warnings
}

// Err reports everything that went wrong in the whole document, and every property of o and of the objects handed out
// below it that nobody read. It is nil when there is nothing to report.
func (o *Object) Err() error {
	if o == nil {
		return nil
	}
	p := &problems{list: append([]*fault.Error(nil), o.sink.list...)}
	o.unread(p)
	return p.err()
}

func (o *Object) unread(p *problems) {
	if o.left {
		return
	}
	for _, name := range o.Names() {
		f := o.fields[strings.ToLower(name)]
		if !f.read {
			p.list = append(p.list, fault.New(fault.Unsupported, "the property is not supported").At(o.child(name)))
		}
		for _, c := range f.child {
			c.unread(p)
		}
	}
}

func (p *problems) err() error { return Join(p.list) }

// Join makes one error of all problems of a document: the first, with the others behind it; nil where there are none.
// [Problems] takes it apart again.
func Join(list []*fault.Error) error {
	if len(list) == 0 {
		return nil
	}
	if len(list) == 1 {
		return list[0]
	}
	first := *list[0]
	first.Message += fmt.Sprintf(" (%s); and %d more", first.Target, len(list)-1)
	first.Cause = &rest{all: list}
	return &first
}

// Problems are all problems in an error of [Object.Err] or [Join], in the order of the document's decoding; nil where
// err is no such error.
func Problems(err error) []*fault.Error {
	if r, ok := errors.AsType[*rest](err); ok {
		return r.all
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return []*fault.Error{f}
	}
	return nil
}

// rest is the cause of a first problem: those after it.
type rest struct{ all []*fault.Error }

func (r *rest) Error() string { return errors.Join(r.Unwrap()...).Error() }

// Unwrap gives the problems after the first.
func (r *rest) Unwrap() []error {
	var errs []error
	for _, e := range r.all[1:] {
		errs = append(errs, e)
	}
	return errs
}
