// Command feed makes and signs update feeds; README.md beside it says when to use what. It is the release person's tool,
// and no part of the program.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"dmgateway/engine/update/feed"
	"dmgateway/packaging/feed/repository"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr, time.Now); err != nil {
		fmt.Fprintln(os.Stderr, "feed:", err)
		os.Exit(1)
	}
}

const usage = `feed makes and signs update feeds.

  feed new       -keys DIR -out DIR   make keys and an empty feed, so that there is a root to pin before the first release
  feed [release] -keys DIR -out DIR -dist DIR -rollout N   put the archives in dist into the feed (made as by new where there is none)
  feed rollout   -keys DIR -out DIR -version V -rollout N   offer a version to more or fewer nodes
  feed withdraw  -keys DIR -out DIR -version V   offer a version to nobody any more
  feed renew     -keys DIR -out DIR   sign the timestamp anew; needs only timestamp.key and root.json
  feed rotate    -keys DIR -out DIR -role ROLE   give root, targets, snapshot or timestamp a new key
  feed show      -keys DIR -out DIR   what is in the feed
  feed root      -keys DIR   the root in base64, for builds to pin

`

// command is what was asked for, from the arguments.
type command struct {
	o                                repository.Options
	dist, version, channel, role     string
	notes, minVersion, since, secret string
	rollout, days                    int
	out                              io.Writer
}

func run(args []string, out, log io.Writer, now func() time.Time) error {
	verb := "release"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	c := command{out: out, o: repository.Options{Now: now, Say: func(format string, a ...any) { fmt.Fprintf(log, "feed: "+format+"\n", a...) }}}
	do := map[string]func(*command) error{
		"release": (*command).release, "rollout": (*command).change, "withdraw": (*command).withdraw, "renew": (*command).renew,
		"rotate": (*command).rotate, "show": (*command).show, "root": (*command).root, "new": (*command).make,
	}[verb]
	f := c.flags(log)
	if do == nil {
		return fmt.Errorf("there is no command %q; -h lists them", verb)
	}
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is not understood: everything is said by flags", f.Arg(0))
	}
	if c.o.Keys.Dir == "" || c.o.Out == "" && verb != "root" {
		return errors.New("say with -keys and -out where the keys and the feed are")
	}
	if c.secret != "" {
		text, err := os.ReadFile(c.secret)
		if err != nil {
			return err
		}
		if c.o.Keys.Passphrase = bytes.TrimRight(text, "\r\n"); len(c.o.Keys.Passphrase) == 0 {
			return fmt.Errorf("%s holds no passphrase", c.secret)
		}
	}
	if c.days < 1 || c.days > 365 {
		return fmt.Errorf("a timestamp is valid for 1 to 365 days, not for %d", c.days)
	}
	c.o.Valid = time.Duration(c.days) * 24 * time.Hour
	return do(&c)
}

func (c *command) flags(log io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("feed", flag.ContinueOnError)
	f.SetOutput(log)
	f.Usage = func() { fmt.Fprint(log, usage); f.PrintDefaults() }
	f.StringVar(&c.o.Keys.Dir, "keys", "", "folder of the keys; never below -out")
	f.StringVar(&c.o.Out, "out", "", "folder of the feed, to be served as it is")
	f.StringVar(&c.secret, "passphrase-file", "", "file with the passphrase of the keys of root and targets")
	f.StringVar(&c.dist, "dist", "dist", "folder of archives such as dmgateway_1.3.0_linux_amd64.tar.gz")
	f.StringVar(&c.version, "version", "", "the version, where there are several")
	f.StringVar(&c.channel, "channel", feed.Stable, feed.Stable+" or "+feed.Preview)
	f.IntVar(&c.rollout, "rollout", -1, "percent of all nodes to which it is offered")
	f.StringVar(&c.since, "since", "", "when that begins, RFC 3339 (default now)")
	f.StringVar(&c.notes, "notes", "", "file with what is new, in short Markdown")
	f.StringVar(&c.minVersion, "min-version", "", "the oldest version from which the step can be made")
	f.StringVar(&c.role, "role", "", "whose key is made anew")
	f.IntVar(&c.days, "valid", 14, "days until the timestamp has to be signed anew")
	return f
}

// moment reads -since.
func (c *command) moment() (time.Time, error) {
	if c.since == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, c.since)
	if err != nil {
		return t, fmt.Errorf("-since: %w", err)
	}
	return t, nil
}

// percent reads -rollout, which has no default: whoever releases decides.
func (c *command) percent() (int, error) {
	if c.rollout < 0 || c.rollout > 100 {
		return 0, fmt.Errorf("say with -rollout to how many percent of all nodes the version is offered, 0-100")
	}
	return c.rollout, nil
}

func (c *command) release() error {
	percent, err := c.percent()
	if err != nil {
		return err
	}
	terms := repository.Terms{Channel: c.channel, Percent: percent, MinVersion: c.minVersion}
	if terms.Since, err = c.moment(); err != nil {
		return err
	}
	if c.notes != "" {
		text, err := os.ReadFile(c.notes)
		if err != nil {
			return err
		}
		terms.Notes = string(text)
	}
	archives, err := repository.Archives(c.dist, c.version, c.o.Say)
	if err != nil {
		return err
	}
	var r *repository.Repository
	if repository.Exists(c.o.Out) {
		r, err = repository.Open(c.o)
	} else {
		r, err = repository.Create(c.o)
	}
	if err != nil {
		return err
	}
	if err := r.Add(archives, terms); err != nil {
		return err
	}
	return c.print(r)
}

// opened does something with the feed and shows what became of it.
func (c *command) opened(do func(*repository.Repository) error) error {
	r, err := repository.Open(c.o)
	if err != nil {
		return err
	}
	if err := do(r); err != nil {
		return err
	}
	return c.print(r)
}

func (c *command) change() error {
	percent, err := c.percent()
	if err != nil {
		return err
	}
	since, err := c.moment()
	if err != nil {
		return err
	}
	return c.opened(func(r *repository.Repository) error { return r.Rollout(c.version, percent, since) })
}

func (c *command) withdraw() error {
	return c.opened(func(r *repository.Repository) error { return r.Withdraw(c.version) })
}

func (c *command) renew() error { return c.opened((*repository.Repository).Renew) }

func (c *command) rotate() error {
	return c.opened(func(r *repository.Repository) error { return r.Rotate(c.role) })
}

func (c *command) show() error { return c.opened(func(*repository.Repository) error { return nil }) }

func (c *command) root() error {
	text, err := c.o.Keys.RootJSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, base64.StdEncoding.EncodeToString(text))
	return err
}

func (c *command) make() error {
	r, err := repository.Create(c.o)
	if err != nil {
		return err
	}
	return c.print(r)
}

func (c *command) print(r *repository.Repository) error {
	s := r.State()
	fmt.Fprintf(c.out, "root %d, targets %d, snapshot %d, timestamp %d, valid until %s\n",
		s.Root, s.Targets, s.Snapshot, s.Timestamp, s.Expires.Format("2006-01-02 15:04 MST"))
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, e := range r.Entries() {
		fmt.Fprintf(w, "%s\t%s\t%s/%s\t%d %% since %s\t%.1f MB\t%s\n", e.Custom.Version, e.Custom.Channel, e.Custom.OS, e.Custom.Arch,
			e.Custom.Rollout.Percent, e.Custom.Rollout.Since.Format("2006-01-02 15:04 MST"), float64(e.Length)/1e6, e.Name)
	}
	return w.Flush()
}
