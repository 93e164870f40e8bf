package postgres

import (
	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/fault"
)

// state is what an SQLSTATE means for a copy.
type state struct {
	code      string
	hint      string
	transient bool // trying the same again can help, without anybody having changed anything
}

// Remedies that several states share.
const (
	hintAgain    = "Another transaction stood in the way; the copy tries again."
	hintResource = "The server is short of a resource, such as connections or memory; the copy tries again."
	hintServer   = "The server shuts down, starts up or has ended the session; the copy tries again."
	hintName     = "Correct the name; names in quotes are case-sensitive."
	hintRow      = "Correct the row, or change the table's constraint."
)

// states are the SQLSTATEs with a meaning of their own, by the names of PostgreSQL's documentation, Appendix A. Transient
// are those that Npgsql, the driver of Data Factory's connector, calls so (PostgresException.IsTransient), without
// 55000 and 08P01, which mean a mistake here, and with the ends of a session that an administrator or a timeout brings
// about: a partition is one transaction and is marked, so it can be written again whatever became of it.
var states = map[string]state{
	"08P01": {fault.StoreFailed, "Server and gateway do not speak the same protocol; check that it is PostgreSQL that listens there.", false}, // protocol_violation
	"22021": {fault.Conversion, "PostgreSQL text cannot hold zero bytes or invalid UTF-8; copy the column into bytea.", false},                // character_not_in_repertoire
	"25006": {fault.Forbidden, "The server is a read-only replica, or the session is read-only; use the primary server.", false},              // read_only_sql_transaction
	"25P03": {fault.Unreachable, hintServer, true},                                                                                            // idle_in_transaction_session_timeout
	"28P01": {fault.SignInFailed, "The password is wrong, or the user does not exist.", false},                                                // invalid_password
	"3D000": {fault.NotFound, "Correct the name of the database; it is case-sensitive.", false},                                               // invalid_catalog_name
	"3F000": {fault.NotFound, hintName, false},                                                                                                // invalid_schema_name
	"42501": {fault.Forbidden, "Grant the user the right that the message names.", false},                                                     // insufficient_privilege
	"42704": {fault.NotFound, hintName, false},                                                                                                // undefined_object
	"42703": {fault.NotFound, hintName, false},                                                                                                // undefined_column
	"42883": {fault.NotFound, hintName, false},                                                                                                // undefined_function
	"42P01": {fault.NotFound, hintName, false},                                                                                                // undefined_table
	"53100": {fault.DiskFull, "Free space on the database server.", true},                                                                     // disk_full
	"55006": {fault.StoreFailed, hintAgain, true},                                                                                             // object_in_use
	"55P03": {fault.StoreFailed, "Another session keeps the table locked; end it or try again later.", true},                                  // lock_not_available
	"57014": {fault.StoreFailed, "The server ended the statement, by its statement_timeout or an administrator; raise the limit.", false},     // query_canceled
	"57P04": {fault.NotFound, "The database was dropped.", false},                                                                             // database_dropped
	"58000": {fault.StoreFailed, "The server's operating system failed; see the server's log.", true},                                         // system_error
	"58030": {fault.StoreFailed, "The server's disk failed to read or write; see the server's log.", true},                                    // io_error
}

// classes are the meanings of all other states, by their first two characters.
var classes = map[string]state{
	"08": {fault.Unreachable, "The connection failed; check the server and the network.", true},                                 // Connection Exception
	"22": {fault.Conversion, "Correct the value, or map the column to another type.", false},                                    // Data Exception
	"23": {fault.StoreFailed, hintRow, false},                                                                                   // Integrity Constraint Violation
	"28": {fault.SignInFailed, "Check user name and password, and that pg_hba.conf lets the user in from this machine.", false}, // Invalid Authorization Specification
	"40": {fault.StoreFailed, hintAgain, true},                                                                                  // Transaction Rollback: serialization_failure, deadlock_detected
	"42": {fault.BadInput, "Correct the SQL text.", false},                                                                      // Syntax Error or Access Rule Violation
	"53": {fault.StoreFailed, hintResource, true},                                                                               // Insufficient Resources: too_many_connections, out_of_memory
	"57": {fault.Unreachable, hintServer, true},                                                                                 // Operator Intervention: admin_shutdown, crash_shutdown, cannot_connect_now
}

// classify maps SQLSTATE to a code, a hint and whether trying again can help.
func classify(p *pgconn.PgError) (code, hint string, transient bool) {
	s, ok := states[p.Code]
	if !ok && len(p.Code) == 5 {
		s, ok = classes[p.Code[:2]]
	}
	if !ok {
		return fault.StoreFailed, "See the server's message and its log.", false
	}
	if p.Code == "40002" { // integrity constraint violation at the end of the transaction
		return fault.StoreFailed, hintRow, false
	}
	return s.code, s.hint, s.transient
}
