package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"dmgateway/engine"
)

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
			pairs(w, [2]string{"", strings.TrimSuffix("version "+n.Version+", "+n.UpdateText(), ", ")})
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
	if c.Recreate {
		p.say("The old key is void: every node of %s has to register with the new one.", c.Name)
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
