package memory

import (
	"context"
	"fmt"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

type source struct {
	server *Server
	name   string
	schema batch.Schema
	rows   *batch.Batch // as they were when the source was opened
}

var (
	_ store.Source      = (*source)(nil)
	_ store.Partitioner = (*source)(nil)
)

func (s *Server) openSource(name string) (store.Source, error) {
	if err := s.connect(); err != nil {
		return nil, err
	}
	schema, rows := s.Rows(name)
	if rows == nil {
		return nil, unknown(name)
	}
	return &source{server: s, name: name, schema: schema, rows: rows}, nil
}

func (s *source) Schema(context.Context) (batch.Schema, error) { return s.schema, nil }

// Partitions cuts the table into ranges of row numbers; the last one is open at its end.
func (s *source) Partitions(_ context.Context, n int) ([]store.Partition, error) {
	total := s.rows.Len()
	n = max(1, min(n, total))
	parts := make([]store.Partition, n)
	for i := range parts {
		from, to := total*i/n, total*(i+1)/n
		parts[i] = store.Partition{ID: fmt.Sprintf("rows-%d", i), Spec: fmt.Sprintf("%d-%d", from, to), Rows: int64(to - from)}
		if i == n-1 {
			parts[i].Spec = fmt.Sprintf("%d-%d", from, -1)
		}
	}
	return parts, nil
}

func (s *source) Open(_ context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	r := &reader{source: s, partition: p.ID, to: s.rows.Len()}
	if p.Spec != "" {
		var to int
		if _, err := fmt.Sscanf(p.Spec, "%d-%d", &r.next, &to); err != nil {
			return nil, fault.New(fault.BadInput, "the partition %q cannot be read", p.Spec).At(s.name).Because(err)
		}
		if to >= 0 {
			r.to = min(to, r.to)
		}
	}
	for _, f := range want {
		i := s.schema.Index(f.Name)
		if i < 0 {
			return nil, fault.New(fault.NotFound, "the table has no column %q", f.Name).At(s.name)
		}
		r.columns = append(r.columns, i)
		r.schema = append(r.schema, s.schema[i])
	}
	return r, nil
}

func (s *source) Close() error { return nil }

type reader struct {
	source    *source
	partition string
	schema    batch.Schema
	columns   []int
	next, to  int
	given     int64
	bytes     int64
}

func (r *reader) Schema() batch.Schema { return r.schema }

func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if hook := r.source.server.hook().Next; hook != nil {
		if err := hook(ctx, r.partition, r.given); err != nil {
			return err
		}
	}
	for r.next < r.to && !b.Full() {
		for i, k := range r.columns {
			appendColumn(&b.Cols[i], &r.source.rows.Cols[k], r.next, r.next+1)
		}
		r.next++
		r.given++
	}
	if b.Len() == 0 {
		return io.EOF
	}
	r.bytes += b.Size()
	return nil
}

func (r *reader) BytesRead() int64 { return r.bytes }

func (r *reader) Close() error { return nil }
