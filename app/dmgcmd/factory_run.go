package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"dmgateway/engine"
)

type startRun struct {
	remote
	Pipeline  string            `arg:"" help:"The pipeline."`
	Wait      bool              `help:"Wait for the end, with progress; exit code 4 when it failed."`
	Parameter map[string]string `help:"Value of a pipeline parameter, or windowStart and windowEnd for v1 slices." placeholder:"NAME=VALUE"`
}

func (c startRun) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	parameters := map[string]any{}
	for name, value := range c.Parameter {
		parameters[name] = value
	}
	id, err := client.Run(p.ctx, c.Pipeline, parameters)
	if err != nil {
		return err
	}
	if !c.Wait {
		return p.print(map[string]string{"runId": id}, func(w io.Writer) { fmt.Fprintln(w, id) })
	}
	p.say("run %s", id)
	m := newMeter(p.err)
	run, err := client.WaitRun(p.ctx, id, func(r engine.RunDetails) {
		for _, a := range r.Activities {
			if a.Progress != nil && !r.Ended() {
				m.show(*a.Progress)
			}
		}
	})
	m.done()
	if err != nil {
		return err
	}
	if err := p.print(run, func(w io.Writer) { printRun(w, run) }); err != nil {
		return err
	}
	if run.Status != engine.Succeeded {
		return errReported
	}
	return nil
}

type runsCmd struct {
	remote
	ID    string `arg:"" optional:"" help:"One run."`
	Limit int    `help:"How many at most." default:"20"`
}

func (c runsCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	if c.ID != "" {
		run, err := client.RunDetails(p.ctx, c.ID)
		if err != nil {
			return err
		}
		return p.print(run, func(w io.Writer) { printRun(w, run) })
	}
	list, err := client.Runs(p.ctx, c.Limit)
	if err != nil {
		return err
	}
	return p.print(list, func(w io.Writer) {
		var body [][]string
		for _, r := range list {
			body = append(body, []string{r.RunID, r.PipelineName, r.Status, timeText(r.RunStart), durationText(runTook(r)), strings.TrimSpace(r.Message)})
		}
		rows(w, []string{"RUN", "PIPELINE", "STATUS", "START", "DURATION", "MESSAGE"}, body)
	})
}

func runTook(r engine.PipelineRun) time.Duration {
	if r.RunEnd == nil {
		return 0
	}
	return r.RunEnd.Sub(r.RunStart)
}

func printRun(w io.Writer, r engine.RunDetails) {
	list := [][2]string{{"Run", r.RunID}, {"Pipeline", r.PipelineName}, {"Status", r.Status}, {"Start", timeText(r.RunStart)}}
	if r.RunEnd != nil {
		list = append(list, [2]string{"End", timeText(*r.RunEnd)})
	}
	pairs(w, append(list, [2]string{"Message", r.Message})...)
	for _, a := range r.Activities {
		fmt.Fprintln(w)
		pairs(w,
			[2]string{"Activity", fmt.Sprintf("%s, attempt %d", a.ActivityName, a.Attempt)},
			[2]string{"Status", a.Status},
			[2]string{"Gateway", strings.TrimSpace(a.Gateway + " " + a.Node)},
			[2]string{"Reason", a.Reason})
		if result := engine.ResultOf(a); result != nil {
			printResult(w, result)
		}
		if a.Error.ErrorCode != "" {
			pairs(w, [2]string{"Error", a.Error.ErrorCode + ": " + a.Error.Message}, [2]string{"What to do", a.Error.Hint})
		}
	}
}

type cancelRun struct {
	remote
	ID string `arg:"" help:"The run."`
}

func (c cancelRun) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	return client.Cancel(p.ctx, c.ID)
}
