package mysql

import (
	"context"
	"strconv"

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
		defer c.hangUp()
		if path == "" {
			return c.browseSchemas(ctx, fn)
		}
		return c.browseTables(ctx, path, fn)
	}
}

// browseSchemas lists the databases without the server's own.
func (c *conn) browseSchemas(ctx context.Context, fn func(store.Entry) error) error {
	rows, err := c.query(ctx, `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA
		WHERE SCHEMA_NAME NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY SCHEMA_NAME`)
	if err != nil {
		return explain(ctx, err, "list the databases", c.server.address())
	}
	for _, row := range rows {
		if err := fn(store.Entry{Name: row[0].text, Path: pathOf(row[0].text), Kind: store.KindSchema}); err != nil {
			return err
		}
	}
	return nil
}

// browseTables lists the tables and views of a database.
func (c *conn) browseTables(ctx context.Context, path string, fn func(store.Entry) error) error {
	schema := path
	if parts, err := sqlstore.SplitName(path); err == nil && len(parts) == 1 {
		schema = parts[0]
	}
	rows, err := c.query(ctx, `SELECT TABLE_NAME, TABLE_TYPE LIKE '%VIEW%', COALESCE(DATA_LENGTH, 0) FROM information_schema.TABLES
		WHERE TABLE_SCHEMA=`+literal(schema)+` ORDER BY TABLE_NAME`)
	if err != nil {
		return explain(ctx, err, "list the tables", schema)
	}
	for _, row := range rows {
		e := store.Entry{Name: row[0].text, Path: pathOf(schema) + "." + pathOf(row[0].text), Kind: store.KindTable}
		if row[1].text == "1" {
			e.Kind = store.KindView
		}
		e.Size, _ = strconv.ParseInt(row[2].text, 10, 64)
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// pathOf is a name as a dataset's tableName takes it: in double quotes where a dot or quote in it would mislead.
func pathOf(name string) string {
	for _, ch := range name {
		if ch == '.' || ch == '"' || ch == '[' || ch == '`' || ch == ' ' {
			return sqlstore.Quote(name)
		}
	}
	return name
}
