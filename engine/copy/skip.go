package copy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// TooManySkipped is the code of a copy whose rows do not fit more often than the job's skipLimits allow.
const TooManySkipped = "TooManySkipped"

// skipper keeps account of the rows that one try of one partition leaves out. Its methods are called from the goroutines
// of the pipeline.
type skipper struct {
	limits activity.Skip
	t      *tally
	log    *partLog // nil where the job has no log

	mu      sync.Mutex
	reasons reasons
}

// skipping begins the account of a partition, nil where the job does not skip rows.
func (r *run) skipping(ctx context.Context, p store.Partition, t *tally) *skipper {
	if r.job.Skip == nil {
		return nil
	}
	return &skipper{limits: *r.job.Skip, t: t, log: r.log4rows(ctx, p)}
}

// reject leaves out one row. Row, column and target of why are those of the source; fields is the row, nil where it
// cannot be shown. It fails when that is one row too many, or the log cannot be written.
func (s *skipper) reject(why *fault.Error, fields []*string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.skip(1)
	if s.log != nil {
		if fields == nil && why.Value != "" {
			fields = []*string{&why.Value}
		}
		if err := s.log.skippedRow(fields, why); err != nil {
			return err
		}
	}
	s.reasons.add(why, 1)
	if n := s.t.meter.rowsSkipped.Load(); s.limits.MaxRows >= 0 && n > s.limits.MaxRows {
		return fault.New(TooManySkipped, "%d rows do not fit, and skipLimits.maxRows allows %d; the last one", n, s.limits.MaxRows).
			Because(why).Try("Correct the rows, or raise the limit.")
	}
	return nil
}

// enough checks the share of skipped rows, and makes the log visible: both before the partition's rows become visible.
func (s *skipper) enough(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	read, skipped := s.t.meter.rowsRead.Load(), s.t.meter.rowsSkipped.Load()
	if float64(skipped) > s.limits.MaxShare*float64(read) {
		return fault.New(TooManySkipped, "%d of %d rows do not fit, and skipLimits.maxShare allows %g of them", skipped, read, s.limits.MaxShare).
			Try("Correct the rows, or raise the limit.")
	}
	return s.log.commit(ctx)
}

// end gives up what is not committed.
func (s *skipper) end() {
	if s != nil {
		s.log.abort()
	}
}

// rowError is the error of one row that a reader may be able to go on behind, nil for any other.
func rowError(err error) *fault.Error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Row <= 0 || f.Transient || f.Code != fault.BadData && f.Code != fault.Conversion {
		return nil
	}
	return f
}

// sameRow reports whether a reader has returned the same error again, as one does that cannot go on.
func sameRow(a, b *fault.Error) bool {
	return a != nil && b != nil && a.Row == b.Row && a.Target == b.Target && a.Column == b.Column && a.Message == b.Message
}

// fieldsOf shows a row, column by column; nil is NULL.
func fieldsOf(columns int, column func(i int) *batch.Column, row int) []*string {
	fields := make([]*string, columns)
	for i := range fields {
		if c := column(i); !c.IsNull(row) {
			text := string(batch.AppendText(nil, c, row))
			fields[i] = &text
		}
	}
	return fields
}

// cloneFields keeps what is only lent.
func cloneFields(lent []*string) []*string {
	if lent == nil {
		return nil
	}
	out := make([]*string, len(lent))
	for i, v := range lent {
		if v != nil {
			text := *v
			out[i] = &text
		}
	}
	return out
}

// reject is a row that one of the mapper's columns could not take; row counts from 0 in the reader's batch.
type reject struct {
	row int
	why *fault.Error
}

// once keeps the first reason of each row, in the order of the rows.
func once(list []reject) []reject {
	slices.SortStableFunc(list, func(a, b reject) int { return a.row - b.row })
	return slices.CompactFunc(list, func(a, b reject) bool { return a.row == b.row })
}

// original turns a row, counted from 0 in a batch from which rows were removed, into its place before.
func original(row int64, removed []int) int64 {
	for _, r := range removed {
		if int64(r) > row {
			break
		}
		row++
	}
	return row
}

// reasons groups why rows were skipped, for the result: by code, column and message, so many of them.
type reasons struct {
	list []reason
	rest int64 // rows of further reasons
}

type reason struct {
	code, column, message string
	rows                  int64
	first                 string
}

const maxReasons = 100

func (r *reasons) add(why *fault.Error, rows int64) {
	r.merge(reason{code: why.Code, column: why.Column, message: why.Message, rows: rows, first: why.Error()})
}

func (r *reasons) merge(x reason) {
	for i := range r.list {
		if o := &r.list[i]; o.code == x.code && o.column == x.column && o.message == x.message {
			o.rows += x.rows
			return
		}
	}
	if len(r.list) == maxReasons {
		r.rest += x.rows
		return
	}
	r.list = append(r.list, x)
}

// keep adds a committed partition's reasons to those of the run.
func (r *run) keepReasons(s *skipper) {
	if s == nil {
		return
	}
	r.skipMu.Lock()
	defer r.skipMu.Unlock()
	for _, x := range s.reasons.list {
		r.reasons.merge(x)
	}
	r.reasons.rest += s.reasons.rest
}

// skipWarnings tell in the result why rows were skipped; where there is a log, only how many.
func (r *run) skipWarnings(skipped int64) []string {
	if skipped == 0 {
		return nil
	}
	if r.sessionLog != nil {
		return []string{fmt.Sprintf("%d rows do not fit and were skipped; they are in %s.", skipped, r.sessionLog.place())}
	}
	r.skipMu.Lock()
	defer r.skipMu.Unlock()
	var out []string
	told := r.reasons.rest
	for _, x := range r.reasons.list {
		told += x.rows
		out = append(out, fmt.Sprintf("%d rows were skipped, %s: %s", x.rows, x.code, x.first))
	}
	if r.reasons.rest > 0 {
		out = append(out, fmt.Sprintf("%d rows were skipped for further reasons.", r.reasons.rest))
	}
	if told < skipped {
		out = append(out, fmt.Sprintf("%d more rows were skipped, by partitions whose reasons were not kept.", skipped-told))
	}
	return out
}
