package view

import (
	"strings"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Tray is what the tray icon, its tooltip and its menu show.
type Tray struct {
	Mark Mark
	// Tooltip is gateway, state and running jobs, one a line.
	Tooltip string
	// State is the menu's first line, which nobody can click.
	State              string
	CanStart, CanStop  bool
	Running            int
	RegistrationNeeded bool
	// Language is that of the texts.
	Language string
}

// TrayOf gives what the tray shows.
func TrayOf(s Snapshot) Tray {
	f := FaceOf(s.Status)
	t := Tray{Mark: f.Mark, Running: s.RunningJobs(), Language: words.Current().Tag}
	if !s.Known {
		t.State = words.T("Starting")
		t.Tooltip = "Data Management Gateway\n" + t.State
		return t
	}
	idle := s.Doing == Nothing
	t.CanStart, t.CanStop = idle && CanStart(s.Status.State), idle && CanStop(s.Status.State)
	t.RegistrationNeeded = s.Status.State == engine.NeedRegistration
	t.State = f.Title
	if t.Running > 0 {
		t.State = words.N(int64(t.Running), "%[2]s, %[1]d job running", "%[2]s, %[1]d jobs running", f.Title)
	}
	name, _ := names(s.Status)
	lines := []string{name, t.State}
	if s.Status.State != engine.Connected && s.Status.State != engine.Stopped && f.Reason != "" {
		lines = append(lines, f.Reason)
	}
	// Windows shows 127 characters.
	t.Tooltip = Shorten(strings.Join(lines, "\n"), 120)
	return t
}

// RunningJobs is how many jobs run, as the engine counts them or as its jobs tell, whichever is more.
func (s Snapshot) RunningJobs() int {
	n := 0
	for _, j := range s.Jobs {
		if !ended(j) {
			n++
		}
	}
	return max(n, s.Status.Jobs.Running)
}

// QuitQuestion is what to ask before quitting; "" where there is nothing to ask.
func QuitQuestion(s Snapshot) string {
	n := s.RunningJobs()
	if n == 0 {
		return ""
	}
	return words.N(int64(n), "%d job is running. If you quit now, it stops at its next checkpoint and goes on when the gateway runs again.",
		"%d jobs are running. If you quit now, they stop at their next checkpoints and go on when the gateway runs again.")
}
