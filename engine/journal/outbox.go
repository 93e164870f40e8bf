package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// Message is an event that has to reach the factory.
type Message struct {
	ID        int64
	MessageID string // the same however often it is sent
	Event     protocol.Event
}

func putOutbox(ctx context.Context, tx *sql.Tx, messageID string, e protocol.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO outbox (message_id, body) VALUES (?, ?) ON CONFLICT DO NOTHING", messageID, body)
	return err
}

// Outbox lists the oldest messages that have not been sent, at most limit.
func (j *Journal) Outbox(ctx context.Context, limit int) ([]Message, error) {
	rows, err := j.db.QueryContext(ctx, "SELECT id, message_id, body FROM outbox ORDER BY id LIMIT ?", limit)
	if err != nil {
		return nil, j.failed("read", err)
	}
	defer rows.Close()
	var list []Message
	for rows.Next() {
		var m Message
		var body []byte
		if err := rows.Scan(&m.ID, &m.MessageID, &body); err != nil {
			return nil, j.failed("read", err)
		}
		if err := json.Unmarshal(body, &m.Event); err != nil {
			return nil, j.damaged(fmt.Errorf("read event: %w", err))
		}
		list = append(list, m)
	}
	return list, j.failed("read", rows.Err())
}

// Sent removes a message that the queue has taken.
func (j *Journal) Sent(ctx context.Context, id int64) error {
	_, err := j.db.ExecContext(ctx, "DELETE FROM outbox WHERE id = ?", id)
	return j.failed("write to", err)
}

// Forsake ends, with a result that is not reported, every unfinished attempt that does not belong to the gateway, and
// drops what it still had to send: after registering with another gateway nobody waits for them.
func (j *Journal) Forsake(ctx context.Context, gateway string, result *report.Result, at time.Time) error {
	body, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("marshal result: %w", err)
	}
	return j.in(ctx, "clean up", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE job SET status = ?, ended = ?, result = ?
			WHERE ended = 0 AND json_extract(CAST(body AS TEXT), '$.gateway') IS NOT ?`, result.Status, micros(at), body, gateway)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM outbox WHERE json_extract(CAST(body AS TEXT), '$.gateway') IS NOT ?", gateway)
		return err
	})
}
