package main

import "io"

type watermarkCmd struct {
	remote
	Pipeline string `arg:"" help:"The pipeline."`
	Reset    bool   `help:"Forget it, so that the next run reads every row again."`
}

func (c watermarkCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	if c.Reset {
		return client.ResetWatermarks(p.ctx, c.Pipeline)
	}
	list, err := client.Watermarks(p.ctx, c.Pipeline)
	if err != nil {
		return err
	}
	return p.print(list, func(w io.Writer) {
		var body [][]string
		for _, m := range list {
			body = append(body, []string{m.Activity, m.Source, m.Column, m.Value, timeText(m.Changed)})
		}
		rows(w, []string{"ACTIVITY", "SOURCE", "COLUMN", "VALUE", "CHANGED"}, body)
	})
}
