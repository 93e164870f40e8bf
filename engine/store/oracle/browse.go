package oracle

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
		c, err := s.connect(ctx, env, reading{rows: 1000})
		if err != nil {
			return err
		}
		defer c.hangUp()
		if path == "" {
			return s.browseSchemas(ctx, c, fn)
		}
		return s.browseTables(ctx, c, path, fn)
	}
}

// browseSchemas lists the schemas in which the user sees a table or view, and the user's own.
func (s *server) browseSchemas(ctx context.Context, c *session, fn func(store.Entry) error) error {
	rows, err := c.query(ctx, `SELECT DISTINCT OWNER FROM ALL_OBJECTS WHERE OBJECT_TYPE IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW')
		UNION SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL ORDER BY 1`)
	if err != nil {
		return explain(ctx, err, "list the schemas", s.String())
	}
	for _, row := range rows {
		if err := fn(store.Entry{Name: row[0].text, Path: pathOf(row[0].text), Kind: store.KindSchema}); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) browseTables(ctx context.Context, c *session, path string, fn func(store.Entry) error) error {
	parts, err := sqlstore.SplitName(path)
	if err != nil || len(parts) != 1 {
		return fault.New(fault.BadInput, "%q is no name of a schema", path).Try("Give a schema's name, or nothing for all schemas.")
	}
	rows, err := c.query(ctx, `SELECT OBJECT_NAME, OBJECT_TYPE FROM ALL_OBJECTS WHERE OWNER = :1 AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW')
		ORDER BY OBJECT_NAME`, parts[0])
	if err != nil {
		return explain(ctx, err, "list the tables", s.String())
	}
	last := ""
	for _, row := range rows {
		if row[0].text == last { // a materialized view and its table
			continue
		}
		last = row[0].text
		e := store.Entry{Name: last, Path: pathOf(parts[0]) + "." + pathOf(last), Kind: store.KindTable}
		if row[1].text == "VIEW" {
			e.Kind = store.KindView
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// pathOf is a name as a dataset takes it: in quotes where it holds something that separates names.
func pathOf(name string) string {
	for i := range len(name) {
		switch name[i] {
		case '.', '"', '[':
			return sqlstore.Quote(name)
		}
	}
	return name
}
