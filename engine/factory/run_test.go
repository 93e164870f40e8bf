package factory

import (
	"encoding/json"
	"testing"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/report"
)

func TestWhichResultCounts(t *testing.T) {
	t.Parallel()
	const (
		s = report.Succeeded
		f = report.Failed
		c = report.Cancelled
	)
	for _, tc := range []struct {
		name    string
		phase   string
		attempt int
		holder  string
		from    string
		of      int
		status  string
		want    bool
	}{
		{"of the holder", phaseTaken, 2, "a", "a", 2, s, true},
		{"of the holder, failed", phaseTaken, 2, "a", "a", 2, f, true},
		{"of another node", phaseTaken, 2, "a", "b", 2, s, false},
		{"of an attempt that nobody has leased", phaseSent, 2, "", "a", 2, f, true},
		{"late success, while another node works", phaseTaken, 2, "b", "a", 1, s, false},
		{"late success, nobody has begun again", phaseSent, 2, "", "a", 1, s, true},
		{"late failure, nobody has begun again", phaseSent, 2, "", "a", 1, f, false},
		{"late cancel of an earlier attempt", phaseSent, 2, "", "a", 1, c, false},
		{"success of the lost attempt", phaseWaiting, 2, "a", "a", 2, s, true},
		{"cancel of the lost attempt", phaseWaiting, 2, "a", "a", 2, c, true},
		{"failure of the lost attempt, or a repeated one", phaseWaiting, 2, "a", "a", 2, f, false},
		{"of an ended run", phaseEnded, 2, "a", "a", 2, s, false},
		{"of an attempt that never was", phaseTaken, 2, "a", "a", 3, s, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := run{Phase: tc.phase, Attempt: tc.attempt, Node: tc.holder}
			if got, why := r.accepts(tc.from, tc.of, tc.status); got != tc.want || got == (why != "") {
				t.Errorf("accepts = %v, %q", got, why)
			}
		})
	}
}

func TestLosingANode(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := run{Phase: phaseTaken, Attempt: 1, Node: "a"}
	r.lose(now, "machine-1", 1)
	if r.Phase != phaseWaiting || r.Status != report.Queued || r.Losses != 1 {
		t.Errorf("first loss: %+v", r)
	}
	r.send(now, time.Hour)
	r.take("b", now, now.Add(time.Minute))
	r.lose(now, "machine-2", 1)
	if r.Phase != phaseEnded || r.Status != report.Failed || r.Result.Errors[0].Code != NodesLost {
		t.Errorf("one loss too many: %+v", r)
	}
	r = run{Phase: phaseTaken, Attempt: 1, Cancelling: true}
	r.lose(now, "machine-1", 1)
	if r.Phase != phaseEnded || r.Status != report.Cancelled {
		t.Errorf("lost while cancelling: %+v", r)
	}
}

func TestAFailureWhileCancellingEndsTheRun(t *testing.T) {
	t.Parallel()
	r := run{Phase: phaseTaken, Attempt: 1, Retry: 3, Cancelling: true}
	r.finish(time.Now(), report.Result{Status: report.Failed})
	if r.Phase != phaseEnded || r.Status != report.Failed || r.Reason == "" {
		t.Errorf("%+v", r)
	}
}

func TestPickingUpIsMeasuredFromQueueing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := run{Phase: phaseWaiting}
	r.send(now, time.Hour)
	r.take("a", now.Add(250*time.Millisecond), now.Add(time.Minute))
	if r.PickedUp != 250*time.Millisecond || !r.Started.Equal(now.Add(250*time.Millisecond)) || r.Attempt != 1 {
		t.Errorf("%+v", r)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	all := make([]run, 250)
	for i := range all {
		all[i] = run{Activity: "a", Attempt: i, Created: time.Unix(int64(i), 0)}
	}
	all[7].Activity = "b"
	q := runQuery(`{"filters":[{"operand":"ActivityName","operator":"NotEquals","values":["B"]}],"orderBy":[{"orderBy":"ActivityRunStart","order":"DESC"}]}`)
	var got []run
	for range 3 {
		page, next, err := pick(append([]run{}, all...), q, activityRunFields)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		q.ContinuationToken = next
	}
	if len(got) != 249 || got[0].Attempt != 249 || got[248].Attempt != 0 || q.ContinuationToken != "" {
		t.Errorf("%d runs, first %d, token %q", len(got), got[0].Attempt, q.ContinuationToken)
	}
	for _, bad := range []string{
		`{"filters":[{"operand":"Colour","operator":"Equals"}]}`, `{"filters":[{"operand":"Status","operator":"Like"}]}`,
		`{"orderBy":[{"orderBy":"Colour"}]}`, `{"continuationToken":"bm9uc2Vuc2U"}`,
	} {
		if _, _, err := pick(all, runQuery(bad), activityRunFields); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func runQuery(text string) wire.RunQuery {
	var q wire.RunQuery
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		panic(err)
	}
	return q
}
