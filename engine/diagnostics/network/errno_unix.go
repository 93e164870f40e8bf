//go:build !windows

package network

import "syscall"

var (
	refused    = []syscall.Errno{syscall.ECONNREFUSED}
	unroutable = []syscall.Errno{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL}
	cut        = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
)
