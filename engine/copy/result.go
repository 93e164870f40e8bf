package copy

import (
	"slices"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/report"
)

// result puts together what the run says about itself in the end.
func (r *run) result(err error, peak int64) *report.Result {
	m := r.meter
	took := time.Since(r.started)
	res := &report.Result{
		Status:   statusOf(err),
		RowsRead: m.rowsRead.Load(), RowsCopied: m.rowsCopied.Load(), RowsSkipped: m.rowsSkipped.Load(),
		DataRead: m.bytesRead.Load(), DataWritten: m.bytesWritten.Load(),
		FilesRead: m.filesRead.Load(), FilesWritten: m.filesWritten.Load(), FilesSkipped: m.filesSkipped.Load(),
		CopyDuration: took.Seconds(), UsedParallelCopies: r.parallel,
		Errors: []report.Error{}, Warnings: r.warnings,
		Attempt: r.o.Attempt, ResumedFrom: r.resumed, PeakMemory: peak,
		Plan: report.PlanSummary{Partitions: len(r.plan.Partitions), FastPath: r.plan.FastPath, How: r.plan.How},
	}
	res.Files = slices.Sorted(slices.Values(r.written))
	if took > 0 {
		res.Throughput = float64(res.DataRead) / 1024 / took.Seconds()
	}
	if err != nil {
		// What was read of partitions that are not committed counts too: it says how far the copy came.
		open := m.unfinished()
		res.RowsRead += open.RowsRead
		res.RowsSkipped += open.RowsSkipped
		res.DataRead += open.BytesRead
		res.Errors = append(res.Errors, report.ErrorOf(err))
	}
	if r.sessionLog != nil {
		if r.sessionLog.o.Legacy {
			res.RedirectRowPath = r.sessionLog.place()
		} else {
			res.LogFilePath = r.sessionLog.place()
		}
	}
	res.Warnings = append(slices.Clip(res.Warnings), r.skipWarnings(res.RowsSkipped)...)
	res.Warnings = append(res.Warnings, r.unknown.Texts()...)
	res.Consistency = r.consistency(err, res)
	res.ExecutionDetails = []report.ExecutionDetail{r.details(res)}
	if r.staging != nil {
		res.ExecutionDetails = r.stages(res.ExecutionDetails[0], r.staging)
	}
	return res
}

func statusOf(err error) string {
	switch fault.Code(err) {
	case "":
		return report.Succeeded
	case fault.Cancelled, fault.LeaseLost:
		return report.Cancelled
	}
	return report.Failed
}

// consistency compares both sides of a copy that came to its end. Each partition was compared when it was committed
// (rows in batches: what was read with what the sink says it holds; bytes: sizes and hashes), so only the sums are left.
func (r *run) consistency(err error, res *report.Result) report.Consistency {
	v := &r.verified
	c := report.Consistency{VerificationResult: "Verified", Method: methodCount, Differences: v.differences}
	if v.method != "" {
		c.Method = v.method
	}
	switch {
	case fault.Is(err, Inconsistent):
		c.VerificationResult, c.Reason = "Inconsistent", err.Error()
	case err != nil:
		c.VerificationResult, c.Reason, c.Method = "NotVerified", "the copy did not come to its end", ""
	case res.RowsRead != res.RowsCopied+res.RowsSkipped:
		c.VerificationResult, c.Reason = "Inconsistent", "the counts of both sides differ"
	case r.job.Verification.Checksum && v.method == "" && r.plan.FastPath != fastBinary:
		c.VerificationResult, c.Reason = "NotVerified", v.reason
		if v.reason == "" {
			c.Reason = "there was nothing to compare"
		}
	}
	return c
}

// details are the durations of the stages. Reading and writing overlap, and partitions run side by side, so they are
// the time that the source and the sink were busy, averaged over the parallel copies.
func (r *run) details(res *report.Result) report.ExecutionDetail {
	m := r.meter
	side := float64(max(1, r.parallel))
	first := m.timeToFirst()
	reading := time.Duration(m.readBusy.Load()).Seconds() / side
	writing := time.Duration(m.writeBusy.Load()).Seconds() / side
	d := report.ExecutionDetail{
		Source: report.TypeName{Type: r.job.Source.Type}, Sink: report.TypeName{Type: r.job.Sink.Type},
		Status: res.Status, Start: r.started.UTC(), Duration: res.CopyDuration,
		DetailedDurations: map[string]float64{
			"queuingDuration": r.o.Queued.Seconds(), "preCopyScript": r.prepared.Seconds(),
			"timeToFirstByte": first.Seconds(), "readingFromSource": reading, "writingToSink": writing,
		},
	}
	d.Profile = map[string]any{
		"queue":         map[string]any{"status": "Completed", "duration": r.o.Queued.Seconds()},
		"preCopyScript": map[string]any{"status": "Completed", "duration": r.prepared.Seconds()},
		"transfer": map[string]any{
			"status": transferStatus(res.Status), "duration": r.copying.Seconds(),
			"details": map[string]any{
				"readingFromSource": map[string]any{"type": r.job.Source.Type, "workingDuration": reading, "timeToFirstByte": first.Seconds()},
				"writingToSink":     map[string]any{"type": r.job.Sink.Type, "workingDuration": writing},
			},
		},
	}
	return d
}

// transferStatus is Data Factory's word for a stage.
func transferStatus(status string) string {
	if status == report.Succeeded {
		return "Completed"
	}
	return status
}
