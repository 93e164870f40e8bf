// Command dmgateway is the desktop program: the gateway's engine with a window and a tray icon, or, where no window can
// be drawn, with the tray icon and a page in the browser.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fyne.io/fyne/v2/lang"

	"dmgateway/app/words"
	"dmgateway/engine"
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2)
	}
	if o.probe {
		os.Exit(probe())
	}
	starter, code, done := engine.FirstStep(engine.DesktopProgram, o.data, os.Args[1:], true)
	if done {
		os.Exit(code)
	}
	again, err := run(o, starter)
	if err != nil {
		fmt.Fprintln(os.Stderr, errorText(err))
	}
	if again != nil {
		os.Exit(starter.Restart(again))
	}
	if err != nil {
		os.Exit(1)
	}
}

// run is one start of the program: it brings up the window of the one that runs already, or becomes that one. again is
// with which arguments the program has to start again, in a newer version, nil = not.
func run(o options, starter *engine.Starter) (again []string, err error) {
	if o.version {
		v := engine.Version()
		fmt.Println("dmgateway", v.Version, v.Commit, v.System)
		return nil, nil
	}
	words.SetSystem(lang.SystemLocale().String())
	words.Use("system")
	if shown, err := showFirst(o.data); shown || err != nil {
		return nil, err
	}
	if !hasDisplay() && !o.browser {
		return nil, errNoDisplay
	}
	canDraw := make(chan error, 1)
	if o.browser {
		canDraw <- errors.New("asked for with -browser")
	} else {
		go func() { canDraw <- probeInChild() }()
	}
	e, err := engine.Open(context.Background(), engine.Options{Data: o.data, Program: true, Starter: starter})
	if engine.ErrorOf(errOrNone(err)).Code == engine.CodeConflict {
		if shown, again := showFirst(o.data); shown || again != nil {
			return nil, again
		}
	}
	why := <-canDraw
	if err != nil {
		if why == nil && !starter.OnTrial() { // a version on trial ends at once, so that the one before comes back
			showError(err)
		}
		return nil, err
	}
	p := newProgram(o, e)
	if why == nil {
		p.runWindow()
	} else {
		fmt.Fprintf(os.Stderr, "No window can be drawn here (%v): the gateway's page opens in the browser.\n", why)
		err = p.runBrowser()
	}
	err = errors.Join(err, p.end())
	return p.again, err
}

// showFirst asks the program that runs already with the data directory to show its window. shown is false where none
// runs.
func showFirst(data string) (shown bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	first, err := engine.Dial(ctx, data)
	if err != nil {
		if engine.ErrorOf(err).Code == engine.CodeNotRunning {
			return false, nil
		}
		return false, err
	}
	defer first.Close()
	return true, first.Show(ctx)
}

// untilSignal gives a context that ends when the system or a person ends the program.
func untilSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
