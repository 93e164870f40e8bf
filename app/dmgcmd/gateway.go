package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"dmgateway/engine"
)

// withEngine calls fn with the engine that runs for the data directory, or with one of its own where none runs.
func (p *program) withEngine(fn func(engine.Controller) error) error {
	client, err := engine.Dial(p.ctx, p.data)
	if err == nil {
		defer client.Close()
		return fn(client)
	}
	if engine.ErrorOf(err).Code != engine.CodeNotRunning {
		return err
	}
	e, err := engine.Open(p.ctx, engine.Options{Data: p.data, Log: p.logger(), Idle: true})
	if err != nil {
		return err
	}
	return errors.Join(fn(e), e.Close())
}

// withRunning calls fn with the engine that runs for the data directory.
func (p *program) withRunning(fn func(*engine.Client) error) error {
	client, err := engine.Dial(p.ctx, p.data)
	if err != nil {
		return err
	}
	defer client.Close()
	return fn(client)
}

// registered is the sentence that people and scripts know.
const registered = "Agent registration is successful!"

type registerCmd struct {
	Key  string `arg:"" help:"The gateway key, or - to read it from standard input." placeholder:"KEY|-"`
	Node string `help:"Name of this node; the machine's name where not given." placeholder:"NAME"`
}

func (c registerCmd) Run(p *program) error {
	key := c.Key
	if key == "-" {
		var err error
		if key, err = p.readSecret("Gateway key: "); err != nil {
			return err
		}
	} else {
		p.say("warning: a key given as an argument can be seen by other users of this machine; `dmgcmd register -` reads it from standard input.")
	}
	err := p.withEngine(func(e engine.Controller) error {
		return e.Register(p.ctx, key, c.Node, func(s engine.RegisterStep) {
			if s.Text != registered {
				p.say("  %s", s.Text)
			}
		})
	})
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(map[string]string{"result": registered})
	}
	fmt.Fprintln(p.out, registered)
	return nil
}

// readSecret asks on a terminal without echo, and otherwise reads one line.
func (p *program) readSecret(prompt string) (string, error) {
	if f, ok := p.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(p.err, prompt)
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(p.err)
		return strings.TrimSpace(string(text)), err
	}
	line, err := bufio.NewReader(io.LimitReader(p.in, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	return strings.TrimSpace(line), nil
}

type unregisterCmd struct{}

func (unregisterCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		return p.told(e.Unregister(p.ctx), "The registration is forgotten. `dmgcmd register -` takes a new key.")
	})
}

type statusCmd struct {
	Check bool `help:"End with exit code 1 unless the gateway is connected, for health checks of containers and monitoring."`
}

func (c statusCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		s, err := e.Status(p.ctx)
		if err != nil {
			return err
		}
		err = p.print(s, func(w io.Writer) {
			pairs(w,
				[2]string{"State", string(s.State)},
				[2]string{"Reason", s.Reason},
				[2]string{"What to do", s.Remedy},
				[2]string{"Gateway", s.Gateway},
				[2]string{"Node", s.Node},
				[2]string{"Factory", strings.TrimSpace(s.Factory + " " + s.FactoryURL)},
				[2]string{"Last contact", timeText(s.LastContact)},
				[2]string{"Jobs", fmt.Sprintf("%d running, at most %d at once", s.Jobs.Running, s.Jobs.Limit)},
				[2]string{"Certificate", certificateText(s.Certificate)},
				[2]string{"Endpoint", strings.TrimSpace(s.Endpoint.State + " " + s.Endpoint.URL + " " + s.Endpoint.Reason)},
				[2]string{"What to do", s.Endpoint.Remedy},
				[2]string{"Version", s.Version})
		})
		if err == nil && c.Check && !serves(s.State) {
			return errFound
		}
		return err
	})
}

// serves says whether the factory reaches the gateway, or it is about to finish what it has.
func serves(s engine.State) bool {
	return s == engine.Connected || s == engine.Limited || s == engine.Draining || s == engine.Updating
}

func certificateText(c engine.CertificateStatus) string {
	if c.Thumbprint == "" {
		return ""
	}
	return fmt.Sprintf("%s, valid until %s", c.Thumbprint, c.NotAfter.Format("2006-01-02"))
}

type (
	startCmd struct{}
	stopCmd  struct{}
	drainCmd struct{}
)

func (startCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		return p.told(e.Start(p.ctx), "Started. `dmgcmd status` shows how it goes on.")
	})
}

func (stopCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		return p.told(e.Stop(p.ctx), "Stopped. `dmgcmd start` connects again.")
	})
}

func (drainCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		return p.told(e.Drain(p.ctx), "No new jobs are taken; it stops when the running ones have ended.")
	})
}

type settingsCmd struct {
	Name  string  `arg:"" optional:"" help:"A setting."`
	Value *string `arg:"" optional:"" help:"Its new value; an empty text means the default."`
}

func (c settingsCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		list, err := e.Settings(p.ctx)
		if err != nil {
			return err
		}
		known := slices.ContainsFunc(list, func(s engine.Setting) bool { return strings.EqualFold(s.Name, c.Name) })
		if c.Value != nil && known {
			return e.SetSetting(p.ctx, c.Name, *c.Value)
		}
		if c.Name == "" {
			return p.print(list, func(w io.Writer) {
				var body [][]string
				for _, s := range list {
					body = append(body, []string{s.Name, s.Value, s.Help})
				}
				rows(w, []string{"SETTING", "VALUE", "MEANING"}, body)
			})
		}
		for _, s := range list {
			if strings.EqualFold(s.Name, c.Name) {
				return p.print(s, func(w io.Writer) { fmt.Fprintln(w, s.Value) })
			}
		}
		return &usageError{fmt.Errorf("there is no setting %q; `dmgcmd settings` lists them", c.Name)}
	})
}
