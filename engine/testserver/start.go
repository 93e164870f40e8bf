package testserver

import "fmt"

// StartPostgres starts a private PostgreSQL for a program that is no test, such as a benchmark, and gives its connection
// string. The server ends with the program.
func StartPostgres() (dsn string, err error) {
	dsn, missing, err := startPostgres()
	if missing != "" {
		return "", fmt.Errorf("PostgreSQL cannot be started: %s", missing)
	}
	return dsn, err
}
