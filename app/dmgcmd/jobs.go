package main

import (
	"fmt"
	"io"
	"time"

	"dmgateway/engine"
)

type jobsCmd struct {
	List   jobsListCmd   `cmd:"" default:"withargs" help:"Running and recent jobs."`
	Show   jobsShowCmd   `cmd:"" help:"Everything about one job."`
	Cancel jobsCancelCmd `cmd:"" help:"Cancel a running job."`
	Retry  jobsRetryCmd  `cmd:"" help:"Run a failed or cancelled job once more from its last checkpoint."`
}

type jobsListCmd struct {
	Follow bool `help:"Go on showing jobs as they progress and end."`
	Limit  int  `help:"How many at most." default:"20"`
}

func (c jobsListCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		list, err := e.Jobs(p.ctx, c.Limit)
		if err != nil {
			return err
		}
		if list == nil {
			list = []engine.Job{}
		}
		err = p.print(list, func(w io.Writer) {
			var body [][]string
			for _, j := range list {
				body = append(body, jobRow(j))
			}
			rows(w, []string{"ID", "STATUS", "PIPELINE", "SOURCE", "SINK", "ROWS", "TAKEN", "DURATION"}, body)
		})
		if err != nil || !c.Follow {
			return err
		}
		return p.follow(e)
	})
}

func (p *program) follow(e *engine.Client) error {
	events, err := e.Subscribe(p.ctx)
	if err != nil {
		return err
	}
	for ev := range events {
		if j := ev.Job; j != nil {
			if p.json {
				if err := p.printJSON(j); err != nil {
					return err
				}
				continue
			}
			text := j.Status
			if j.Progress != nil && j.Ended.IsZero() {
				text += "  " + progressText(*j.Progress)
			}
			fmt.Fprintf(p.out, "%s  %s  %s\n", time.Now().Format(time.TimeOnly), j.ID, text)
		}
	}
	if p.ctx.Err() != nil {
		return errStopped
	}
	return nil
}

func jobRow(j engine.Job) []string {
	var copied int64
	switch {
	case j.Result != nil:
		copied = j.Result.RowsCopied
	case j.Progress != nil:
		copied = j.Progress.RowsCopied
	}
	took := ""
	switch {
	case !j.Ended.IsZero() && !j.Started.IsZero():
		took = durationText(j.Ended.Sub(j.Started))
	case !j.Started.IsZero():
		took = durationText(time.Since(j.Started))
	}
	return []string{j.ID, j.Status, j.Pipeline, j.Source, j.Sink, count(copied), timeText(j.Taken), took}
}

type jobsShowCmd struct {
	ID  string `arg:"" help:"The job's ID."`
	Log bool   `help:"Print the lines that the gateway logged about the job."`
}

func (c jobsShowCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		j, err := e.Job(p.ctx, c.ID)
		if err != nil {
			return err
		}
		if c.Log {
			return p.printJobLog(j.ID)
		}
		return p.print(j, func(w io.Writer) {
			pairs(w,
				[2]string{"Job", j.ID},
				[2]string{"Pipeline", j.Pipeline},
				[2]string{"Activity", j.Activity},
				[2]string{"Source", j.Source},
				[2]string{"Sink", j.Sink},
				[2]string{"Status", j.Status},
				[2]string{"Attempt", fmt.Sprint(j.Attempt)},
				[2]string{"Taken", timeText(j.Taken)},
				[2]string{"Waited", durationText(j.PickedUp)},
				[2]string{"Ended", timeText(j.Ended)})
			if j.Result != nil {
				printResult(w, j.Result)
				for _, e := range j.Result.Errors {
					pairs(w, [2]string{"Error", e.Code + ": " + e.Message}, [2]string{"What to do", e.Hint})
				}
			}
		})
	})
}

type jobsCancelCmd struct {
	ID string `arg:"" help:"The job's ID."`
}

func (c jobsCancelCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		return p.told(e.Cancel(p.ctx, c.ID), "Job %s is being cancelled.", c.ID)
	})
}

type jobsRetryCmd struct {
	ID string `arg:"" help:"The job's ID."`
}

func (c jobsRetryCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		return p.told(e.Retry(p.ctx, c.ID), "Job %s runs again. `dmgcmd jobs --follow` shows it.", c.ID)
	})
}
