package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// copyLanguage is the binary format of COPY, which has not changed since PostgreSQL 7.4.
const copyLanguage = "PostgreSQL binary COPY"

var (
	_ store.BulkSource = (*source)(nil)
	_ store.BulkSink   = (*sink)(nil)
	_ store.BulkReader = (*bulkReader)(nil)
	_ store.BulkWriter = (*bulkWriter)(nil)
)

// firstUserType is the first identifier that a server gives to types that are made in it: the same number is another
// type elsewhere.
const firstUserType = 16384

// bulk is what has to be the same on both sides for a value's binary form to be the same value; ok is false for types
// whose binary form depends on the database: those made in it, and those that stand for objects in its catalog.
func (c column) bulk() (text string, ok bool) {
	switch c.oid {
	case 24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191: // regproc, regprocedure, regoper, regoperator, regclass, regtype, regconfig, regdictionary, regnamespace, regrole, regcollation
		return "", false
	case 2249, 2287: // record and its arrays: the columns' types inside
		return "", false
	}
	if c.oid >= firstUserType {
		return "", false
	}
	return fmt.Sprintf("%d:%d:%d", c.oid, c.mod, c.money), true
}

// BulkLayout implements store.BulkSource. A limit of the time to the first row is kept by the usual way alone.
func (s *source) BulkLayout(want batch.Schema) (store.BulkLayout, bool) {
	l := store.BulkLayout{Language: copyLanguage}
	if s.timeout > 0 {
		return l, false
	}
	names := map[string]bool{}
	for _, f := range s.schema { // a query's columns are chosen by their names
		names[f.Name] = !names[f.Name] && f.Name != ""
	}
	for _, f := range want {
		i := s.schema.Index(f.Name)
		if i < 0 || !names[s.schema[i].Name] {
			return l, false
		}
		text, ok := s.columns[i].bulk()
		if !ok {
			return l, false
		}
		l.Columns = append(l.Columns, text)
	}
	return l, true
}

// TakesBulk implements store.BulkSink. A column with fewer digits than the source's would round, so the modifiers have
// to be the same, or the sink's column without bounds. An upsert needs the keys decoded by the server first, so it goes
// the usual way.
func (k *sink) TakesBulk(l store.BulkLayout) bool {
	if k.options.Upsert || l.Language != copyLanguage || len(l.Columns) != len(k.columns) {
		return false
	}
	for i, c := range k.columns {
		text, ok := c.bulk()
		if ok && text != l.Columns[i] && c.mod < 0 {
			// The same type with bounds at the source.
			oid, _, _ := strings.Cut(l.Columns[i], ":")
			ok = oid == fmt.Sprint(c.oid) && c.oid != oidMoney
		} else if ok {
			ok = text == l.Columns[i]
		}
		if !ok {
			return false
		}
	}
	return true
}

// bulkPiece is how many bytes pass at once.
const bulkPiece = 128 << 10

// bulkReader reads the bytes of COPY … TO STDOUT. A goroutine of its own takes them from the server.
type bulkReader struct {
	source *source
	c      *pgconn.PgConn
	cancel context.CancelFunc
	out    chan []byte // filled pieces; closed at the end
	free   chan []byte
	given  []byte        // what Next has given last
	end    chan struct{} // closed when tag and err are set
	tag    pgconn.CommandTag
	err    error
	sent   atomic.Int64 // rows on their way
	rows   int64        // as the server counts them, once whole is set
	whole  bool
}

// OpenBulk implements store.BulkSource.
func (s *source) OpenBulk(ctx context.Context, p store.Partition, want batch.Schema) (store.BulkReader, error) {
	text, _, err := s.statement(p, want)
	if err != nil {
		return nil, err
	}
	if s.table.IsZero() {
		names := make([]string, len(want))
		for i, f := range want {
			names[i] = s.schema[s.schema.Index(f.Name)].Name
		}
		text = "SELECT " + sqlstore.QuoteAll(names) + " FROM (" + bare(text) + "\n) AS whole"
	}
	c, err := s.pool.take(ctx)
	if err != nil {
		return nil, err
	}
	if err = s.join(ctx, c, p); err == nil {
		err = s.hold(ctx, c, text, want)
	}
	if err != nil {
		hangUp(c)
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &bulkReader{source: s, c: c, cancel: cancel, out: make(chan []byte), free: make(chan []byte, 2), end: make(chan struct{})}
	r.free <- make([]byte, 0, bulkPiece)
	r.free <- make([]byte, 0, bulkPiece)
	go r.run(running, "COPY ("+text+") TO STDOUT (FORMAT binary)")
	return r, nil
}

// hold makes sure that the columns still are what the plan took them for, and that they stay so: the server keeps what a
// transaction has looked at from being changed.
func (s *source) hold(ctx context.Context, c *pgconn.PgConn, text string, want batch.Schema) error {
	if c.TxStatus() == 'I' {
		if err := run(ctx, c, "BEGIN READ ONLY"); err != nil {
			return explain(ctx, err, "read the rows", s.target())
		}
	}
	d, err := c.Prepare(ctx, "", text, nil)
	if err != nil {
		return explain(ctx, err, "read the rows", s.target())
	}
	for i, f := range want {
		k := s.columns[s.schema.Index(f.Name)]
		if i >= len(d.Fields) || d.Fields[i].DataTypeOID != k.oid || d.Fields[i].TypeModifier != k.mod {
			return errChanged(s.target())
		}
	}
	return nil
}

func (r *bulkReader) run(ctx context.Context, statement string) {
	defer close(r.out)
	defer close(r.end)
	defer fault.Recover(&r.err)
	w := &pieces{ctx: ctx, out: r.out, free: r.free, rows: &r.sent, current: <-r.free}
	r.tag, r.err = r.c.CopyTo(ctx, w, statement)
	if r.err == nil {
		r.err = w.last()
	}
}

// Next implements store.BulkReader.
func (r *bulkReader) Next(ctx context.Context) ([]byte, error) {
	if r.given != nil {
		r.free <- r.given[:0] // never blocks: there is room for both
		r.given = nil
	}
	select {
	case p, ok := <-r.out:
		if ok {
			r.given = p
			return p, nil
		}
	case <-ctx.Done():
		r.cancel()
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, explain(ctx, r.err, "read the rows", r.source.target())
	}
	r.rows, r.whole = r.tag.RowsAffected(), true
	return nil, io.EOF
}

// Rows implements store.BulkReader. Until the end it counts the server's messages, one a row.
func (r *bulkReader) Rows() int64 {
	if r.whole {
		return r.rows
	}
	return r.sent.Load()
}

// Close implements store.BulkReader.
func (r *bulkReader) Close() error {
	if r.c == nil {
		return nil
	}
	r.cancel()
	for range r.out { // what is on its way is dropped; the goroutine ends then
	}
	<-r.end
	if r.whole && r.c.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
		defer cancel()
		r.whole = run(ctx, r.c, "ROLLBACK") == nil
	}
	if r.whole {
		r.source.pool.give(r.c)
	} else {
		hangUp(r.c)
	}
	r.c = nil
	return nil
}

// pieces gathers what the server sends, row by row, into larger pieces, without the header and the trailer of the data.
type pieces struct {
	ctx     context.Context // of the statement
	out     chan<- []byte
	free    <-chan []byte
	current []byte
	rows    *atomic.Int64
	begun   bool
}

// Write implements io.Writer. Each message of the server is one row; the header stands before the first, and the trailer
// is a message of its own.
func (w *pieces) Write(p []byte) (int, error) {
	size := len(p)
	if !w.begun {
		var err error
		if p, err = withoutHeader(p); err != nil {
			return 0, err
		}
		w.begun = true
	}
	if !bytes.Equal(p, copyTrailer) {
		w.rows.Add(1)
	}
	if len(w.current) > 0 && len(w.current)+len(p) > bulkPiece {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	w.current = append(w.current, p...)
	return size, nil
}

// withoutHeader takes signature, flags and extension from the first message.
func withoutHeader(p []byte) ([]byte, error) {
	n := len(copyHeader)
	if len(p) < n || !bytes.Equal(p[:11], copyHeader[:11]) || !bytes.Equal(p[11:15], copyHeader[11:15]) {
		return nil, errMalformed
	}
	n += int(binary.BigEndian.Uint32(p[15:19]))
	if len(p) < n {
		return nil, errMalformed
	}
	return p[n:], nil
}

// last hands over what is left, without the trailer.
func (w *pieces) last() error {
	rest, ok := bytes.CutSuffix(w.current, copyTrailer)
	if !ok || !w.begun {
		return errMalformed
	}
	w.current = rest
	select {
	case w.out <- w.current:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

func (w *pieces) flush() error {
	select {
	case w.out <- w.current:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	select {
	case w.current = <-w.free:
		if cap(w.current) > 8*bulkPiece { // one very large row need not keep its buffer
			w.current = make([]byte, 0, bulkPiece)
		}
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

// bulkWriter is a writer whose bytes are COPY's already, with its header and trailer.
type bulkWriter struct{ *writer }

// OpenBulk implements store.BulkSink.
func (k *sink) OpenBulk(ctx context.Context, p store.Partition) (store.BulkWriter, error) {
	w, err := k.open(ctx, p, true)
	if err != nil {
		return nil, err
	}
	return &bulkWriter{w}, nil
}

// Write implements store.BulkWriter.
func (w *bulkWriter) Write(ctx context.Context, p []byte) error {
	if w.failure != nil || len(p) == 0 {
		return w.failure
	}
	if w.copied {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	ctx, stop := w.limit(ctx)
	defer stop()
	var buf []byte
	select {
	case buf = <-w.free:
	case end := <-w.done:
		return w.failed(ctx, end.err, math.MaxInt32)
	case <-ctx.Done():
		return w.late(ctx)
	}
	select {
	case w.full <- append(buf[:0], p...):
	case end := <-w.done:
		return w.failed(ctx, end.err, math.MaxInt32)
	case <-ctx.Done():
		return w.late(ctx)
	}
	w.bytes += int64(len(p))
	return nil
}
