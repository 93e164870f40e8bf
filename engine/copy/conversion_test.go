package copy

import (
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/memory"
)

// narrowing is a job whose sink keeps no digits after the point.
func narrowing(t testing.TB, c activity.Conversion) (*memory.Server, *activity.Job) {
	s := filled(t, 10)
	whole := append(batch.Schema(nil), people...)
	whole[2].Type.Scale = 0
	s.Create("dst", whole)
	job := memoryJob(t, s)
	job.Conversion = c
	return s, job
}

func TestANarrowingIsRefusedOrTold(t *testing.T) {
	t.Parallel()
	_, job := narrowing(t, activity.Conversion{})
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.Conversion || fault.As(err).Column != "salary" {
		t.Errorf("%v", err)
	}
	s, job := narrowing(t, activity.Conversion{Truncate: true})
	const told = `Column "salary", Decimal(12,2) to Decimal(12,0): digits after the point beyond 0 are cut.`
	plan, err := DryRun(t.Context(), job, Options{})
	if err != nil || plan.Columns[2].CanBeLost != "digits after the point beyond 0 are cut" {
		t.Fatalf("%v, %+v", err, plan)
	}
	res, err := Run(t.Context(), job, Options{})
	if err != nil || len(res.Warnings) != 1 || res.Warnings[0] != told {
		t.Errorf("%v, %q", err, res.Warnings)
	}
	if _, rows := s.Rows("dst"); rows.Cols[2].Ints[1] != -48 { // of -48.99
		t.Errorf("the number became %d", rows.Cols[2].Ints[1])
	}
}

func TestSettingsOfConversionsHoldForAllColumns(t *testing.T) {
	t.Parallel()
	s := filled(t, 3)
	text := batch.Type{Kind: batch.String}
	s.Create("dst", batch.Schema{
		{Name: "born", Type: text, Nullable: true}, {Name: "active", Type: text, Nullable: true}, {Name: "salary", Type: text, Nullable: true},
	})
	job := memoryJob(t, s)
	job.Mapping = []activity.Mapping{{Source: "born", Sink: "born"}, {Source: "active", Sink: "active"}, {Source: "salary", Sink: "salary", Culture: "en-GB"}}
	job.Conversion = activity.Conversion{BooleanAsNumber: true, DateTime: "d. MMMM yyyy", Culture: "de-DE"}
	if _, err := Run(t.Context(), job, Options{}); err != nil {
		t.Fatal(err)
	}
	_, rows := s.Rows("dst")
	if got := strings.Join(texts(rows), " "); got != "1. Januar 1970|0|-50.00| 2. Januar 1970|1|-48.99| 3. Januar 1970|0|-47.98|" {
		t.Error(got)
	}
}
