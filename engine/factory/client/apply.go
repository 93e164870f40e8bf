package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// Applied is what became of one object of a file.
type Applied struct {
	File string `json:"file"`
	Kind string `json:"kind"` // as in wire, or [Triggers]; "" for what else was Skipped
	Name string `json:"name"`
	// Skipped says why nothing was done with it, "" where it was created or replaced.
	Skipped string `json:"skipped,omitempty"`
	// Warnings are sentences for people about what was applied.
	Warnings []string `json:"warnings,omitempty"`
}

// Triggers is the kind of what would start pipelines by itself. A factory keeps none: pipelines that stand in one do not
// run before somebody starts them.
const Triggers = "triggers"

// applyOrder is the order in which things can be created: what is referred to comes first.
var applyOrder = []string{wire.IntegrationRuntimes, wire.LinkedServices, wire.Datasets, wire.Pipelines}

// Apply creates or replaces what the JSON files say, v1 or v2; a folder means all .json files in and below it. What each
// file is shows in its shape. All files are read before the first is sent; what was applied before an error is in the
// result.
func (c *Client) Apply(ctx context.Context, paths ...string) ([]Applied, error) {
	var all []found
	for _, p := range paths {
		files, err := jsonFiles(p)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			f, err := readObject(file)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
	}
	if err := noTwins(all); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return slices.Index(applyOrder, a.kind) - slices.Index(applyOrder, b.kind)
	})
	done := []Applied{}
	var err error
	for _, f := range all {
		a := Applied{File: f.file, Kind: f.kind, Name: f.name, Skipped: f.skip}
		if f.skip == "" {
			if a.Warnings, err = c.applyOne(ctx, f); err != nil {
				return done, inFile(err, f.file)
			}
		}
		done = append(done, a)
	}
	return done, nil
}

func (c *Client) applyOne(ctx context.Context, f found) (warnings []string, err error) {
	var out wire.Resource
	err = c.do(ctx, http.MethodPut, nil, wire.Resource{Name: f.name, Properties: f.properties}, &out, f.kind, f.name)
	return out.Warnings, err
}

// inFile says which file an error is about.
func inFile(err error, file string) error {
	e := *fault.As(err)
	e.Message = filepath.Base(file) + ": " + e.Message
	if e.Target == "" {
		e.Target = file
	}
	return &e
}

func jsonFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read what to apply").At(path).Because(err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != path && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.EqualFold(filepath.Ext(p), ".json"):
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		return nil, fault.New(fault.BadInput, "read what to apply").At(path).Because(err)
	}
	if len(files) == 0 {
		return nil, fault.New(fault.NotFound, "the folder has no .json files").At(path)
	}
	return files, nil
}

// found is one object of a file.
type found struct {
	file, kind, name, skip string
	properties             json.RawMessage
}

func readObject(file string) (found, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return found{}, fault.New(fault.NotFound, "read what to apply").At(file).Because(err)
	}
	if err := activity.CheckJSON(data); err != nil {
		return found{}, inFile(err, file)
	}
	o, err := props.Parse(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), "$")
	if err != nil {
		return found{}, inFile(err, file)
	}
	f := found{file: file, name: o.String("name")}
	if f.name == "" {
		f.name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) // as Data Factory's repositories name files
	}
	if f.kind, f.skip, f.properties = shape(o, data); f.kind == "" && f.skip == "" {
		return f, fault.New(fault.BadInput, "%s is neither linked service, dataset, pipeline nor integration runtime", filepath.Base(file)).At(file).
			Try(`Data Factory's objects are {"name":…,"properties":{"type":…,"typeProperties":{…}}}; deploy templates are not read.`)
	}
	return f, nil
}

// shape tells what an object is, in either version.
func shape(o *props.Object, whole []byte) (kind, skip string, properties json.RawMessage) {
	properties = o.Raw("properties")
	p := o.Object("properties")
	if p == nil {
		if o.Has("activities") {
			return wire.Pipelines, "", whole
		}
		return "", "", nil
	}
	typ := strings.ToLower(p.String("type"))
	switch {
	case p.Has("activities"):
		return wire.Pipelines, "", properties
	case p.Has("linkedServiceName"):
		return wire.Datasets, "", properties
	case typ == "selfhosted":
		return wire.IntegrationRuntimes, "", properties
	case typ == "managed":
		return "", "integration runtimes in Azure are not needed here", nil
	case strings.HasSuffix(typ, "trigger") || p.Has("pipelines"):
		return Triggers, "triggers are not supported; start runs with `dmgcmd factory run`", nil
	case strings.EqualFold(o.String("type"), "Microsoft.DataFactory/factories"):
		return "", "the factory itself is not changed", nil
	case typ != "" && p.Has("typeProperties"):
		return wire.LinkedServices, "", properties
	}
	return "", "", nil
}

// noTwins refuses two objects of one kind and name.
func noTwins(all []found) error {
	seen := map[string]string{}
	var errs []error
	for _, f := range all {
		key := f.kind + "/" + strings.ToLower(f.name)
		if other := seen[key]; other != "" && f.skip == "" && other != f.file {
			errs = append(errs, fault.New(fault.Conflict, "%s and %s are both %s %q", other, f.file, f.kind, f.name).At(f.file))
		}
		seen[key] = f.file
	}
	return errors.Join(errs...)
}
