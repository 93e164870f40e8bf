package sqlserver

import (
	"context"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

func decodeBrowse(o *props.Object) store.Browse {
	s := decodeServer(o)
	return func(ctx context.Context, env store.Env, path string, fn func(store.Entry) error) error {
		c, err := s.connect(ctx, env)
		if err != nil {
			return err
		}
		defer c.close()
		if path == "" {
			return s.schemas(ctx, c, fn)
		}
		return s.tables(ctx, c, path, fn)
	}
}

// schemas lists those in which the person sees something; the rest are the server's own.
func (s *server) schemas(ctx context.Context, c *conn, fn func(store.Entry) error) error {
	rows, err := c.query(ctx, `SELECT s.name FROM sys.schemas s WHERE s.name = 'dbo' OR EXISTS
		(SELECT 1 FROM sys.objects o WHERE o.schema_id = s.schema_id AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0) ORDER BY s.name`)
	if err != nil {
		return explain(ctx, err, "list the schemas", s.name())
	}
	for _, row := range rows {
		name := textOf(row[0])
		if err := fn(store.Entry{Name: name, Path: plainSchema(name), Kind: store.KindSchema}); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) tables(ctx context.Context, c *conn, path string, fn func(store.Entry) error) error {
	parts, err := sqlstore.SplitName(path)
	if err != nil || len(parts) > 2 {
		return fault.New(fault.BadInput, "%q is no schema", path).At(s.name()).Because(err).Try("Give a schema such as dbo.")
	}
	if len(parts) == 2 {
		return nil // a table has nothing in it to show
	}
	rows, err := c.query(ctx, `SELECT o.name, o.type FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
		WHERE s.name = @p1 AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY o.name`, parts[0])
	if err != nil {
		return explain(ctx, err, "list the tables", s.name())
	}
	for _, row := range rows {
		name, kind := textOf(row[0]), store.KindTable
		if typ := textOf(row[1]); len(typ) > 0 && typ[0] == 'V' {
			kind = store.KindView
		}
		if err := fn(store.Entry{Name: name, Path: plain(sqlstore.Table{Schema: parts[0], Name: name}), Kind: kind}); err != nil {
			return err
		}
	}
	return nil
}

// plain is a table's name as a dataset writes it: quoted only where it has to be.
func plain(t sqlstore.Table) string {
	if back, err := sqlstore.SplitName(t.String()); err == nil && len(back) == 2 && back[0] == t.Schema && back[1] == t.Name {
		return t.String()
	}
	return t.Quoted()
}

func plainSchema(name string) string {
	if back, err := sqlstore.SplitName(name); err == nil && len(back) == 1 && back[0] == name {
		return name
	}
	return sqlstore.Quote(name)
}
