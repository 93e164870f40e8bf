package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kong"

	"dmgateway/engine"
)

// Exit codes, which scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotRunning  = 3 // not registered, or no engine runs
	exitCopyFailed  = 4
	exitInterrupted = 130
	exitRestart     = -85 // of run to main alone: start the version that should run now
)

// cli is the whole command line; kong reads it from the tags.
type cli struct {
	Data    string `help:"Data directory." env:"DMG_DATA" type:"path" placeholder:"DIR" default:"${data}"`
	JSON    bool   `help:"Print the result as one JSON value; everything else goes to standard error."`
	Verbose bool   `help:"Say more on standard error."`

	Demo         demoCmd         `cmd:"" help:"Run the whole story in one process: factory, gateway, registering, queue, copy." group:"Start here"`
	Run          runCmd          `cmd:"" help:"Run the engine without a window until a signal comes." group:"Gateway"`
	Register     registerCmd     `cmd:"" help:"Register this installation with a gateway key." group:"Gateway"`
	Unregister   unregisterCmd   `cmd:"" help:"Forget the registration." group:"Gateway"`
	Status       statusCmd       `cmd:"" help:"Show the state of the running engine." group:"Gateway"`
	Start        startCmd        `cmd:"" help:"Let the running engine connect and take jobs." group:"Gateway"`
	Stop         stopCmd         `cmd:"" help:"Let the running engine disconnect; running jobs end at their next checkpoint." group:"Gateway"`
	Drain        drainCmd        `cmd:"" help:"Take no new jobs and stop when those that run have ended." group:"Gateway"`
	Jobs         jobsCmd         `cmd:"" help:"Running and recent jobs." group:"Gateway"`
	Logs         logsCmd         `cmd:"" help:"Read, archive or send the gateway's log." group:"Gateway"`
	Requirements requirementsCmd `cmd:"" help:"Say whether this machine is fit for the gateway." group:"Gateway"`
	Network      networkCmd      `cmd:"" help:"Check the network." group:"Gateway"`
	Proxy        proxyCmd        `cmd:"" help:"Show, set or test the proxy." group:"Gateway"`
	Update       updateCmd       `cmd:"" help:"Newer versions of the program." group:"Gateway"`
	Settings     settingsCmd     `cmd:"" help:"Show or change settings." group:"Gateway"`

	Copy           copyCmd           `cmd:"" help:"Run one copy here and now, without a factory." group:"Copying"`
	Preview        previewCmd        `cmd:"" help:"First rows of a source, as the sink would get them." group:"Copying"`
	Schema         schemaCmd         `cmd:"" help:"Columns with their types on the way, and what could be lost." group:"Copying"`
	TestConnection testConnectionCmd `cmd:"" help:"Connect with a linked service and say how far it got." group:"Copying"`
	Browse         browseCmd         `cmd:"" help:"List what a linked service's store holds: schemas, tables, containers, folders, files." group:"Copying"`
	Credential     credentialCmd     `cmd:"" help:"Seal credentials." group:"Copying"`
	Endpoint       endpointCmd       `cmd:"" help:"The page at which credentials are set." group:"Copying"`
	Certificate    certificateCmd    `cmd:"" help:"The gateway's certificate." group:"Copying"`

	Factory factoryCmd `cmd:"" help:"The cloud side: serve it, or talk to one." group:"Factory"`

	Help       helpCmd       `cmd:"" help:"Explain a command, an error code such as Unreachable, or an event of the log such as 401."`
	Version    versionCmd    `cmd:"" help:"Version, commit and build date."`
	Completion completionCmd `cmd:"" help:"Print what makes a shell complete the words of this command."`
	Manual     manualCmd     `cmd:"" hidden:"" help:"Print the manual page, dmgcmd(1)."`
}

// program is what every command gets: where to write and which data directory.
type program struct {
	ctx     context.Context
	in      io.Reader
	out     io.Writer // results only
	err     io.Writer // progress, warnings, errors
	data    string
	json    bool
	verbose bool
}

func (p *program) logger() *slog.Logger {
	level := slog.LevelWarn
	if p.verbose {
		level = slog.LevelDebug
	}
	return engine.NewLog(p.err, level)
}

// about says what the program is for.
const about = "Moves data between stores inside a network and stores in the cloud, outbound connections only."

// grammar reads the words of the command line from c's tags.
func grammar(c *cli, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append([]kong.Option{
		kong.Name("dmgcmd"),
		kong.Description(about),
		kong.Vars{"data": engine.DefaultData()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(help),
	}, more...)...)
}

// run parses args, runs the command and returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var c cli
	code := -1
	parser, err := grammar(&c, kong.Writers(out, errOut), kong.Exit(func(n int) { code = n }))
	if err != nil {
		fmt.Fprintln(errOut, "dmgcmd:", err)
		return exitFailed
	}
	p := &program{ctx: ctx, in: in, out: out, err: errOut}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if code >= 0 { // --help has printed and asked to exit
		return exitDone
	}
	if err != nil {
		p.json = wantsJSON(args)
		p.printError(&usageError{err})
		return exitUsage
	}
	p.data, p.json, p.verbose = c.Data, c.JSON, c.Verbose
	err = parsed.Run(p)
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errRestart) {
		return exitRestart
	}
	reported := errors.Is(err, errReported)
	if !reported && !errors.Is(err, errFound) && !errors.Is(err, errStopped) && !errors.Is(err, errUnregistered) && !errors.Is(err, errWords) {
		p.printError(err)
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case reported:
		return exitCopyFailed
	}
	return exitCode(err)
}

// help prints kong's help and, for a command that has them, its examples.
func help(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	if n := ctx.Selected(); n != nil {
		if e, ok := examples[n.FullPath()]; ok {
			fmt.Fprintf(ctx.Stdout, "\nExample:\n%s\n", e)
		}
	}
	return nil
}

func wantsJSON(args []string) bool {
	for _, a := range args {
		if a == "--json" {
			return true
		}
	}
	return false
}
