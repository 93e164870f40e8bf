package oracle

import (
	"context"
	"database/sql/driver"
	"reflect"
	"strings"

	go_ora "github.com/sijms/go-ora/v2"

	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// object is a table or view as the dictionary knows it.
type object struct {
	sqlstore.Table
	kind string // TABLE, VIEW, MATERIALIZED VIEW, SYNONYM; "" where the dictionary does not show it
}

// find looks a table up: as it is written, else in capitals, as the server does with a name that stands in no quotes. ok
// is false where there is none; the name is then the one that a new table would get.
func (s *session) find(ctx context.Context, t sqlstore.Table) (found object, ok bool, err error) {
	schema := t.Schema
	if schema == "" {
		rows, err := s.query(ctx, "SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL")
		if err != nil {
			return object{}, false, err
		}
		schema = rows[0][0].text
	}
	rows, err := s.query(ctx, `SELECT OWNER, OBJECT_NAME, OBJECT_TYPE FROM ALL_OBJECTS WHERE OWNER IN (:1, :2) AND OBJECT_NAME IN (:3, :4)
		AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SYNONYM')`, schema, folded(schema), t.Name, folded(t.Name))
	if err != nil {
		return object{}, false, err
	}
	best := -1
	for _, row := range rows {
		o := object{sqlstore.Table{Schema: row[0].text, Name: row[1].text}, row[2].text}
		score := 0
		for _, hit := range []bool{o.Schema == schema, o.Name == t.Name, o.kind != "SYNONYM" && o.kind != "MATERIALIZED VIEW"} {
			score *= 2
			if hit {
				score++
			}
		}
		if score > best {
			best, found = score, o
		}
	}
	if best >= 0 {
		return found, true, nil
	}
	if t.Schema != "" {
		if rows, err = s.query(ctx, "SELECT USERNAME FROM ALL_USERS WHERE USERNAME = :1", schema); err != nil {
			return object{}, false, err
		}
		if len(rows) == 0 {
			schema = folded(schema)
		}
	}
	return object{Table: sqlstore.Table{Schema: schema, Name: folded(t.Name)}}, false, nil
}

// folded is a name as the server keeps it where it stands without quotes: in capitals. A name that could not stand
// without quotes stays.
func folded(name string) string {
	if name == "" || !letter(name[0]) {
		return name
	}
	for i := range len(name) {
		if b := name[i]; !letter(b) && (b < '0' || b > '9') && b != '_' && b != '$' && b != '#' {
			return name
		}
	}
	return strings.ToUpper(name)
}

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// columns reads a table's columns from the dictionary; none where it does not show them.
func (s *session) columns(ctx context.Context, t sqlstore.Table) ([]column, error) {
	rows, err := s.query(ctx, `SELECT COLUMN_NAME, DATA_TYPE, DATA_TYPE_OWNER, DATA_LENGTH, DATA_PRECISION, DATA_SCALE, NULLABLE, CHAR_LENGTH, CHAR_USED
		FROM ALL_TAB_COLUMNS WHERE OWNER = :1 AND TABLE_NAME = :2 ORDER BY COLUMN_ID`, t.Schema, t.Name)
	if hasCode(err, 904) { // a server that leaves the owner of types out
		rows, err = s.query(ctx, `SELECT COLUMN_NAME, DATA_TYPE, NULL, DATA_LENGTH, DATA_PRECISION, DATA_SCALE, NULLABLE, CHAR_LENGTH, CHAR_USED
			FROM ALL_TAB_COLUMNS WHERE OWNER = :1 AND TABLE_NAME = :2 ORDER BY COLUMN_ID`, t.Schema, t.Name)
	}
	if err != nil {
		return nil, err
	}
	list := make([]column, len(rows))
	for i, row := range rows {
		list[i] = dictionaryColumn(row)
	}
	return list, nil
}

// dictionaryColumn reads a row of the query above.
func dictionaryColumn(row []cell) column {
	c := column{name: row[0].text, data: row[1].text, owner: row[2].text, bytes: int(row[3].int()), required: row[6].text == "N"}
	number := func(v cell) *int {
		if v.null {
			return nil
		}
		n := int(v.int())
		return &n
	}
	c.precision, c.scale = number(row[4]), number(row[5])
	if row[8].text == "C" || c.national() {
		c.chars = int(row[7].int())
	}
	return c
}

// describeQuery asks the server for the columns of a query's rows without reading them.
func (s *session) describeQuery(ctx context.Context, text, target string) ([]column, error) {
	rows, err := s.rows(ctx, "SELECT * FROM (\n"+bare(text)+"\n) Q WHERE 1 = 0")
	if _, refused := oracleError(err); refused && ctx.Err() == nil && onlyReads(text) { // names that repeat, or what may not stand in brackets
		rows, err = s.rows(ctx, bare(text))
	}
	if err != nil {
		return nil, explain(ctx, err, "read the columns", target)
	}
	list := described(rows)
	if err := closeRows(rows, nil); err != nil {
		return nil, explain(ctx, err, "read the columns", target)
	}
	if len(list) == 0 {
		return nil, fault.New(fault.BadInput, "the statement gives no rows").At(target).Try("Give a SELECT statement.")
	}
	return list, nil
}

// describeTable is describeQuery for a table that the dictionary does not show, such as the target of a synonym.
func (s *session) describeTable(ctx context.Context, t sqlstore.Table) ([]column, error) {
	rows, err := s.rows(ctx, "SELECT * FROM "+t.Quoted()+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	list := described(rows)
	return list, closeRows(rows, nil)
}

// described takes the columns from the driver. Its public methods tell neither a timestamp's digits nor how long a text is
// in bytes, so its own record of the columns is read where it is there (v2.8.24: DataSet.cols).
func described(rows driver.Rows) []column {
	names := rows.Columns()
	list := make([]column, len(names))
	record := reflect.ValueOf(rows)
	if record.Kind() == reflect.Pointer && !record.IsNil() {
		record = record.Elem().FieldByName("cols")
	}
	for record.IsValid() && record.Kind() == reflect.Pointer && !record.IsNil() {
		record = record.Elem()
	}
	for i, name := range names {
		list[i] = column{name: name, data: typeVarchar}
		if record.IsValid() && record.Kind() == reflect.Slice && i < record.Len() {
			list[i].fill(record.Index(i))
		}
	}
	return list
}

// fill takes what the driver recorded of a column.
func (c *column) fill(p reflect.Value) {
	number := func(name string) int {
		switch f := p.FieldByName(name); {
		case !f.IsValid():
			return 0
		case f.CanUint():
			return int(f.Uint())
		case f.CanInt():
			return int(f.Int())
		}
		return 0
	}
	flag := func(name string) bool {
		f := p.FieldByName(name)
		return f.IsValid() && f.Kind() == reflect.Bool && f.Bool()
	}
	word := func(name string) string {
		f := p.FieldByName(name)
		if !f.IsValid() || f.Kind() != reflect.String {
			return ""
		}
		return f.String()
	}
	precision, scale := number("Precision"), int(int8(number("Scale")))
	c.bytes, c.required = number("MaxLen"), !flag("AllowNull")
	national := number("CharsetForm") == 2
	pick := func(plain, other string) string {
		if national {
			return other
		}
		return plain
	}
	switch go_ora.TNSType(number("DataType")) {
	case go_ora.NUMBER:
		c.data = typeNumber
		if scale != -1 { // which stands for none: NUMBER without digits, or FLOAT
			c.precision, c.scale = &precision, &scale
		}
	case go_ora.IBFloat:
		c.data = typeBinFloat
	case go_ora.IBDouble:
		c.data = typeBinDouble
	case go_ora.CHAR:
		c.data, c.chars = pick(typeChar, typeNChar), number("MaxCharLen")
	case go_ora.NCHAR, go_ora.VARCHAR:
		c.data, c.chars = pick(typeVarchar, typeNVarchar), number("MaxCharLen")
	case go_ora.LONG, go_ora.LongVarChar:
		c.data = pick(typeLong, typeNClob)
	case go_ora.OCIClobLocator:
		c.data = pick(typeClob, typeNClob)
	case go_ora.OCIBlobLocator:
		c.data = typeBlob
	case go_ora.OCIFileLocator:
		c.data = typeBFile
	case go_ora.RAW:
		c.data = typeRaw
	case go_ora.LongRaw:
		c.data = typeLongRaw
	case go_ora.DATE, go_ora.OCIDate:
		c.data = typeDate
	case go_ora.TimeStampDTY, go_ora.TIMESTAMP:
		c.data, c.scale = typeTimestamp, &scale
	case go_ora.TimeStampTZ_DTY, go_ora.TIMESTAMPTZ:
		c.data, c.scale = typeZoned, &scale
	case go_ora.TimeStampLTZ_DTY, go_ora.TimeStampeLTZ:
		c.data, c.scale = typeLocalZoned, &scale
	case go_ora.IntervalYM_DTY, go_ora.IntervalYM:
		c.data = typeYearMonth
	case go_ora.IntervalDS_DTY, go_ora.IntervalDS:
		c.data, c.precision, c.scale = typeDaySecond, &precision, &scale
	case go_ora.ROWID:
		c.data = typeRowID
	case go_ora.UROWID:
		c.data = typeURowID
	case go_ora.JSON:
		c.data = typeJSON
	case 127:
		c.data = typeVector
	case go_ora.Boolean:
		c.data = typeBoolean
	case go_ora.REFCURSOR:
		c.data = typeCursor
	case go_ora.XMLType, go_ora.OCIXMLType, go_ora.OCIRef:
		c.data, c.owner = word("TypeName"), word("SchemaName")
		if c.data == "" {
			c.data = "OBJECT"
		}
	}
	if flag("IsJson") && c.data != typeJSON && c.data != typeVarchar && c.data != typeClob && c.data != typeBlob {
		c.data = typeJSON
	}
}

// onlyReads reports whether a statement begins as one that only reads.
func onlyReads(text string) bool {
	for {
		text = strings.TrimLeft(text, " \t\r\n(")
		var end string
		switch {
		case strings.HasPrefix(text, "--"):
			end = "\n"
		case strings.HasPrefix(text, "/*"):
			end = "*/"
		default:
			words := strings.Fields(text)
			return len(words) > 0 && (strings.EqualFold(words[0], "SELECT") || strings.EqualFold(words[0], "WITH"))
		}
		_, rest, ok := strings.Cut(text, end)
		if !ok {
			return false
		}
		text = rest
	}
}

// bare is a statement without what may not stand inside brackets.
func bare(query string) string { return strings.TrimRight(query, "; \t\r\n") }
