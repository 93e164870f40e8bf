package copy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// counters count one direction's rows, bytes and files while goroutines add to them.
type counters struct {
	rowsRead, rowsCopied, rowsSkipped, bytesRead, bytesWritten, filesRead, filesWritten, filesSkipped atomic.Int64
}

func (c *counters) add(d PartitionCounts, sign int64) {
	c.rowsRead.Add(sign * d.RowsRead)
	c.rowsCopied.Add(sign * d.Rows)
	c.rowsSkipped.Add(sign * d.RowsSkipped)
	c.bytesRead.Add(sign * d.BytesRead)
	c.bytesWritten.Add(sign * d.Bytes)
	c.filesRead.Add(sign * d.FilesRead)
	c.filesWritten.Add(sign * max(int64(len(d.Files)), d.FilesWritten))
	c.filesSkipped.Add(sign * int64(len(d.Skipped)))
}

// meter is what a run has done so far, over all partitions.
type meter struct {
	counters
	stage      atomic.Pointer[string]
	partitions atomic.Int64
	done       atomic.Int64
	planRows   atomic.Int64 // estimates of the plan, 0 where a partition has none
	planBytes  atomic.Int64

	readBusy, writeBusy atomic.Int64 // nanoseconds in the source and in the sink, over all partitions
	started             atomic.Int64 // when copying began, and when the first rows or bytes came; Unix nanoseconds
	first               atomic.Int64

	limits *Limits // of what is read, nil where there are none
	mu     sync.Mutex
	failed map[string]PartitionCounts // how far the last try of a partition came that is not committed
}

func (m *meter) enter(stage string) { m.stage.Store(&stage) }

// restart forgets everything: another try of the whole activity begins.
func (m *meter) restart() {
	for _, c := range []*atomic.Int64{
		&m.rowsRead, &m.rowsCopied, &m.rowsSkipped, &m.bytesRead, &m.bytesWritten, &m.filesRead, &m.filesWritten, &m.filesSkipped,
		&m.partitions, &m.done, &m.planRows, &m.planBytes, &m.readBusy, &m.writeBusy, &m.started, &m.first,
	} {
		c.Store(0)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = nil
}

// unfinished is how far the partitions came that are not committed.
func (m *meter) unfinished() (sum PartitionCounts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.failed {
		sum.RowsRead += c.RowsRead
		sum.RowsSkipped += c.RowsSkipped
		sum.BytesRead += c.BytesRead
	}
	return sum
}

// plan takes the plan's estimates; they count only when every partition has one.
func (m *meter) plan(p *Plan) {
	m.partitions.Store(int64(len(p.Partitions)))
	var rows, bytes int64
	allRows, allBytes := true, true
	for _, x := range p.Partitions {
		rows, bytes = rows+x.Rows, bytes+x.Bytes
		allRows, allBytes = allRows && x.Rows > 0, allBytes && x.Bytes > 0
	}
	if allRows {
		m.planRows.Store(rows)
	}
	if allBytes {
		m.planBytes.Store(bytes)
	}
}

// finished counts a committed partition of an earlier attempt.
func (m *meter) finished(c PartitionCounts) {
	m.add(c, 1)
	m.done.Add(1)
}

// timeToFirst is how long copying took to see the first rows or bytes, 0 where none came.
func (m *meter) timeToFirst() time.Duration {
	if m.first.Load() == 0 {
		return 0
	}
	return time.Duration(m.first.Load() - m.started.Load())
}

// tally counts one try of one partition, in the meter too, so that a try that fails can be taken back.
type tally struct {
	meter     *meter
	own       counters
	ctx       context.Context // of the try: it ends the waiting for a limit
	partition string
}

func newTally(ctx context.Context, m *meter, partition string) *tally {
	return &tally{meter: m, ctx: ctx, partition: partition}
}

// read counts what has come from the source, and waits where a limit wants that.
func (t *tally) read(rows, bytes int64) {
	if rows+bytes > 0 && t.meter.first.Load() == 0 {
		t.meter.first.CompareAndSwap(0, time.Now().UnixNano())
	}
	t.own.rowsRead.Add(rows)
	t.own.bytesRead.Add(bytes)
	t.meter.rowsRead.Add(rows)
	t.meter.bytesRead.Add(bytes)
	if t.ctx != nil {
		t.meter.limits.take(t.ctx, rows, bytes)
	}
}

// skip counts rows that were read and are left out.
func (t *tally) skip(rows int64) {
	t.own.rowsSkipped.Add(rows)
	t.meter.rowsSkipped.Add(rows)
}

func (t *tally) wrote(rows, bytes int64) {
	t.own.rowsCopied.Add(rows)
	t.own.bytesWritten.Add(bytes)
	t.meter.rowsCopied.Add(rows)
	t.meter.bytesWritten.Add(bytes)
}

// counts is what was counted so far; files are counted when the partition is committed.
func (t *tally) counts() PartitionCounts {
	return PartitionCounts{
		RowsRead: t.own.rowsRead.Load(), RowsSkipped: t.own.rowsSkipped.Load(), BytesRead: t.own.bytesRead.Load(),
		Counts: store.Counts{Rows: t.own.rowsCopied.Load(), Bytes: t.own.bytesWritten.Load()},
	}
}

// undo takes the try back; how far it came is remembered for the result of a run that fails.
func (t *tally) undo() {
	m := t.meter
	m.mu.Lock()
	if m.failed == nil {
		m.failed = map[string]PartitionCounts{}
	}
	m.failed[t.partition] = t.counts()
	m.mu.Unlock()
	m.add(t.counts(), -1)
	t.own = counters{}
}

// settle replaces what was counted on the way by the final counts.
func (t *tally) settle(c PartitionCounts) {
	t.meter.mu.Lock()
	delete(t.meter.failed, t.partition)
	t.meter.mu.Unlock()
	t.meter.add(t.counts(), -1)
	t.meter.add(c, 1)
	t.own = counters{}
}

// meteredReader counts what comes out of a source and how long that takes.
type meteredReader struct {
	store.Reader
	t       *tally
	sized   int64 // size of the batches, for stores that do not know their bytes
	counted int64 // bytes given to the tally
}

func newMeteredReader(r store.Reader, t *tally) *meteredReader {
	return &meteredReader{Reader: r, t: t}
}

// bare is the reader without its meter: what it can do beyond the required methods is asked of that.
func bare(r store.Reader) store.Reader {
	if m, ok := r.(*meteredReader); ok {
		return m.Reader
	}
	return r
}

// Next reads and counts.
func (r *meteredReader) Next(ctx context.Context, b *batch.Batch) error {
	start := time.Now()
	err := r.Reader.Next(ctx, b)
	r.t.meter.readBusy.Add(int64(time.Since(start)))
	r.sized += b.Size()
	bytes := r.BytesRead()
	if bytes == 0 {
		bytes = r.sized
	}
	more := bytes - r.counted
	r.counted = bytes
	r.t.read(int64(b.Len()), more)
	return err
}

// meteredWriter counts what goes into a sink and how long that takes.
type meteredWriter struct {
	store.Writer
	t *tally
}

// Write writes and counts.
func (w *meteredWriter) Write(ctx context.Context, b *batch.Batch) error {
	start := time.Now()
	rows, size := int64(b.Len()), b.Size()
	err := w.Writer.Write(ctx, b)
	w.t.meter.writeBusy.Add(int64(time.Since(start)))
	if err == nil {
		w.t.wrote(rows, size)
	}
	return err
}

// writeSome writes what the store takes of b and counts that; the rest is rejected.
func (w *meteredWriter) writeSome(ctx context.Context, s store.Skipper, b *batch.Batch, reject func(*fault.Error)) error {
	start := time.Now()
	rows, size := int64(b.Len()), b.Size()
	err := s.WriteSome(ctx, b, func(e *fault.Error) {
		rows--
		reject(e)
	})
	w.t.meter.writeBusy.Add(int64(time.Since(start)))
	if err == nil {
		w.t.wrote(rows, size)
	}
	return err
}

// expect tells a writer that can compare how many rows it is about to commit.
func expect(writer any, t *tally) {
	if e, ok := writer.(store.Expecter); ok {
		c := t.counts()
		e.Expect(c.RowsRead - c.RowsSkipped)
	}
}

// Commit commits; the time counts as writing.
func (w *meteredWriter) Commit(ctx context.Context) (store.Counts, error) {
	start := time.Now()
	defer func() { w.t.meter.writeBusy.Add(int64(time.Since(start))) }()
	expect(w.Writer, w.t)
	return w.Writer.Commit(ctx)
}
