package factory

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

// pageSize is how many runs one answer has.
const pageSize = 100

// field is a property that runs can be filtered and ordered by.
type field[T any] func(T) string

var pipelineRunFields = map[string]field[pipelineRun]{
	"pipelinename": func(p pipelineRun) string { return p.Pipeline },
	"status":       func(p pipelineRun) string { return p.Status },
	"runstart":     func(p pipelineRun) string { return sortable(p.Created) },
	"runend":       func(p pipelineRun) string { return sortable(p.Ended) },
	"rungroupid":   func(p pipelineRun) string { return p.ID },
	"latestonly":   func(pipelineRun) string { return "true" }, // every run is the only one of its group
}

var activityRunFields = map[string]field[run]{
	"activityname":     func(r run) string { return r.Activity },
	"activitytype":     func(run) string { return "Copy" },
	"status":           func(r run) string { return r.Status },
	"activityrunstart": func(r run) string { return sortable(r.Created) },
	"activityrunend":   func(r run) string { return sortable(r.Ended) },
}

func sortable(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// queryPipelineRuns answers a RunQuery over the runs of all pipelines, newest first unless it says otherwise.
func (f *Factory) queryPipelineRuns(c armCall) error {
	q, err := readQuery(c)
	if err != nil {
		return err
	}
	all, err := collect(c.r.Context(), f.db, scanPipelineRun, "SELECT "+pipelineRunColumns+" FROM pipeline_runs WHERE updated >= ? AND updated <= ? ORDER BY created DESC, id",
		micros(q.LastUpdatedAfter), micros(q.LastUpdatedBefore))
	if err != nil {
		return err
	}
	page, next, err := pick(all, q, pipelineRunFields)
	if err != nil {
		return err
	}
	out := wire.RunPage[wire.PipelineRun]{Value: []wire.PipelineRun{}, ContinuationToken: next}
	for _, p := range page {
		out.Value = append(out.Value, c.pipelineRun(p))
	}
	return writeJSON(c.w, http.StatusOK, out)
}

func (f *Factory) queryActivityRuns(c armCall) error {
	q, err := readQuery(c)
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	p, err := f.pipelineRun(ctx, f.db, c.rest[1])
	if err != nil {
		return err
	}
	all, err := runsOf(ctx, f.db, p.ID)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r run) bool { return r.Updated.Before(q.LastUpdatedAfter) || r.Updated.After(q.LastUpdatedBefore) })
	page, next, err := pick(all, q, activityRunFields)
	if err != nil {
		return err
	}
	out := wire.RunPage[wire.ActivityRun]{Value: []wire.ActivityRun{}, ContinuationToken: next}
	for _, r := range page {
		gatewayName, nodeName, err := f.namesOf(ctx, r)
		if err != nil {
			return err
		}
		w, err := c.activityRun(r, gatewayName, nodeName)
		if err != nil {
			return err
		}
		out.Value = append(out.Value, w)
	}
	return writeJSON(c.w, http.StatusOK, out)
}

// namesOf are the names of the gateway and node of a run, also of ones that are gone.
func (f *Factory) namesOf(ctx context.Context, r run) (gatewayName, nodeName string, err error) {
	err = f.db.QueryRowContext(ctx, `SELECT coalesce((SELECT name FROM gateways WHERE id = ?), ''), coalesce((SELECT name FROM nodes WHERE id = ?), '')`,
		r.Gateway, r.Node).Scan(&gatewayName, &nodeName)
	return gatewayName, nodeName, err
}

func readQuery(c armCall) (wire.RunQuery, error) {
	var q wire.RunQuery
	if err := readJSON(c.r, &q); err != nil {
		return q, err
	}
	if q.LastUpdatedAfter.IsZero() || q.LastUpdatedBefore.IsZero() {
		return q, fault.New(fault.BadInput, "lastUpdatedAfter and lastUpdatedBefore are needed").At("$.lastUpdatedAfter")
	}
	return q, nil
}

// pick filters, orders and pages. The continuation token is the number of runs that came before.
func pick[T any](all []T, q wire.RunQuery, fields map[string]field[T]) ([]T, string, error) {
	for _, filter := range q.Filters {
		get := fields[strings.ToLower(filter.Operand)]
		if get == nil {
			return nil, "", fault.New(fault.Unsupported, "runs cannot be filtered by %q", filter.Operand).At("$.filters")
		}
		keep, err := operator(filter)
		if err != nil {
			return nil, "", err
		}
		all = slices.DeleteFunc(all, func(v T) bool { return !keep(get(v)) })
	}
	if err := order(all, q.OrderBy, fields); err != nil {
		return nil, "", err
	}
	from := 0
	if q.ContinuationToken != "" {
		data, err := base64.RawURLEncoding.DecodeString(q.ContinuationToken)
		if err == nil {
			from, err = strconv.Atoi(string(data))
		}
		if err != nil || from < 0 || from > len(all) {
			return nil, "", fault.New(fault.BadInput, "the continuation token is not one of this factory").At("$.continuationToken")
		}
	}
	page := all[from:]
	if len(page) <= pageSize {
		return page, "", nil
	}
	return page[:pageSize], base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + pageSize))), nil
}

func operator(f wire.RunFilter) (func(string) bool, error) {
	has := func(v string) bool {
		return slices.ContainsFunc(f.Values, func(want string) bool { return strings.EqualFold(want, v) })
	}
	switch strings.ToLower(f.Operator) {
	case "equals", "in":
		return has, nil
	case "notequals", "notin":
		return func(v string) bool { return !has(v) }, nil
	}
	return nil, fault.New(fault.Unsupported, "there is no operator %q; known: Equals, NotEquals, In, NotIn", f.Operator).At("$.filters")
}

func order[T any](all []T, by []wire.RunOrder, fields map[string]field[T]) error {
	for _, o := range by {
		if fields[strings.ToLower(o.OrderBy)] == nil {
			return fault.New(fault.Unsupported, "runs cannot be ordered by %q", o.OrderBy).At("$.orderBy")
		}
	}
	if len(by) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b T) int {
		for _, o := range by {
			get := fields[strings.ToLower(o.OrderBy)]
			c := cmp.Compare(get(a), get(b))
			if strings.EqualFold(o.Order, "DESC") {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}
