package main

import (
	"fmt"
	"os"
	"sync"

	"dmgateway/app/browser"
	"dmgateway/app/tray"
	"dmgateway/app/view"
	"dmgateway/engine"
)

// runBrowser shows the tray and, when asked, the page in the browser, until the program is to end. It has the main
// goroutine.
func (p *program) runBrowser() error {
	ctx := p.begin()
	ended := make(chan struct{})
	var once sync.Once
	quit := func() { once.Do(func() { close(ended) }) }
	server, err := browser.Listen(browser.Options{
		Model: p.model, Version: engine.Version(), Data: p.engine.Data(), Log: p.engine.LogFile(), Login: p.login(), Open: p.open, Quit: quit,
	})
	if err != nil {
		return err
	}
	p.work.Go(func() { _ = server.Serve(ctx) }) // ends with ctx; until then there is nothing that could fail
	visit := func(path string) {
		address := server.Entry(path)
		if err := p.open(address); err != nil {
			fmt.Fprintf(os.Stderr, "No browser can be opened (%v). Open this address within two minutes: %s\n", err, address)
		}
	}
	p.work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-p.shows:
				go visit("/") // a browser may keep the one who opens it waiting
			}
		}
	})
	if !p.o.hidden {
		p.show()
	}
	// After a restart the page is opened when somebody asks for it, not in the middle of the night.
	p.work.Go(func() { p.restart(ctx, func() bool { return true }, quit) })
	signals, stop := untilSignal()
	defer stop()
	if !tray.Available() {
		select {
		case <-signals.Done():
		case <-ended:
		}
		return nil
	}
	icon := tray.New(p.model, tray.Actions{Open: p.show, Quit: func() {
		if view.QuitQuestion(p.model.Snapshot()) == "" {
			quit()
		} else {
			go visit("/quit")
		}
	}})
	p.work.Go(func() { icon.Follow(ctx) })
	go func() {
		select {
		case <-signals.Done():
		case <-ended:
		}
		icon.Quit()
	}()
	icon.Run()
	return nil
}
