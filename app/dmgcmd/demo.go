package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dmgateway/engine"
)

type demoCmd struct {
	Rows int64  `help:"Rows of the sample database." default:"100000"`
	Keep string `help:"Folder to work in and keep, with the gateway's data and the results." type:"path" placeholder:"DIR"`
}

// Run makes a throw-away installation, lets one job per format go the whole way, and checks the counts.
func (c demoCmd) Run(p *program) error {
	dir := c.Keep
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "dmgateway-demo-"); err != nil {
			return err
		}
	}
	demo, err := engine.Demo(p.ctx, filepath.Join(dir, "data"), filepath.Join(dir, "result"), c.Rows, func(s engine.RegisterStep) {
		p.say("  %s", s.Text)
	})
	if demo == nil {
		return err
	}
	if err := p.print(demo, func(w io.Writer) {
		fmt.Fprintf(w, "\nResult:\t%s\n", demo.Status)
		pairs(w,
			[2]string{"Rows", fmt.Sprintf("%s in the source, %s copied to Parquet, %s to CSV", count(demo.SourceRows), count(demo.ParquetRows), count(demo.CSVRows))},
			[2]string{"Picked up", durationText(demo.PickedUp) + " after it was queued"},
			[2]string{"Folder", demo.Folder})
		for _, f := range demo.Files {
			pairs(w, [2]string{"File", f})
		}
	}); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if demo.Status != engine.Succeeded {
		return errReported
	}
	return nil
}
