package postgres

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/fault"
)

// serverError is the server's own words, with everything it says about the place.
type serverError struct{ *pgconn.PgError }

func (e serverError) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, part := range []struct{ name, text string }{
		{"detail", e.Detail}, {"hint", e.Hint}, {"schema", e.SchemaName}, {"table", e.TableName}, {"constraint", e.ConstraintName}, {"type", e.DataTypeName},
	} {
		if part.text != "" {
			b.WriteString("; " + part.name + ": " + part.text)
		}
	}
	if place := copyContext.FindString(e.Where); place != "" {
		b.WriteString("; in " + place)
	}
	b.WriteString(" (SQLSTATE " + e.Code + ")")
	return b.String()
}

func (e serverError) Unwrap() error { return e.PgError }

// explain turns an error of server or connection into one for people. what is a clause such as "read the table"; target
// names the place. A cancelled context's error comes first, errors that are explained already pass.
func explain(ctx context.Context, err error, what, target string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	p, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		e := fault.New(fault.StoreFailed, "%s", what).At(target).Because(reason(err))
		if broken(err) {
			e.Code = fault.Unreachable
			return e.AsTransient().Try("The connection broke; check the server and the network.")
		}
		return e
	}
	code, hint, transient := classify(p)
	e := fault.New(code, "%s", what).At(target).Because(serverError{p})
	e.Hint, e.Transient, e.Column = hint, transient, p.ColumnName
	e.Row, e.Column, e.Value = copyPlace(p, e.Column)
	return e
}

// broken reports whether the connection is gone rather than the statement wrong.
func broken(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) ||
		strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "closed")
}

// classify maps SQLSTATE to a code, a hint and whether trying again can help.
func classify(p *pgconn.PgError) (code, hint string, transient bool) {
	class := ""
	if len(p.Code) >= 2 {
		class = p.Code[:2]
	}
	switch p.Code {
	case "42501":
		return fault.Forbidden, "Grant the user the right that the message names.", false
	case "42P01", "42703", "3F000", "42883", "42704":
		return fault.NotFound, "Correct the name; names in quotes are case-sensitive.", false
	case "3D000":
		return fault.NotFound, "Correct the name of the database; it is case-sensitive.", false
	case "40001", "40P01":
		return fault.StoreFailed, "Another transaction stood in the way; the copy tries again.", true
	case "53100":
		return fault.DiskFull, "Free space on the database server.", true
	case "55P03":
		return fault.StoreFailed, "Another session keeps the table locked; end it or try again later.", true
	case "57014":
		return fault.StoreFailed, "The server ended the statement, by its statement_timeout or an administrator; raise the limit.", false
	case "57P04":
		return fault.NotFound, "The database was dropped.", false
	case "22021":
		return fault.Conversion, "PostgreSQL text cannot hold zero bytes or invalid UTF-8; copy the column into bytea.", false
	case "25006":
		return fault.Forbidden, "The server is a read-only replica, or the session is read-only; use the primary server.", false
	}
	switch class {
	case "28":
		return fault.SignInFailed, "Check user name and password, and that pg_hba.conf lets the user in from this machine.", false
	case "08":
		return fault.Unreachable, "The connection failed; check the server and the network.", true
	case "53":
		return fault.StoreFailed, "The server is short of a resource, such as connections or memory; the copy tries again.", true
	case "57":
		return fault.Unreachable, "The server shuts down or starts up; the copy tries again.", true
	case "22":
		return fault.Conversion, "Correct the value, or map the column to another type.", false
	case "23":
		return fault.StoreFailed, "Correct the row, or change the table's constraint.", false
	case "42":
		return fault.BadInput, "Correct the SQL text.", false
	}
	return fault.StoreFailed, "See the server's message and its log.", false
}

// copyContext is what the server says about the place of an error in a COPY: 'COPY t, line 3, column c: "x"'.
var copyContext = regexp.MustCompile(`COPY .*?, line (\d+)(?:, column ([^:]+))?(?:: "((?s:.*))")?`)

// copyPlace finds row, column and value of an error in a COPY.
func copyPlace(p *pgconn.PgError, column string) (row int64, _, value string) {
	m := copyContext.FindStringSubmatch(p.Where)
	if m == nil {
		return 0, column, ""
	}
	row, _ = strconv.ParseInt(m[1], 10, 64)
	if m[2] != "" {
		column = m[2]
	}
	return row, column, m[3]
}

// hasState reports whether the server gave the SQLSTATE.
func hasState(err error, code string) bool {
	p, ok := errors.AsType[*pgconn.PgError](err)
	return ok && p.Code == code
}
