package oracle

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sijms/go-ora/v2/network"

	"dmgateway/engine/fault"
)

func TestServerErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		number    int
		code      string
		transient bool
	}{
		{1, fault.StoreFailed, false},
		{60, fault.StoreFailed, true},
		{54, fault.StoreFailed, true},
		{942, fault.NotFound, false},
		{904, fault.NotFound, false},
		{1017, fault.SignInFailed, false},
		{28000, fault.SignInFailed, false},
		{1031, fault.Forbidden, false},
		{1400, fault.StoreFailed, false},
		{12899, fault.Conversion, false},
		{1438, fault.Conversion, false},
		{1861, fault.Conversion, false},
		{1722, fault.Conversion, false},
		{12514, fault.NotFound, false},
		{12541, fault.Unreachable, true},
		{3113, fault.Unreachable, true},
		{1652, fault.DiskFull, false},
		{1555, fault.StoreFailed, true},
		{4031, fault.StoreFailed, true},
		{933, fault.BadInput, false},
		{12599, fault.Unreachable, true},
		{29049, fault.Unreachable, false},
		{20001, fault.StoreFailed, false},
	} {
		err := explain(t.Context(), fmt.Errorf("exec: %w", &network.OracleError{ErrCode: tt.number, ErrMsg: fmt.Sprintf("ORA-%05d: words of the server\n", tt.number)}), "write the rows", "T")
		e := fault.As(err)
		if e.Code != tt.code || e.Transient != tt.transient || e.Hint == "" || strings.Contains(err.Error(), "error occur") {
			t.Errorf("ORA-%05d: %s, transient %v, %v", tt.number, e.Code, e.Transient, err)
		}
	}
}

func TestDriverErrorsThatMeanABrokenConnection(t *testing.T) {
	t.Parallel()
	for _, err := range []error{driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, network.ErrConnReset, errHungUp, errors.New("attempt to write on closed connection")} {
		got := explain(t.Context(), err, "read the rows", "T")
		if fault.Code(got) != fault.Unreachable || !fault.IsTransient(got) || fault.As(got).Hint == "" {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestCancelledContextComesFirst(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := explain(ctx, &network.OracleError{ErrCode: 1013}, "read", "T"); !errors.Is(err, context.Canceled) {
		t.Errorf("ORA-01013 after a cancel is %v", err)
	}
	if e := fault.As(explain(t.Context(), &network.OracleError{ErrCode: 1013}, "read", "T")); e.Code != fault.StoreFailed || e.Hint == "" {
		t.Errorf("ORA-01013 without a cancel is %v", e)
	}
}

func TestColumnIsFoundInTheServersWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`ORA-01400: cannot insert NULL into ("SCOTT"."T"."V")`:                             "V",
		`ORA-12899: value too large for column "SCOTT"."T"."NAME" (actual: 9, maximum: 5)`: "NAME",
		`ORA-00001: unique constraint (SCOTT.PK) violated`:                                 "",
		`ORA-01407: cannot update ("S"."T"."Two Words") to NULL`:                           "Two Words",
	} {
		if got := columnOf(&network.OracleError{ErrCode: 1, ErrMsg: text}); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestQueriesThatOnlyReadAreKnown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"SELECT 1": true, " -- c\n/* d */ (\nwith x as (select 1)": true, "select\n1": true, "DELETE FROM t": false, "": false, "-- only": false,
		"/* open": false, "SELECTX": false, "MERGE INTO t": false, "BEGIN NULL; END;": false,
	} {
		if got := onlyReads(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
