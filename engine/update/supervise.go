package update

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"dmgateway/engine/fault"
)

// How a trial ended.
type outcome int

const (
	failedTrial outcome = iota
	confirmed           // it has proved itself, and ended later
	interrupted         // this program was asked to end
)

type ending struct {
	how outcome
	why string
}

// Times of a trial.
const (
	lookEvery = 100 * time.Millisecond
	endTime   = 10 * time.Second // from asking to end until killing
)

func (p *Program) command(version string, args []string, mark Mark) *exec.Cmd {
	c := exec.Command(filepath.Join(p.Data, folder, version, p.Name+exe), args...) //nolint:gosec // it was verified
	c.Env = append(slices.DeleteFunc(os.Environ(), isMark), markEnv+"="+mark.String())
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c
}

// supervise runs a version on trial until it ends. One that does not prove itself within the limit is ended.
func (p *Program) supervise(version string) (code int, end ending) {
	c := p.command(version, p.Args, Mark{Version: version, Trial: true, Waits: true, Starter: p.self})
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, passedOn...)
	defer signal.Stop(signals)
	if err := c.Start(); err != nil {
		return 0, ending{failedTrial, "it could not be started: " + err.Error()}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // the state says how
	}()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	limit := time.NewTimer(p.limit)
	defer limit.Stop()
	asked := false
	for proved := false; ; {
		select {
		case <-ended:
			proved = proved || p.isConfirmed(version)
			switch {
			case proved:
				return c.ProcessState.ExitCode(), ending{how: confirmed}
			case asked:
				return c.ProcessState.ExitCode(), ending{how: interrupted}
			}
			return 0, ending{failedTrial, "it ended before it had proved itself: " + c.ProcessState.String()}
		case s := <-signals:
			asked = true
			passOn(c.Process, s)
		case <-look.C:
			if !proved && p.isConfirmed(version) {
				proved = true
				limit.Stop()
				look.Stop()
			}
		case <-limit.C:
			if p.isConfirmed(version) {
				proved = true
				continue
			}
			why := fmt.Sprintf("it did not prove itself within %s", p.limit)
			if err := giveUp(p.Data, version, why, fmt.Sprintf("it was not connected within %s", p.limit)); err != nil {
				proved = p.isConfirmed(version) // in the last moment
				if proved {
					continue
				}
			}
			endProcess(c.Process, ended)
			return 0, ending{failedTrial, why}
		}
	}
}

// giveUp marks a trial as failed, so that it cannot be confirmed any more. unconnected is why, where all but the connection
// worked.
func giveUp(data, version, why, unconnected string) error {
	return edit(data, func(s *State) error {
		if s.Trial == nil || s.Trial.Version != version {
			return fault.New(fault.Conflict, "version %s is not on trial any more", version)
		}
		s.Trial.RollBack = why
		if s.Trial.Connected && s.Trial.Answered {
			s.Trial.RollBack, s.Trial.Unconnected = unconnected, true
		}
		return nil
	})
}

func (p *Program) isConfirmed(version string) bool {
	s, err := Load(p.Data)
	return err == nil && s.Trial == nil && s.Current == version
}

// endProcess asks a process to end, and kills it when it does not.
func endProcess(process *os.Process, ended <-chan struct{}) {
	askToEnd(process)
	t := time.NewTimer(endTime)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
		_ = process.Kill() // it may have ended by itself
		<-ended
	}
}
