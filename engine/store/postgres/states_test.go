package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/fault"
)

func TestOnlyWhatPassesIsTriedAgain(t *testing.T) {
	for state, want := range map[string]struct {
		code      string
		transient bool
	}{
		"40001": {fault.StoreFailed, true}, "40P01": {fault.StoreFailed, true}, "40002": {fault.StoreFailed, false}, "53300": {fault.StoreFailed, true},
		"53100": {fault.DiskFull, true}, "57P01": {fault.Unreachable, true}, "57P03": {fault.Unreachable, true}, "57014": {fault.StoreFailed, false},
		"57P04": {fault.NotFound, false}, "08006": {fault.Unreachable, true}, "08P01": {fault.StoreFailed, false}, "55P03": {fault.StoreFailed, true},
		"58030": {fault.StoreFailed, true}, "25P03": {fault.Unreachable, true}, "28000": {fault.SignInFailed, false}, "23505": {fault.StoreFailed, false},
		"22003": {fault.Conversion, false}, "42601": {fault.BadInput, false}, "42P01": {fault.NotFound, false}, "XX000": {fault.StoreFailed, false}, "": {fault.StoreFailed, false},
	} {
		code, hint, transient := classify(&pgconn.PgError{Code: state})
		if code != want.code || transient != want.transient || hint == "" {
			t.Errorf("%s: %s, %v, %q; want %+v", state, code, transient, hint, want)
		}
	}
}
