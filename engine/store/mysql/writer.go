package mysql

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// writer puts a partition into the table in one transaction.
type writer struct {
	sink      *sink
	c         *conn
	partition string

	loading bool   // a LOAD DATA runs
	number  byte   // of the next packet of its data
	buf     []byte // encoded rows
	inLoad  int64  // rows of the running LOAD DATA
	size    int64  // and their bytes

	rows    int64
	bytes   int64
	failure error
	closed  bool
}

var (
	_ store.Writer  = (*writer)(nil)
	_ store.Skipper = (*writer)(nil)
)

// writing makes the server refuse what it would otherwise change or count by itself, and tell of everything else.
const writing = `SET SESSION sql_mode='STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE', ` +
	`sql_notes=1, max_error_count=64, foreign_key_checks=1, unique_checks=1; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`

// begin starts the transaction.
func (w *writer) begin(ctx context.Context) error {
	text := writing
	if w.sink.options.Upsert {
		text += "; " + w.sink.stageDDL()
	}
	if _, err := w.c.exec(ctx, text+"; START TRANSACTION"); err != nil {
		return explain(ctx, err, "begin to write", w.sink.target())
	}
	return nil
}

// Amounts of a LOAD DATA: what is sent in one packet, and when one ends so that the server's warnings are heard.
const (
	loadPacket = 256 << 10
	loadRows   = 500_000
	loadBytes  = 256 << 20
)

// Write implements store.Writer.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if err := w.usable(); err != nil || b.Len() == 0 {
		return err
	}
	limited, stop := w.limit(ctx)
	defer stop()
	var err error
	if w.c.loads {
		err = w.load(limited, b)
	} else {
		err = w.insert(limited, b)
	}
	return w.late(limited, err)
}

func (w *writer) usable() error {
	if w.failure == nil && w.closed {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	return w.failure
}

// limit adds writeBatchTimeout to ctx.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.sink.options.BatchTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, w.sink.options.BatchTimeout, errBatchTimeout)
}

var errBatchTimeout = errors.New("the server took longer than writeBatchTimeout")

// late tells an end by writeBatchTimeout from other ends.
func (w *writer) late(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errBatchTimeout) {
		w.failure = fault.New(fault.StoreFailed, "write the rows").At(w.sink.target()).Because(errBatchTimeout).AsTransient().
			Try("Look for what locks the table, or raise writeBatchTimeout.")
		return w.failure
	}
	return err
}

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

// fail notes that nothing more can be written in this transaction. before is how many rows of the running LOAD DATA came
// before the batch: the server counts from its beginning. The row is dropped where it belongs to an earlier batch; the
// message has the server's own count.
func (w *writer) fail(ctx context.Context, err error, before int64) error {
	err = explain(ctx, err, "write the rows", w.sink.target())
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Row > 0 {
		if e.Row -= before; e.Row < 1 {
			e.Row = 0
		}
	}
	w.failure = err
	return err
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
					return buf, w.refuse(sqlstore.NoNull(), row, i, "")
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

func (w *writer) refuse(e *fault.Error, row, column int, value string) error {
	return e.At(w.sink.target()).InRow(int64(row+1), w.sink.fields[column].Name, value)
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

// Commit implements store.Writer.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if err := w.usable(); err != nil {
		return store.Counts{}, err
	}
	limited, stop := w.limit(ctx)
	defer stop()
	counts, err := w.commit(limited)
	return counts, w.late(limited, err)
}

func (w *writer) commit(ctx context.Context) (store.Counts, error) {
	done := w.c.guard(ctx)
	err := w.endLoad(ctx)
	done()
	if err != nil {
		return store.Counts{}, w.fail(ctx, err, -w.rows) // counted from the partition's beginning
	}
	if w.sink.options.Upsert {
		if _, err := w.c.exec(ctx, w.sink.move()); err != nil {
			return store.Counts{}, w.fail(ctx, err, 0)
		}
	}
	counts := store.Counts{Rows: w.rows, Bytes: w.bytes}
	first, err := w.sink.mark(ctx, w.c, w.partition, counts)
	if err == nil && !first {
		err = store.ErrAlreadyCommitted
	}
	if err != nil {
		_ = w.Abort()
		return store.Counts{}, err
	}
	if _, err := w.c.exec(ctx, "COMMIT"); err != nil {
		return store.Counts{}, explain(ctx, err, "commit the rows", w.sink.target())
	}
	return counts, w.Abort()
}

// Abort implements store.Writer. The server rolls back when the connection ends; it is given the chance to have done so
// when Abort returns.
func (w *writer) Abort() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.sink.mu.Lock()
	delete(w.sink.open, w)
	w.sink.mu.Unlock()
	w.c.hangUp()
	return nil
}
