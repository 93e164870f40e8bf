package update

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
)

// passedOn are the signals after which a starter knows that it was asked to end. Whoever shares the console is told by
// Windows itself.
var passedOn = []os.Signal{os.Interrupt}

func passOn(*os.Process, os.Signal) {}

// askToEnd kills: Windows has no way to ask a process without a window of its own.
func askToEnd(process *os.Process) { _ = process.Kill() }

// run runs a kept version as a child and waits for it.
func (p *Program) run(version string, args []string, mark Mark) (int, error) {
	mark.Waits = true
	return wait(p.command(version, args, mark))
}

func wait(c *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	defer signal.Stop(signals)
	if err := c.Start(); err != nil {
		return 0, failed("run a kept version", c.Path, err)
	}
	_ = c.Wait() // the code says how
	return c.ProcessState.ExitCode(), nil
}

// again runs the starter as a child: this process may be what others wait for.
func (p *Program) again(starter string) int {
	c := exec.Command(starter, p.Args...)
	c.Env = slices.DeleteFunc(os.Environ(), isMark)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	code, err := wait(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
