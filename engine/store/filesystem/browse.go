package filesystem

import (
	"context"
	"os"
	"path"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// decodeBrowse reads a linked service to look around in.
func decodeBrowse(ls *props.Object) store.Browse {
	host := readHost(ls)
	return func(ctx context.Context, env store.Env, at string, fn func(store.Entry) error) error {
		f, err := open(host, env)
		if err != nil {
			return err
		}
		return f.browse(ctx, strings.Trim(at, "/"), fn)
	}
}

// browse lists one folder. What the operator's rule does not let jobs read is left out, but for the folder itself.
func (f *files) browse(ctx context.Context, at string, fn func(store.Entry) error) error {
	real, err := f.place(at, false)
	if err != nil {
		return err
	}
	w := &walk{files: f, recursive: true}
	list, err := w.names(ctx, at, real)
	if err != nil {
		return err
	}
	for i := range list.len() {
		e := list.at(i)
		name, dir := strings.CutSuffix(e.name, "/")
		x := store.Entry{Name: name, Path: path.Join(at, name), Kind: store.KindFile}
		to, err := f.place(x.Path, false)
		if fault.Is(err, fault.FolderNotAllowed) {
			continue
		}
		if err != nil {
			return err
		}
		info, err := os.Stat(to)
		if err != nil {
			continue // gone since
		}
		x.Size, x.Modified = info.Size(), info.ModTime().UTC()
		if dir {
			x.Kind, x.Size = store.KindFolder, 0
		}
		if err := fn(x); err != nil {
			return err
		}
	}
	return nil
}
