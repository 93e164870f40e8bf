package sqlserver

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/store/sqlstore"
)

// rowsWorthAPart is how many rows pay for a connection of their own.
const rowsWorthAPart = 250_000

// Advise implements store.Adviser: ranges of a key mean the same rows after a restart.
func (s *source) Advise(ctx context.Context, most int) (int, error) {
	if s.table.IsZero() || s.part.Option == sqlstore.NoPartitions {
		return 1, nil
	}
	key, err := s.key(ctx)
	if err != nil {
		return 0, err
	}
	if i := schemaOf(s.columns).Index(key); key == "" || i < 0 || !dividing(s.columns[i]) {
		return 1, nil
	}
	rows, err := s.c.query(ctx, "SELECT SUM(p.rows) FROM sys.partitions p WHERE p.object_id = @p1 AND p.index_id IN (0, 1)", s.object)
	if err != nil {
		return 0, explain(ctx, err, "ask how many rows the table has", s.target())
	}
	return int(max(1, min(int64(most), numberOf(rows[0][0])/rowsWorthAPart))), nil
}

// dividing reports whether ranges can be made of the column's values.
func dividing(c column) bool {
	switch t := c.interim(); t.Kind {
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64, batch.Date, batch.Timestamp, batch.TimestampTZ:
		return true
	case batch.Decimal:
		return t.Storage() == batch.InInts
	}
	return false
}

// key is the first column of the table's clustered index, else of its primary key; "" where it has neither.
func (s *source) key(ctx context.Context) (string, error) {
	rows, err := s.c.query(ctx, `SELECT c.name FROM sys.indexes i JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
		JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
		WHERE i.object_id = @p1 AND k.key_ordinal = 1 AND (i.type = 1 OR i.is_primary_key = 1) ORDER BY i.type`, s.object)
	if err != nil {
		return "", explain(ctx, err, "look for the table's key", s.target())
	}
	if len(rows) == 0 {
		return "", nil
	}
	return textOf(rows[0][0]), nil
}
