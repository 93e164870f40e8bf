package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"dmgateway/engine"
)

type factoryReportsCmd struct {
	remote
	ID     string `arg:"" optional:"" help:"One report."`
	Save   string `help:"Save the report's zip file here. The file must not exist yet." placeholder:"FILE"`
	Remove bool   `help:"Remove the report from the factory."`
}

func (c factoryReportsCmd) Run(p *program) error {
	if c.ID == "" && (c.Save != "" || c.Remove) {
		return &usageError{errors.New("--save and --remove need a report's ID")}
	}
	client, err := c.client(p)
	if err != nil {
		return err
	}
	switch {
	case c.ID == "":
		list, err := client.Reports(p.ctx)
		if err != nil {
			return err
		}
		return p.print(list, func(w io.Writer) {
			var body [][]string
			for _, r := range list {
				body = append(body, []string{r.ID, r.Gateway, r.Node, timeText(r.Received), bytesText(r.Bytes), r.Note})
			}
			rows(w, []string{"REPORT", "GATEWAY", "NODE", "RECEIVED", "SIZE", "NOTE"}, body)
		})
	case c.Save != "":
		if err := saveReport(p, client, c.ID, c.Save); err != nil {
			return err
		}
	}
	if c.Remove {
		return client.RemoveReport(p.ctx, c.ID)
	}
	if c.Save != "" && !p.json {
		fmt.Fprintln(p.out, c.Save)
		return nil
	}
	r, err := client.Report(p.ctx, c.ID)
	if err != nil {
		return err
	}
	return p.print(r, func(w io.Writer) {
		pairs(w,
			[2]string{"Report", r.ID}, [2]string{"Gateway", r.Gateway}, [2]string{"Node", r.Node}, [2]string{"Version", r.Version},
			[2]string{"Received", timeText(r.Received)}, [2]string{"Size", bytesText(r.Bytes)}, [2]string{"Note", r.Note})
	})
}

// saveReport writes a report to a file that does not exist yet; a part of one is removed again.
func saveReport(p *program, client *engine.FactoryClient, id, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("save the report: %w", err)
	}
	_, err = client.SaveReport(p.ctx, id, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
