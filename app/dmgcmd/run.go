package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"dmgateway/engine"
)

type runCmd struct {
	KeyFile string `help:"Register with the gateway key in this file first, unless it is registered with that gateway already. The environment variable DMG_KEY may hold the key instead." env:"DMG_KEY_FILE" type:"path" placeholder:"FILE"`
	Node    string `help:"Name of this node where it has to register; the machine's name where not given." env:"DMG_NODE" placeholder:"NAME"`
}

// Run serves until a signal comes, then drains: it takes no new jobs and lets the running ones come to a checkpoint.
func (c runCmd) Run(p *program) (err error) {
	key, err := c.key()
	if err != nil {
		return err
	}
	e, err := engine.Open(p.ctx, engine.Options{Data: p.data, Log: p.logger(), Program: true, Starter: starter})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := c.register(p, e, key); err != nil {
		return err
	}
	events, err := e.Subscribe(p.ctx)
	if err != nil {
		return err
	}
	p.say("The engine runs for %s. Stop it with Ctrl+C.", p.data)
	var last engine.State
	for {
		var ev engine.Event
		select {
		case <-e.Restarts():
			return errRestart
		case next, ok := <-events:
			if !ok {
				p.say("Stopping: running jobs come to their next checkpoint.")
				return nil
			}
			ev = next
		}
		switch {
		case ev.Status != nil && ev.Status.State != last:
			last = ev.Status.State
			p.say("%s", stateText(*ev.Status))
		case ev.Job != nil && !ev.Job.Ended.IsZero():
			p.say("job %s: %s %s", ev.Job.ID, ev.Job.Activity, ev.Job.Status)
		}
	}
}

// key is the gateway key that this start was given, "" for none. It is taken out of the environment, so that no other
// process gets it from there.
func (c runCmd) key() (string, error) {
	text := os.Getenv(envKey)
	if err := os.Unsetenv(envKey); err != nil {
		return "", err
	}
	if c.KeyFile == "" {
		return strings.TrimSpace(text), nil
	}
	if text != "" {
		return "", &usageError{fmt.Errorf("both --key-file and %s give a gateway key; give one", envKey)}
	}
	f, err := os.Open(c.KeyFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	read, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return "", err
	}
	if text = strings.TrimSpace(string(read)); text == "" {
		return "", &usageError{fmt.Errorf("the file %s holds no gateway key", c.KeyFile)}
	}
	return text, nil
}

// The variable that may hold a gateway key, and how much of a file with one is read.
const (
	envKey = "DMG_KEY"
	maxKey = 64 << 10
)

// register registers with the key unless that has been done: a container is started again with what it was started with.
func (c runCmd) register(p *program, e *engine.Engine, key string) error {
	if key == "" {
		return nil
	}
	switch name, same, err := e.RegisteredWith(key); {
	case err != nil:
		return err
	case same:
		return nil
	case name != "":
		return &usageError{fmt.Errorf("the data directory %s is registered as the gateway %q, and the key is another one's; run `dmgcmd unregister` first, or use a data directory of its own", p.data, name)}
	}
	if err := e.Register(p.ctx, key, c.Node, nil); err != nil {
		return err
	}
	p.say("%s", registered)
	return nil
}

func stateText(s engine.Status) string {
	text := string(s.State)
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	if s.Remedy != "" {
		text += " " + s.Remedy
	}
	return text
}
