package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"dmgateway/engine/secret"
)

// Redacted is a handler that masks what is secret in messages and attributes before next gets them: see [secret.Redact].
// Attributes whose name says that they are secret become stars.
func Redacted(next slog.Handler) slog.Handler { return redacting{next} }

type redacting struct{ next slog.Handler }

func (h redacting) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	return h.next.Handle(ctx, redactRecord(r))
}

func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redacting{h.next.WithAttrs(redactAttrs(attrs))}
}

func (h redacting) WithGroup(name string) slog.Handler { return redacting{h.next.WithGroup(name)} }

func redactRecord(r slog.Record) slog.Record {
	out := slog.NewRecord(r.Time, r.Level, secret.Redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redactAttr(a))
		return true
	})
	return out
}

func redactAttrs(attrs []slog.Attr) []slog.Attr {
	out := slices.Clone(attrs)
	for i, a := range out {
		out[i] = redactAttr(a)
	}
	return out
}

func redactAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redactText(a.Key, v.String()))
	case slog.KindGroup:
		a.Value = slog.GroupValue(redactAttrs(v.Group())...)
	case slog.KindAny:
		a.Value = redactAny(a.Key, v.Any())
	default:
		a.Value = v
	}
	return a
}

func redactText(key, text string) string {
	if text != "" && secret.Named(key) {
		return stars
	}
	return secret.Redact(text)
}

const stars = "******"

// redactAny turns a value of any type into one that can be looked through: an error or Stringer into its text, anything
// else into JSON.
func redactAny(key string, value any) (v slog.Value) {
	defer func() {
		if p := recover(); p != nil {
			v = slog.StringValue("!PANIC: " + secret.Redact(fmt.Sprint(p)))
		}
	}()
	switch value := value.(type) {
	case nil:
		return slog.AnyValue(nil)
	case Event:
		return slog.IntValue(int(value))
	case error:
		return slog.StringValue(redactText(key, value.Error()))
	case fmt.Stringer:
		return slog.StringValue(redactText(key, value.String()))
	}
	data, err := json.Marshal(value)
	if err != nil {
		return slog.StringValue(redactText(key, fmt.Sprintf("%+v", value)))
	}
	var text string
	if json.Unmarshal(data, &text) == nil && data[0] == '"' {
		return slog.StringValue(redactText(key, text))
	}
	return slog.AnyValue(json.RawMessage(secret.RedactJSON(data)))
}

// Options of a log.
type Options struct {
	// Dir is the folder of logs. It is made when the first line is written.
	Dir    string
	Level  slog.Leveler
	Limits Limits
	// Also receives every line too. Nil is fine.
	Also slog.Handler
	// System receives what has an event ID, from Info on. Nil is fine.
	System System

	now func() time.Time
}

// Log is an open log.
type Log struct {
	*slog.Logger
	core *core
}

// Open opens the log. It always succeeds: a disk that cannot be written must not stop a gateway.
func Open(o Options) *Log {
	f := openFile(o.Dir, o.Limits)
	if o.now != nil {
		f.now = o.now
	}
	c := &core{file: f, jobs: newJobFiles(o.Dir)}
	if o.System != nil {
		c.system = newForwarder(o.System)
	}
	f.work.Go(f.tidy)
	var h slog.Handler = &handler{core: c, json: slog.NewJSONHandler(c, &slog.HandlerOptions{Level: o.Level})}
	if o.Also != nil {
		h = slog.NewMultiHandler(h, o.Also)
	}
	return &Log{Logger: slog.New(Redacted(h)), core: c}
}

// Close writes what is under way and closes the files. Lines that come later are dropped.
func (l *Log) Close() error {
	l.core.mu.Lock()
	s := l.core.system
	l.core.system = nil
	l.core.mu.Unlock()
	if s != nil {
		s.close()
	}
	return l.core.file.Close()
}

// ToSystem switches writing into the operating system's log; it is on at first.
func (l *Log) ToSystem(on bool) {
	l.core.mu.Lock()
	defer l.core.mu.Unlock()
	if l.core.system != nil {
		l.core.system.off.Store(!on)
	}
}

// PruneJobs removes logs of runs: those not written since before, and the oldest of more than keep.
func (l *Log) PruneJobs(before time.Time, keep int) { l.core.jobs.prune(before, keep) }

// core is where the lines of all handlers of a log come together.
type core struct {
	file *file
	jobs *jobFiles

	mu     sync.Mutex // protects what follows
	system *forwarder // nil where there is no such log
	run    string     // of the line that is being written
	event  Event
	level  slog.Level
}

var _ io.Writer = (*core)(nil)

// Write gets one whole line from the JSON handler, inside [handler.Handle].
func (c *core) Write(line []byte) (int, error) {
	n, err := c.file.Write(line)
	if c.run != "" {
		c.jobs.write(c.run, line)
	}
	if c.system != nil && c.event != 0 && c.level >= slog.LevelInfo {
		c.system.send(c.level, c.event, line)
	}
	return n, err
}

// handler knows of which run and event its lines are.
type handler struct {
	core  *core
	json  slog.Handler
	run   string
	event Event
	group bool // attributes are in a group from here on
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.json.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	run, event := h.run, h.event
	if !h.group {
		r.Attrs(func(a slog.Attr) bool {
			note(a, &run, &event)
			return true
		})
	}
	h.core.mu.Lock()
	defer h.core.mu.Unlock()
	h.core.run, h.core.event, h.core.level = run, event, r.Level
	return h.json.Handle(ctx, r)
}

func note(a slog.Attr, run *string, event *Event) {
	switch {
	case a.Key == "run" && a.Value.Kind() == slog.KindString:
		*run = a.Value.String()
	case a.Key == Key && a.Value.Kind() == slog.KindInt64:
		*event = Event(a.Value.Int64())
	}
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	other := *h
	other.json = h.json.WithAttrs(attrs)
	if !h.group {
		for _, a := range attrs {
			note(a, &other.run, &other.event)
		}
	}
	return &other
}

func (h *handler) WithGroup(name string) slog.Handler {
	other := *h
	other.json, other.group = h.json.WithGroup(name), h.group || name != ""
	return &other
}
