package postgres

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
		p, err := s.openPool(ctx, env)
		if err != nil {
			return err
		}
		defer p.close()
		list, err := s.entries(ctx, p, path)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := fn(e); err != nil {
				return err
			}
		}
		return nil
	}
}

// entries lists the schemas that the user may use, or the tables and views of one that the user may read.
func (s *server) entries(ctx context.Context, p *pool, path string) (list []store.Entry, err error) {
	var rows [][]cell
	where := s.address() + "/" + s.database
	if path == "" {
		rows, err = p.query(ctx, `SELECT nspname, 'schema', 0 FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname<>'information_schema'
			AND has_schema_privilege(oid, 'USAGE') ORDER BY nspname COLLATE "C"`)
	} else {
		var parts []string
		if parts, err = sqlstore.SplitName(path); err != nil || len(parts) != 1 {
			return nil, fault.New(fault.BadInput, "%q is no schema", path).At(where).Try("Give the name of a schema, in double quotes where it has a dot.")
		}
		rows, err = p.query(ctx, `SELECT c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, pg_total_relation_size(c.oid)
			FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace WHERE n.nspname=$1 AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
			AND c.relname<>$2 AND has_table_privilege(c.oid, 'SELECT') ORDER BY c.relname COLLATE "C"`, parts[0], sqlstore.MarkerTable)
		path = parts[0]
	}
	if err != nil {
		return nil, explain(ctx, err, "list what is there", where)
	}
	for _, row := range rows {
		e := store.Entry{Name: row[0].text, Kind: row[1].text, Path: part(row[0].text)}
		if path != "" {
			e.Path = part(path) + "." + e.Path
		}
		if e.Kind == store.KindTable {
			e.Size = count(row[2].text)
		}
		list = append(list, e)
	}
	return list, nil
}

// part spells a name so that [sqlstore.SplitName] takes it as one part.
func part(name string) string {
	if parts, err := sqlstore.SplitName(name); err == nil && len(parts) == 1 && parts[0] == name {
		return name
	}
	return sqlstore.Quote(name)
}
