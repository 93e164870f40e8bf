//go:build !windows

package credential

// privateFile is where a key goes that the system's key store does not take.
func privateFile(path string) KeyStore { return FileKeyStore(path) }
