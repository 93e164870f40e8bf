package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/store/sqlstore"
)

// stage is the interim table, which belongs to the session and goes with the transaction. Its rows are stored in the
// order in which they came, so their ctid tells which one is later.
const stage = "pg_temp.dmgateway_stage"

func (k *sink) stageDDL() string {
	columns := make([]string, len(k.fields))
	for i, f := range k.fields {
		typ := f.Native
		if k.casts[i] != "" {
			typ = "text"
		}
		columns[i] = fmt.Sprintf("c%d %s", i, typ)
	}
	return "CREATE TEMP TABLE dmgateway_stage (" + strings.Join(columns, ", ") + ") ON COMMIT DROP"
}

// move is the statement that puts the interim rows into the table. Of rows with the same key the last one counts.
func (k *sink) move() string {
	values, interim := make([]string, len(k.fields)), make([]string, len(k.fields))
	for i := range k.fields {
		interim[i] = fmt.Sprintf("c%d", i)
		values[i] = interim[i]
		if k.casts[i] != "" {
			values[i] += "::" + k.casts[i]
		}
	}
	insert := "INSERT INTO " + k.table.Quoted() + " (" + sqlstore.QuoteAll(sqlstore.Names(k.fields)) + ") "
	if !k.options.Upsert {
		return insert + "SELECT " + strings.Join(values, ", ") + " FROM " + stage
	}
	var set []string
	for _, f := range k.fields {
		if !slices.Contains(k.keys, f.Name) {
			set = append(set, sqlstore.Quote(f.Name)+"=excluded."+sqlstore.Quote(f.Name))
		}
	}
	action := "NOTHING"
	if len(set) > 0 {
		action = "UPDATE SET " + strings.Join(set, ", ")
	}
	return insert + "SELECT " + strings.Join(values, ", ") + " FROM " + k.latest() + " last ON CONFLICT (" + sqlstore.QuoteAll(k.keys) + ") DO " + action
}

// stagedKeys are the interim table's key columns.
func (k *sink) stagedKeys() string {
	var list []string
	for i, f := range k.fields {
		if slices.Contains(k.keys, f.Name) {
			list = append(list, fmt.Sprintf("c%d", i))
		}
	}
	return strings.Join(list, ", ")
}

// latest is the last interim row of each key, in parentheses.
func (k *sink) latest() string {
	by := k.stagedKeys()
	return "(SELECT DISTINCT ON (" + by + ") * FROM " + stage + " ORDER BY " + by + ", ctid DESC)"
}

// missing counts the last rows of each key that the table does not hold as they are.
func (k *sink) missing() string {
	conditions := make([]string, len(k.fields))
	for i, f := range k.fields {
		value := fmt.Sprintf("last.c%d", i)
		if k.casts[i] != "" {
			value += "::" + k.casts[i]
		}
		if column := "held." + sqlstore.Quote(f.Name); slices.Contains(k.keys, f.Name) {
			conditions[i] = column + "=" + value
		} else {
			conditions[i] = column + "::text IS NOT DISTINCT FROM (" + value + ")::text" // not every type has equality
		}
	}
	return "SELECT count(*) FROM " + k.latest() + " last WHERE NOT EXISTS (SELECT 1 FROM " + k.table.Quoted() + " held WHERE " + strings.Join(conditions, " AND ") + ")"
}

// moveOn puts the interim rows into the table and tells how many of them it holds then: rules and triggers can drop some.
// Of an upsert every row counts, superseded ones too. There the server tells how many rows it has added or changed; only
// where that is less than there are keys are the rows themselves looked for, since a trigger may rightly drop a change
// that changes nothing.
func (w *writer) moveOn(ctx context.Context, rows int64) (int64, error) {
	k := w.sink
	moved, err := execute(ctx, w.c, k.move())
	if err != nil || !k.options.Upsert {
		return moved, err
	}
	if moved == rows {
		return rows, nil
	}
	keys, err := countOf(ctx, w.c, "SELECT count(*) FROM (SELECT DISTINCT "+k.stagedKeys()+" FROM "+stage+") k")
	if err != nil || moved == keys {
		return rows, err
	}
	missing, err := countOf(ctx, w.c, k.missing())
	return rows - missing, err
}

// countOf gives the one number that a query selects.
func countOf(ctx context.Context, c *pgconn.PgConn, query string) (int64, error) {
	r := c.ExecParams(ctx, query, nil, nil, nil, nil).Read()
	if r.Err != nil {
		return 0, r.Err
	}
	return strconv.ParseInt(string(r.Rows[0][0]), 10, 64)
}
