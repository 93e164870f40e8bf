//go:build !unix

package testserver

func startSSH() (*SSHServer, string, error) { return nil, "a private server runs on Unix only", nil }
