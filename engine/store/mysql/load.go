package mysql

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// Amounts of a LOAD DATA: what is sent in one packet, and when one ends so that the server's warnings are heard.
const (
	loadPacket = 256 << 10
	loadRows   = 500_000
	loadBytes  = 256 << 20
)

// load sends the batch's rows as part of a LOAD DATA.
func (w *writer) load(ctx context.Context, b *batch.Batch) error {
	var err error
	if w.buf, err = w.appendRows(w.buf[:0], b); err != nil {
		return err
	}
	done := w.c.guard(ctx)
	err = w.startLoad()
	if w.rows == 0 && loadsNot(err) { // said by what is between, or by the session
		done()
		w.c.loads = false
		return w.insert(ctx, b)
	}
	defer done()
	if err != nil {
		return w.fail(ctx, err, 0)
	}
	if err := w.sendRows(w.buf); err != nil {
		return w.fail(ctx, err, 0)
	}
	before := w.inLoad
	w.inLoad += int64(b.Len())
	w.size += int64(len(w.buf))
	w.bytes += int64(len(w.buf))
	if w.inLoad >= loadRows || w.size >= loadBytes {
		if err := w.endLoad(ctx); err != nil {
			return w.fail(ctx, err, before)
		}
	}
	return nil
}

// loadsNot reports whether the server does not take LOAD DATA LOCAL.
func loadsNot(err error) bool {
	switch number(err) {
	case 1148, 1235, 3948, 4166:
		return true
	}
	return false
}

// startLoad sends the statement, which the server answers by asking for the data.
func (w *writer) startLoad() error {
	if w.loading {
		return nil
	}
	if err := w.c.send(comQuery, []byte(w.loadStatement())); err != nil {
		return err
	}
	p, err := w.c.packet()
	switch {
	case err != nil:
		return err
	case len(p) > 0 && p[0] == 0xff:
		return serverError(p)
	case len(p) == 0 || p[0] != 0xfb:
		return errMalformed
	}
	w.loading, w.number, w.inLoad, w.size = true, 2, 0, 0
	return nil
}

// loadStatement is the LOAD DATA. Where every text column is in Unicode, texts and bytes are sent as they are;
// otherwise the server converts the texts, and bytes are sent as hexadecimal digits.
func (w *writer) loadStatement() string {
	k := w.sink
	into, charset := k.table, "utf8mb4"
	if k.options.Upsert {
		into = k.stage()
	}
	if k.raw {
		charset = "binary"
	}
	columns := make([]string, len(k.fields))
	var set []string
	for i, f := range k.fields {
		name, variable := quote(f.Name), fmt.Sprintf("@dmg%d", i)
		columns[i] = variable
		switch k.targets[i].class {
		case binaries:
			if k.raw {
				columns[i] = name
			} else {
				set = append(set, name+"=UNHEX("+variable+")")
			}
		case bitField:
			set = append(set, name+"=CAST("+variable+" AS UNSIGNED)")
		case typed:
			set = append(set, name+"=CONVERT("+variable+" USING utf8mb4)")
		case shape:
			set = append(set, name+"="+shapeOf("CONVERT("+variable+" USING utf8mb4)"))
		default:
			columns[i] = name
		}
	}
	statement := "LOAD DATA LOCAL INFILE 'rows' INTO TABLE " + quoted(into) + " CHARACTER SET " + charset +
		` FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' (` + strings.Join(columns, ", ") + ")"
	if len(set) > 0 {
		statement += " SET " + strings.Join(set, ", ")
	}
	return statement
}

// shapeOf is the geometry that a WKT text says. MariaDB makes NULL of a text that says none; bytes that are no geometry
// take the place of that, which the server refuses.
func shapeOf(text string) string {
	return "IF(" + text + " IS NULL, NULL, COALESCE(ST_GeomFromText(" + text + "), X'00'))"
}

// packetHeader is the room in front of encoded rows for the first packet's header.
const packetHeader = 4

// appendRows appends the batch's rows as lines of fields, after room for a header.
func (w *writer) appendRows(buf []byte, b *batch.Batch) ([]byte, error) {
	buf = append(buf, make([]byte, packetHeader)...)
	targets, raw := w.sink.targets, w.sink.raw
	for row := range b.Len() {
		for i := range targets {
			c, t := &b.Cols[i], &targets[i]
			if c.IsNull(row) {
				if !w.sink.fields[i].Nullable {
					return buf, w.refuse(sqlstore.NoNullIn(w.sink.fields[i].Name, w.sink.keys), row, i, "")
				}
				buf = append(buf, '\\', 'N', '\t')
				continue
			}
			var bad *fault.Error
			switch {
			case t.class == binaries && !raw:
				buf = hex.AppendEncode(buf, c.Bytes(row))
			case t.class == text, t.class == binaries, t.class == typed && t.typ.Kind != batch.GUID, t.class == shape:
				buf = appendEscaped(buf, c.Bytes(row))
			default:
				if buf, bad = t.encode(buf, c, row); bad != nil {
					return buf, w.refuse(bad, row, i, string(batch.AppendText(nil, c, row)))
				}
			}
			buf = append(buf, '\t')
		}
		buf[len(buf)-1] = '\n'
	}
	return buf, nil
}

// escapes are the letters behind a backslash for bytes that mean something in a line of fields.
var escapes = [256]byte{'\\': '\\', '\t': 't', '\n': 'n', 0: '0'}

func appendEscaped(dst, v []byte) []byte {
	from := 0
	for i, ch := range v {
		if e := escapes[ch]; e != 0 {
			dst = append(append(dst, v[from:i]...), '\\', e)
			from = i + 1
		}
	}
	return append(dst, v[from:]...)
}

// sendRows sends encoded rows, behind room for a header, as packets of the running LOAD DATA. It writes over them.
func (w *writer) sendRows(rows []byte) error {
	size := min(loadPacket, w.c.maxPacket-packetHeader)
	for len(rows) > packetHeader {
		n := min(len(rows)-packetHeader, size)
		rows[0], rows[1], rows[2], rows[3] = byte(n), byte(n>>8), byte(n>>16), w.number
		if _, err := w.c.Conn.Write(rows[:packetHeader+n]); err != nil {
			return err
		}
		w.number++
		rows = rows[n:]
	}
	return nil
}

// endLoad tells the server that the rows have ended, and takes its answer. LOCAL turns errors of rows into warnings:
// such a row is left out or changed, so any warning is a failure here.
func (w *writer) endLoad(ctx context.Context) error {
	if !w.loading {
		return nil
	}
	w.loading = false
	if _, err := w.c.Conn.Write([]byte{0, 0, 0, w.number}); err != nil {
		return err
	}
	o, err := w.c.results(nil)
	if err != nil {
		return err
	}
	if o.warnings > 0 || o.rows != w.inLoad {
		return w.warning(o, w.inLoad)
	}
	w.rows += w.inLoad
	w.inLoad = 0
	return nil
}

// warning makes an error of the first thing that the server says about its last statement.
func (w *writer) warning(o outcome, sent int64) error {
	var first []cell
	if err := w.c.sendText("SHOW WARNINGS LIMIT 1"); err != nil {
		return err
	}
	if _, err := w.c.results(func(row []cell) {
		if first == nil && len(row) >= 3 {
			first = row
		}
	}); err != nil {
		return err
	}
	if first == nil {
		return fault.New(fault.StoreFailed, "the server took %d of %d rows and gave no reason", o.rows, sent).At(w.sink.target()).
			Try("Look for triggers on the table and at the server's log.")
	}
	var code uint16
	_, _ = fmt.Sscan(first[1].text, &code)
	return warned(code, first[2].text)
}
