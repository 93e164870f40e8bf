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
	// Update is the entry about a newer version, "" for none; CanUpdate says that it does something.
	Update    string
	CanUpdate bool
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
	if line := t.update(s); line != "" {
		lines = append(lines, line)
	}
	// Windows shows 127 characters.
	t.Tooltip = Shorten(strings.Join(lines, "\n"), 120)
	return t
}

// update shows what there is to know of a newer version, and gives the tooltip's line about it.
func (t *Tray) update(s Snapshot) (line string) {
	u := s.Status.Update
	state, _ := progressOf(s)
	switch state {
	case engine.UpdateAvailable, engine.UpdateScheduled:
		t.Update, t.CanUpdate = words.T("Update now to version %s", u.Available), !s.update.checking
		line = words.T("Version %s is available.", u.Available)
		if u.Scheduled != nil {
			line = words.T("Update to %s at %s", u.Available, u.Scheduled.Local().Format("15:04"))
		}
		if t.Mark == MarkConnected {
			t.Mark = MarkAvailable
		}
	case engine.UpdateDownloading:
		t.Update = words.T("Version %s is being downloaded.", u.Available)
	case engine.UpdateWaiting:
		t.Update = words.T("Version %s waits for running jobs.", u.Available)
	case engine.UpdateRestarting:
		t.Update = words.T("The program restarts as version %s.", u.Available)
	case engine.UpdateOnTrial:
		t.Mark, line = MarkUpdating, words.T("Version %s is proving itself.", s.Status.Version)
	case engine.UpdateFailed:
		line = words.T("The update did not work. The version before runs.")
		if u.Available != "" {
			t.Update, t.CanUpdate = words.T("Try version %s again", u.Available), !s.update.checking
		}
	}
	if line == "" {
		line = t.Update
	}
	return line
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
