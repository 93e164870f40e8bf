//go:build !unix

package testserver

func runStandin(_, _, _ string) (said, missing string, err error) {
	return "", "the stand-ins run on Unix only", nil
}
