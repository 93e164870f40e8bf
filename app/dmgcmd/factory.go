package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dmgateway/engine"
)

type factoryCmd struct {
	Serve   serveCmd          `cmd:"" help:"Run the cloud side on this machine until a signal comes."`
	Gateway gatewayCmd        `cmd:"" help:"Logical gateways and their keys."`
	Apply   applyCmd          `cmd:"" help:"Create or replace linked services, datasets and pipelines from JSON files."`
	List    listCmd           `cmd:"" help:"Linked services, datasets and pipelines, and what each uses."`
	Remove  removeCmd         `cmd:"" help:"Remove a linked service, dataset or pipeline."`
	Run     startRun          `cmd:"" help:"Start a pipeline."`
	Runs    runsCmd           `cmd:"" help:"Recent runs, or everything about one."`
	Cancel  cancelRun         `cmd:"" help:"Cancel a run."`
	Reports factoryReportsCmd `cmd:"" help:"What gateways have sent by Send logs."`

	CredentialLink credentialLinkCmd `cmd:"" help:"A link at which a person sets the credential of a linked service, once and within ten minutes."`

	Watermark watermarkCmd `cmd:"" help:"How far a pipeline's incremental copies have read, or begin them anew."`
}

type serveCmd struct {
	Listen     string `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8051"`
	Name       string `help:"The factory's name." default:"factory"`
	ServiceBus string `help:"Connection string of an Azure Service Bus namespace to use instead of the built-in bus." env:"DMG_SERVICE_BUS" placeholder:"CONNECTION"`
	TLSCert    string `name:"tls-cert" help:"Certificate (PEM) instead of one of the factory's own authority." type:"existingfile" placeholder:"FILE"`
	TLSKey     string `name:"tls-key" help:"Key of --tls-cert." type:"existingfile" placeholder:"FILE"`
	Feed       string `help:"Folder with a feed of updates, to be served to gateways." type:"path" placeholder:"DIR"`
	ReadyFile  string `help:"Where to write url, portal, token and ca as JSON once it serves." type:"path" placeholder:"FILE"`
}

func (c serveCmd) Run(p *program) error {
	if c.ServiceBus != "" && c.ServiceBus != os.Getenv("DMG_SERVICE_BUS") {
		p.say("warning: a connection string given as an argument can be seen by other users of this machine; the environment variable DMG_SERVICE_BUS is read too.")
	}
	return engine.ServeFactory(p.ctx, engine.FactoryOptions{
		Data: p.data, Name: c.Name, Listen: c.Listen, ServiceBus: c.ServiceBus,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, Feed: c.Feed, Verbose: p.verbose, LogTo: p.err,
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
			pairs(w, [2]string{"Factory", r.URL}, [2]string{"Portal", r.Portal}, [2]string{"Authority", r.CA},
				[2]string{"Token", "in " + filepath.Join(p.data, "factory", "token")})
			fmt.Fprintln(w, "It serves until Ctrl+C. Commands with the same --data find it by themselves.")
		})
	})
}

// writeAtomic writes a file that only its owner can read, under a new name first: nobody else can have made that one
// beforehand, in a folder such as /tmp.
func writeAtomic(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
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

type applyCmd struct {
	remote
	Paths           []string `arg:"" help:"JSON files, or folders of them." type:"path"`
	WithoutTriggers bool     `help:"Leave triggers out and call that done: something else starts the pipelines."`
}

func (c applyCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	applied, err := client.Apply(p.ctx, c.Paths...)
	if err != nil {
		for _, a := range applied {
			p.say("%s %s was applied before the error", a.Kind, a.Name)
		}
		return err
	}
	err = p.print(applied, func(w io.Writer) {
		for _, a := range applied {
			if a.Skipped != "" {
				fmt.Fprintf(w, "%s\tleft out: %s\n", a.File, a.Skipped)
				continue
			}
			fmt.Fprintf(w, "%s\t%s\tapplied\n", a.Name, a.Kind)
		}
		for _, a := range applied {
			for _, text := range a.Warnings {
				p.say("warning: %s", text)
			}
		}
	})
	if triggers := triggersOf(applied); err == nil && len(triggers) > 0 && !c.WithoutTriggers {
		p.say("error Unsupported: everything but the triggers was applied (%s): nothing starts their pipelines. "+
			"Start them with `dmgcmd factory run PIPELINE` from a scheduler such as cron, and give --without-triggers.", strings.Join(triggers, ", "))
		return errFound
	}
	return err
}

// triggersOf are the names of the triggers that were left out.
func triggersOf(applied []engine.Applied) []string {
	var names []string
	for _, a := range applied {
		if a.Kind == engine.Triggers {
			names = append(names, a.Name)
		}
	}
	return names
}

type removeCmd struct {
	remote
	Kind string `arg:"" enum:"linkedservice,dataset,pipeline" help:"linkedservice, dataset or pipeline."`
	Name string `arg:"" help:"Its name."`
}

func (c removeCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	return client.Delete(p.ctx, c.Kind+"s", c.Name)
}
