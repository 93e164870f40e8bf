package oracle

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/sijms/go-ora/v2/network"

	"dmgateway/engine/fault"
)

// serverError is the server's own words.
type serverError struct {
	code  int
	text  string
	cause error
}

func (e *serverError) Error() string { return e.text }

func (e *serverError) Unwrap() error { return e.cause }

// driverPlace is what the driver adds to every message of the server; 0 says nothing.
var (
	driverPlace = regexp.MustCompile(`\s*error occur at position: (-?\d+)\s*$`)
	codeInText  = regexp.MustCompile(`ORA-(\d{5})`)
)

// oracleError finds the server's error in err's chain.
func oracleError(err error) (*serverError, bool) {
	if e, ok := errors.AsType[*serverError](err); ok {
		return e, true
	}
	o, ok := errors.AsType[*network.OracleError](err)
	if !ok {
		if m := codeInText.FindStringSubmatch(fmt.Sprint(err)); err != nil && m != nil {
			n, _ := strconv.Atoi(m[1])
			return &serverError{code: n, text: err.Error(), cause: err}, true
		}
		return nil, false
	}
	text := o.Error()
	if m := driverPlace.FindStringSubmatch(text); m != nil {
		text = strings.TrimSpace(driverPlace.ReplaceAllString(text, ""))
		if at, _ := strconv.Atoi(m[1]); at > 0 {
			text += fmt.Sprintf(" (at character %d of the statement)", at)
		}
	}
	if !codeInText.MatchString(text) {
		text = fmt.Sprintf("ORA-%05d %s", o.ErrCode, strings.TrimPrefix(text, "ORA-"+strconv.Itoa(o.ErrCode)))
	}
	return &serverError{code: o.ErrCode, text: strings.TrimSpace(text), cause: err}, true
}

// hasCode reports whether the server gave one of the codes.
func hasCode(err error, codes ...int) bool {
	o, ok := oracleError(err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if o.code == code {
			return true
		}
	}
	return false
}

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
	o, ok := oracleError(err)
	if !ok {
		e := fault.New(fault.StoreFailed, "%s", what).At(target).Because(err)
		if broken(err) {
			e.Code, e.Cause = fault.Unreachable, connectionBroke(err)
			return e.AsTransient().Try("The connection broke; check the server and the network.")
		}
		return e
	}
	k := classify(o.code)
	e := fault.New(k.fault, "%s", what).At(target).Because(o)
	e.Hint, e.Transient = k.hint, k.transient
	return e
}

// connectionBroke replaces the driver's "bad connection", which says nothing.
func connectionBroke(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return errors.New("the server ended the connection")
	}
	return err
}

// broken reports whether the connection is gone rather than the statement wrong.
func broken(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, network.ErrConnReset) || errors.Is(err, errHungUp) || strings.Contains(err.Error(), "closed connection")
}

// kind is what an error of the server means here.
type kind struct {
	fault     string
	hint      string
	transient bool
}

// classify maps an ORA- number. Source: Oracle Database Error Messages (docs.oracle.com/error-help/db), whose causes and
// actions say which errors pass by themselves.
func classify(code int) kind {
	if k, ok := kinds[code]; ok {
		return k
	}
	switch {
	case code >= 900 && code <= 999, code >= 1700 && code <= 1799:
		return kind{fault.BadInput, "Correct the SQL text.", false}
	case code >= 1800 && code <= 1899:
		return kind{fault.Conversion, "Correct the date or interval, or the format that the statement names.", false}
	case code >= 12500 && code <= 12699:
		return kind{fault.Unreachable, "Check the listener and the network.", true}
	case code >= 29000 && code <= 29049, code >= 28750 && code <= 28999:
		return kind{fault.Unreachable, "Check TLS: the wallet, the certificates and the protocol's version.", false}
	}
	return kind{fault.StoreFailed, "See the server's message and its alert log.", false}
}

var (
	refusedSignIn = kind{fault.SignInFailed, "Check user name and password.", false}
	gone          = kind{fault.Unreachable, "The connection broke or the server restarts; the copy tries again.", true}
	noService     = kind{fault.NotFound, "Correct ServiceName or Sid; `lsnrctl services` on the server lists them.", false}
	busy          = kind{fault.StoreFailed, "Another session stood in the way; the copy tries again.", true}
	full          = kind{fault.DiskFull, "Have the administrator add space to the tablespace that the message names.", false}
	badValue      = kind{fault.Conversion, "Correct the value, or map the column to another type.", false}
	badRow        = kind{fault.StoreFailed, "Correct the row, or change the table's constraint.", false}
	noObject      = kind{fault.NotFound, "Correct the name, or grant the user SELECT on it; names in quotes are case-sensitive.", false}
	noRight       = kind{fault.Forbidden, "Grant the user the right that the statement needs.", false}
	tooOld        = kind{fault.StoreFailed, "The server no longer has the undo of the moment at which reading began: raise UNDO_RETENTION, or copy with more parts or at a quieter time.", true}
)

var kinds = map[int]kind{
	1:     badRow, // unique constraint
	18:    {fault.StoreFailed, "The server has no free session; the copy tries again.", true},
	20:    {fault.StoreFailed, "The server has no free process; the copy tries again.", true},
	28:    gone, // session killed
	51:    busy,
	54:    {fault.StoreFailed, "Another session keeps the table locked; end it or try again later.", true},
	60:    busy, // deadlock
	604:   {fault.StoreFailed, "A statement that the server ran by itself failed, such as a trigger; see the message.", false},
	901:   {fault.BadInput, "Correct the SQL text.", false},
	904:   {fault.NotFound, "Correct the name of the column; names in quotes are case-sensitive.", false},
	918:   {fault.BadInput, "Give the columns of the query different names, with AS.", false},
	942:   noObject,
	955:   {fault.Conflict, "Another object has that name; choose another.", false},
	960:   {fault.BadInput, "Give the columns of the query different names, with AS.", false},
	972:   {fault.BadInput, "Use a shorter name: 30 bytes before Oracle 12.2, 128 bytes since.", false},
	980:   noObject,
	1005:  {fault.SignInFailed, "Give a password.", false},
	1012:  gone,
	1013:  {fault.StoreFailed, "The server ended the statement, by a limit or an administrator.", false},
	1017:  refusedSignIn,
	1031:  noRight,
	1033:  {fault.Unreachable, "The server starts or stops; the copy tries again.", true},
	1034:  {fault.Unreachable, "The database is not open; have it started.", true},
	1035:  {fault.Forbidden, "The database is open to administrators only; wait, or grant RESTRICTED SESSION.", true},
	1045:  {fault.SignInFailed, "Grant the user CREATE SESSION.", false},
	1089:  gone,
	1090:  gone,
	1092:  gone,
	1109:  {fault.Unreachable, "The database is not open; have it opened.", true},
	1116:  gone,
	1400:  badRow,
	1401:  badValue,
	1407:  badRow,
	1438:  badValue,
	1439:  badValue,
	1461:  {fault.StoreFailed, "A long text met a column that is no CLOB; make the column longer or a CLOB.", false},
	1466:  {fault.Conflict, "The table was changed while it was read; run the copy again.", false},
	1481:  badValue,
	1502:  {fault.StoreFailed, "An index of the table is unusable; have it rebuilt.", false},
	1536:  full,
	1555:  tooOld,
	1591:  busy,
	1628:  full,
	1630:  full,
	1631:  full,
	1650:  full,
	1652:  full,
	1653:  full,
	1654:  full,
	1658:  full,
	1659:  full,
	1683:  full,
	1688:  full,
	1691:  full,
	1692:  full,
	1722:  badValue,
	1727:  badValue,
	1732:  {fault.BadInput, "The view cannot be written to; write to its table.", false},
	1733:  {fault.BadInput, "A column of the view cannot be written to; leave it out of the mapping.", false},
	1747:  {fault.BadInput, "Correct the name of the column.", false},
	1841:  badValue,
	1950:  full,
	2049:  busy,
	2289:  noObject,
	2290:  badRow,
	2291:  badRow,
	2292:  badRow,
	2396:  gone,
	2399:  gone,
	3113:  gone,
	3114:  gone,
	3135:  gone,
	3136:  gone,
	4020:  busy,
	4021:  busy,
	4030:  {fault.StoreFailed, "The server is short of memory; the copy tries again.", true},
	4031:  {fault.StoreFailed, "The server is short of memory; the copy tries again.", true},
	4036:  {fault.StoreFailed, "The server is short of memory; the copy tries again.", true},
	4043:  noObject,
	4061:  busy,
	4068:  busy,
	4091:  {fault.StoreFailed, "A trigger of the table reads the table itself; change or disable it.", false},
	4098:  {fault.StoreFailed, "A trigger of the table is invalid; have it compiled or disabled.", false},
	6502:  badValue,
	6512:  {fault.StoreFailed, "PL/SQL on the server failed; see the message.", false},
	8002:  noObject,
	8103:  {fault.Conflict, "The table was dropped or truncated while it was read; run the copy again.", false},
	8177:  busy,
	8180:  tooOld,
	8181:  tooOld,
	12154: noService,
	12170: {fault.Unreachable, "The network or the server did not answer in time; check the address and firewalls.", true},
	12505: noService,
	12506: {fault.Forbidden, "The listener's list of addresses does not let this machine in.", false},
	12514: noService,
	12516: {fault.Unreachable, "The listener has no free handler now; the copy tries again.", true},
	12518: {fault.Unreachable, "The listener has no free handler now; the copy tries again.", true},
	12519: {fault.Unreachable, "The listener has no free handler now; the copy tries again.", true},
	12520: {fault.Unreachable, "The listener has no free handler now; the copy tries again.", true},
	12521: noService,
	12528: {fault.Unreachable, "The instance takes no new connections now; the copy tries again.", true},
	12537: gone,
	12541: {fault.Unreachable, "Nothing listens there; check host and port.", true},
	12545: {fault.Unreachable, "Correct the host name.", false},
	12547: gone,
	12560: {fault.Unreachable, "Check the address and the protocol.", true},
	12564: {fault.Unreachable, "The listener refused the connection; check service, host and port.", false},
	12570: gone,
	12571: gone,
	12592: gone,
	12631: {fault.SignInFailed, "Check the way of signing in; user name and password are supported.", false},
	12660: {fault.SignInFailed, "Server and client require different encryption; correct encryptionClient or cryptoChecksumClient.", false},
	12899: {fault.Conversion, "The value is longer than the column; make the column longer, or shorten the value.", false},
	14400: {fault.StoreFailed, "No partition of the table takes the row; add one, or correct the row.", false},
	14402: {fault.StoreFailed, "The row would move to another partition; enable row movement.", false},
	16000: {fault.Forbidden, "The database is open for reading only, such as a standby; use the primary.", false},
	17008: gone,
	22275: {fault.StoreFailed, "A large object vanished while it was read; run the copy again.", true},
	22992: {fault.BadInput, "Large objects cannot be read over a database link; copy from the remote database itself.", false},
	22835: badValue,
	25408: gone,
	28000: {fault.SignInFailed, "The account is locked; have it unlocked.", false},
	28001: {fault.SignInFailed, "The password has expired; have it changed.", false},
	28002: {fault.SignInFailed, "The password expires soon; have it changed.", false},
	28003: refusedSignIn,
	28009: {fault.SignInFailed, "SYS signs in with a privilege: add DBA Privilege=SYSDBA.", false},
	28040: {fault.SignInFailed, "The server accepts no password version that the driver has; see SQLNET.ALLOWED_LOGON_VERSION_SERVER.", false},
	28365: {fault.Forbidden, "The server's wallet of encryption keys is closed; have it opened.", true},
	28860: {fault.Unreachable, "TLS failed; check the wallet and the protocol's version.", false},
	29024: {fault.Unreachable, "The certificate is not trusted; put the issuer's into the wallet.", false},
	29275: {fault.BadData, "The text in the database is cut inside a character; correct the row.", false},
	30006: busy,
	30926: {fault.StoreFailed, "Rows with the same key came together; the copy tries again.", true},
	31011: {fault.Conversion, "The text is no XML.", false},
	38101: {fault.BadInput, "Correct the SQL text.", false},
	38104: {fault.BadInput, "A key column cannot be updated; correct upsertSettings.keys.", false},
	40441: {fault.Conversion, "The text is no JSON.", false},
	54013: {fault.Conflict, "The column is computed by the server; leave it out of the mapping.", false},
	32795: {fault.Conflict, "The server always generates the column's value; leave it out of the mapping.", false},
}

// rejectsRow reports whether the server refused a row for what is in it, so that the other rows can go on.
func rejectsRow(err error) bool {
	o, ok := oracleError(err)
	if !ok {
		return false
	}
	switch o.code {
	case 1, 1400, 1401, 1407, 1426, 1438, 1439, 1461, 1465, 1481, 1483, 1722, 1727, 2290, 2291, 2292, 12899, 14400, 14402, 6502, 22835, 31011, 40441, 64464, 19202:
		return true
	}
	return o.code >= 1800 && o.code <= 1899
}

// placeInRow finds the column in the server's words: ("SCOTT"."T"."C") in ORA-01400, ORA-01407 and ORA-12899.
var columnInText = regexp.MustCompile(`\("[^"]*"\."[^"]*"\."([^"]*)"\)|column "[^"]*"\."[^"]*"\."([^"]*)"`)

func columnOf(err error) string {
	o, ok := oracleError(err)
	if !ok {
		return ""
	}
	m := columnInText.FindStringSubmatch(o.text)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}
