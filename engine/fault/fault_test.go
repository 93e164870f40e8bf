package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"dmgateway/engine/fault"
)

func TestErrorTellsWhatWhereAndWhy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  *fault.Error
		want string
	}{
		{"what only", fault.New(fault.BadInput, "read key"), "read key"},
		{"with place", fault.New(fault.BadInput, "read key").At("$.key"), "read key ($.key)"},
		{"place already named", fault.New(fault.StoreFailed, "write to t1").At("t1"), "write to t1"},
		{
			"row, column, value, cause", fault.New(fault.Conversion, "convert").InRow(7, "a", "x").Because(io.ErrUnexpectedEOF),
			`convert in row 7 in column "a" with value "x": unexpected EOF`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongValuesAreShortenedBetweenCharacters(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.Conversion, "convert").InRow(1, "c", strings.Repeat("ä", 100))
	if len(e.Value) > 64 || !strings.HasSuffix(e.Value, "ä...") {
		t.Errorf("got %d bytes: %q", len(e.Value), e.Value)
	}
}

func TestQuestionsReachThroughWrapping(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.Unreachable, "connect").AsTransient().Because(io.EOF)
	outer := fmt.Errorf("open source: %w", fault.New(fault.StoreFailed, "read").Because(fmt.Errorf("first page: %w", inner)))
	if fault.Code(outer) != fault.StoreFailed {
		t.Errorf("code %q", fault.Code(outer))
	}
	if !fault.Is(outer, fault.Unreachable) || fault.Is(outer, fault.NotFound) {
		t.Error("Is does not find the inner code, or finds one that is not there")
	}
	if !fault.IsTransient(outer) || fault.IsTransient(errors.New("other")) {
		t.Error("IsTransient is wrong")
	}
	if !errors.Is(outer, io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestErrorsWithoutCodeBecomeInternal(t *testing.T) {
	t.Parallel()
	if e := fault.As(errors.New("boom")); e.Code != fault.Internal || e.Error() != "boom" {
		t.Errorf("got %q %q", e.Code, e.Error())
	}
	if fault.As(nil) != nil || fault.Code(nil) != "" {
		t.Error("nil must stay nil")
	}
}
