package sqlserver

import (
	"context"
	"fmt"

	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// makeMarkers makes the marker table where it is missing, see package sqlstore. Where it is there already the user needs
// only the rights to select, insert and delete. A dedicated SQL pool has keys in name only: there the look before the
// insert is all that keeps two attempts apart.
func (k *sink) makeMarkers(ctx context.Context) error {
	id, err := objectID(ctx, k.c, k.markers)
	if err != nil {
		return explain(ctx, err, "look for the table that marks what is copied", k.target())
	}
	if id != 0 {
		return nil
	}
	key := "PRIMARY KEY"
	if k.synapse {
		key = "PRIMARY KEY NONCLUSTERED"
	}
	end := ""
	if k.synapse {
		end = " NOT ENFORCED"
	}
	ddl := "CREATE TABLE " + quoted(k.markers) + ` ([run_id] nvarchar(200) NOT NULL, [partition_id] nvarchar(64) NOT NULL, [rows_written] bigint NOT NULL,
		[bytes_written] bigint NOT NULL, [committed_at] datetime2(3) NOT NULL, ` + key + " ([run_id], [partition_id])" + end + ")"
	return k.define(ctx, ddl, "create the table that marks what is copied,", k.markers)
}

// Committed implements store.Resumer.
func (k *sink) Committed(ctx context.Context) (map[string]store.Counts, error) {
	counts := map[string]store.Counts{}
	if there, err := k.locateMarkers(ctx); err != nil || !there {
		return counts, err
	}
	rows, err := k.c.query(ctx, "SELECT [partition_id], [rows_written], [bytes_written] FROM "+quoted(k.markers)+" WHERE [run_id] = @p1 AND [partition_id] <> @p2",
		k.env.RunID, sqlstore.FinishedPartition)
	if err != nil {
		return nil, explain(ctx, err, "read which parts are copied", k.markers.String())
	}
	for _, row := range rows {
		counts[textOf(row[0])] = store.Counts{Rows: numberOf(row[1]), Bytes: numberOf(row[2])}
	}
	return counts, nil
}

// locateMarkers finds the marker table; there is false where table or markers do not exist.
func (k *sink) locateMarkers(ctx context.Context) (there bool, err error) {
	if k.markers.IsZero() {
		if k.options.behaviour == byProcedure {
			if err := k.locateProcedure(ctx); err != nil {
				return false, err
			}
		} else {
			id, err := objectID(ctx, k.c, k.table)
			if err != nil || id == 0 {
				return false, explain(ctx, err, "look for the table", k.target())
			}
			if err := k.locate(ctx, id); err != nil {
				return false, err
			}
		}
	}
	id, err := objectID(ctx, k.c, k.markers)
	return id != 0, explain(ctx, err, "look for the table that marks what is copied", k.target())
}

// refresh replaces a connection that broke while the writers were busy on theirs.
func (k *sink) refresh(ctx context.Context) error {
	if _, err := k.c.exec(ctx, "SELECT 1"); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	c, err := k.server.connect(ctx, k.env)
	if err != nil {
		return err
	}
	k.c.close()
	k.c = c
	return nil
}

// Finish implements store.Sink.
func (k *sink) Finish(ctx context.Context) error {
	if err := k.refresh(ctx); err != nil {
		return err
	}
	there, err := k.locateMarkers(ctx)
	if err != nil || !there {
		return err
	}
	m, run, end := quoted(k.markers), literal(k.env.RunID), literal(sqlstore.FinishedPartition)
	text := fmt.Sprintf(`SET XACT_ABORT ON; BEGIN TRANSACTION;
		DELETE FROM %[1]s WHERE [run_id] = %[2]s AND [partition_id] <> %[3]s;
		INSERT INTO %[1]s ([run_id], [partition_id], [rows_written], [bytes_written], [committed_at])
			SELECT %[2]s, %[3]s, 0, 0, SYSUTCDATETIME() WHERE NOT EXISTS (SELECT 1 FROM %[1]s WHERE [run_id] = %[2]s AND [partition_id] = %[3]s);
		COMMIT TRANSACTION; SET XACT_ABORT OFF`, m, run, end)
	if _, err := k.c.exec(ctx, text); err != nil {
		bad := explain(ctx, err, "remove the marks of the copied parts", k.markers.String())
		if !k.c.isBroken() {
			_, _ = k.c.exec(context.WithoutCancel(ctx), "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET XACT_ABORT OFF")
		}
		return bad
	}
	old := fmt.Sprintf("DELETE FROM %s WHERE [committed_at] < DATEADD(second, -%d, SYSUTCDATETIME())", m, int64(sqlstore.MarkerAge.Seconds()))
	if _, err := k.c.exec(ctx, old); err != nil {
		return explain(ctx, err, "remove old marks", k.markers.String())
	}
	return k.dropStages(ctx)
}

// mark inserts the partition's row inside its transaction; false means that another attempt has committed it, or
// finished the run. The second statement sees what was committed while the first one waited. Both refuse to run where the
// server has ended the transaction: a mark without its rows would lose them.
func (w *writer) mark(ctx context.Context, n store.Counts) (bool, error) {
	k := w.sink
	m := quoted(k.markers)
	if k.synapse { // keys are not enforced there
		rows, err := w.c.query(ctx, "SELECT 1 FROM "+m+" WHERE [run_id] = @p1 AND [partition_id] = @p2", k.env.RunID, w.partition)
		if err != nil {
			return false, explain(ctx, err, "mark the part as copied", k.markers.String())
		}
		if len(rows) > 0 {
			return false, nil
		}
	}
	_, err := w.c.exec(ctx, `IF @@TRANCOUNT = 0 RAISERROR('the transaction has ended', 16, 1) ELSE
		INSERT INTO `+m+` ([run_id], [partition_id], [rows_written], [bytes_written], [committed_at]) VALUES (@p1, @p2, @p3, @p4, SYSUTCDATETIME())`,
		k.env.RunID, w.partition, n.Rows, n.Bytes)
	if hasNumber(err, 2627, 2601) {
		return false, nil
	}
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	rows, err := w.c.query(ctx, "SELECT 1 FROM "+m+" WHERE [run_id] = @p1 AND [partition_id] = @p2", k.env.RunID, sqlstore.FinishedPartition)
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	return len(rows) == 0, nil
}
