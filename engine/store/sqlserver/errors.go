package sqlserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"dmgateway/engine/fault"
)

// class is what an error number means for a copy.
type class struct {
	code      string
	hint      string
	transient bool
	// row is set for errors that are the fault of what is in one row: leaving the row out helps.
	row bool
}

// Hints that several errors share.
const (
	hintSignIn     = "Check user name and password, and that the login may use the database."
	hintRight      = "Grant the user the right that the message names."
	hintName       = "Correct the name; check schema and database too."
	hintSQL        = "Correct the SQL text."
	hintValue      = "Correct the value, or give the column a type that holds it."
	hintConstraint = "Correct the row, or change the table's constraint."
	hintTryAgain   = "The server is busy or restarting; the copy tries again."
	hintSpace      = "Free space on the database server, or raise the limit of the database."
	hintFirewall   = "Add the address of this machine to the server's firewall rules."
)

// classes are the error numbers that have a meaning of their own. Sources: Microsoft's list of engine errors
// (https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors), the transient and
// other errors of Azure SQL Database
// (https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues), and In-Memory OLTP's
// (https://learn.microsoft.com/sql/relational-databases/in-memory-oltp/transactions-with-memory-optimized-tables).
var classes = func() map[int32]class {
	m := map[int32]class{
		18452: {code: fault.SignInFailed, hint: "The account is of another domain, or the server takes no Windows authentication; use a trusted domain's account or SQL authentication."},
		18456: {code: fault.SignInFailed, hint: hintSignIn},
		18461: {code: fault.SignInFailed, hint: "The server is in single-user mode; try when its maintenance is over.", transient: true},
		18470: {code: fault.SignInFailed, hint: "The login is disabled; have it enabled."},
		18486: {code: fault.SignInFailed, hint: "The login is locked out after wrong passwords; have it unlocked."},
		18487: {code: fault.SignInFailed, hint: "The password has expired; change it."},
		18488: {code: fault.SignInFailed, hint: "The password must be changed before the first use; change it."},
		4060:  {code: fault.NotFound, hint: "Correct the name of the database, or grant the login access to it."},
		911:   {code: fault.NotFound, hint: "Correct the name of the database."},
		4064:  {code: fault.NotFound, hint: "The login's default database is gone; name the database in the linked service."},
		916:   {code: fault.Forbidden, hint: "Make the login a user of the database."},
		40615: {code: fault.Forbidden, hint: hintFirewall},
		40914: {code: fault.Forbidden, hint: "Allow the network of this machine in the server's virtual network rules."},
		47073: {code: fault.Forbidden, hint: "The server's public endpoint is off; turn it on, or use its private endpoint."},
		40532: {code: fault.SignInFailed, hint: "Check the server's name: it must be the full one, such as name.database.windows.net."},
		515:   {code: fault.StoreFailed, hint: hintConstraint, row: true},
		547:   {code: fault.StoreFailed, hint: hintConstraint, row: true},
		548:   {code: fault.StoreFailed, hint: hintConstraint, row: true},
		550:   {code: fault.StoreFailed, hint: "The row is outside of what the view shows; correct it, or write to the table.", row: true},
		2601:  {code: fault.StoreFailed, hint: "A row with this key is there already; correct the row, or use writeBehavior upsert.", row: true},
		2627:  {code: fault.StoreFailed, hint: "A row with this key is there already; correct the row, or use writeBehavior upsert.", row: true},
		1919:  {code: fault.BadInput, hint: "Choose key columns of a type that an index can have: no text, image, xml or (max) type."},
		271:   {code: fault.Conflict, hint: "Leave the column out of the mapping: the server computes it."},
		273:   {code: fault.Conflict, hint: "Leave the column out of the mapping: it is a rowversion."},
		544:   {code: fault.Conflict, hint: "Leave the identity column out of the mapping."},
		8106:  {code: fault.Conflict, hint: "Leave the identity column out of the mapping."},
		1088:  {code: fault.NotFound, hint: "Correct the name, or grant the user rights on the object: ALTER is needed for identity values."},
		4834:  {code: fault.Forbidden, hint: "Grant the user ADMINISTER DATABASE BULK OPERATIONS or INSERT on the table."},
		2714:  {code: fault.Conflict, hint: "Another object has this name already; choose another one."},
		1033:  {code: fault.BadInput, hint: "Take ORDER BY out of the query, or put ?AdfDynamicRangePartitionCondition into its WHERE."},
		3609:  {code: fault.StoreFailed, hint: "A trigger of the table ended the transaction; correct the rows that it refuses, or the trigger."},
		3902:  {code: fault.StoreFailed, hint: "The server had ended the transaction; look in its log.", transient: true},
		3906:  {code: fault.Forbidden, hint: "The database is read-only; use the primary replica."},
		3908:  {code: fault.Forbidden, hint: "The database is read-only; use the primary replica."},
		3952:  {code: fault.BadInput, hint: "Turn ALLOW_SNAPSHOT_ISOLATION on in the database, or choose another isolationLevel."},
		6522:  {code: fault.Conversion, hint: "Correct the value: the column's type cannot read it.", row: true},
		6506:  {code: fault.BadInput, hint: hintSQL},
		0:     {code: fault.StoreFailed, hint: "The server ended the transaction on its own; look at its triggers and XACT_ABORT.", transient: false},
		15404: {code: fault.SignInFailed, hint: hintSignIn},
		33155: {code: fault.SignInFailed, hint: hintSignIn},
		40544: {code: fault.DiskFull, hint: hintSpace},
		40549: {code: fault.StoreFailed, hint: "The transaction ran too long for Azure; copy in smaller parts (partitionOption).", transient: false},
		40550: {code: fault.StoreFailed, hint: "The transaction holds too many locks for Azure; copy in smaller parts (partitionOption).", transient: false},
		40551: {code: fault.StoreFailed, hint: "The transaction uses too much of tempdb; copy in smaller parts (partitionOption).", transient: false},
		40552: {code: fault.StoreFailed, hint: "The transaction uses too much log; copy in smaller parts (partitionOption).", transient: false},
	}
	add := func(c class, numbers ...int32) {
		for _, n := range numbers {
			m[n] = c
		}
	}
	// Rights.
	add(class{code: fault.Forbidden, hint: hintRight}, 229, 230, 262, 297, 300, 371, 378, 3704, 4613, 15247, 15151, 21089, 33009)
	// Names.
	add(class{code: fault.NotFound, hint: hintName}, 207, 208, 2760, 2812, 3701, 4104, 4121, 4902, 4917, 4922, 2715, 15225, 6004)
	// SQL text.
	add(class{code: fault.BadInput, hint: hintSQL}, 102, 103, 104, 105, 107, 109, 110, 111, 120, 121, 132, 137, 145, 156, 164, 170, 201, 206, 209, 213, 319,
		334, 402, 1038, 1087, 4145, 8120, 8144, 8145, 8146, 8155, 8156, 8623, 8672, 10720, 11501, 11526)
	// Values.
	add(class{code: fault.Conversion, hint: hintValue, row: true}, 220, 232, 234, 241, 242, 244, 245, 248, 257, 295, 296, 298, 517, 535, 2628, 4815, 4863,
		4867, 7339, 8114, 8115, 8152, 8169, 8170, 9803, 9807, 9809, 13609, 24141, 24200)
	for n := int32(9400); n < 9500; n++ { // XML parsing
		add(class{code: fault.Conversion, hint: "Correct the XML of the value.", row: true}, n)
	}
	add(class{code: fault.BadInput, hint: "Correct the arithmetic of the query.", row: true}, 8134, 3623)
	// In the way of each other.
	add(class{code: fault.StoreFailed, hint: "Another transaction stood in the way; the copy tries again.", transient: true}, 1204, 1205, 1222, 3960, 3961, 3966,
		41301, 41302, 41305, 41325, 41839, 41840)
	// Short of something, starting, stopping, failing over.
	add(class{code: fault.StoreFailed, hint: hintTryAgain, transient: true}, 615, 617, 669, 701, 802, 8628, 8645, 8651, 8657, 10928, 10929, 10936, 40143, 40197, 40501,
		40540, 49918, 49919, 49920, 40553, 40613, 40648, 4221, 14868, 42108, 42109, 45168, 45169, 846, 8902, 18600)
	add(class{code: fault.Unreachable, hint: hintTryAgain, transient: true}, 20, 64, 233, 921, 922, 923, 924, 926, 927, 942, 945, 952, 954, 976, 978, 979, 982, 983, 987,
		1825, 3989, 5011, 5061, 5069, 6001, 6002, 6005, 10050, 10051, 10053, 10054, 10060, 10061, 11001, 17142, 17187, 17188, 17189, 17197, 17830, 18401, 18451)
	add(class{code: fault.DiskFull, hint: hintSpace, transient: true}, 1101, 1105, 1121, 3967, 5149, 9002)
	return m
}()

// serverError is the server's own words, with number and place.
type serverError struct{ server mssql.Error }

func (e serverError) Error() string {
	var b strings.Builder
	list := e.server.All
	if len(list) == 0 {
		list = []mssql.Error{e.server}
	}
	said := map[string]bool{}
	for _, one := range list {
		if said[one.Message] || one.Number == 3621 && len(list) > 1 { // "The statement has been terminated."
			continue
		}
		said[one.Message] = true
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimSpace(one.Message))
		fmt.Fprintf(&b, " (error %d", one.Number)
		if one.ProcName != "" {
			fmt.Fprintf(&b, ", procedure %s, line %d", one.ProcName, one.LineNo)
		}
		b.WriteString(")")
	}
	return b.String()
}

func (e serverError) Unwrap() error { return e.server }

// sqlError finds the server's error in a chain. Of several the first that is in the table counts: the last one often only
// says that the statement has ended.
func sqlError(err error) (mssql.Error, bool) {
	e, ok := errors.AsType[mssql.Error](err)
	if !ok {
		return e, false
	}
	if _, known := classes[e.Number]; !known || e.Number == 3621 {
		for _, one := range e.All {
			if _, known := classes[one.Number]; known {
				one.All = e.All
				return one, true
			}
		}
	}
	return e, true
}

// hasNumber reports whether the server gave one of the numbers.
func hasNumber(err error, numbers ...int32) bool {
	e, ok := sqlError(err)
	if !ok {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
		for _, one := range e.All {
			if one.Number == n {
				return true
			}
		}
	}
	return false
}

// isRowFault reports whether the server refused what is in a row.
func isRowFault(err error) bool {
	e, ok := sqlError(err)
	return ok && classes[e.Number].row
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
	e := fault.New(fault.StoreFailed, "%s", what).At(target)
	s, ok := sqlError(err)
	if !ok {
		e.Because(err)
		if broken(err) {
			e.Code = fault.Unreachable
			return e.AsTransient().Try("The connection broke; check the server and the network.")
		}
		return e.Try("See the driver's message.")
	}
	e.Because(serverError{s})
	if c, known := classes[s.Number]; known {
		e.Code, e.Hint, e.Transient = c.code, c.hint, c.transient
	} else {
		e.Hint = "See the server's message and its log."
		e.Transient = s.Class >= 17 && s.Class < 20 // short of a resource, or an internal limit
		if s.Class >= 20 {
			e.Code, e.Transient = fault.Unreachable, true
		}
	}
	e.Column, e.Value = place(s)
	return e
}

// broken reports whether the connection is gone rather than the statement wrong.
func broken(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(mssql.StreamError)) || errors.As(err, new(mssql.ServerError)) ||
		strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "closed network") || strings.Contains(err.Error(), "broken pipe") ||
		strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "i/o timeout")
}

var (
	nullColumn  = regexp.MustCompile(`the value NULL into column '((?:[^']|'')*)'`)
	truncColumn = regexp.MustCompile(`would be truncated in table .*, column '((?:[^']|'')*)'\. Truncated value: '((?s:.*))'`)
)

// place finds the column, and the value where the server shows it.
func place(e mssql.Error) (column, value string) {
	if m := nullColumn.FindStringSubmatch(e.Message); m != nil {
		return m[1], ""
	}
	if m := truncColumn.FindStringSubmatch(e.Message); m != nil {
		value = strings.TrimSuffix(m[2], "'.")
		return m[1], value[:min(len(value), 64)]
	}
	return "", ""
}

// explainConnect tells a refused sign-in from a server that cannot be reached. dialled is the network's own error, which
// the driver may have replaced.
func (s *server) explainConnect(ctx context.Context, err, dialled error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	target := s.name()
	if e, ok := sqlError(err); ok {
		f := fault.As(explain(ctx, e, "sign in as "+s.account(), target))
		if f.Code == fault.StoreFailed && !f.Transient {
			f.Code = fault.SignInFailed
		}
		return f
	}
	if dialled != nil {
		err = dialled
	}
	e := fault.New(fault.Unreachable, "connect to SQL Server at %s", target).At(target).Because(err).AsTransient()
	text := err.Error()
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		e.Transient = dns.IsTemporary || dns.IsTimeout
		return e.Try("Correct the host name, or add it to the network's name service.")
	case strings.Contains(text, "certificate") || strings.Contains(text, "x509"):
		e.Transient = false
		return e.Try("Trust the certificate's issuer on this machine, correct the host name (HostNameInCertificate), or set TrustServerCertificate=True to take any certificate.")
	case strings.Contains(text, "does not support encryption"):
		e.Transient = false
		return e.Try("Turn encryption on at the server, or use Encrypt=Optional.")
	case strings.Contains(text, "TLS Handshake"):
		e.Transient = false
		return e.Try("The server speaks no TLS that is safe (1.2 or newer); update it, or check that the port belongs to SQL Server.")
	case strings.Contains(text, "no instance matching") || s.instance != "" && s.port == 0:
		return e.Try("Check the instance's name and that SQL Server Browser runs (UDP 1434), or give the port: host,port.")
	case strings.Contains(text, "krb5") || strings.Contains(text, "ntlm") || strings.Contains(text, "provider "):
		e.Code, e.Transient = fault.SignInFailed, false
		return e.Try("Check the Windows account (DOMAIN\\user), and for Kerberos the realm, krb5.conf and keytab.")
	}
	return e.Try("Check the port, that the server runs and accepts TCP connections, and that no firewall is between.")
}

// account is who signs in, for messages.
func (s *server) account() string {
	switch {
	case s.auth == authServicePrincipal || s.auth == authManagedIdentity:
		if s.entra.client != "" {
			return s.entra.client
		}
		return "the machine's managed identity"
	case s.user == "":
		return "the program's account"
	}
	return s.user
}
