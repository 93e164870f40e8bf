package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// checkUnique sees that an upsert changes the rows that its keys mean, and no others: ON DUPLICATE KEY UPDATE looks at
// every unique index.
func (k *sink) checkUnique(ctx context.Context, columns []column) error {
	if !k.options.Upsert {
		return nil
	}
	rows, err := k.c.query(ctx, "SELECT INDEX_NAME, COALESCE(COLUMN_NAME, ''), SUB_PART IS NOT NULL FROM information_schema.STATISTICS WHERE NON_UNIQUE=0 AND TABLE_SCHEMA="+
		literal(k.table.Schema)+" AND TABLE_NAME="+literal(k.table.Name)+" ORDER BY INDEX_NAME, SEQ_IN_INDEX")
	if err != nil {
		return explain(ctx, err, "look for unique indexes", k.target())
	}
	indexes := map[string][]string{}
	for _, row := range rows {
		column := row[1].text
		if row[2].text == "1" {
			column += " prefix"
		}
		indexes[row[0].text] = append(indexes[row[0].text], column)
	}
	matched, other := false, ""
	for name, list := range indexes {
		switch {
		case k.areKeys(list):
			matched = true
		case k.mayClash(list, columns):
			other = name
		}
	}
	switch {
	case !matched:
		return sqlstore.NotUnique(k.keys, quoted(k.table), quoteAll(k.keys), k.target())
	case other != "":
		return fault.New(fault.Conflict, "the unique index %q is not on upsertSettings.keys: an upsert could change rows that the keys do not mean", other).At(k.target()).
			Try("Drop the index, leave one of its columns out of the mapping, or copy into an interim table.")
	}
	return nil
}

func (k *sink) areKeys(list []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(list)), slices.Sorted(slices.Values(k.keys)))
}

// mayClash reports whether a written row can meet another one in a unique index on the columns: not where one of them is
// left to the server's counter or is NULL.
func (k *sink) mayClash(list []string, columns []column) bool {
	for _, name := range list {
		for _, c := range columns {
			if c.name == name && k.fields.Index(name) < 0 && (c.counter || c.flags&flagNotNull == 0) {
				return false
			}
		}
	}
	return true
}

// stage is the interim table of an upsert, which belongs to the session.
func (k *sink) stage() sqlstore.Table {
	schema := k.options.InterimSchema
	if schema == "" {
		schema = k.table.Schema
	}
	return sqlstore.Table{Schema: schema, Name: "dmgateway_stage"}
}

// stageOrder is the column of the interim table that keeps the order of the rows.
const stageOrder = "dmgateway_order"

func (k *sink) stageDDL() string {
	return fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB SELECT %s FROM %s WHERE FALSE",
		quoted(k.stage()), quote(stageOrder), quoteAll(sqlstore.Names(k.fields)), quoted(k.table))
}

// move is the statement that puts the interim rows into the table. Of rows with the same key the last one counts.
func (k *sink) move() string {
	names := quoteAll(sqlstore.Names(k.fields))
	return "INSERT INTO " + quoted(k.table) + " (" + names + ") SELECT " + names + " FROM " + quoted(k.stage()) + " ORDER BY " + quote(stageOrder) + k.onDuplicate(false)
}

// onDuplicate is what becomes of a row whose key is there. named says that the new rows go by a name of their own.
func (k *sink) onDuplicate(named bool) string {
	const alias = "dmgateway_new"
	as := ""
	if named {
		as = " AS " + alias
	}
	var set []string
	for _, f := range k.fields {
		switch {
		case slices.Contains(k.keys, f.Name):
		case named:
			set = append(set, quote(f.Name)+"="+alias+"."+quote(f.Name))
		default:
			set = append(set, quote(f.Name)+"=VALUES("+quote(f.Name)+")")
		}
	}
	if len(set) == 0 {
		own := quoted(k.table) + "." + quote(k.keys[0])
		set = append(set, own+"="+own)
	}
	return as + " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
}
