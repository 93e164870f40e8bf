package network

import "syscall"

// Windows Sockets' numbers of the errors.
var (
	refused    = []syscall.Errno{10061}
	unroutable = []syscall.Errno{10051, 10065, 10050, 10049}
	cut        = []syscall.Errno{10054, 10053, 10052}
)
