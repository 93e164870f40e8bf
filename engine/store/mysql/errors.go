package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"

	"dmgateway/engine/fault"
)

// verdict is what an error number means to a copy.
type verdict struct {
	code      string
	hint      string
	transient bool
	// row says that the values of one row are the reason, so that the row can be left out.
	row bool
}

const (
	hintValue      = "Correct the value, or change the column's type."
	hintConstraint = "Correct the row, or change the table's constraint."
	hintName       = "Correct the name; names of tables are case-sensitive on most servers."
	hintRight      = "Grant the user the right that the message names."
	hintAgain      = "The copy tries again."
)

// verdicts are the server's error numbers, from the lists "Server Error Message Reference" of MySQL 8.4 and "MariaDB
// Error Code Reference"; both use the same numbers up to 1899.
var verdicts = map[uint16]verdict{
	// Who may what.
	1044: {code: fault.Forbidden, hint: "Grant the user access to the database."},
	1045: {code: fault.SignInFailed, hint: "Check user name and password, and that the account may sign in from this machine."},
	1130: {code: fault.SignInFailed, hint: "The server lets nobody in from this machine; create an account for its address."},
	1142: {code: fault.Forbidden, hint: hintRight},
	1143: {code: fault.Forbidden, hint: hintRight},
	1227: {code: fault.Forbidden, hint: hintRight},
	1251: {code: fault.SignInFailed, hint: "The account signs in with an old method; give it mysql_native_password or caching_sha2_password."},
	1698: {code: fault.SignInFailed, hint: "The account signs in by the operating system's user; give it a password."},
	1820: {code: fault.SignInFailed, hint: "The password has expired; set a new one."},
	1862: {code: fault.SignInFailed, hint: "The password has expired; set a new one."},
	3118: {code: fault.SignInFailed, hint: "The account is locked; unlock it."},
	3159: {code: fault.SignInFailed, hint: "The server wants TLS; use SSLMode=Required."},
	3955: {code: fault.SignInFailed, hint: "The account is locked after wrong passwords; unlock it."},
	4151: {code: fault.SignInFailed, hint: "The account is locked; unlock it."},
	1290: {code: fault.Forbidden, hint: "The server is read-only or started with an option that forbids this; use the primary server."},
	1792: {code: fault.Forbidden, hint: "The transaction is read-only; use the primary server."},
	1836: {code: fault.Forbidden, hint: "The server is read-only; use the primary server."},
	// What is not there.
	1049: {code: fault.NotFound, hint: "Correct the name of the database; it is case-sensitive on most servers."},
	1054: {code: fault.NotFound, hint: "Correct the name of the column."},
	1146: {code: fault.NotFound, hint: hintName},
	1051: {code: fault.NotFound, hint: hintName},
	1109: {code: fault.NotFound, hint: hintName},
	1305: {code: fault.NotFound, hint: "Correct the name of the function or procedure."},
	1735: {code: fault.NotFound, hint: "Correct the name of the table's partition."},
	1932: {code: fault.NotFound, hint: "The table's files are missing at the server."},
	1356: {code: fault.NotFound, hint: "The view names something that is gone, or its definer lacks rights."},
	// Values of a row.
	1048: {code: fault.StoreFailed, hint: hintConstraint, row: true}, // NULL into NOT NULL
	1062: {code: fault.Conflict, hint: "The key is there already; correct the row, or use writeBehavior Upsert.", row: true},
	1169: {code: fault.Conflict, hint: "The key is there already; correct the row, or use writeBehavior Upsert.", row: true},
	1216: {code: fault.StoreFailed, hint: hintConstraint, row: true},
	1263: {code: fault.StoreFailed, hint: hintConstraint, row: true}, // NULL by LOAD DATA
	1264: {code: fault.Conversion, hint: hintValue, row: true},
	1265: {code: fault.Conversion, hint: hintValue, row: true},
	1292: {code: fault.Conversion, hint: hintValue, row: true},
	1300: {code: fault.Conversion, hint: hintValue, row: true},
	1364: {code: fault.StoreFailed, hint: "Map a source column to it, or give the column a default."},
	1366: {code: fault.Conversion, hint: hintValue, row: true},
	1367: {code: fault.Conversion, hint: hintValue, row: true},
	1406: {code: fault.Conversion, hint: "Correct the value, or make the column longer.", row: true},
	1411: {code: fault.Conversion, hint: hintValue, row: true},
	1416: {code: fault.Conversion, hint: hintValue, row: true},
	1425: {code: fault.Conversion, hint: hintValue, row: true},
	1426: {code: fault.Conversion, hint: hintValue, row: true},
	1441: {code: fault.Conversion, hint: hintValue, row: true},
	1452: {code: fault.StoreFailed, hint: hintConstraint, row: true}, // foreign key
	1526: {code: fault.StoreFailed, hint: "Give the table a partition for the value.", row: true},
	1557: {code: fault.StoreFailed, hint: hintConstraint, row: true},
	1586: {code: fault.Conflict, hint: "The key is there already; correct the row, or use writeBehavior Upsert.", row: true},
	1644: {code: fault.StoreFailed, hint: hintConstraint, row: true}, // a trigger's SIGNAL
	1690: {code: fault.Conversion, hint: hintValue, row: true},
	1748: {code: fault.StoreFailed, hint: "Give the table a partition for the value.", row: true},
	1761: {code: fault.Conflict, hint: hintConstraint, row: true},
	1762: {code: fault.Conflict, hint: hintConstraint, row: true},
	3140: {code: fault.Conversion, hint: hintValue, row: true}, // JSON
	3141: {code: fault.Conversion, hint: hintValue, row: true},
	3156: {code: fault.Conversion, hint: hintValue, row: true},
	3144: {code: fault.Conversion, hint: hintValue, row: true},
	3037: {code: fault.Conversion, hint: hintValue, row: true},
	3819: {code: fault.StoreFailed, hint: hintConstraint, row: true}, // MySQL's CHECK
	4025: {code: fault.StoreFailed, hint: hintConstraint, row: true}, // MariaDB's CHECK
	4079: {code: fault.Conversion, hint: hintValue},                  // types that cannot be compared or assigned
	// What goes by itself.
	1040: {code: fault.Unreachable, hint: "The server has no connection free. " + hintAgain, transient: true},
	1053: {code: fault.Unreachable, hint: "The server shuts down. " + hintAgain, transient: true},
	1158: {code: fault.Unreachable, hint: hintAgain, transient: true},
	1159: {code: fault.Unreachable, hint: hintAgain, transient: true},
	1160: {code: fault.Unreachable, hint: hintAgain, transient: true},
	1161: {code: fault.Unreachable, hint: hintAgain, transient: true},
	1203: {code: fault.Unreachable, hint: "The user has too many connections. " + hintAgain, transient: true},
	1205: {code: fault.StoreFailed, hint: "Another session keeps rows or table locked; end it or try again later.", transient: true},
	1213: {code: fault.StoreFailed, hint: "Another transaction stood in the way. " + hintAgain, transient: true},
	1226: {code: fault.StoreFailed, hint: "The user's limit of the server is used up. " + hintAgain, transient: true},
	1614: {code: fault.StoreFailed, hint: hintAgain, transient: true},
	1637: {code: fault.StoreFailed, hint: hintAgain, transient: true},
	3572: {code: fault.StoreFailed, hint: "Another session keeps rows locked. " + hintAgain, transient: true},
	1927: {code: fault.Unreachable, hint: "The connection was killed. " + hintAgain, transient: true},
	// Room and limits.
	1021: {code: fault.DiskFull, hint: "Free space on the database server.", transient: true},
	1114: {code: fault.DiskFull, hint: "Free space on the database server, or raise the table's limit.", transient: true},
	1037: {code: fault.StoreFailed, hint: "The server is short of memory.", transient: true},
	1038: {code: fault.StoreFailed, hint: "Raise the server's sort_buffer_size.", transient: false},
	1041: {code: fault.StoreFailed, hint: "The server is short of memory.", transient: true},
	1153: {code: fault.StoreFailed, hint: "Raise the server's max_allowed_packet."},
	1301: {code: fault.StoreFailed, hint: "Raise the server's max_allowed_packet.", row: true},
	1118: {code: fault.BadInput, hint: "The columns are too wide for one row; use text or blob for long ones."},
	1117: {code: fault.BadInput, hint: "MySQL tables have at most 4096 columns, InnoDB's 1017; map fewer."},
	1317: {code: fault.StoreFailed, hint: "An administrator ended the statement."},
	1969: {code: fault.StoreFailed, hint: "The server's limit of time ended the statement; raise max_statement_time."},
	3024: {code: fault.StoreFailed, hint: "The server's limit of time ended the statement; raise max_execution_time."},
	// What the job says.
	1064: {code: fault.BadInput, hint: "Correct the SQL text."},
	1065: {code: fault.BadInput, hint: "Give a SELECT statement."},
	1295: {code: fault.Unsupported, hint: "The server cannot prepare this statement; give a SELECT."},
	1665: {code: fault.Conflict, hint: "Set the server's binlog_format to ROW or MIXED."},
	1148: {code: fault.Forbidden, hint: "Set local_infile=1 at the server."},
	3948: {code: fault.Forbidden, hint: "Set local_infile=1 at the server."},
	4166: {code: fault.Forbidden, hint: "Set local_infile=1 at the server."},
}

// number is the server's error number, 0 where err is none of its errors.
func number(err error) uint16 {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return e.Number
	}
	return 0
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
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	if !ok {
		f := fault.New(fault.StoreFailed, "%s", what).At(target).Because(err)
		switch {
		case errors.Is(err, errPlaceholder):
			f.Code = fault.BadInput
			return f.Try("Put the values into the query's text, or ? between quotes.")
		case broken(err):
			f.Code = fault.Unreachable
			return f.AsTransient().Try("The connection broke; check the server and the network.")
		}
		return f.Try("See the server's log.")
	}
	return judge(e, what, target)
}

// judge makes the error for people of one of the server's.
func judge(e *mysqldriver.MySQLError, what, target string) *fault.Error {
	v, ok := verdicts[e.Number]
	if !ok {
		v = verdict{code: fault.StoreFailed, hint: "See the server's message and its log."}
	}
	f := fault.New(v.code, "%s", what).At(target).Because(e).Try("%s", v.hint)
	f.Transient = v.transient
	if v.row {
		f.Row, f.Column = place(e.Message)
	}
	return f
}

// isRowError reports whether the values of one row are the reason.
func isRowError(err error) bool { return verdicts[number(err)].row }

var (
	columnPlace = regexp.MustCompile("(?:for|for column|Column|column) '([^']*)'|column `[^`]*`\\.`[^`]*`\\.`([^`]*)`")
	rowPlace    = regexp.MustCompile(`at row (\d+)`)
)

// place finds row and column in the server's message: "Data too long for column 'c' at row 3".
func place(message string) (row int64, column string) {
	if m := rowPlace.FindStringSubmatch(message); m != nil {
		row, _ = strconv.ParseInt(m[1], 10, 64)
	}
	if strings.HasPrefix(message, "Duplicate") {
		return row, ""
	}
	if m := columnPlace.FindStringSubmatch(message); m != nil {
		if column = m[2]; column == "" {
			column = m[1]
		}
	}
	return row, column
}

func broken(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, mysqldriver.ErrInvalidConn) || errors.Is(err, errMalformed) ||
		strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset")
}

// explainConnect tells a refused sign-in from a server that cannot be reached.
func (s *server) explainConnect(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return judge(e, "sign in as "+orNobody(s.user), s.address()+"/"+s.database)
	}
	e := fault.New(fault.Unreachable, "connect to MySQL at %s", s.address()).At(s.address()).Because(err).AsTransient()
	var (
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
	)
	certificate := "Give the certificate of the issuer as SSLCa, or correct the host name, or use SSLMode=Required to trust any certificate."
	switch {
	case errors.As(err, &dns):
		e.Transient = dns.IsTemporary || dns.IsTimeout
		return e.Try("Correct the host name, or add it to the network's name service.")
	case errors.As(err, &cert), errors.As(err, &unknown):
		e.Transient = false
		return e.Try("%s", certificate)
	case errors.Is(err, errNoTLS):
		e.Transient = false
		return e.Try("Turn TLS on at the server, or use SSLMode=Preferred.")
	case errors.Is(err, mysqldriver.ErrUnknownPlugin), errors.Is(err, mysqldriver.ErrCleartextPassword), errors.Is(err, mysqldriver.ErrOldPassword):
		e.Code, e.Transient = fault.SignInFailed, false
		return e.Try("Give the account the sign-in method mysql_native_password, caching_sha2_password or ed25519.")
	case errors.Is(err, errMalformed):
		e.Transient = false
		return e.Try("Check that the port is that of MySQL or MariaDB.")
	}
	return e.Try("Check the port, that the server runs and accepts connections, and that no firewall is between.")
}

func orNobody(user string) string {
	if user == "" {
		return "nobody"
	}
	return user
}

// warned is what SHOW WARNINGS said of a statement that changed or left out a value.
func warned(number uint16, message string) error {
	return &mysqldriver.MySQLError{Number: number, Message: message}
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errMalformed}, args...)...)
}
