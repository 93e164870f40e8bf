package oracle

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// inlineLength is up to which length (characters, bytes) a large object comes inside its row. Rows are fetched many at
// a time and held twice, so longer ones are fetched one by one, by the row's id.
const inlineLength = 128 << 10

// lobs fetches the large objects that are too long to come with their rows.
type lobs struct {
	connect func(ctx context.Context) (*session, error)
	c       *session
	rowID   int            // where the row's id stands among the row's values
	length  map[int]int    // column → where its length stands
	text    map[int]string // column → the statement that fetches its value
	reads   []reads
	target  string
}

// divide changes the plan so that long values stay away and are fetched one by one. It needs a table, whose rows have
// ids, and a server that tells lengths.
func (s *source) divide(p *plan, cut slice) *lobs {
	l := &lobs{length: map[int]int{}, text: map[int]string{}, reads: p.reads, target: s.target()}
	l.connect = func(ctx context.Context) (*session, error) {
		return s.server.connect(ctx, s.env, reading{rows: 1, locators: true})
	}
	list := make([]string, 0, p.values+len(p.columns)+1)
	var extra []string
	for i, c := range p.columns {
		quoted := sqlstore.Quote(c.name)
		parts := p.reads[i].of(quoted)
		switch c.base() {
		case typeClob, typeNClob, typeBlob:
			size := "DBMS_LOB.GETLENGTH(" + quoted + ")"
			parts[0] = "CASE WHEN " + size + " <= " + itoa(inlineLength) + " THEN " + quoted + " END"
			l.length[i] = p.values + len(extra)
			extra = append(extra, size)
			l.text[i] = "SELECT " + quoted + " FROM " + s.object.Quoted() + cut.clause() + " WHERE ROWID = :1"
		}
		list = append(list, parts...)
	}
	if len(extra) == 0 {
		return nil
	}
	l.rowID = p.values + len(extra)
	extra = append(extra, "ROWIDTOCHAR(ROWID)")
	p.values += len(extra)
	p.text = "SELECT " + strings.Join(append(list, extra...), ", ") + " FROM " + s.object.Quoted() + cut.clause() + and(cut.condition(), s.since.condition())
	return l
}

// isLarge reports whether a value that seems NULL is one that stayed away.
func (l *lobs) isLarge(column int, row []driver.Value) bool {
	at, ok := l.length[column]
	if !ok {
		return false
	}
	text, _ := row[at].(string)
	return text != "" && text != "0"
}

// isEmpty reports whether a value that seems NULL is an object without content.
func (l *lobs) isEmpty(column int, row []driver.Value) bool {
	at, ok := l.length[column]
	return ok && row[at] == "0"
}

// fetch reads one value and appends it.
func (l *lobs) fetch(ctx context.Context, column int, row []driver.Value, c *batch.Column) error {
	if l.c == nil {
		session, err := l.connect(ctx)
		if err != nil {
			return err
		}
		l.c = session
	}
	id, _ := row[l.rowID].(string)
	rows, err := l.c.rows(ctx, l.text[column], id)
	if err != nil {
		return explain(ctx, err, "read a large object", l.target)
	}
	defer l.c.guard(ctx)()
	value := make([]driver.Value, 1)
	err = rows.Next(value)
	if errors.Is(err, io.EOF) || err == nil && value[0] == nil {
		err = fault.New(fault.Conflict, "the row of a large object is gone").At(l.target).Try("Run the copy again, while nobody deletes rows.").AsTransient()
	}
	if err == nil {
		err = l.reads[column].decode(c, value)
	}
	if err != nil {
		return explain(ctx, err, "read a large object", l.target)
	}
	return explain(ctx, closeRows(rows, nil), "read a large object", l.target)
}

func (l *lobs) bytes() int64 {
	if l.c == nil {
		return 0
	}
	return l.c.wire.read.Load()
}

func (l *lobs) close() { l.c.hangUp() }

// lengths reports whether the server tells the lengths of large objects and the ids of rows of the source's table.
func (s *source) lengths(ctx context.Context) (bool, error) {
	if s.table.IsZero() || s.object.kind == "VIEW" || s.object.kind == "SYNONYM" {
		return false, nil
	}
	for _, c := range s.all {
		switch c.base() {
		case typeClob, typeNClob, typeBlob:
			_, err := s.asked(ctx, "SELECT DBMS_LOB.GETLENGTH("+sqlstore.Quote(c.name)+"), ROWIDTOCHAR(ROWID) FROM "+s.object.Quoted()+" WHERE 1 = 0")
			return err == nil, interrupted(ctx, err)
		}
	}
	return false, nil
}
