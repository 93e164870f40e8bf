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
