package sqlite

import (
	"context"
	"errors"
	"strings"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/fault"
)

// explain turns an error of the library into one for people. what is a clause such as "read the table"; target is the
// file and table. Errors that are explained already, and a context's, pass.
func explain(err error, what, target string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	e := fault.New(fault.StoreFailed, "%s", what).At(target).Because(err)
	s, ok := errors.AsType[*sqlError](err)
	if !ok {
		return e
	}
	switch s.primary() {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return e.AsTransient().Try("Another program keeps the database locked; close it or try again later.")
	case lib.SQLITE_READONLY:
		e.Code = fault.Forbidden
		return e.Try("Give the account that the gateway runs under the right to write the file and its folder.")
	case lib.SQLITE_PERM, lib.SQLITE_AUTH:
		e.Code = fault.Forbidden
		return e.Try("Give the account that the gateway runs under access to the file.")
	case lib.SQLITE_CANTOPEN:
		return e.Try("Check that the file and its folder exist and that the account that the gateway runs under may use them.")
	case lib.SQLITE_FULL:
		e.Code = fault.DiskFull
		return e.Try("Free space on the disk of the database file and of the folder for temporary files.")
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		e.Code = fault.BadData
		return e.Try("Check that the file is an SQLite database and not damaged (PRAGMA integrity_check).")
	case lib.SQLITE_CONSTRAINT:
		return e.Try("Correct the row, or change the table's constraint.")
	case lib.SQLITE_TOOBIG:
		return e.Try("A value or a row may have at most 1,000,000,000 bytes.")
	case lib.SQLITE_ERROR:
		if strings.Contains(s.message, "no such table") || strings.Contains(s.message, "no such column") {
			e.Code = fault.NotFound
		}
		return e.Try("Correct the SQL text, or the name of the table or column.")
	}
	return e
}

func isConstraint(err error) bool {
	s, ok := errors.AsType[*sqlError](err)
	return ok && s.primary() == lib.SQLITE_CONSTRAINT
}

// isBusy reports whether another connection's lock was in the way.
func isBusy(err error) bool {
	s, ok := errors.AsType[*sqlError](err)
	return ok && s.primary() == lib.SQLITE_BUSY
}
