package testserver

import (
	"fmt"
	"os"
)

// StartPostgres starts a private PostgreSQL for a program that is no test, such as a benchmark, and gives its connection
// string. The server ends with the program.
func StartPostgres() (dsn string, err error) {
	dsn, missing, err := startPostgres()
	if missing != "" {
		return "", fmt.Errorf("PostgreSQL cannot be started: %s", missing)
	}
	return dsn, err
}

// StartSQLServer gives the DSN of the SQL Server that the environment names, else of a stand-in that ends with the
// program.
func StartSQLServer() (dsn string, err error) {
	return startNamed(SQLServerEnv, "--tds-only", "TDS_PORT")
}

// StartOracle is StartSQLServer for Oracle.
func StartOracle() (dsn string, err error) { return startNamed(OracleEnv, "--ora-only", "ORA_PORT") }

func startNamed(env, flag, port string) (string, error) {
	if dsn := os.Getenv(env); dsn != "" {
		return dsn, nil
	}
	dsn, missing, err := startStandin(env, flag, port)
	if missing != "" {
		return "", fmt.Errorf("%s: %s", env, missing)
	}
	return dsn, err
}

// StartMariaDB starts a private MariaDB for a program that is no test and gives the driver's DSN of an empty database in
// it. The server ends with the program.
func StartMariaDB() (dsn string, err error) {
	dsn, missing, err := startMariaDB()
	if missing != "" {
		return "", fmt.Errorf("MariaDB cannot be started: %s", missing)
	}
	return dsn, err
}
