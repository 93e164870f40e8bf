package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

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
	ddl := `CREATE TABLE IF NOT EXISTS ` + k.markers.Quoted() + ` ("run" text NOT NULL, "partition" text NOT NULL, "rows" bigint NOT NULL,
		"bytes" bigint NOT NULL, committed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ("run", "partition"))`
	return k.define(ctx, ddl, "create the table that marks what is copied,", k.markers)
}

// Committed implements store.Resumer.
func (k *sink) Committed(ctx context.Context) (map[string]store.Counts, error) {
	counts := map[string]store.Counts{}
	for _, t := range []*sqlstore.Table{&k.table, &k.markers} {
		if there, err := k.exists(ctx, *t); err != nil || !there {
			return counts, err
		}
		if k.home == "" {
			if err := k.locate(ctx); err != nil {
				return nil, err
			}
		}
	}
	rows, err := k.pool.query(ctx, `SELECT "partition", "rows", "bytes" FROM `+k.markers.Quoted()+` WHERE "run"=$1 AND "partition"<>$2`,
		k.env.RunID, sqlstore.FinishedPartition)
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

// Finish implements store.Sink.
func (k *sink) Finish(ctx context.Context) error {
	if k.home == "" {
		if err := k.locate(ctx); err != nil {
			return err
		}
	}
	text := fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED;
		DELETE FROM %[1]s WHERE "run"=%[2]s AND "partition"<>%[3]s OR committed_at < now() - interval '%[4]d seconds';
		INSERT INTO %[1]s ("run", "partition", "rows", "bytes") VALUES (%[2]s, %[3]s, 0, 0) ON CONFLICT DO NOTHING;
		COMMIT`, k.markers.Quoted(), literal(k.env.RunID), literal(sqlstore.FinishedPartition), int64(sqlstore.MarkerAge.Seconds()))
	err := k.pool.run(ctx, text)
	return explain(ctx, err, "remove the marks of the copied parts", k.markers.String())
}

// mark inserts the partition's row inside its transaction; false means that another attempt has committed it, or
// finished the run. The second statement sees what was committed while the first one waited.
func (k *sink) mark(ctx context.Context, c *pgconn.PgConn, partition string, n store.Counts) (bool, error) {
	_, err := query(ctx, c, `INSERT INTO `+k.markers.Quoted()+` ("run", "partition", "rows", "bytes") VALUES ($1, $2, $3, $4)`,
		k.env.RunID, partition, strconv.FormatInt(n.Rows, 10), strconv.FormatInt(n.Bytes, 10))
	if hasState(err, "23505") {
		return false, nil
	}
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	rows, err := query(ctx, c, `SELECT 1 FROM `+k.markers.Quoted()+` WHERE "run"=$1 AND "partition"=$2`, k.env.RunID, sqlstore.FinishedPartition)
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	return len(rows) == 0, nil
}
