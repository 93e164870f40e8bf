package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"dmgateway/engine"
)

// options is what the program was started with.
type options struct {
	data    string
	hidden  bool
	browser bool
	version bool
	probe   bool
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("dmgateway", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&o.data, "data", "", "data `directory`; default $DMG_DATA, else the place of the operating system for application data")
	f.BoolVar(&o.hidden, "hidden", false, "start in the tray, without showing the window")
	f.BoolVar(&o.browser, "browser", false, "show the gateway's page in the browser instead of a window")
	f.BoolVar(&o.version, "version", false, "print the version and end")
	f.BoolVar(&o.probe, "probe-gl", false, "only find out whether a window can be drawn here: exit code 0 if so")
	f.Usage = func() {
		fmt.Fprintln(out, "dmgateway: the Data Management Gateway with its window and tray icon. Flags:")
		f.PrintDefaults()
		fmt.Fprintln(out, "Without a display use the command line: dmgcmd help")
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		fmt.Fprintf(out, "dmgateway takes no arguments, only flags: %q\n", f.Arg(0))
		return o, errors.New("arguments")
	}
	return o, nil
}

// restartArgs are the arguments with which the program starts again, hidden or not.
func restartArgs(args []string, hidden bool) []string {
	again := slices.DeleteFunc(slices.Clone(args), func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return strings.HasPrefix(a, "-") && name == "hidden"
	})
	if hidden {
		again = append([]string{"-hidden"}, again...)
	}
	return append([]string{}, again...) // never nil
}

// errNoDisplay says what to do on a machine without a screen.
var errNoDisplay = errors.New(`there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so there can be no window.
  dmgcmd demo         runs the whole story in the terminal
  dmgcmd register -   registers this gateway with a key
  dmgcmd run          runs the gateway without a window
  dmgateway -browser  shows the gateway's page in a browser instead`)

// hasDisplay reports whether there is a desktop. Windows and macOS always have one.
func hasDisplay() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// errorText is an error as a person at a terminal reads it: what failed, why, and what to do.
func errorText(err error) string {
	if errors.Is(err, errNoDisplay) {
		return err.Error()
	}
	e := engine.ErrorOf(err)
	return strings.TrimSpace(fmt.Sprintf("error %s: %s. %s", e.Code, e.Message, e.Hint))
}

// errOrNone lets a missing error be described too.
func errOrNone(err error) error {
	if err == nil {
		return errors.New("")
	}
	return err
}
