package factory

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/activity"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
)

// createRun starts a run of a pipeline now. The body is {"parameter": value}. WindowStart and WindowEnd (or SliceStart
// and SliceEnd) are the window that v1 expressions see.
func (f *Factory) createRun(c armCall) error {
	if err := plainRunOnly(c.r); err != nil {
		return err
	}
	parameters, err := readParameters(c.r)
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	id := uuid.NewString()
	err = f.inTx(ctx, func(tx *sql.Tx) error {
		p, err := getResource(ctx, tx, kindPipeline, c.rest[1])
		if err != nil {
			return err
		}
		return f.startRun(ctx, tx, p, id, parameters, time.Now())
	})
	if err != nil {
		return err
	}
	f.poke()
	return writeJSON(c.w, http.StatusOK, wire.CreatedRun{RunID: id})
}

// plainRunOnly refuses what createRun of Data Factory can do beyond a new run of everything.
func plainRunOnly(r *http.Request) error {
	for name, values := range r.URL.Query() {
		switch strings.ToLower(name) {
		case "api-version":
		case "isrecovery", "startfromfailure":
			if !strings.EqualFold(values[0], "false") {
				return fault.New(fault.Unsupported, "recovery runs are not supported").At(name).Try("Start a new run of the pipeline.")
			}
		default:
			return fault.New(fault.Unsupported, "the query parameter %q is not supported", name).At(name)
		}
	}
	return nil
}

func readParameters(r *http.Request) (map[string]any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	parameters := map[string]any{}
	if len(bytes.TrimSpace(body)) == 0 {
		return parameters, nil
	}
	if err := json.Unmarshal(body, &parameters); err != nil {
		return nil, fault.New(fault.BadInput, "the parameters must be one JSON object of names and values").Because(err)
	}
	return parameters, nil
}

// startRun plans a pipeline and records its run with the first attempt queued, or waiting, all in one transaction.
func (f *Factory) startRun(ctx context.Context, tx *sql.Tx, p resource, id string, parameters map[string]any, now time.Time) error {
	doc, err := p.document()
	if err != nil {
		return err
	}
	values, err := f.values(p, id, parameters, now)
	if err != nil {
		return err
	}
	plan, err := f.plan(ctx, tx, doc, values)
	if err != nil {
		return err
	}
	texts, err := json.Marshal(parameterTexts(parameters))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO pipeline_runs (id, pipeline, parameters, status, invoked_by, created, updated) VALUES (?, ?, ?, ?, 'Manual', ?, ?)",
		id, p.Name, string(texts), report.Queued, micros(now), micros(now))
	if err != nil {
		return err
	}
	r := run{
		ID: uuid.NewString(), PipelineRun: id, Pipeline: p.Name, Activity: plan.activity, Gateway: plan.gateway.ID, Bundle: plan.bundle,
		Retry: plan.retry, RetryAfter: plan.retryAfter, Phase: phaseWaiting, Status: report.Queued, Created: now,
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO activity_runs (id, pipeline_run, pipeline, activity, gateway, bundle, retry, retry_after, phase, status, created, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.PipelineRun, r.Pipeline, r.Activity, r.Gateway, string(r.Bundle), r.Retry, r.RetryAfter.Microseconds(), r.Phase, r.Status, micros(now), micros(now))
	if err != nil {
		return err
	}
	return f.sendAttempt(ctx, tx, &r, now)
}

// values are what the expressions of a run see.
func (f *Factory) values(p resource, id string, parameters map[string]any, now time.Time) (activity.Values, error) {
	v := activity.Values{Parameters: map[string]any{}, RunID: id, Pipeline: p.Name, Factory: f.name, TriggerType: "Manual", TriggerName: "Manual", TriggerTime: now, Now: now}
	declared := map[string]bool{}
	var d struct{ Parameters map[string]json.RawMessage }
	if err := json.Unmarshal(p.Properties, &d); err != nil {
		return v, err
	}
	for name := range d.Parameters {
		declared[strings.ToLower(name)] = true
	}
	for name, value := range parameters {
		text, isText := value.(string)
		switch lower := strings.ToLower(name); {
		case declared[lower]:
			v.Parameters[name] = value
		case isText && (lower == "windowstart" || lower == "windowend" || lower == "slicestart" || lower == "sliceend"):
			if err := v.Set(name, text); err != nil {
				return v, err
			}
		default:
			return v, fault.New(fault.BadInput, "the pipeline has no parameter %q", name).At(name)
		}
	}
	return v, nil
}

func parameterTexts(parameters map[string]any) map[string]string {
	texts := map[string]string{}
	for name, v := range parameters {
		if s, ok := v.(string); ok {
			texts[name] = s
		} else if data, err := json.Marshal(v); err == nil {
			texts[name] = string(data)
		}
	}
	return texts
}

// pipelineRun is one run of a pipeline as it is kept.
type pipelineRun struct {
	ID, Pipeline, Status, Message, InvokedBy string
	Parameters                               map[string]string
	Created, Updated, Ended                  time.Time
}

const pipelineRunColumns = "id, pipeline, parameters, status, message, invoked_by, created, updated, ended"

func scanPipelineRun(scan func(...any) error) (pipelineRun, error) {
	var p pipelineRun
	var parameters string
	var created, updated, ended int64
	if err := scan(&p.ID, &p.Pipeline, &parameters, &p.Status, &p.Message, &p.InvokedBy, &created, &updated, &ended); err != nil {
		return p, err
	}
	p.Created, p.Updated, p.Ended = instant(created), instant(updated), instant(ended)
	return p, json.Unmarshal([]byte(parameters), &p.Parameters)
}

// armPipelineRun answers /pipelineruns/ID and what is below it.
func (f *Factory) armPipelineRun(c armCall) error {
	if len(c.rest) == 3 {
		switch strings.ToLower(c.rest[2]) {
		case "cancel":
			return only(http.MethodPost, c, func(c armCall) error {
				if err := f.cancelRun(c.r.Context(), c.rest[1]); err != nil {
					return err
				}
				c.w.WriteHeader(http.StatusOK)
				return nil
			})
		case "queryactivityruns":
			return only(http.MethodPost, c, f.queryActivityRuns)
		}
	}
	if len(c.rest) != 2 {
		return errNoPath(c.r)
	}
	return only(http.MethodGet, c, func(c armCall) error {
		p, err := f.pipelineRun(c.r.Context(), f.db, c.rest[1])
		if err != nil {
			return err
		}
		return writeJSON(c.w, http.StatusOK, c.pipelineRun(p))
	})
}

func (c armCall) pipelineRun(p pipelineRun) wire.PipelineRun {
	w := wire.PipelineRun{
		ID: c.base + "/pipelineruns/" + p.ID, RunID: p.ID, RunGroupID: p.ID, IsLatest: true, PipelineName: p.Pipeline, Parameters: p.Parameters,
		InvokedBy: wire.InvokedBy{ID: p.InvokedBy, Name: p.InvokedBy, Type: p.InvokedBy}, LastUpdated: p.Updated, RunStart: p.Created, Status: p.Status, Message: p.Message,
	}
	w.RunEnd, w.DurationInMs = ended(p.Created, p.Ended)
	return w
}

func ended(from, to time.Time) (*time.Time, *int64) {
	if to.IsZero() {
		return nil, nil
	}
	ms := to.Sub(from).Milliseconds()
	return &to, &ms
}

// activityRun shows a run as Data Factory does, with our own properties beside.
func (c armCall) activityRun(r run, gatewayName, nodeName string) (wire.ActivityRun, error) {
	w := wire.ActivityRun{
		ID: c.base + "/pipelineruns/" + r.PipelineRun + "/activityruns/" + r.ID, PipelineName: r.Pipeline, PipelineRunID: r.PipelineRun, ActivityName: r.Activity,
		ActivityType: "Copy", ActivityRunID: r.ID, Status: r.Status, ActivityRunStart: r.Created, Attempt: max(r.Attempt, 1), Gateway: gatewayName,
		Node: nodeName, QueuedTime: r.Queued, Progress: r.Progress,
	}
	if r.Queued.IsZero() {
		w.QueuedTime = r.Created
	}
	if r.Phase != phaseEnded {
		w.Reason = r.Reason
	}
	if r.Attempt > 1 {
		tries := r.Attempt - 1
		w.RetryAttempt = &tries
	}
	if r.Phase == phaseTaken || r.PickedUp > 0 {
		ms := r.PickedUp.Milliseconds()
		w.PickedUpInMs = &ms
	}
	w.ActivityRunEnd, w.DurationInMs = ended(r.Created, r.Ended)
	if err := inputOutput(&w, r, gatewayName); err != nil {
		return w, err
	}
	if r.Phase == phaseEnded && r.Status != report.Succeeded && r.Result != nil {
		e := firstError(*r.Result)
		w.Error = wire.RunError{ErrorCode: e.Code, Message: e.Message, FailureType: "UserError", Target: r.Activity, Hint: e.Hint}
		if e.Code == fault.Internal || e.Code == NodesLost || e.Code == fault.ProgramEnded {
			w.Error.FailureType = "SystemError"
		}
	}
	return w, nil
}

// inputOutput fills in the activity's properties and the result, unless its policy keeps them secret.
func inputOutput(w *wire.ActivityRun, r run, gatewayName string) error {
	var b struct {
		Activity struct {
			TypeProperties json.RawMessage
			Policy         struct{ SecureInput, SecureOutput bool }
		}
	}
	if err := json.Unmarshal(r.Bundle, &b); err != nil {
		return fmt.Errorf("read the bundle of run %s: %w", r.ID, err)
	}
	if !b.Activity.Policy.SecureInput {
		w.Input = b.Activity.TypeProperties
	}
	if r.Phase != phaseEnded || r.Result == nil || b.Activity.Policy.SecureOutput {
		return nil
	}
	output := struct {
		*report.Result
		Runtime string           `json:"effectiveIntegrationRuntime"`
		Queue   map[string]int64 `json:"durationInQueue"` // seconds
	}{r.Result, gatewayName, map[string]int64{"integrationRuntimeQueue": int64(r.PickedUp / time.Second)}}
	data, err := json.Marshal(output)
	w.Output = data
	return err
}
