package oracle

import (
	"context"

	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// makeMarkers makes the marker table where it is missing, see package sqlstore. Where it is there already the user needs
// only the rights to select, insert and delete.
func (k *sink) makeMarkers(ctx context.Context) error {
	_, ok, err := k.c.find(ctx, k.markers)
	if err != nil {
		return explain(ctx, err, "look for the table that marks what is copied", k.markers.String())
	}
	if ok {
		return nil
	}
	return k.define(ctx, `CREATE TABLE `+k.markers.Quoted()+` (RUN_ID VARCHAR2(200) NOT NULL, PARTITION_ID VARCHAR2(64) NOT NULL, ROW_COUNT NUMBER(19) NOT NULL,
		BYTE_COUNT NUMBER(19) NOT NULL, COMMITTED_AT TIMESTAMP WITH TIME ZONE DEFAULT SYSTIMESTAMP NOT NULL, PRIMARY KEY (RUN_ID, PARTITION_ID))`,
		"create the table that marks what is copied,", k.markers)
}

// Committed implements store.Resumer.
func (k *sink) Committed(ctx context.Context) (map[string]store.Counts, error) {
	counts := map[string]store.Counts{}
	o, ok, err := k.c.find(ctx, k.table)
	if err != nil {
		return nil, explain(ctx, err, "look for the table", k.target())
	}
	if !ok && k.options.AutoCreate {
		return counts, nil
	}
	k.markers = sqlstore.Table{Schema: o.Schema, Name: folded(sqlstore.MarkerTable)}
	if _, ok, err = k.c.find(ctx, k.markers); err != nil || !ok {
		return counts, explain(ctx, err, "look for the table that marks what is copied", k.markers.String())
	}
	rows, err := k.c.query(ctx, "SELECT PARTITION_ID, ROW_COUNT, BYTE_COUNT FROM "+k.markers.Quoted()+" WHERE RUN_ID = :1 AND PARTITION_ID <> :2",
		k.env.RunID, sqlstore.FinishedPartition)
	if err != nil {
		return nil, explain(ctx, err, "read which parts are copied", k.markers.String())
	}
	for _, row := range rows {
		counts[row[0].text] = store.Counts{Rows: row[1].int(), Bytes: row[2].int()}
	}
	return counts, nil
}

const insertMarker = " (RUN_ID, PARTITION_ID, ROW_COUNT, BYTE_COUNT) VALUES (:1, :2, :3, :4)"

// refresh replaces a connection that broke while the writers were busy on theirs.
func (k *sink) refresh(ctx context.Context) error {
	if _, err := k.c.query(ctx, "SELECT 1 FROM DUAL"); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	c, err := k.server.connect(ctx, k.env, reading{rows: catalogRows, locators: true})
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
	if k.markers.IsZero() {
		if _, err := k.describe(ctx); err != nil {
			return err
		}
	}
	tx, err := k.c.c.Begin()
	if err != nil {
		return explain(ctx, err, "remove the marks of the copied parts", k.markers.String())
	}
	err = k.c.run(ctx, "INSERT INTO "+k.markers.Quoted()+insertMarker, k.env.RunID, sqlstore.FinishedPartition, 0, 0)
	if hasCode(err, 1) { // finished before
		err = nil
	}
	if err == nil {
		err = k.c.run(ctx, "DELETE FROM "+k.markers.Quoted()+" WHERE RUN_ID = :1 AND PARTITION_ID <> :2", k.env.RunID, sqlstore.FinishedPartition)
	}
	if err == nil {
		days := itoa(int(sqlstore.MarkerAge.Hours() / 24))
		err = k.c.run(ctx, "DELETE FROM "+k.markers.Quoted()+" WHERE COMMITTED_AT < SYSTIMESTAMP - INTERVAL '"+days+"' DAY")
	}
	if err != nil {
		if ctx.Err() == nil && !k.c.bad {
			_ = tx.Rollback()
		}
		return explain(ctx, err, "remove the marks of the copied parts", k.markers.String())
	}
	if err := k.c.commit(ctx, tx); err != nil {
		return explain(ctx, err, "remove the marks of the copied parts", k.markers.String())
	}
	if k.options.Upsert && k.targets != nil {
		return newStage(k).drop(ctx, k.c)
	}
	return nil
}

// mark inserts the partition's row inside its transaction; false means that another attempt has committed it, or
// finished the run. The second statement sees what was committed while the first one waited.
func (k *sink) mark(ctx context.Context, c *session, partition string, n store.Counts) (bool, error) {
	err := c.run(ctx, "INSERT INTO "+k.markers.Quoted()+insertMarker, k.env.RunID, partition, n.Rows, n.Bytes)
	if hasCode(err, 1) {
		return false, nil
	}
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	rows, err := c.query(ctx, "SELECT PARTITION_ID FROM "+k.markers.Quoted()+" WHERE RUN_ID = :1 AND PARTITION_ID = :2", k.env.RunID, sqlstore.FinishedPartition)
	if err != nil {
		return false, explain(ctx, err, "mark the part as copied", k.markers.String())
	}
	return len(rows) == 0, nil
}
