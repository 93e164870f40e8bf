package main

import (
	"fmt"
	"io"
	"unicode"

	"dmgateway/engine"
)

type helpCmd struct {
	Words []string `arg:"" optional:"" help:"A command, an error code, or an event's number." placeholder:"COMMAND|CODE|EVENT"`
}

// Run explains what an error code or an event of the log means, and otherwise a command. Commands are in small letters,
// codes and numbers are not.
func (c helpCmd) Run(p *program) error {
	if len(c.Words) == 1 {
		first := []rune(c.Words[0] + " ")[0]
		named := unicode.IsUpper(first) || unicode.IsDigit(first)
		topic, ok := engine.Help(c.Words[0])
		switch {
		case ok && named:
			return p.print(topic, func(w io.Writer) { fmt.Fprint(w, topic) })
		case named:
			return &usageError{fmt.Errorf("%q is neither an error code nor an event of the log; `dmgcmd logs events` lists the events", c.Words[0])}
		}
	}
	if run(p.ctx, append(c.Words, "--help"), p.in, p.out, p.err) != exitDone {
		return errWords
	}
	return nil
}
