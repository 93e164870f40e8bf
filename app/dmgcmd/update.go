package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dmgateway/engine"
)

type updateCmd struct {
	Status   updateStatusCmd   `cmd:"" default:"1" help:"Show which version runs, which is available, and when it installs itself."`
	Check    updateCheckCmd    `cmd:"" help:"Look for a newer version now."`
	Install  updateInstallCmd  `cmd:"" help:"Install the newer version now: running jobs end first, then the program restarts."`
	Auto     updateAutoCmd     `cmd:"" help:"Turn on or off that newer versions install themselves."`
	Schedule updateScheduleCmd `cmd:"" help:"Set the time of day at which newer versions install themselves."`
}

type updateStatusCmd struct{}

func (updateStatusCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		s, err := e.Status(p.ctx)
		if err != nil {
			return err
		}
		return p.printUpdate(s.Version, s.Update)
	})
}

type updateCheckCmd struct{}

func (updateCheckCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		s, err := e.Status(p.ctx)
		if err != nil {
			return err
		}
		u, err := e.CheckUpdate(p.ctx)
		if err != nil {
			return err
		}
		return p.printUpdate(s.Version, u)
	})
}

// updateJSON is the part of the status with the version that runs.
type updateJSON struct {
	Version string `json:"version"`
	engine.UpdateStatus
}

func (p *program) printUpdate(version string, u engine.UpdateStatus) error {
	return p.print(updateJSON{version, u}, func(w io.Writer) {
		available, scheduled, auto := u.Available, "", "off; `dmgcmd update install` installs"
		if available == "" {
			available = "nothing newer is known"
		}
		if u.Scheduled != nil {
			scheduled = u.Scheduled.Local().Format("2006-01-02 15:04")
		}
		if u.Auto {
			auto = "on"
		}
		updated := ""
		if u.Updated != nil {
			updated = fmt.Sprintf("%s to %s, %s", u.Updated.From, u.Updated.To, timeText(u.Updated.When))
		}
		problem := u.Problem
		if u.Off != "" {
			available, auto, problem = "", "", u.Off
		}
		pairs(w,
			[2]string{"Version", version},
			[2]string{"Available", available},
			[2]string{"What is new", strings.TrimSpace(u.Notes)},
			[2]string{"Installs itself", auto},
			[2]string{"Scheduled", scheduled},
			[2]string{"State", updateStateText(u)},
			[2]string{"Last checked", timeText(u.Checked)},
			[2]string{"Last update", updated},
			[2]string{"Problem", problem},
			[2]string{"What to do", u.Remedy})
	})
}

func updateStateText(u engine.UpdateStatus) string {
	switch u.State {
	case engine.UpdateDownloading:
		return fmt.Sprintf("downloading, %s of %s", bytesText(u.Done), bytesText(u.Total))
	case engine.UpdateWaiting:
		return "waiting for running jobs to end"
	case engine.UpdateRestarting:
		return "restarting"
	case engine.UpdateOnTrial:
		return "the new version has to prove itself"
	case engine.UpdateFailed:
		return "undone"
	}
	return ""
}

type updateInstallCmd struct {
	NoWait bool `help:"End when the restart begins, without waiting whether the new version works."`
}

func (c updateInstallCmd) Run(p *program) error {
	var before, wanted string
	waits := false
	err := p.withEngine(func(e engine.Controller) error {
		_, waits = e.(*engine.Client)
		s, err := e.Status(p.ctx)
		if err != nil {
			return err
		}
		before = s.Version
		var last engine.UpdateState
		var told time.Time
		err = e.InstallUpdate(p.ctx, func(s engine.UpdateStep) {
			text := s.Text
			if s.Total > 0 && s.Done > 0 {
				text = fmt.Sprintf("%s: %s of %s", s.Text, bytesText(s.Done), bytesText(s.Total))
			}
			if s.State != last || time.Since(told) > 3*time.Second {
				p.say("  %s", text)
				last, told = s.State, time.Now()
			}
		})
		if err != nil {
			return err
		}
		if s, err = e.Status(p.ctx); err == nil {
			wanted = s.Update.Available
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !waits || c.NoWait {
		return p.told(nil, "The new version runs from the next start of the gateway on.")
	}
	return p.untilUpdated(before, wanted)
}

// untilUpdated waits for the program that restarts and says which version has come of it.
func (p *program) untilUpdated(before, wanted string) error {
	for {
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		s, err := p.statusNow()
		if err != nil || s.Update.State == engine.UpdateOnTrial || s.Update.State == engine.UpdateRestarting {
			continue // between two programs nobody answers
		}
		switch {
		case s.Update.State == engine.UpdateFailed:
			return s.Update.Err()
		case s.Version != before || s.Version == wanted:
			return p.print(updateJSON{s.Version, s.Update}, func(w io.Writer) { fmt.Fprintf(w, "Updated from %s to %s.\n", before, s.Version) })
		}
	}
}

func (p *program) statusNow() (engine.Status, error) {
	e, err := engine.Dial(p.ctx, p.data)
	if err != nil {
		return engine.Status{}, err
	}
	defer e.Close()
	return e.Status(p.ctx)
}

type updateAutoCmd struct {
	Switch string `arg:"" enum:"on,off" help:"on or off."`
}

func (c updateAutoCmd) Run(p *program) error {
	value, text := "true", "Newer versions install themselves at the scheduled time of day."
	if c.Switch == "off" {
		value, text = "false", "Newer versions do not install themselves. `dmgcmd update install` installs one."
	}
	return p.withEngine(func(e engine.Controller) error {
		return p.told(e.SetSetting(p.ctx, engine.SettingAutoUpdate, value), text)
	})
}

type updateScheduleCmd struct {
	Time string `arg:"" help:"Time of day by this machine's clock, such as 03:00." placeholder:"HH:MM"`
}

func (c updateScheduleCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		err := e.SetSetting(p.ctx, engine.SettingUpdateTime, c.Time)
		return p.told(err, "Newer versions install themselves at "+c.Time+", up to half an hour later.")
	})
}

// errRestart ends `dmgcmd run` so that main starts the version that should run now.
var errRestart = errors.New("the program starts again")
