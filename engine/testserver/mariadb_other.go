//go:build !unix

package testserver

func startMariaDB() (dsn, missing string, err error) {
	return "", "a private server is only started on Unix systems", nil
}
