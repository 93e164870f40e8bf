package factory

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/secret"
)

// What is kept of reports: the newest, as many and as much as this. What did not arrive whole in time is dropped, and a
// node can have few on the way.
const (
	reportsFolder   = "reports"
	maxReports      = 200
	maxReportsBytes = 2 << 30
	maxArriving     = 3
	arrivesWithin   = 7 * 24 * time.Hour
)

type reportRow struct {
	ID, Node, SHA256             string
	Bytes                        int64
	Gateway, Name, Note, Version string
	Begun, Received              time.Time
}

const reportColumns = "id, node, sha256, bytes, gateway, name, note, version, begun, received"

func scanReport(scan func(...any) error) (reportRow, error) {
	var r reportRow
	var begun, received int64
	err := scan(&r.ID, &r.Node, &r.SHA256, &r.Bytes, &r.Gateway, &r.Name, &r.Note, &r.Version, &begun, &received)
	r.Begun, r.Received = instant(begun), instant(received)
	return r, err
}

func errNoReport(id string) error {
	return fault.New(fault.NotFound, "there is no report %q", id).At(id).Try("List the reports to see their IDs. Old ones are removed.")
}

func (f *Factory) reportRow(ctx context.Context, id string) (reportRow, error) {
	r, err := scanReport(f.db.QueryRowContext(ctx, "SELECT "+reportColumns+" FROM reports WHERE id = ?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errNoReport(id)
	}
	return r, err
}

// reportFile is where a report lies. The ID comes from the database, so it is one that this factory made.
func (f *Factory) reportFile(r reportRow) string {
	if r.Received.IsZero() {
		return filepath.Join(f.o.Dir, reportsFolder, r.ID+".part")
	}
	return filepath.Join(f.o.Dir, reportsFolder, r.ID+".zip")
}

var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// beginReport is the call by which a node announces a report, or asks how far one is.
func (f *Factory) beginReport(w http.ResponseWriter, r *http.Request, n node) error {
	var in protocol.ReportBegin
	if err := readJSON(r, &in); err != nil {
		return err
	}
	switch {
	case !hexHash.MatchString(in.SHA256):
		return fault.New(fault.BadInput, "sha256 is not a hash in lower-case hex").At("$.sha256")
	case in.Bytes <= 0:
		return fault.New(fault.BadInput, "a report has at least one byte").At("$.bytes")
	case in.Bytes > protocol.MaxReport:
		return fault.New(fault.BadInput, "the report has %d bytes; the factory takes at most %d", in.Bytes, protocol.MaxReport).At("$.bytes").
			Try("Use Archive logs, and hand the file over another way.")
	}
	f.reports.Lock()
	defer f.reports.Unlock()
	ctx := r.Context()
	row, err := scanReport(f.db.QueryRowContext(ctx, "SELECT "+reportColumns+" FROM reports WHERE node = ? AND sha256 = ?", n.ID, in.SHA256).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		row, err = f.newReport(ctx, n, in)
	}
	if err != nil {
		return err
	}
	return f.answerReport(w, row)
}

func (f *Factory) newReport(ctx context.Context, n node, in protocol.ReportBegin) (reportRow, error) {
	row := reportRow{
		ID: uuid.NewString(), Node: n.ID, SHA256: in.SHA256, Bytes: in.Bytes, Name: n.Name, Begun: time.Now(),
		Note: plainText(secret.Redact(in.Note), protocol.MaxReportNote), Version: plainText(in.Version, 100),
	}
	if err := f.db.QueryRowContext(ctx, "SELECT name FROM gateways WHERE id = ?", n.Gateway).Scan(&row.Gateway); err != nil {
		return row, err
	}
	if err := f.dropArriving(ctx, n.ID, row.Begun); err != nil {
		return row, err
	}
	if err := os.MkdirAll(filepath.Join(f.o.Dir, reportsFolder), 0o700); err != nil {
		return row, err
	}
	_, err := f.db.ExecContext(ctx, "INSERT INTO reports ("+reportColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
		row.ID, row.Node, row.SHA256, row.Bytes, row.Gateway, row.Name, row.Note, row.Version, micros(row.Begun))
	return row, err
}

// plainText keeps a text that a gateway has sent short and on one line.
func plainText(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return strings.TrimSpace(text)
}

// dropArriving makes room for another report of a node: what it has begun and not ended, but for the newest, and what
// nobody has ended in time.
func (f *Factory) dropArriving(ctx context.Context, node string, now time.Time) error {
	list, err := collect(ctx, f.db, scanReport, "SELECT "+reportColumns+" FROM reports WHERE received = 0 ORDER BY begun DESC")
	if err != nil {
		return err
	}
	own := 1
	for _, r := range list {
		if r.Node == node {
			own++
		}
		if r.Node == node && own > maxArriving || r.Begun.Before(now.Add(-arrivesWithin)) {
			if err := f.dropReport(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Factory) dropReport(ctx context.Context, r reportRow) error {
	if err := os.Remove(f.reportFile(r)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := f.db.ExecContext(ctx, "DELETE FROM reports WHERE id = ?", r.ID)
	return err
}

func (f *Factory) answerReport(w http.ResponseWriter, r reportRow) error {
	s := protocol.ReportState{ID: r.ID, Done: !r.Received.IsZero(), Offset: r.Bytes}
	if !s.Done {
		info, err := os.Stat(f.reportFile(r))
		switch {
		case err == nil:
			s.Offset = info.Size()
		case errors.Is(err, fs.ErrNotExist):
			s.Offset = 0
		default:
			return err
		}
	}
	return writeJSON(w, http.StatusOK, s)
}

// receiveReport is the call by which a node hands a part of a report over.
func (f *Factory) receiveReport(w http.ResponseWriter, r *http.Request, n node) error {
	offset, err := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return fault.New(fault.BadInput, "offset is not a number").At("offset")
	}
	data, err := readBody(r)
	if err != nil {
		return err
	}
	if len(data) == 0 || len(data) > protocol.ReportChunk {
		return fault.New(fault.BadInput, "a part of a report has 1 to %d bytes, not %d", protocol.ReportChunk, len(data))
	}
	f.reports.Lock()
	defer f.reports.Unlock()
	row, err := f.reportRow(r.Context(), r.PathValue("id"))
	if err == nil && row.Node != n.ID {
		err = errNoReport(row.ID) // whose it is, is nobody else's business
	}
	if err != nil {
		return err
	}
	if row.Received.IsZero() {
		if err := f.appendReport(r.Context(), &row, offset, data); err != nil {
			return err
		}
	}
	return f.answerReport(w, row)
}

// appendReport adds a part that begins where the file ends; any other changes nothing.
func (f *Factory) appendReport(ctx context.Context, row *reportRow, offset int64, data []byte) error {
	path := f.reportFile(*row)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() != offset {
		return err
	}
	if offset+int64(len(data)) > row.Bytes {
		return fault.New(fault.BadInput, "the report has more than the %d bytes that were announced", row.Bytes).At("offset")
	}
	if _, err := file.WriteAt(data, offset); err != nil {
		// What was written of it must not look like a part that arrived.
		return errors.Join(fault.New(fault.DiskFull, "the factory cannot keep the report").Because(err).
			Try("Make room on the disk of the factory's data directory.").AsTransient(), file.Truncate(offset))
	}
	if offset+int64(len(data)) < row.Bytes {
		return nil
	}
	return f.finishReport(ctx, row, file)
}

// finishReport checks a report that has arrived whole, and keeps it.
func (f *Factory) finishReport(ctx context.Context, row *reportRow, file *os.File) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, row.Bytes)); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != row.SHA256 {
		file.Close()
		return errors.Join(fault.New(fault.BadData, "the report did not arrive as it was sent").At(row.ID).Try("Send it again."), f.dropReport(ctx, *row))
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	from := f.reportFile(*row)
	row.Received = time.Now().UTC()
	if err := os.Rename(from, f.reportFile(*row)); err != nil {
		return err
	}
	if _, err := f.db.ExecContext(ctx, "UPDATE reports SET received = ? WHERE id = ?", micros(row.Received), row.ID); err != nil {
		return err
	}
	f.o.Log.Info("report received", logging.Key, logging.ReportReceived, "report", row.ID, "gateway", row.Gateway, "node", row.Name, "bytes", row.Bytes)
	return f.pruneReports(ctx)
}

// pruneReports removes the oldest reports where there are too many.
func (f *Factory) pruneReports(ctx context.Context) error {
	list, err := f.listReports(ctx)
	if err != nil {
		return err
	}
	var bytes int64
	for i, r := range list {
		if bytes += r.Bytes; i == 0 || i < maxReports && bytes <= maxReportsBytes {
			continue
		}
		if err := f.dropReport(ctx, r); err != nil {
			return err
		}
		f.o.Log.Info("report removed", logging.Key, logging.ReportRemoved, "report", r.ID, "gateway", r.Gateway, "received", r.Received)
	}
	return nil
}

// listReports are the reports that have arrived, the newest first.
func (f *Factory) listReports(ctx context.Context) ([]reportRow, error) {
	return collect(ctx, f.db, scanReport, "SELECT "+reportColumns+" FROM reports WHERE received > 0 ORDER BY received DESC, id")
}

func (r reportRow) wire() wire.Report {
	return wire.Report{ID: r.ID, Gateway: r.Gateway, Node: r.Name, Note: r.Note, Version: r.Version, Bytes: r.Bytes, SHA256: r.SHA256, Received: r.Received}
}

// armReport answers for reports: a list, one, its file, removing it.
func (f *Factory) armReport(c armCall) error {
	ctx := c.r.Context()
	if len(c.rest) == 1 {
		return only(http.MethodGet, c, func(c armCall) error {
			list, err := f.listReports(ctx)
			if err != nil {
				return err
			}
			out := wire.List[wire.Report]{Value: []wire.Report{}}
			for _, r := range list {
				out.Value = append(out.Value, r.wire())
			}
			return writeJSON(c.w, http.StatusOK, out)
		})
	}
	f.reports.Lock()
	row, err := f.reportRow(ctx, c.rest[1])
	if err == nil && row.Received.IsZero() {
		err = errNoReport(row.ID)
	}
	switch {
	case err != nil && c.r.Method != http.MethodDelete:
		f.reports.Unlock()
		return err
	case len(c.rest) == 2 && c.r.Method == http.MethodDelete:
		defer f.reports.Unlock()
		if err == nil {
			err = f.dropReport(ctx, row)
		}
		return gone(c, err)
	}
	f.reports.Unlock()
	switch {
	case len(c.rest) == 2:
		return only(http.MethodGet, c, func(c armCall) error { return writeJSON(c.w, http.StatusOK, row.wire()) })
	case len(c.rest) == 3 && strings.EqualFold(c.rest[2], "content"):
		return only(http.MethodGet, c, func(c armCall) error { return f.serveReport(c.w, c.r, row) })
	}
	return errNoPath(c.r)
}

// serveReport gives the file, or the range of it that was asked for.
func (f *Factory) serveReport(w http.ResponseWriter, r *http.Request, row reportRow) error {
	file, err := os.Open(f.reportFile(row))
	if errors.Is(err, fs.ErrNotExist) {
		return errNoReport(row.ID)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "report-"+row.ID+".zip"))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(w, r, "", row.Received, file)
	return nil
}

// portalReport gives a report to a person who is signed in at the page.
func (f *Factory) portalReport(w http.ResponseWriter, r *http.Request) error {
	if !f.logins.known(r, time.Now()) {
		return fault.New(fault.SignInFailed, "sign in first").Try("Open the link that the factory printed when it started.")
	}
	row, err := f.reportRow(r.Context(), r.PathValue("id"))
	if err == nil && row.Received.IsZero() {
		err = errNoReport(row.ID)
	}
	if err != nil {
		return err
	}
	return f.serveReport(w, r, row)
}
