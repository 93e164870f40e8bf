package engine

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/protocol"
)

// jobMarks keeps the watermark of one attempt. The factory sends along what it has, so that any node of the gateway goes
// on from it, and gets the new one back with the attempt's result. While the factory has none, this node's journal
// counts: it has what was copied before factories kept watermarks.
type jobMarks struct {
	local *journal.Journal
	known map[string]string // from the factory; nil where it has none
	entry journal.Entry
	job   *activity.Job

	mu   sync.Mutex
	done *protocol.Watermark // nil until every row is in the sink
}

var _ copy.Watermarks = (*jobMarks)(nil)

func newJobMarks(local *journal.Journal, entry journal.Entry, job *activity.Job) *jobMarks {
	return &jobMarks{local: local, known: entry.Job.Watermarks, entry: entry, job: job}
}

// Mark implements copy.Watermarks.
func (m *jobMarks) Mark(ctx context.Context, key string) (string, error) {
	if m.known == nil {
		return m.local.Mark(ctx, key)
	}
	return m.known[shortKey(key)], nil
}

// shortKey stands for a key at the factory: a job carries the marks of every table that its activity has ever copied.
func shortKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// SetMark implements copy.Watermarks. It is durable once the result is: both are one entry of the journal.
func (m *jobMarks) SetMark(ctx context.Context, key, from, to string) error {
	if len(to) > protocol.MaxWatermark {
		return fault.New(fault.Unsupported, "the watermark is longer than %d bytes", protocol.MaxWatermark).At("source.watermark").
			Try("Choose a column of numbers, dates or times.")
	}
	if m.known == nil { // the factory may be of a version that keeps none
		if err := m.local.SetMark(ctx, key, from, to); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = &protocol.Watermark{Key: shortKey(key), Column: shorten(m.job.Source.Watermark.Column), Source: shorten(m.entry.Source), From: from, Upto: to}
	return nil
}

// shorten cuts what is for people only.
func shorten(text string) string { return strings.ToValidUTF8(text[:min(len(text), 300)], "") }

// step is what the result brings back, nil where nothing has moved.
func (m *jobMarks) step() *protocol.Watermark {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}
