package main

import (
	"errors"
	"io"
	"os"

	"dmgateway/engine"
)

// errFound says that a test found something wrong and has shown what.
var errFound = errors.New("the test failed")

// errUnregistered says that a test could not look at what matters, and has said so.
var errUnregistered = errors.New("not registered")

type networkCmd struct {
	Check networkCheckCmd `cmd:"" help:"Try every host and port that is needed, step by step, and say what to do."`
}

type networkCheckCmd struct {
	HTML string `name:"html" help:"Write the report as one HTML file, too." placeholder:"FILE" type:"path"`
}

// Run shows each check as it ends; the result is a failure where a step failed.
func (c networkCheckCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		if !p.json {
			p.say("Checking; this takes at most 15 seconds.")
		}
		var broken error
		report, err := e.CheckNetwork(p.ctx, func(check engine.NetworkCheck) {
			if p.json {
				p.say("  %s: %s", check.Name, check.State())
			}
		})
		if err != nil {
			return err
		}
		if p.json {
			broken = p.printJSON(report)
		} else {
			broken = report.WriteText(p.out)
		}
		if broken != nil {
			return broken
		}
		if c.HTML != "" {
			if err := writeReport(c.HTML, report); err != nil {
				return err
			}
			p.say("The report is in %s.", c.HTML)
		}
		if !report.OK {
			return errFound
		}
		return p.registered(e)
	})
}

// registered is an error where the gateway has no factory yet: then what matters most was not checked.
func (p *program) registered(e engine.Controller) error {
	s, err := e.Status(p.ctx)
	if err != nil || s.FactoryURL != "" {
		return err
	}
	p.say("error NotRegistered: the gateway is not registered, so neither factory nor queue was checked. Register it, then check again.")
	return errUnregistered
}

func writeReport(path string, report engine.NetworkReport) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteHTML(io.Writer(f)), f.Close())
}
