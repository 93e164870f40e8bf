package client

import (
	"context"
	"net/http"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
)

// RunDetails is a pipeline run with its activity runs.
type RunDetails struct {
	wire.PipelineRun
	Activities []wire.ActivityRun `json:"activities"`
}

// Ended reports whether nothing will change any more.
func (d RunDetails) Ended() bool {
	return d.Status == report.Succeeded || d.Status == report.Failed || d.Status == report.Cancelled
}

// Err is why the run did not succeed, nil where it did or has not ended.
func (d RunDetails) Err() error {
	if !d.Ended() || d.Status == report.Succeeded {
		return nil
	}
	for _, a := range d.Activities {
		if a.Error.ErrorCode != "" {
			return fault.New(a.Error.ErrorCode, "%s", a.Error.Message).At(a.Error.Target).Try("%s", a.Error.Hint)
		}
	}
	return fault.New(fault.Internal, "the run ended as %s: %s", d.Status, d.Message)
}

// Run starts a pipeline and gives the run's ID. parameters are those of the pipeline, and WindowStart and WindowEnd for
// v1's expressions.
func (c *Client) Run(ctx context.Context, pipeline string, parameters map[string]any) (string, error) {
	if parameters == nil {
		parameters = map[string]any{}
	}
	var out wire.CreatedRun
	err := c.do(ctx, http.MethodPost, nil, parameters, &out, wire.Pipelines, pipeline, "createRun")
	return out.RunID, err
}

// Cancel asks for the end of a pipeline run. It does not wait for it.
func (c *Client) Cancel(ctx context.Context, runID string) error {
	return c.do(ctx, http.MethodPost, nil, nil, nil, "pipelineruns", runID, "cancel")
}

// Runs are the newest pipeline runs, at most limit (0 = 100).
func (c *Client) Runs(ctx context.Context, limit int) ([]wire.PipelineRun, error) {
	if limit <= 0 {
		limit = 100
	}
	q := everything()
	all := []wire.PipelineRun{}
	for {
		var page wire.RunPage[wire.PipelineRun]
		if err := c.do(ctx, http.MethodPost, nil, q, &page, "queryPipelineRuns"); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		if len(all) >= limit || page.ContinuationToken == "" {
			return all[:min(len(all), limit)], nil
		}
		q.ContinuationToken = page.ContinuationToken
	}
}

// everything asks for runs of all times; clocks may differ by a day.
func everything() wire.RunQuery {
	return wire.RunQuery{LastUpdatedAfter: time.Unix(1, 0).UTC(), LastUpdatedBefore: time.Now().UTC().Add(24 * time.Hour)}
}

// RunDetails is one pipeline run with its activity runs, their progress or their output.
func (c *Client) RunDetails(ctx context.Context, runID string) (RunDetails, error) {
	var d RunDetails
	if err := c.do(ctx, http.MethodGet, nil, nil, &d.PipelineRun, "pipelineruns", runID); err != nil {
		return d, err
	}
	var page wire.RunPage[wire.ActivityRun]
	err := c.do(ctx, http.MethodPost, nil, everything(), &page, "pipelineruns", runID, "queryActivityruns")
	d.Activities = page.Value
	return d, err
}

// Times of WaitRun: how often it asks, and how long the factory may be out of reach.
const (
	askEvery = 500 * time.Millisecond
	patience = 2 * time.Minute
)

// WaitRun waits until a pipeline run has ended and gives it as it is then; whether it succeeded is in the details. progress,
// which can be nil, is told the run as often as it is asked for, the end included. A factory that cannot be reached for
// a while is waited for.
func (c *Client) WaitRun(ctx context.Context, runID string, progress func(RunDetails)) (RunDetails, error) {
	t := time.NewTicker(askEvery)
	defer t.Stop()
	heard := time.Now()
	for {
		d, err := c.RunDetails(ctx, runID)
		switch {
		case err == nil:
			heard = time.Now()
			if progress != nil {
				progress(d)
			}
			if d.Ended() {
				return d, nil
			}
		case !fault.IsTransient(err) || time.Since(heard) > patience:
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, fault.New(fault.Cancelled, "waiting for run %s was cut off; the run goes on", runID).Because(context.Cause(ctx)).
				Try("Cancel it with `dmgcmd factory cancel %s`.", runID)
		case <-t.C:
		}
	}
}
