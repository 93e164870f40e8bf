//go:build !windows

package update

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// passedOn are the signals that a starter passes on to what it has started.
var passedOn = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

func passOn(process *os.Process, s os.Signal) { _ = process.Signal(s) } // it may have ended

func askToEnd(process *os.Process) { passOn(process, syscall.SIGTERM) }

// run becomes a kept version; it returns only when that failed.
func (p *Program) run(version string, args []string, mark Mark) (int, error) {
	c := p.command(version, args, mark)
	if err := step("exec"); err != nil {
		return 0, err
	}
	err := syscall.Exec(c.Path, c.Args, c.Env) //nolint:gosec // the program was checked
	return 0, failed("run the kept version "+version, c.Path, err)
}

// again becomes the starter.
func (p *Program) again(starter string) int {
	env := slices.DeleteFunc(os.Environ(), isMark)
	err := syscall.Exec(starter, append([]string{starter}, p.Args...), env) //nolint:gosec // it is this program, or what has started it
	// The starter is gone, because another version was installed or everything removed: the service manager or a person
	// starts what is there now.
	fmt.Fprintln(os.Stderr, failed("start again", starter, err))
	return 1
}
