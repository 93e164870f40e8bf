package main

import (
	"fmt"
	"io"
	"strings"

	"dmgateway/engine"
)

type requirementsCmd struct {
	Brief bool `help:"One line, for installers."`
}

// Run tells what of this machine stands in the gateway's way, with the remedy, and fails where something does.
func (c requirementsCmd) Run(p *program) error {
	found := engine.Requirements(p.ctx, p.data)
	err := p.print(found, func(w io.Writer) {
		switch {
		case len(found) == 0:
			fmt.Fprintln(w, "This machine is fit for the Data Management Gateway.")
		case c.Brief:
			var titles []string
			for _, f := range found {
				titles = append(titles, f.Title)
			}
			fmt.Fprintf(w, "Data Management Gateway: %s. `dmgcmd requirements` says what to do.\n", strings.Join(titles, "; "))
		default:
			for _, f := range found {
				fmt.Fprintf(w, "%s\n  %s\n  %s\n", f.Title, f.Text, f.Remedy)
			}
		}
	})
	if err == nil && len(found) > 0 {
		return errFound
	}
	return err
}
