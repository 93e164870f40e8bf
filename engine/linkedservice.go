package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	stores "dmgateway/engine/store/all"
)

// Stage is one step of testing a connection.
type Stage struct {
	Name   string        `json:"name"`
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took"`
	Error  string        `json:"error,omitempty"`
	Remedy string        `json:"remedy,omitempty"`
}

// TestConnection connects with one linked service (its JSON, sealed or not) and reports how far it got.
func TestConnection(ctx context.Context, linkedService []byte, o BundleOptions, report func(Stage)) error {
	service, err := o.linkedService(linkedService)
	if err != nil {
		return err
	}
	return service.Test(ctx, store.Env{Outbound: o.outbound(), Log: o.Log}, func(s store.Stage) {
		out := Stage{Name: s.Name, Detail: s.Detail, Took: s.Took}
		if s.Err != nil {
			out.Error, out.Remedy = s.Err.Error(), fault.As(s.Err).Hint
		}
		report(out)
	})
}

// Entry is one thing in a store: a schema, table or view of a database, a container, folder or file.
type Entry = store.Entry

// Browse connects with one linked service (its JSON, sealed or not) and calls fn for what lies directly below path, ""
// being the top: the schemas of a database, then their tables and views; containers, folders and files.
func Browse(ctx context.Context, linkedService []byte, path string, o BundleOptions, fn func(Entry) error) error {
	service, err := o.linkedService(linkedService)
	if err != nil {
		return err
	}
	if service.Browse == nil {
		return fault.New(fault.Unsupported, "linked services of type %q cannot be looked into", service.Type)
	}
	return service.Browse(ctx, store.Env{Outbound: o.outbound(), Log: o.Log}, path, fn)
}

// linkedService opens the credential of one linked service and decodes it.
func (o BundleOptions) linkedService(text []byte) (*activity.LinkedService, error) {
	if err := activity.CheckJSON(text); err != nil {
		return nil, err
	}
	wrapped, err := json.Marshal(map[string]any{"linkedServices": []json.RawMessage{text}})
	if err != nil {
		return nil, fault.New(fault.BadInput, "read the linked service").Because(err).Try("It has to be the JSON of one linked service.")
	}
	if wrapped, err = o.open(wrapped); err != nil {
		return nil, err
	}
	var bundle struct{ LinkedServices []json.RawMessage }
	if err := json.Unmarshal(wrapped, &bundle); err != nil {
		return nil, fmt.Errorf("read the opened linked service: %w", err)
	}
	return activity.ParseLinkedService(bundle.LinkedServices[0], stores.Stores())
}
