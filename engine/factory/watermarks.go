package factory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// watermarks are those that an activity's next attempt may start from, one for each table and column that it has copied;
// nil where there never was one. All of them travel: which one it is only the gateway knows.
func watermarks(ctx context.Context, q querier, pipeline, activity string) (map[string]string, error) {
	type mark struct{ key, value string }
	list, err := collect(ctx, q, func(scan func(...any) error) (m mark, err error) { return m, scan(&m.key, &m.value) },
		"SELECT key, value FROM watermarks WHERE pipeline = ? AND activity = ?", pipeline, activity)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	marks := make(map[string]string, len(list))
	for _, m := range list {
		marks[m.key] = m.value
	}
	return marks, nil
}

// keepWatermark moves a watermark in the transaction that stores the result which brings it. refused is why it stays: it
// is elsewhere than where the run began, so that rows may be in the sink twice.
func (f *Factory) keepWatermark(ctx context.Context, tx *sql.Tx, r *run, w protocol.Watermark, now time.Time) (refused, err error) {
	if w.Key == "" || len(w.Key) > protocol.MaxWatermarkKey || w.Upto == "" || max(len(w.Upto), len(w.Column), len(w.Source)) > protocol.MaxWatermark {
		f.o.Log.Warn("watermark that cannot be kept", logging.Key, logging.WatermarkDropped, "run", r.ID, "node", r.Node)
		return fault.New(fault.BadInput, "the node reported a watermark that cannot be kept").At(r.Activity).Try("Update the gateway."), nil
	}
	var at string
	err = tx.QueryRowContext(ctx, "SELECT value FROM watermarks WHERE pipeline = ? AND activity = ? AND key = ?", r.Pipeline, r.Activity, w.Key).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows): // the first one, of a node that may know an earlier one
	case err != nil:
		return nil, err
	case at == w.Upto:
		return nil, nil
	case at != w.From:
		return fault.New(fault.Conflict, "the watermark was at %q when the run began, and is at %q now: it was moved or reset meanwhile", w.From, at).At(r.Activity).
			Try("Rows between the two may be in the sink twice; compare source and sink, and reset the watermark if in doubt."), nil
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO watermarks (pipeline, activity, key, value, source, field, run, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (pipeline, activity, key) DO UPDATE SET value = excluded.value, source = excluded.source, field = excluded.field, run = excluded.run, changed = excluded.changed`,
		r.Pipeline, r.Activity, w.Key, w.Upto, w.Source, w.Column, r.ID, micros(now))
	return nil, err
}

// incremental reports whether the run's activity has a watermark. What cannot be read is refused by the gateway.
func (r *run) incremental() bool {
	var b struct {
		Activity struct {
			TypeProperties struct {
				Source struct{ Watermark json.RawMessage }
			}
		}
	}
	return json.Unmarshal(r.Bundle, &b) == nil && len(b.Activity.TypeProperties.Source.Watermark) > 0
}

// ahead is the run of the same activity that has to end before this one is sent: both start from the same watermark, so
// side by side they would copy the same rows. "" where nothing is in the way.
func ahead(ctx context.Context, q querier, r *run) (string, error) {
	if !r.incremental() {
		return "", nil
	}
	var id string
	err := q.QueryRowContext(ctx, `SELECT id FROM activity_runs WHERE phase <> 'ended' AND pipeline = ?1 COLLATE NOCASE AND activity = ?2 COLLATE NOCASE AND id <> ?3
		AND (phase <> 'waiting' OR (created, id) < (?4, ?3)) ORDER BY created, id LIMIT 1`, r.Pipeline, r.Activity, r.ID, micros(r.Created)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// armWatermarks answers /pipelines/NAME/watermarks: what there is, and DELETE for beginning anew.
func (f *Factory) armWatermarks(c armCall) error {
	ctx, pipeline := c.r.Context(), c.rest[1]
	switch c.r.Method {
	case http.MethodGet:
		if _, err := getResource(ctx, f.db, kindPipeline, pipeline); err != nil {
			return err
		}
		list, err := collect(ctx, f.db, scanWatermark, `SELECT activity, source, field, value, run, changed FROM watermarks
			WHERE pipeline = ? AND value <> '' ORDER BY activity, changed DESC`, pipeline)
		if err != nil {
			return err
		}
		return writeJSON(c.w, http.StatusOK, wire.List[wire.Watermark]{Value: list})
	case http.MethodDelete:
		if err := f.inTx(ctx, func(tx *sql.Tx) error { return resetWatermarks(ctx, tx, pipeline, time.Now()) }); err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	return errMethod(c.r)
}

func scanWatermark(scan func(...any) error) (wire.Watermark, error) {
	var w wire.Watermark
	var changed int64
	err := scan(&w.Activity, &w.Source, &w.Column, &w.Value, &w.ActivityRunID, &changed)
	w.Changed = instant(changed)
	return w, err
}

// resetWatermarks makes the next run of a pipeline read every row again, also where a node has a watermark of its own.
func resetWatermarks(ctx context.Context, tx *sql.Tx, pipeline string, now time.Time) error {
	p, err := getResource(ctx, tx, kindPipeline, pipeline)
	if err != nil {
		return err
	}
	var open string
	err = tx.QueryRowContext(ctx, "SELECT id FROM activity_runs WHERE phase <> 'ended' AND pipeline = ? COLLATE NOCASE LIMIT 1", p.Name).Scan(&open)
	if err == nil {
		return fault.New(fault.Conflict, "the watermark cannot be reset while run %s of the pipeline has not ended", open).At(p.Name).Try("Wait for its end, or cancel it first.")
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE watermarks SET value = '', run = '', changed = ? WHERE pipeline = ?", micros(now), p.Name); err != nil {
		return err
	}
	var d struct{ Activities []struct{ Name string } }
	if err := json.Unmarshal(p.Properties, &d); err != nil {
		return err
	}
	for _, a := range d.Activities {
		_, err := tx.ExecContext(ctx, `INSERT INTO watermarks (pipeline, activity, key, value, changed) VALUES (?, ?, '', '', ?)
			ON CONFLICT (pipeline, activity, key) DO UPDATE SET changed = excluded.changed`, p.Name, a.Name, micros(now))
		if err != nil {
			return err
		}
	}
	return nil
}
