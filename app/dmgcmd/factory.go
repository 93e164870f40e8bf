package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"dmgateway/engine"
)

type factoryCmd struct {
	Serve   serveCmd   `cmd:"" help:"Run the cloud side on this machine until a signal comes."`
	Gateway gatewayCmd `cmd:"" help:"Logical gateways and their keys."`
	Apply   applyCmd   `cmd:"" help:"Create or replace linked services, datasets and pipelines from JSON files."`
	Run     startRun   `cmd:"" help:"Start a pipeline."`
	Runs    runsCmd    `cmd:"" help:"Recent runs, or everything about one."`
	Cancel  cancelRun  `cmd:"" help:"Cancel a run."`
}

type serveCmd struct {
	Listen     string `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8051"`
	Name       string `help:"The factory's name." default:"factory"`
	ServiceBus string `help:"Connection string of an Azure Service Bus namespace to use instead of the built-in bus." env:"DMG_SERVICE_BUS" placeholder:"CONNECTION"`
	TLSCert    string `name:"tls-cert" help:"Certificate (PEM) instead of one of the factory's own authority." type:"existingfile" placeholder:"FILE"`
	TLSKey     string `name:"tls-key" help:"Key of --tls-cert." type:"existingfile" placeholder:"FILE"`
	ReadyFile  string `help:"Where to write url, portal, token and ca as JSON once it serves." type:"path" placeholder:"FILE"`
}

func (c serveCmd) Run(p *program) error {
	return engine.ServeFactory(p.ctx, engine.FactoryOptions{
		Data: p.data, Name: c.Name, Listen: c.Listen, ServiceBus: c.ServiceBus,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, Verbose: p.verbose, LogTo: p.err,
	}, func(r engine.FactoryReady) error {
		if c.ReadyFile != "" {
			text, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := writeAtomic(c.ReadyFile, text); err != nil {
				return err
			}
		}
		r.Token = "" // secrets go into files only
		return p.print(r, func(w io.Writer) {
			pairs(w, [2]string{"Factory", r.URL}, [2]string{"Portal", r.Portal}, [2]string{"Authority", r.CA})
			fmt.Fprintln(w, "It serves until Ctrl+C. Commands with the same --data find it by themselves.")
		})
	})
}

func writeAtomic(name string, text []byte) error {
	if err := os.WriteFile(name+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// remote says which factory the commands talk to; without it they take the one in the data directory.
type remote struct {
	Factory string `help:"The factory's address." env:"DMG_FACTORY" placeholder:"URL"`
	Token   string `help:"Its token." env:"DMG_FACTORY_TOKEN" placeholder:"TOKEN"`
	CA      string `name:"ca" help:"Certificate authority (PEM) that its certificate comes from." env:"DMG_FACTORY_CA" type:"path" placeholder:"FILE"`
}

func (r remote) client(p *program) (*engine.FactoryClient, error) {
	return engine.DialFactory(p.data, r.Factory, r.Token, r.CA)
}

type gatewayCmd struct {
	New    gatewayNewCmd    `cmd:"" help:"Make a logical gateway and print its key."`
	List   gatewayListCmd   `cmd:"" help:"All gateways with their status."`
	Show   gatewayShowCmd   `cmd:"" help:"One gateway with its nodes."`
	Key    gatewayKeyCmd    `cmd:"" help:"Print a gateway's key; with --recreate a new one."`
	Update gatewayUpdateCmd `cmd:"" help:"Change a gateway's description."`
	Remove gatewayRemoveCmd `cmd:"" help:"Remove a gateway; its nodes stop working at once."`
}

type gatewayNewCmd struct {
	remote
	Name        string `arg:"" help:"The gateway's name."`
	Description string `help:"What it is for."`
}

func (c gatewayNewCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	key, err := client.NewGateway(p.ctx, c.Name, c.Description)
	if err != nil {
		return err
	}
	return p.printKey(c.Name, key)
}

func (p *program) printKey(name, key string) error {
	if p.json {
		return p.printJSON(map[string]string{"name": name, "key": key})
	}
	fmt.Fprintln(p.out, key)
	return nil
}

type gatewayListCmd struct{ remote }

func (c gatewayListCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	list, err := client.Gateways(p.ctx)
	if err != nil {
		return err
	}
	return p.print(list, func(w io.Writer) {
		var body [][]string
		for _, g := range list {
			d := g.Properties.TypeProperties
			body = append(body, []string{g.Name, g.Properties.State, fmt.Sprint(len(d.Nodes)), d.Version, timeText(lastContact(g)), g.Properties.Description})
		}
		rows(w, []string{"GATEWAY", "STATUS", "NODES", "VERSION", "LAST CONTACT", "DESCRIPTION"}, body)
	})
}

type gatewayShowCmd struct {
	remote
	Name string `arg:"" help:"The gateway."`
}

func (c gatewayShowCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	g, err := client.Gateway(p.ctx, c.Name)
	if err != nil {
		return err
	}
	return p.print(g, func(w io.Writer) {
		d := g.Properties.TypeProperties
		pairs(w,
			[2]string{"Gateway", g.Name},
			[2]string{"Description", g.Properties.Description},
			[2]string{"Status", g.Properties.State},
			[2]string{"Reason", g.Properties.Reason},
			[2]string{"Created", timeText(d.CreateTime)},
			[2]string{"Last contact", timeText(lastContact(g))},
			[2]string{"Version", d.Version})
		for _, n := range d.Nodes {
			pairs(w, [2]string{"Node", fmt.Sprintf("%s  %s  %d of %d jobs  CPU %.0f %%  %s free", n.NodeName, n.Status, n.ConcurrentJobsRunning, n.ConcurrentJobsLimit, n.CPUUtilization, bytesText(n.AvailableMemoryInMB<<20))})
		}
	})
}

// lastContact is when any of a gateway's nodes was last heard of.
func lastContact(g engine.Gateway) time.Time {
	var last time.Time
	for _, n := range g.Properties.TypeProperties.Nodes {
		if n.LastConnectTime.After(last) {
			last = n.LastConnectTime
		}
	}
	return last
}

type gatewayKeyCmd struct {
	remote
	Name     string `arg:"" help:"The gateway."`
	Recreate bool   `help:"Make a new key. The nodes that registered with the old one stop working at once."`
}

func (c gatewayKeyCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	get := client.Key
	if c.Recreate {
		get = client.RecreateKey
	}
	key, err := get(p.ctx, c.Name)
	if err != nil {
		return err
	}
	return p.printKey(c.Name, key)
}

type gatewayUpdateCmd struct {
	remote
	Name        string `arg:"" help:"The gateway."`
	Description string `help:"What it is for." required:""`
}

func (c gatewayUpdateCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	return client.UpdateGateway(p.ctx, c.Name, c.Description)
}

type gatewayRemoveCmd struct {
	remote
	Name string `arg:"" help:"The gateway."`
}

func (c gatewayRemoveCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	return client.RemoveGateway(p.ctx, c.Name)
}

type applyCmd struct {
	remote
	Paths []string `arg:"" help:"JSON files, or folders of them." type:"path"`
}

func (c applyCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	applied, err := client.Apply(p.ctx, c.Paths...)
	if err != nil {
		return err
	}
	return p.print(applied, func(w io.Writer) {
		for _, a := range applied {
			if a.Skipped != "" {
				fmt.Fprintf(w, "%s\tleft out: %s\n", a.File, a.Skipped)
				continue
			}
			fmt.Fprintf(w, "%s\t%s\tapplied\n", a.Name, a.Kind)
		}
	})
}

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
