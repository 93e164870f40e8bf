package activity

import (
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Describe names both ends of a job for people: "PostgreSQL public.orders".
func Describe(j *Job) (source, sink string) {
	return describe(j.Source.Title, j.Source.Object, "query"), describe(j.Sink.Title, j.Sink.Object, "")
}

func describe(title, object, otherwise string) string {
	if object == "" {
		object = otherwise
	}
	return joinWords(title, object)
}

func joinWords(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// LinkedService is one linked service, decoded to test its connection and to look around in its store.
type LinkedService struct {
	Name  string
	Type  string // Data Factory's, as written
	Title string // the store's name for people
	Test  store.Test
	// Browse is nil where the store cannot be looked into.
	Browse store.Browse
	// Warnings are sentences about properties that were accepted without effect.
	Warnings []string
}

// ParseLinkedService reads one linked service in either shape. It refuses what is not supported, with JSON path.
func ParseLinkedService(data []byte, stores *store.Registry) (*LinkedService, error) {
	o, err := props.Parse(data, "$")
	if err != nil {
		return nil, err
	}
	p := &parser{root: o, stores: stores}
	ls := &LinkedService{Name: o.Required("name")}
	o.Ignore("id", "type", "etag", "$schema")
	e := &endpoint{}
	if p.service(e, o) {
		ls.Type, ls.Title = o.Object("properties").String("type"), e.def.Title
		if e.def.Test == nil {
			return nil, fault.New(fault.Unsupported, "connections to %s cannot be tested", e.def.Title).At("$.properties.type")
		}
		ls.Test = e.def.Test(e.linked)
	}
	if err := o.Err(); err != nil {
		return nil, err
	}
	if e.def.Browse != nil {
		ls.Browse = e.def.Browse(e.linked)
	}
	ls.Warnings = o.Warnings()
	return ls, nil
}
