package mysql

import (
	"context"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// describe gives the columns of a statement's rows, completed by the catalog for a table.
func describe(ctx context.Context, c *conn, table sqlstore.Table, text, target string) ([]column, error) {
	done := c.guard(ctx)
	_, columns, err := c.prepare(text)
	done()
	if err != nil {
		return nil, explain(ctx, err, "read the columns", target)
	}
	if len(columns) == 0 {
		return nil, fault.New(fault.BadInput, "the statement gives no rows that are known before it runs").At(target).
			Try("Give a SELECT statement; a procedure can fill a table that is read then.")
	}
	if table.IsZero() {
		return columns, nil
	}
	return columns, complete(ctx, c, table, columns, target)
}

// complete adds what the catalog knows of a table's columns.
func complete(ctx context.Context, c *conn, t sqlstore.Table, columns []column, target string) error {
	rows, err := c.query(ctx, "SHOW FULL COLUMNS FROM "+quoted(t))
	if err != nil {
		return explain(ctx, err, "read the columns", target)
	}
	byName := map[string][]cell{}
	for _, row := range rows { // name, type, collation, NULL, key, default, extra, …
		if len(row) >= 7 {
			byName[row[0].text] = row
		}
	}
	json, err := c.jsonColumns(ctx, t)
	if err != nil {
		return explain(ctx, err, "read the columns", target)
	}
	for i := range columns {
		if row := byName[columns[i].name]; row != nil {
			columns[i].fill(row[1].text, row[2].text, strings.ToUpper(row[6].text), json[columns[i].name])
		}
	}
	return nil
}

// fill takes what the catalog says of a column.
func (c *column) fill(native, collation, extra string, isJSON bool) {
	c.native = native
	c.data = strings.ToLower(native)
	if i := strings.IndexAny(c.data, "( "); i > 0 {
		c.data = c.data[:i]
	}
	c.charName, _, _ = strings.Cut(collation, "_")
	c.generated = strings.Contains(extra, "VIRTUAL") || strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "PERSISTENT")
	c.counter = strings.Contains(extra, "AUTO_INCREMENT")
	switch {
	case isJSON:
		c.isJSON, c.native = true, "json"
	case c.data == "enum":
		c.code = codeEnum
	case c.data == "set":
		c.code = codeSet
	}
}

// jsonColumns are the columns of MariaDB's type json, which is a longtext with a check.
func (c *conn) jsonColumns(ctx context.Context, t sqlstore.Table) (map[string]bool, error) {
	found := map[string]bool{}
	if !c.mariaDB {
		return found, nil
	}
	rows, err := c.query(ctx, "SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA="+literal(t.Schema)+" AND TABLE_NAME="+literal(t.Name))
	if number(err) != 0 { // a server too old to list checks has no json either
		return found, nil
	}
	for _, row := range rows {
		if name, ok := strings.CutPrefix(row[0].text, "json_valid(`"); ok {
			name, ok = strings.CutSuffix(name, "`)")
			found[strings.ReplaceAll(name, "``", "`")] = ok
		}
	}
	return found, err
}
