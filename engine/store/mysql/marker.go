package mysql

import (
	"context"
	"fmt"
	"strconv"

	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// makeMarkers makes the marker table where it is missing, see package sqlstore. Where it is there already the user needs
// only the rights to select, insert and delete.
func (k *sink) makeMarkers(ctx context.Context) error {
	there, err := k.exists(ctx, k.markers)
	if err != nil || there {
		return err
	}
	ddl := "CREATE TABLE IF NOT EXISTS " + quoted(k.markers) + ` (run_id varbinary(255) NOT NULL, partition_id varbinary(64) NOT NULL, row_count bigint NOT NULL,
		byte_count bigint NOT NULL, committed_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (run_id, partition_id)) ENGINE=InnoDB`
	return k.define(ctx, ddl, "create the table that marks what is copied,", k.markers)
}

// Committed implements store.Resumer.
func (k *sink) Committed(ctx context.Context) (map[string]store.Counts, error) {
	counts := map[string]store.Counts{}
	for _, t := range []sqlstore.Table{k.table, k.markers} {
		if there, err := k.exists(ctx, t); err != nil || !there {
			return counts, err
		}
	}
	rows, err := k.c.query(ctx, "SELECT partition_id, row_count, byte_count FROM "+quoted(k.markers)+" WHERE run_id="+literal(k.env.RunID)+
		" AND partition_id<>"+literal(sqlstore.FinishedPartition))
	if err != nil {
		return nil, explain(ctx, err, "read which parts are copied", k.markers.String())
	}
	for _, row := range rows {
		var n store.Counts
		n.Rows, _ = strconv.ParseInt(row[1].text, 10, 64)
		n.Bytes, _ = strconv.ParseInt(row[2].text, 10, 64)
		counts[row[0].text] = n
	}
	return counts, nil
}

// refresh replaces a connection that broke while the writers were busy on theirs.
func (k *sink) refresh(ctx context.Context) error {
	if _, err := k.c.exec(ctx, "DO 0"); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	c, err := k.server.connect(ctx, k.env)
	if err != nil {
		return err
	}
	k.c.hangUp()
	k.c = c
	return nil
}

// Finish implements store.Sink.
func (k *sink) Finish(ctx context.Context) error {
	if err := k.refresh(ctx); err != nil {
		return err
	}
	run, finished := literal(k.env.RunID), literal(sqlstore.FinishedPartition)
	text := fmt.Sprintf(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION;
		DELETE FROM %[1]s WHERE run_id=%[2]s AND partition_id<>%[3]s;
		INSERT INTO %[1]s (run_id, partition_id, row_count, byte_count) VALUES (%[2]s, %[3]s, 0, 0) ON DUPLICATE KEY UPDATE row_count=0;
		COMMIT; DELETE FROM %[1]s WHERE committed_at < UTC_TIMESTAMP() - INTERVAL %[4]d SECOND`,
		quoted(k.markers), run, finished, int64(sqlstore.MarkerAge.Seconds()))
	if _, err := k.c.exec(ctx, text); err != nil {
		if number(err) != 0 {
			_, _ = k.c.exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return explain(ctx, err, "remove the marks of the copied parts", k.markers.String())
	}
	return nil
}

// mark inserts the partition's row inside its transaction; false means that another attempt has committed it, or
// finished the run. The second statement sees what was committed while the first one waited, because the transaction
// reads what is committed.
func (k *sink) mark(ctx context.Context, c *conn, partition string, n store.Counts) (bool, error) {
	_, err := c.exec(ctx, fmt.Sprintf("INSERT INTO %s (run_id, partition_id, row_count, byte_count) VALUES (%s, %s, %d, %d)",
		quoted(k.markers), literal(k.env.RunID), literal(partition), n.Rows, n.Bytes))
	if number(err) == 1062 && ctx.Err() == nil {
		return false, nil
	}
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	rows, err := c.query(ctx, "SELECT 1 FROM "+quoted(k.markers)+" WHERE run_id="+literal(k.env.RunID)+" AND partition_id="+literal(sqlstore.FinishedPartition))
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	return len(rows) == 0, nil
}
