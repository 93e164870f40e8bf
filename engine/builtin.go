package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dmgateway/engine/factory"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/registration"
	"dmgateway/engine/supervise"
)

// Names of a factory that lies in a data directory.
const (
	factoryFolder  = "factory"
	factoryAddress = "listen" // the loopback address at which the built-in one serves
)

// builtIn is how the engine knows the factory that runs in the same process. Its zero value is that there is none.
type builtIn struct {
	factory  string                                      // GUID
	location string                                      // host:port where it answers now; it can be another one at each start
	ready    wire.Ready                                  // address, token and authority of its REST interface
	dial     func(ctx context.Context) (net.Conn, error) // to its Service Bus without a port; nil = as any other factory
	close    func() error                                // stops it and waits
}

// useBuiltIn says that the factory of "Try it here" runs in this process from now on.
func (e *Engine) useBuiltIn(b builtIn) {
	e.mu.Lock()
	e.builtIn = b
	e.mu.Unlock()
	e.announce()
}

func (e *Engine) builtInNow() builtIn {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.builtIn
}

// located gives an identity whose factory runs in this process the place where it answers now.
func (e *Engine) located(id *registration.Identity) *registration.Identity {
	if b := e.builtInNow(); b.factory != "" && b.factory == id.Factory && b.location != "" {
		moved := *id
		moved.Location = b.location
		return &moved
	}
	return id
}

// busDialer is the way to the Service Bus inside this process, nil for every other factory.
func (e *Engine) busDialer(id *registration.Identity) func(context.Context) (net.Conn, error) {
	if b := e.builtInNow(); b.factory != "" && b.factory == id.Factory {
		return b.dial
	}
	return nil
}

func (e *Engine) describeBuiltIn(s *Status) {
	if b := e.builtInNow(); b.factory != "" {
		s.BuiltIn = true
	}
}

// openBuiltIn starts the factory that an earlier Try it here has made, before the engine connects.
func (e *Engine) openBuiltIn(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(e.data, factoryFolder, factoryAddress)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return e.startBuiltIn(ctx)
}

// startBuiltIn serves a factory on loopback in this process, unless it does already, at the address it had before where
// that is still free: the address stands in the gateway key.
func (e *Engine) startBuiltIn(ctx context.Context) error {
	if e.builtInNow().factory != "" {
		return nil
	}
	dir := filepath.Join(e.data, factoryFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.Forbidden, "make the built-in factory's folder").At(dir).Because(err)
	}
	l, err := listenAgain(filepath.Join(dir, factoryAddress))
	if err != nil {
		return err
	}
	f, err := factory.Open(ctx, factory.Options{
		Dir: dir, Name: "built-in", Version: e.o.Version, Stores: e.stores, Formats: e.formats, Log: e.log.With("part", "factory"),
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	up, down := make(chan wire.Ready, 1), make(chan error, 1)
	go func() {
		down <- supervise.Guard(func() error { return f.Serve(serving, l, func(r wire.Ready) { up <- r }) })
	}()
	end := func() error {
		stop()
		return errors.Join(<-down, f.Close())
	}
	select {
	case r := <-up:
		e.useBuiltIn(builtIn{factory: f.ID(), location: strings.TrimPrefix(r.URL, "https://"), ready: r, close: end})
		return nil
	case err := <-down:
		stop()
		return errors.Join(fmt.Errorf("serve the built-in factory: %w", err), f.Close())
	}
}

// listenAgain listens on the address that the file names, or on a free one where it names none or another program has it
// now, and keeps the address in the file.
func listenAgain(file string) (net.Listener, error) {
	kept, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Forbidden, "read the built-in factory's address").At(file).Because(err)
	}
	if address := strings.TrimSpace(string(kept)); address != "" {
		if l, err := net.Listen("tcp", address); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.New(fault.Unreachable, "listen on a loopback address").Because(err)
	}
	if err := os.WriteFile(file, []byte(l.Addr().String()), 0o600); err != nil {
		return nil, errors.Join(fault.New(fault.Forbidden, "keep the built-in factory's address").At(file).Because(err), l.Close())
	}
	return l, nil
}

func (e *Engine) closeBuiltIn() error {
	if b := e.builtInNow(); b.close != nil {
		return b.close()
	}
	return nil
}

// settingSample is where the journal keeps the sample's folders.
const settingSample = "sample.folders"

// allowSample lets jobs read and write the sample's folders, whatever the setting "folders" says.
func (e *Engine) allowSample(ctx context.Context, folders ...string) error {
	e.mu.Lock()
	for _, folder := range folders {
		if !slices.Contains(e.sampleFolders, folder) {
			e.sampleFolders = append(e.sampleFolders, folder)
		}
	}
	list := strings.Join(e.sampleFolders, string(filepath.ListSeparator))
	e.mu.Unlock()
	return e.journal.SetSetting(ctx, settingSample, list)
}

func (e *Engine) loadSampleFolders(ctx context.Context) error {
	list, _, err := e.journal.Setting(ctx, settingSample)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.sampleFolders = filepath.SplitList(list)
	e.mu.Unlock()
	return nil
}
