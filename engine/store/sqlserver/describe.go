package sqlserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// quoted is a table's name for SQL text.
func quoted(t sqlstore.Table) string {
	if t.Schema == "" {
		return quote(t.Name)
	}
	return quote(t.Schema) + "." + quote(t.Name)
}

// catalogue asks for a table's columns; period tells what only servers with temporal tables know, of which periods can be
// hidden and are filled by the server.
const (
	catalogue = `SELECT c.name, COALESCE(b.name, u.name), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity, c.is_computed,
	COALESCE(c.collation_name, '')%s FROM sys.columns c JOIN sys.types u ON u.user_type_id = c.user_type_id
	LEFT JOIN sys.types b ON b.user_type_id = c.system_type_id WHERE c.object_id = @p1 ORDER BY c.column_id`
	period = `, COALESCE(COLUMNPROPERTY(c.object_id, c.name, 'GeneratedAlwaysType'), 0), COALESCE(COLUMNPROPERTY(c.object_id, c.name, 'IsHidden'), 0)`
)

// objectID is the identifier of a table or view, 0 where there is none that the person may see.
func objectID(ctx context.Context, c *conn, t sqlstore.Table) (int64, error) {
	rows, err := c.query(ctx, "SELECT CONVERT(int, OBJECT_ID(@p1))", quoted(t))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return numberOf(rows[0][0]), nil
}

// tableColumns gives a table's columns in their order, nil where the catalogue knows none of it.
func tableColumns(ctx context.Context, c *conn, id int64) ([]column, error) {
	rows, err := c.query(ctx, fmt.Sprintf(catalogue, period), id)
	if _, refused := sqlError(err); refused {
		rows, err = c.query(ctx, fmt.Sprintf(catalogue, ", 0, 0"), id)
	}
	if err != nil {
		return nil, err
	}
	var list []column
	pageOf := map[string]int{}
	for _, row := range rows {
		if numberOf(row[10]) != 0 {
			continue // hidden: SELECT * does not show it either
		}
		col := column{
			name: textOf(row[0]), typ: strings.ToLower(textOf(row[1])), precision: int(numberOf(row[3])), scale: int(numberOf(row[4])),
			nullable: numberOf(row[5]) != 0, identity: numberOf(row[6]) != 0, collation: textOf(row[8]),
		}
		col.computed = numberOf(row[7]) != 0 || numberOf(row[9]) != 0 || col.typ == "timestamp" || col.typ == "rowversion"
		col.length = declaredLength(col.typ, int(numberOf(row[2])))
		if col.typ == "char" || col.typ == "varchar" || col.typ == "text" {
			page, known := pageOf[col.collation]
			if !known {
				if page, err = codePage(ctx, c, col.collation); err != nil {
					return nil, err
				}
				pageOf[col.collation] = page
			}
			col.page = page
		}
		list = append(list, col)
	}
	return list, nil
}

// declaredLength turns the catalogue's number of bytes into the declaration's; 0 is max.
func declaredLength(typ string, size int) int {
	switch typ {
	case "nchar", "nvarchar":
		return max(size, 0) / 2
	case "char", "varchar", "binary", "varbinary":
		return max(size, 0)
	case "vector":
		return (size - 8) / 4
	}
	return 0
}

// resultColumns reads the description that comes with a result.
func resultColumns(rows driver.Rows) ([]column, error) {
	return safely(func() ([]column, error) {
		names := rows.Columns()
		types, ok := rows.(interface {
			driver.RowsColumnTypeDatabaseTypeName
			driver.RowsColumnTypeLength
			driver.RowsColumnTypePrecisionScale
			driver.RowsColumnTypeNullable
		})
		if !ok {
			return nil, fault.New(fault.Internal, "the driver does not describe its rows")
		}
		list := make([]column, len(names))
		for i := range list {
			c := column{name: names[i], typ: strings.ToLower(types.ColumnTypeDatabaseTypeName(i))}
			c.nullable, _ = types.ColumnTypeNullable(i)
			switch c.typ {
			case "decimal", "datetime2", "datetimeoffset", "time":
				p, s, _ := types.ColumnTypePrecisionScale(i)
				c.precision, c.scale = int(p), int(s)
			case "char", "varchar", "nchar", "nvarchar", "binary", "varbinary":
				n, _ := types.ColumnTypeLength(i)
				if n <= maxBytes {
					c.length = int(n)
				}
			}
			list[i] = c
		}
		return list, nil
	})
}

// describeQuery gives the columns of a statement's first result without running it, as far as the server can: with
// FMTONLY, which every version knows, it compiles the statement only. Statements that use temporary tables of their own
// cannot be described so; ok is false then.
func describeQuery(ctx context.Context, c *conn, text string, args []any) (list []column, ok bool, err error) {
	if _, err := c.exec(ctx, "SET FMTONLY ON"); err != nil {
		return nil, false, err
	}
	defer func() {
		if _, off := c.exec(ctx, "SET FMTONLY OFF"); off != nil && err == nil {
			err = off
		}
	}()
	rows, err := c.rows(ctx, text, args...)
	if err != nil {
		if hasNumber(err, 208, 2812, 11501, 11526) {
			return nil, false, nil // may be a table that the statement itself makes; running it tells
		}
		return nil, false, err
	}
	list, err = resultColumns(rows)
	if bad := rows.Close(); err == nil && bad != nil && !errors.Is(bad, io.EOF) {
		err = bad
	}
	return list, len(list) > 0, err
}

// noRows is the error for a statement that gives no rows at all.
func noRows(target string) *fault.Error {
	return fault.New(fault.BadInput, "the statement gives no rows").At(target).Try("Give a SELECT statement, or a procedure that ends with one.")
}

// schemaOf is the columns as a reader gives them.
func schemaOf(columns []column) batch.Schema {
	s := make(batch.Schema, len(columns))
	for i, c := range columns {
		s[i] = c.field()
	}
	return s
}
