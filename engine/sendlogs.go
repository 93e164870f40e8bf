package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/supervise"
)

// A report on its way lies in the data directory until the factory has it whole, so that a break, of the connection or of
// the program, costs nothing.
const (
	outgoingFolder = "outgoing"
	outgoingZip    = "report.zip"
	outgoingFacts  = "report.json"
	// outgoingKept is how long a report that did not get through is worth sending.
	outgoingKept = 24 * time.Hour
)

// outgoing is a report on its way. The factory and the gateway are those for which it was made.
type outgoing struct {
	Factory string               `json:"factory"`
	Gateway string               `json:"gateway"`
	Begin   protocol.ReportBegin `json:"begin"`
}

func (e *Engine) outgoingPath(name string) string {
	return filepath.Join(e.data, outgoingFolder, name)
}

// SendLogs packs the logs and hands them over to the factory.
func (e *Engine) SendLogs(ctx context.Context, note string, progress func(LogProgress)) (SentLogs, error) {
	if n := len([]rune(note)); n > protocol.MaxReportNote {
		return SentLogs{}, fault.New(fault.BadInput, "the note has %d characters; at most %d are sent", n, protocol.MaxReportNote).At("note")
	}
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil {
		return SentLogs{}, fault.New(fault.NotRegistered, "the gateway is not registered with a data factory, so nobody takes its logs").
			Try("Use Archive logs: `dmgcmd logs archive FILE.zip`.")
	}
	if !e.sending.TryLock() {
		return SentLogs{}, fault.New(fault.Conflict, "a report is being sent already").Try("Wait until it has arrived.")
	}
	defer e.sending.Unlock()
	o, err := e.packOutgoing(ctx, id, note, progress)
	if err != nil {
		return SentLogs{}, err
	}
	return e.sendOutgoing(ctx, o, progress)
}

// packOutgoing makes the report and what is known about it.
func (e *Engine) packOutgoing(ctx context.Context, id *registration.Identity, note string, progress func(LogProgress)) (outgoing, error) {
	o := outgoing{Factory: id.Factory, Gateway: id.Gateway, Begin: protocol.ReportBegin{Note: strings.TrimSpace(note), Version: e.o.Version, Made: time.Now().UTC()}}
	e.dropOutgoing()
	err := os.MkdirAll(filepath.Join(e.data, outgoingFolder), 0o700)
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(e.outgoingPath(outgoingZip), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return o, fault.New(fault.Forbidden, "make room for the report in the data directory").At(e.data).Because(err)
	}
	hash := sha256.New()
	_, err = e.packLogs(ctx, io.MultiWriter(f, hash), progress)
	if err == nil {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil {
			o.Begin.Bytes, o.Begin.SHA256 = info.Size(), hex.EncodeToString(hash.Sum(nil))
		}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil && o.Begin.Bytes > protocol.MaxReport {
		err = fault.New(fault.BadInput, "the logs are %s packed; a factory takes at most %s", sizeText(o.Begin.Bytes), sizeText(protocol.MaxReport)).
			Try("Use Archive logs, and hand the file over another way.")
	}
	if err == nil {
		var facts []byte
		if facts, err = json.Marshal(o); err == nil {
			err = os.WriteFile(e.outgoingPath(outgoingFacts), facts, 0o600)
		}
	}
	if err != nil {
		e.dropOutgoing()
	}
	return o, err
}

// dropOutgoing removes what is on its way. What cannot be removed is overwritten by the next report.
func (e *Engine) dropOutgoing() {
	_ = os.Remove(e.outgoingPath(outgoingFacts))
	_ = os.Remove(e.outgoingPath(outgoingZip))
}

// sendOutgoing hands a report over, for as long as it takes. When ctx ends, a person has given it up, unless the program
// itself ends.
func (e *Engine) sendOutgoing(ctx context.Context, o outgoing, progress func(LogProgress)) (SentLogs, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = time.Second, time.Minute
	tell := func(doing string, done int64) {
		if progress != nil {
			progress(LogProgress{Doing: doing, Done: done, Total: o.Begin.Bytes})
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.background, cancel)()
	var sent int64
	for told := false; ; {
		state, err := e.tryOutgoing(ctx, o, func(n int64) {
			if n > sent {
				pause.Reset()
			}
			sent = n
			tell("Sending", n)
		})
		if err == nil {
			e.dropOutgoing()
			at := time.Now().UTC()
			e.log.Info("report sent", logging.Key, logging.ReportSent, "report", state.ID, "bytes", o.Begin.Bytes)
			return SentLogs{ReportID: state.ID, Bytes: o.Begin.Bytes, At: at}, nil
		}
		if ctx.Err() == nil && fault.IsTransient(err) {
			if !told {
				e.log.Warn("a report cannot be sent yet", logging.Key, logging.ReportNotSent, "error", err)
				told = true
			}
			tell("Waiting to try again", sent)
			select {
			case <-time.After(pause.NextBackOff()):
				continue
			case <-ctx.Done():
			}
		}
		if e.background.Err() == nil { // else the next start goes on with it
			e.dropOutgoing()
		}
		if ctx.Err() != nil {
			return SentLogs{}, fault.New(fault.Cancelled, "sending the logs was cut off").Because(err)
		}
		e.log.Warn("a report was not sent", logging.Key, logging.ReportNotSent, "error", err)
		return SentLogs{}, err
	}
}

// tryOutgoing goes on where the factory is.
func (e *Engine) tryOutgoing(ctx context.Context, o outgoing, sent func(int64)) (state protocol.ReportState, err error) {
	f, err := os.Open(e.outgoingPath(outgoingZip))
	if err != nil {
		return state, fault.New(fault.NotFound, "the report that was on its way is gone").Because(err).Try("Send the logs again.")
	}
	defer f.Close()
	err = e.withFactory(func(id *registration.Identity, rest *registration.Client) error {
		if id.Factory != o.Factory || id.Gateway != o.Gateway {
			return fault.New(fault.Conflict, "the gateway is registered elsewhere by now").Try("Send the logs again.")
		}
		if state, err = rest.BeginReport(ctx, o.Begin); err != nil {
			return err
		}
		part := make([]byte, protocol.ReportChunk)
		for !state.Done {
			sent(state.Offset)
			n, err := f.ReadAt(part, state.Offset)
			if n == 0 {
				return fault.New(fault.BadData, "the factory has more of the report than there is").Because(err)
			}
			before := state.Offset
			if state, err = rest.SendReport(ctx, state.ID, state.Offset, part[:n]); err != nil {
				return err
			}
			if !state.Done && state.Offset == before {
				return fault.New(fault.StoreFailed, "the factory does not get on with the report").AsTransient()
			}
		}
		sent(o.Begin.Bytes)
		return nil
	})
	return state, err
}

// resumeReport goes on, after a restart, with a report that had not got through.
func (e *Engine) resumeReport() {
	data, err := os.ReadFile(e.outgoingPath(outgoingFacts))
	if err != nil {
		return
	}
	if !e.sending.TryLock() {
		return
	}
	var o outgoing
	if json.Unmarshal(data, &o) != nil || time.Since(o.Begin.Made) > outgoingKept {
		e.dropOutgoing()
		e.sending.Unlock()
		return
	}
	e.work.Go(func() {
		defer e.sending.Unlock()
		supervise.Contain(e.log, "Sending logs", func() {
			sent, err := e.sendOutgoing(e.background, o, nil)
			if err == nil {
				e.notice(Notice{ID: "report", Title: "The logs were sent", Text: "Report ID: " + sent.ReportID})
			}
		})
	})
}
