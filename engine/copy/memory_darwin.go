package copy

import "syscall"

// systemPeak is the largest resident size of the process so far, which macOS counts in bytes.
func systemPeak() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss
}
