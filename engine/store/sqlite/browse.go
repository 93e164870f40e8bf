package sqlite

import (
	"context"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// decodeBrowse lists the tables and views of the file; a file has no schemas.
func decodeBrowse(o *props.Object) store.Browse {
	path := decodeFile(o)
	return func(ctx context.Context, env store.Env, folder string, fn func(store.Entry) error) error {
		if folder != "" {
			return fault.New(fault.NotFound, "there is nothing below a table").At(path + ": " + folder).Try("List the file itself.")
		}
		c, err := open(env, path, false, false)
		if err != nil {
			return err
		}
		defer c.close()
		var list []store.Entry
		err = c.query(ctx, `SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`, nil, func(s *stmt) error {
			e := store.Entry{Name: string(s.text(0)), Kind: store.KindTable}
			if e.Path = e.Name; string(s.text(1)) == "view" {
				e.Kind = store.KindView
			}
			list = append(list, e)
			return nil
		})
		if err != nil {
			return explain(err, "list the tables", path)
		}
		for _, e := range list {
			if err := fn(e); err != nil {
				return err
			}
		}
		return nil
	}
}
