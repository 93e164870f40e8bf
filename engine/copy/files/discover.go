package files

import (
	"context"
	"net/url"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// key is a column that a folder makes: "year=2026" is the key year with the value 2026.
type key struct {
	name, value string
	null        bool // the folder stands for NULL
}

// nullFolder is how Hive and its kin call the folder of rows without value.
const nullFolder = "__HIVE_DEFAULT_PARTITION__"

// keys are the columns that the folders of a path make, in their order, from the root on that the job says, or from the
// folder base.
func keys(sel *activity.FileSource, path, base string) ([]key, error) {
	if !sel.Discover {
		return nil, nil
	}
	root := base
	if sel.PartitionRoot != "" {
		root = sel.PartitionRoot
		if !inFolder(path, root) { // the job may leave the container out
			container, _, _ := strings.Cut(path, "/")
			root = Join(container, root)
		}
	}
	if !inFolder(path, root) {
		return nil, fault.New(fault.BadInput, "the file is not below partitionRootPath").At(path).
			Try("partitionRootPath is the folder, from the root or container on, below which folders are called key=value.")
	}
	parts := strings.Split(Below(path, root), "/")
	var list []key
	for _, p := range parts[:len(parts)-1] {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			continue
		}
		list = append(list, key{unescaped(name), unescaped(value), value == nullFolder})
	}
	return list, nil
}

// unescaped takes back what Hive writes for characters that folders cannot have.
func unescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// inFolder reports whether a path lies below the folder.
func inFolder(path, folder string) bool {
	return folder == "" || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// withKeys adds the columns of the keys to those of a file, which must have others.
func withKeys(schema batch.Schema, list []key, path string) (batch.Schema, error) {
	if len(list) == 0 {
		return schema, nil
	}
	out := append(batch.Schema{}, schema...)
	for _, k := range list {
		for _, f := range out {
			if strings.EqualFold(f.Name, k.name) {
				return nil, fault.New(fault.Conflict, "the column %q is in the file and in the folders' names", k.name).At(path).
					Try("Set enablePartitionDiscovery to false, or partitionRootPath to a folder further down.")
			}
		}
		out = append(out, batch.Field{Name: k.name, Type: batch.Type{Kind: batch.String}, Nullable: true})
	}
	return out, nil
}

// keyed is a format's reader with the columns that the folders make put between its own.
type keyed struct {
	format.Reader
	schema batch.Schema
	own    []int // where the reader's columns belong, -1 for one that nobody wants
	values []*key
	view   *batch.Batch
}

// splitWant takes from the wanted columns those of the file; keyed puts both together again.
func splitWant(want batch.Schema, list []key) (file batch.Schema, own []int, values []*key) {
	values = make([]*key, len(want))
	for i, f := range want {
		for j := range list {
			if strings.EqualFold(list[j].name, f.Name) {
				values[i] = &list[j]
			}
		}
		if values[i] == nil {
			file = append(file, f)
			own = append(own, i)
		}
	}
	return file, own, values
}

// readKeyed reads a file by read, and adds the columns that its folders make. first gives the file's columns, for when no
// one of them is wanted: something has to be read to know how many rows there are.
func readKeyed(want batch.Schema, list []key, first func() (batch.Schema, error), read func(batch.Schema) (format.Reader, error)) (format.Reader, error) {
	file, own, values := splitWant(want, list)
	if len(own) == len(want) {
		return read(want)
	}
	if len(file) == 0 {
		schema, err := first()
		if err != nil {
			return nil, err
		}
		file, own = schema[:min(1, len(schema))], []int{-1}
	}
	r, err := read(file)
	if err != nil {
		return nil, err
	}
	k := &keyed{Reader: r, own: own, values: values, schema: make(batch.Schema, len(want))}
	for i, f := range r.Schema() {
		if own[i] >= 0 {
			k.schema[own[i]] = f
		}
	}
	for i, v := range values {
		if v != nil {
			k.schema[i] = batch.Field{Name: want[i].Name, Type: batch.Type{Kind: batch.String}, Nullable: true}
		}
	}
	return k, nil
}

// Schema is that of all columns.
func (k *keyed) Schema() batch.Schema { return k.schema }

// Next reads rows and repeats the folders' values beside them.
func (k *keyed) Next(ctx context.Context, b *batch.Batch) error {
	if k.view == nil {
		k.view = batch.New(k.Reader.Schema(), b.Limit())
	}
	k.view.Reset()
	for i, at := range k.own { // the reader fills b's own columns
		if at >= 0 {
			k.view.Cols[i] = b.Cols[at]
		}
	}
	err := k.Reader.Next(ctx, k.view)
	for i, at := range k.own {
		if at >= 0 {
			b.Cols[at] = k.view.Cols[i]
		}
	}
	if err != nil {
		return err
	}
	for i, v := range k.values {
		if v == nil {
			continue
		}
		for range k.view.Len() {
			if v.null {
				b.Cols[i].AppendNull()
			} else {
				b.Cols[i].AppendString(v.value)
			}
		}
	}
	return nil
}

// Record is the last row as the file has it, where the format can show that.
func (k *keyed) Record() []*string {
	if x, ok := k.Reader.(format.Recorder); ok {
		return x.Record()
	}
	return nil
}

// Notes are the file's own.
func (k *keyed) Notes() []format.Note {
	if x, ok := k.Reader.(format.Noter); ok {
		return x.Notes()
	}
	return nil
}
