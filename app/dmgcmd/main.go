// Command dmgcmd is the gateway's command line: everything that the window does, for scripts and for machines without a
// screen, and the factory's side. It has no window and needs no cgo.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if code, done := firstStep(os.Args[1:]); done {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := os.Stdout
	os.Stdout = os.Stderr // the Oracle driver prints the server's warnings there, and they must not stand in the output
	code := run(ctx, os.Args[1:], os.Stdin, out, os.Stderr)
	if code == exitRestart {
		stop()
		os.Stdout = out
		code = starter.Restart(os.Args[1:])
	}
	os.Exit(code)
}
