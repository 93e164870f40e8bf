package main

import (
	"io"
	"strings"
)

type listCmd struct{ remote }

// Run lists what the factory keeps.
func (c listCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	list, err := client.Objects(p.ctx)
	if err != nil {
		return err
	}
	return p.print(list, func(w io.Writer) {
		var body [][]string
		for _, o := range list {
			body = append(body, []string{strings.TrimSuffix(o.Kind, "s"), o.Name, o.Type, strings.Join(o.Uses, ", ")})
		}
		rows(w, []string{"KIND", "NAME", "TYPE", "USES"}, body)
	})
}
