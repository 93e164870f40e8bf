package journal

import (
	"slices"
	"testing"
	"time"

	"dmgateway/engine/copy"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

var booted = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func start(t *testing.T, j *Journal, run string, attempt int) {
	t.Helper()
	if err := j.Start(t.Context(), run, attempt, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// died is what the next start of the program finds.
func died(t *testing.T, j *Journal, boot time.Time) []Death {
	t.Helper()
	list, err := j.Reckon(t.Context(), boot)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func deaths(t *testing.T, j *Journal, run string) int {
	t.Helper()
	n, err := j.Deaths(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func commit(t *testing.T, j *Journal, run, partition string) {
	t.Helper()
	if err := j.Checkpoints(run).Committed(t.Context(), partition, counts(1)); err != nil {
		t.Fatal(err)
	}
}

func gotOn(t *testing.T, j *Journal, run string) bool {
	t.Helper()
	on, err := j.GotOn(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return on
}

func TestDeathsAreCountedUntilARunGetsOn(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	take(t, j, entry("r", 1))
	take(t, j, entry("idle", 1))
	if list := died(t, j, booted); len(list) != 0 {
		t.Errorf("nothing ran, and %v died", list)
	}
	for want := 1; want <= 2; want++ {
		start(t, j, "r", 1)
		if list := died(t, j, booted); !slices.Equal(list, []Death{{"r", want}}) || gotOn(t, j, "r") {
			t.Errorf("death %d is told as %v", want, list)
		}
	}
	if list := died(t, j, booted); len(list) != 0 || deaths(t, j, "r") != 2 || deaths(t, j, "idle") != 0 {
		t.Errorf("one death was counted twice, %v", list)
	}
	start(t, j, "r", 1)
	if err := j.Checkpoints("r").Planned(t.Context(), copy.Plan{}); err != nil {
		t.Fatal(err)
	}
	if !gotOn(t, j, "r") {
		t.Error("a plan is no step")
	}
	if list := died(t, j, booted); !slices.Equal(list, []Death{{"r", 0}}) {
		t.Errorf("it had got on and is told as %v", list)
	}
	start(t, j, "r", 1)
	commit(t, j, "r", "1")
	died(t, j, booted)
	start(t, j, "r", 1)
	if err := j.Checkpoints("r").Planned(t.Context(), copy.Plan{}); err != nil { // from the beginning again
		t.Fatal(err)
	}
	if gotOn(t, j, "r") {
		t.Error("beginning again counts as a step")
	}
	if list := died(t, j, booted); !slices.Equal(list, []Death{{"r", 1}}) {
		t.Errorf("it began again and is told as %v", list)
	}
}

func TestWhatIsLeftInOrderOrEndedIsNotBlamed(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	runs := []string{"left", "done", "elsewhere"}
	for _, run := range runs {
		take(t, j, entry(run, 1))
		start(t, j, run, 1)
	}
	died(t, j, booted)
	for _, run := range runs {
		start(t, j, run, 1)
	}
	if err := j.Left(t.Context(), "left"); err != nil {
		t.Fatal(err)
	}
	end(t, j, "done", 1, report.Succeeded)
	if _, err := j.End(t.Context(), End{Run: "elsewhere", Attempt: 1, At: time.Now(), Result: &report.Result{Status: report.Cancelled}}); err != nil {
		t.Fatal(err)
	}
	if list := died(t, j, booted); len(list) != 0 {
		t.Errorf("blamed are %v", list)
	}
	if deaths(t, j, "left") != 1 || deaths(t, j, "done") != 0 || deaths(t, j, "elsewhere") != 1 {
		t.Error("what was counted before is not kept, or not forgotten")
	}
}

func TestARestartOfTheMachineIsNobodysFault(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	take(t, j, entry("r", 1))
	died(t, j, booted)
	start(t, j, "r", 1)
	if list := died(t, j, booted.Add(time.Hour)); len(list) != 0 || deaths(t, j, "r") != 0 {
		t.Errorf("blamed are %v", list)
	}
	start(t, j, "r", 1)
	if list := died(t, j, booted.Add(time.Hour+time.Second)); len(list) != 1 {
		t.Error("a second's difference of the clock hides a death")
	}
}

func TestARunThatTheDeathsEndedIsSuspectedAtItsNextAttempt(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	take(t, j, entry("r", 1))
	for range 3 {
		start(t, j, "r", 1)
		died(t, j, booted)
	}
	ev := protocol.Event{Kind: protocol.EventResult, ActivityRun: "r", Attempt: 1}
	_, err := j.End(t.Context(), End{Run: "r", Attempt: 1, At: time.Now(), Result: &report.Result{Status: report.Failed}, Died: true, Event: &ev, MessageID: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if n := deaths(t, j, "r"); n != 2 {
		t.Errorf("%d deaths are left", n)
	}
}
