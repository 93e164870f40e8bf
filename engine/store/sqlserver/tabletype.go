package sqlserver

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// tableType is the table type of a procedure's parameter: all its columns, in its order.
type tableType struct {
	name    string // schema.name, as the driver wants it
	columns []column
	place   []int // of each in the sink's columns, -1 where it is not written
}

// locateProcedure finds the schema of the table type, where the marker table is too.
func (k *sink) locateProcedure(ctx context.Context) error {
	parts, err := sqlstore.SplitName(k.options.procedure.tableType)
	if err != nil || len(parts) > 2 {
		return fault.New(fault.BadInput, "%q is no name of a table type", k.options.procedure.tableType).At(k.target()).Try("Give schema.type in sqlWriterTableType.")
	}
	var schema string
	if len(parts) == 2 {
		schema = parts[0]
	} else {
		rows, err := k.c.query(ctx, "SELECT SCHEMA_NAME()")
		if err != nil || len(rows) == 0 {
			return explain(ctx, err, "look for the user's schema", k.target())
		}
		schema = textOf(rows[0][0])
	}
	k.markers = sqlstore.Table{Schema: schema, Name: sqlstore.MarkerTable}
	return nil
}

// prepareProcedure matches the wanted columns with those of the table type.
func (k *sink) prepareProcedure(ctx context.Context, want batch.Schema) error {
	if err := k.locateProcedure(ctx); err != nil {
		return err
	}
	parts, _ := sqlstore.SplitName(k.options.procedure.tableType)
	t := &tableType{name: k.markers.Schema + "." + parts[len(parts)-1]}
	if strings.ContainsAny(strings.Replace(t.name, ".", "", 1), ".[]' \t\r\n;") {
		return fault.New(fault.Unsupported, "the table type %s has a name that the driver cannot send", t.name).At(k.target()).Try("Choose a name without dots, blanks and brackets.")
	}
	rows, err := k.c.query(ctx, "SELECT CONVERT(int, tt.type_table_object_id) FROM sys.table_types tt JOIN sys.schemas s ON s.schema_id = tt.schema_id WHERE s.name = @p1 AND tt.name = @p2",
		k.markers.Schema, parts[len(parts)-1])
	if err != nil {
		return explain(ctx, err, "look for the table type", k.target())
	}
	if len(rows) == 0 {
		return fault.New(fault.NotFound, "there is no table type %s, or the user may not see it", t.name).At(k.target()).
			Try("Correct sqlWriterTableType, or grant the user EXECUTE and VIEW DEFINITION on the type.")
	}
	if t.columns, err = tableColumns(ctx, k.c, numberOf(rows[0][0])); err != nil {
		return explain(ctx, err, "read the columns of the table type", k.target())
	}
	found, err := sqlstore.Match(want, schemaOf(t.columns), t.name)
	if err != nil {
		return err
	}
	k.columns, k.fields, k.targets = nil, nil, nil
	t.place = make([]int, len(t.columns))
	for i := range t.place {
		t.place[i] = -1
	}
	for i, at := range found {
		c := t.columns[at]
		if c.computed {
			return fault.New(fault.Conflict, "the column %q is filled by the server and cannot be written", c.name).At(t.name).Try("Leave the column out of the mapping.")
		}
		k.use(c, want[i].Type)
		t.place[at] = i
	}
	for i, c := range t.columns {
		if t.place[i] < 0 && !c.nullable && !c.identity && !c.computed {
			return fault.New(fault.BadInput, "the column %q of the table type takes no NULL and is not written", c.name).At(t.name).Try("Map a source column to it.")
		}
	}
	k.staged, k.rows = false, t
	return nil
}

// goType is what the driver wants for a column of a table-valued parameter; the server converts it to the column's type.
func goType(c column) reflect.Type {
	switch c.interim().Kind {
	case batch.Boolean:
		return reflect.TypeFor[*bool]()
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return reflect.TypeFor[*int64]()
	case batch.Single, batch.Double:
		return reflect.TypeFor[*float64]()
	case batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
		return reflect.TypeFor[*time.Time]()
	case batch.Binary:
		return reflect.TypeFor[[]byte]()
	}
	return reflect.TypeFor[*string]() // decimals too, which keeps every digit
}

// procedureCall collects the rows of one call.
type procedureCall struct {
	w    *writer
	rows reflect.Value // a slice of structs, one field a column of the table type
	kind []reflect.Type
}

func newProcedureCall(w *writer) *procedureCall {
	t := w.sink.rows
	p := &procedureCall{w: w}
	fields := make([]reflect.StructField, len(t.columns))
	for i, c := range t.columns {
		fields[i] = reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: goType(c)}
		if c.identity || c.computed {
			fields[i].Tag = `tvp:"@identity"` // the server fills it
		}
		p.kind = append(p.kind, fields[i].Type)
	}
	p.rows = reflect.MakeSlice(reflect.SliceOf(reflect.StructOf(fields)), 0, 256)
	return p
}

// value turns what bulk copy takes into what a table-valued parameter takes, and keeps it.
func (p *procedureCall) value(i int, c *batch.Column, row int, v any) any {
	switch v := v.(type) {
	case bool:
		return &v
	case int64:
		return &v
	case float64:
		return &v
	case time.Time:
		return &v
	}
	if c.Type.Kind == batch.Binary {
		return append(make([]byte, 0, len(c.Bytes(row))), c.Bytes(row)...)
	}
	text := string(batch.AppendText(nil, c, row))
	return &text
}

func (p *procedureCall) add(values []any) {
	n := p.rows.Len()
	p.rows = reflect.Append(p.rows, reflect.Zero(p.rows.Type().Elem()))
	one := p.rows.Index(n)
	for i, at := range p.w.sink.rows.place {
		if at >= 0 && values[at] != nil {
			one.Field(i).Set(reflect.ValueOf(values[at]))
		}
	}
}

// run calls the procedure with the rows and forgets them.
func (p *procedureCall) run(ctx context.Context) error {
	o := p.w.sink.options.procedure
	args := append([]any{}, o.parameters...)
	args = append(args, parameter{name: o.parameter, value: mssql.TVP{TypeName: p.w.sink.rows.name, Value: p.rows.Interface()}})
	_, err := p.w.c.exec(ctx, o.text, args...)
	p.rows = p.rows.Slice(0, 0)
	if err != nil {
		return explain(ctx, err, "run the stored procedure", p.w.sink.target())
	}
	rows, err := p.w.c.query(ctx, "SELECT @@TRANCOUNT")
	if err != nil {
		return err
	}
	if numberOf(rows[0][0]) != 1 {
		return fault.New(fault.Conflict, "the stored procedure ended the copy's transaction, or left one of its own open").At(p.w.sink.target()).
			Try("Let the procedure end each transaction that it begins, and no other.")
	}
	return nil
}
