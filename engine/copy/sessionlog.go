package copy

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// sessionLog is the folder to which a run writes what it skips: a CSV file for each partition that skips something. The
// file's name follows from run and partition, and it becomes visible before the partition does, so whatever is tried
// again replaces what it wrote before, and the files hold each skipped row once.
type sessionLog struct {
	files  store.Files
	o      *activity.SessionLog
	folder string
	run    string

	mu      sync.Mutex
	written map[string]bool // partitions whose file this process has written
	resumed bool            // earlier attempts may have written files
}

// openSessionLog connects to the store of the log, where the job has one.
func (r *run) openSessionLog(ctx context.Context) error {
	if r.job.SessionLog == nil || r.sessionLog != nil {
		return nil
	}
	o := r.job.SessionLog
	files, err := o.Open(ctx, r.env)
	if err != nil {
		return fmt.Errorf("open the store of the session log: %w", err)
	}
	parts := []string{o.Folder}
	if !o.Legacy {
		parts = append(parts, "copyactivity-logs", fileName(r.job.Name))
	}
	parts = append(parts, fileName(r.env.RunID))
	if o.Folder == "" {
		parts = parts[1:]
	}
	r.sessionLog = &sessionLog{
		files: files, o: o, folder: strings.Join(parts, "/"), run: r.env.RunID, written: map[string]bool{}, resumed: r.o.Attempt > 1,
	}
	return nil
}

// fileName makes a name that every store takes of any text.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
}

// closeSessionLog ends the connection.
func (r *run) closeSessionLog() {
	if r.sessionLog == nil {
		return
	}
	if err := r.sessionLog.files.Close(); err != nil {
		r.log.Warn("closing the store of the session log failed", "error", err)
	}
}

// place is the folder as the result names it, with a slash behind.
func (l *sessionLog) place() string { return l.folder + "/" }

// names of the log's files come from this and from run and partition.
var logNames = uuid.MustParse("5b0b7c6e-9a44-4c56-8f0e-3d6a1c0f7e21")

func (l *sessionLog) path(partition string) string {
	return l.folder + "/" + uuid.NewSHA1(logNames, []byte(l.run+"\x00"+partition)).String() + ".csv"
}

// log4rows is the log of one try of a partition, nil where the job has none. ctx is that of the try.
func (r *run) log4rows(ctx context.Context, p store.Partition) *partLog {
	if r.sessionLog == nil {
		return nil
	}
	return &partLog{log: r.sessionLog, ctx: ctx, partition: p.ID}
}

// partLog writes the log file of one partition. It is used from one goroutine at a time. The nil *partLog takes everything
// and writes nothing.
type partLog struct {
	log       *sessionLog
	ctx       context.Context // of the try, which every use belongs to
	partition string
	w         store.FileWriter
	buf       []byte
	failed    error
}

const logBuffer = 64 << 10

// skippedRow writes down a row that does not fit. fields are its values as text, nil for NULL; no fields at all mean that
// the source could not show the row.
func (p *partLog) skippedRow(fields []*string, why *fault.Error) error {
	if p == nil {
		return nil
	}
	if p.log.o.Legacy {
		if err := p.start(""); err != nil {
			return err
		}
		p.buf = appendFields(p.buf, fields, false)
		if len(fields) > 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = appendQuoted(append(appendQuoted(p.buf, why.Code), ','), why.Error())
		p.buf = append(p.buf, "\r\n"...)
		return p.flush(logBuffer)
	}
	return p.entry("Warning", "TabularRowSkip", string(appendFields(nil, fields, true)), why.Code+": "+why.Error())
}

// skippedFile writes down a file that was not copied.
func (p *partLog) skippedFile(path string, why *fault.Error) error {
	if p == nil {
		return nil
	}
	return p.entry("Warning", "FileSkip", path, why.Code+": "+why.Error())
}

// copiedFile writes down a file that was copied, where the job wants that.
func (p *partLog) copiedFile(operation, path, message string) error {
	if p == nil || !p.log.o.Info {
		return nil
	}
	return p.entry("Info", operation, path, message)
}

// entry writes one line in the form of the session log.
func (p *partLog) entry(level, operation, item, message string) error {
	if err := p.start("Timestamp,Level,OperationName,OperationItem,Message\r\n"); err != nil {
		return err
	}
	p.buf = time.Now().UTC().AppendFormat(p.buf, "2006-01-02 15:04:05.0000000")
	p.buf = append(append(append(append(append(p.buf, ','), level...), ','), operation...), ',')
	p.buf = appendQuoted(append(appendQuoted(p.buf, item), ','), message)
	p.buf = append(p.buf, "\r\n"...)
	return p.flush(logBuffer)
}

// start begins the file at the first entry.
func (p *partLog) start(header string) (err error) {
	if p.w != nil || p.failed != nil {
		return p.failed
	}
	p.w, err = p.log.files.Create(p.ctx, p.log.path(p.partition), store.CreateOptions{ContentType: "text/csv"})
	if err != nil {
		p.failed = fmt.Errorf("write the session log: %w", err)
		return p.failed
	}
	p.buf = append(p.buf, header...)
	return nil
}

// flush writes the buffer once it is so long.
func (p *partLog) flush(least int) error {
	if len(p.buf) < least {
		return nil
	}
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	if err != nil {
		p.failed = fmt.Errorf("write the session log: %w", err)
	}
	return p.failed
}

// commit makes the file visible. Where nothing was skipped this time, a file of an earlier try goes.
func (p *partLog) commit(ctx context.Context) error {
	if p == nil {
		return nil
	}
	l := p.log
	if p.w == nil {
		l.mu.Lock()
		stale := l.written[p.partition] || l.resumed
		l.mu.Unlock()
		if !stale {
			return nil
		}
		if err := l.files.Remove(ctx, l.path(p.partition)); err != nil {
			return fmt.Errorf("remove a stale session log: %w", err)
		}
		return nil
	}
	if err := p.flush(0); err != nil {
		return err
	}
	l.mu.Lock()
	l.written[p.partition] = true
	l.mu.Unlock()
	if err := p.w.Commit(ctx); err != nil {
		return fmt.Errorf("write the session log: %w", err)
	}
	return nil
}

// abort drops what is not committed.
func (p *partLog) abort() {
	if p != nil && p.w != nil {
		_ = p.w.Abort()
	}
}

// skippedRows counts the rows in the log of a partition, of which only the sink knows that it is committed: the process
// died before it wrote the checkpoint.
func (l *sessionLog) skippedRows(ctx context.Context, partition string) (n int64, err error) {
	if l == nil {
		return 0, nil
	}
	f, err := l.files.Stat(ctx, l.path(partition))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the session log: %w", err)
	}
	r, err := l.files.Open(ctx, f, 0, -1)
	if err != nil {
		return 0, fmt.Errorf("read the session log: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	lines := csv.NewReader(r)
	lines.FieldsPerRecord, lines.ReuseRecord = -1, true
	for {
		line, err := lines.Read()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, fmt.Errorf("read the session log: %w", err)
		case l.o.Legacy || len(line) > 2 && line[2] == "TabularRowSkip":
			n++
		}
	}
}

// appendFields appends the values as a line of CSV: all in quotes, or only those that need them. NULL is nothing at all,
// the empty text is "".
func appendFields(dst []byte, fields []*string, quoteAll bool) []byte {
	for i, v := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case v == nil:
		case quoteAll || *v == "" || strings.ContainsAny(*v, ",\"\r\n") || (*v)[0] == ' ':
			dst = appendQuoted(dst, *v)
		default:
			dst = append(dst, *v...)
		}
	}
	return dst
}

func appendQuoted(dst []byte, v string) []byte {
	dst = append(dst, '"')
	for {
		before, after, found := strings.Cut(v, `"`)
		dst = append(dst, before...)
		if !found {
			return append(dst, '"')
		}
		dst = append(dst, `""`...)
		v = after
	}
}
