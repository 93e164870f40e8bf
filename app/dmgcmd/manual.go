package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"dmgateway/engine"
)

type manualCmd struct{}

// Run prints dmgcmd(1) in the language of man pages.
func (manualCmd) Run(p *program) error {
	parser, err := grammar(&cli{}, kong.Vars{"data": "~/.local/share/dmgateway"})
	if err != nil {
		return err
	}
	writeManual(p.out, parser.Model.Node, engine.Version().Version)
	return nil
}

// exits are the exit codes in words.
var exits = []struct {
	code int
	text string
}{
	{exitDone, "Done."},
	{exitFailed, "Failed; standard error says why and what to do."},
	{exitUsage, "Wrong usage."},
	{exitNotRunning, "Not registered, or no engine runs for the data directory."},
	{exitCopyFailed, "A copy failed."},
	{exitInterrupted, "Interrupted."},
}

// variables are those that no flag names.
var variables = [][2]string{
	{envKey, "A gateway key with which `dmgcmd run` registers first, unless it is registered with that gateway already."},
	{"DMG_PASSPHRASE_FILE", "File with the passphrase that protects the gateway's secrets, see `dmgcmd certificate protect`."},
	{"DMG_PASSPHRASE", "The passphrase itself."},
	{"CREDENTIALS_DIRECTORY", "Where systemd lays the passphrase as the credential dmgateway-passphrase."},
}

func writeManual(w io.Writer, root *kong.Node, version string) {
	fmt.Fprintf(w, ".TH DMGCMD 1 \"\" \"Data Management Gateway %s\" \"User Commands\"\n", roff(version))
	fmt.Fprintf(w, ".SH NAME\ndmgcmd \\- command line of the Data Management Gateway\n.SH SYNOPSIS\n.B dmgcmd\n.RI [ options ]\n.I command\n.RI [ arguments ]\n")
	fmt.Fprintf(w, ".SH DESCRIPTION\n%s\nEverything that the window of\n.BR dmgateway (1)\ndoes can be done with it, and the data factory's side too.\n", roff(about))
	fmt.Fprintf(w, "Secrets are read from a prompt, from standard input where the argument is\n.BR \\- ,\nfrom a file or from the environment.\n")
	fmt.Fprintln(w, ".SH OPTIONS")
	for _, f := range root.Flags {
		writeFlag(w, f)
	}
	fmt.Fprintln(w, ".SH COMMANDS")
	for _, n := range root.Leaves(true) {
		writeCommand(w, n)
	}
	fmt.Fprintln(w, ".SH EXIT STATUS")
	for _, e := range exits {
		fmt.Fprintf(w, ".TP\n.B %d\n%s\n", e.code, roff(e.text))
	}
	fmt.Fprintln(w, ".SH ENVIRONMENT")
	for _, v := range append(flagVariables(root), variables...) {
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(v[0]), roff(v[1]))
	}
	fmt.Fprint(w, ".SH FILES\n.TP\n.I ~/.local/share/dmgateway\nThe data directory of a person's gateway: settings, certificate, jobs, logs.\n"+
		".TP\n.I /var/lib/dmgateway\nThe data directory of the service\n.IR dmgateway.service .\n"+
		".SH SEE ALSO\n.BR dmgateway (1),\n.BR systemctl (1),\n.BR systemd\\-creds (1)\n")
}

func writeCommand(w io.Writer, n *kong.Node) {
	fmt.Fprintf(w, ".SS %s\n%s\n", roff(commandLine(n)), roff(n.Help))
	for _, arg := range n.Positional {
		if arg.Help != "" {
			fmt.Fprintf(w, ".TP\n.I %s\n%s\n", roff(strings.Trim(arg.Summary(), "[]<>. ")), roff(arg.Help))
		}
	}
	for m := n; m != nil && m.Type == kong.CommandNode; m = m.Parent {
		for _, f := range m.Flags {
			if !f.Hidden {
				writeFlag(w, f)
			}
		}
	}
	if e, ok := examples[n.FullPath()]; ok {
		fmt.Fprintf(w, ".PP\nExample:\n.PP\n.EX\n%s\n.EE\n", roff(e))
	}
}

// commandLine is how a command is typed, without options.
func commandLine(n *kong.Node) string {
	line := strings.TrimPrefix(n.FullPath(), "dmgcmd ")
	for _, arg := range n.Positional {
		line += " " + arg.Summary()
	}
	return line
}

func writeFlag(w io.Writer, f *kong.Flag) {
	name := "--" + f.Name
	if f.Short != 0 {
		name = "-" + string(f.Short) + ", " + name
	}
	value := ""
	if !f.IsBool() && !f.IsCounter() {
		value = "=" + strings.Trim(f.FormatPlaceHolder(), `"`)
	}
	fmt.Fprintf(w, ".TP\n.B %s%s\n%s\n", roff(name), roff(value), roff(f.Help))
	if f.HasDefault && f.Default != "" {
		fmt.Fprintf(w, "Default: %s.\n", roff(f.Default))
	}
}

// flagVariables are the environment variables that stand in for flags, each once.
func flagVariables(root *kong.Node) (list [][2]string) {
	for _, n := range append([]*kong.Node{root}, root.Leaves(true)...) {
		for _, f := range n.Flags {
			for _, name := range f.Envs {
				if !slices.ContainsFunc(list, func(v [2]string) bool { return v[0] == name }) {
					list = append(list, [2]string{name, "Stands in for --" + f.Name + ". " + f.Help})
				}
			}
		}
	}
	return list
}

// roff writes a text so that it means itself to a man page's reader.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", `\[u2026]`, "'", `\[aq]`, "`", `\[ga]`, `"`, `\[dq]`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
