//go:build !windows

package logging

import "os"

func openShared(path string) (*os.File, error) { return os.Open(path) }
