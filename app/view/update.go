package view

import (
	"context"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// updating is what a person asked for about updates and is still under way, or what came of it.
type updating struct {
	checking, installing bool
	giveUp               context.CancelFunc // ends installing, nil before it began
	step                 engine.UpdateStep
	problem              *Problem
	looked               bool // a person had the feed asked, with success
}

// UpdateView is what Home says of newer versions of the program.
type UpdateView struct {
	// News says that something is to be seen to or goes on: it is shown where a person looks first. The other things are
	// shown at the end of the page.
	News bool
	Tone Tone
	// Title is one sentence; Text says when and how it goes on, Remedy what to do.
	Title, Text, Remedy string
	// Share is how much of the download is done, 0 to 1, negative while nothing is downloaded; Percent says it.
	Share   float64
	Percent string
	// CanCheck: the feed can be asked. CanInstall: Update now does something. CanGiveUp: what a person began can still be
	// left. CanDismiss: a person can put the failure away.
	CanCheck, CanInstall, CanGiveUp, CanDismiss bool
	// Notes say what is new in the version that is available.
	Notes []Note
	// NotesOf is the version that Notes are about.
	NotesOf string
}

// UpdatedView is the bar that says which version came since a person last looked.
type UpdatedView struct {
	Title, Text string
	Version     string
	Notes       []Note
}

// UpdateOf gives what Home says of newer versions.
func UpdateOf(s Snapshot, now time.Time) UpdateView {
	u := s.Status.Update
	v := UpdateView{Tone: Off, Share: -1, Notes: Notes(u.Notes), NotesOf: u.Available}
	state, step := progressOf(s)
	idle := !s.update.checking && !s.update.installing
	v.CanCheck = idle && u.Off == ""
	switch state {
	case engine.UpdateAvailable, engine.UpdateScheduled:
		v.News, v.Tone, v.CanInstall = true, Busy, idle
		v.Title = words.T("Version %s is available.", u.Available)
		v.Text = whenText(u, now)
	case engine.UpdateDownloading:
		v.News, v.Tone, v.Title = true, Busy, words.T("Version %s is being downloaded.", u.Available)
		v.CanGiveUp = s.update.installing
		if step.Total > 0 {
			v.Share = min(1, max(0, float64(step.Done)/float64(step.Total)))
			v.Percent = words.T("%s of %s", Size(step.Done), Size(step.Total))
		}
	case engine.UpdateWaiting:
		v.News, v.Tone, v.Title = true, Warning, words.T("Version %s waits for running jobs.", u.Available)
		v.Text = words.T("No new jobs are taken. The program restarts when the running ones have ended.")
		v.CanGiveUp = s.update.installing
	case engine.UpdateRestarting:
		v.News, v.Tone, v.Title = true, Busy, words.T("The program restarts as version %s.", u.Available)
	case engine.UpdateOnTrial:
		v.News, v.Tone, v.Title = true, Busy, words.T("Version %s is proving itself.", s.Status.Version)
		v.Text = words.T("It takes jobs once it is connected. If it does not work, the version before comes back by itself.")
	case engine.UpdateFailed:
		v.News, v.Tone, v.CanInstall, v.CanDismiss = true, Bad, idle && u.Available != "", true
		v.Title = words.T("The update did not work. The version before runs.")
		if u.Available != "" {
			v.Title = words.T("The update to version %s did not work. Version %s runs.", u.Available, s.Status.Version)
		}
	default:
		v.quiet(s, now)
	}
	v.problems(s)
	return v
}

// quiet says what there is to say while nothing newer is known.
func (v *UpdateView) quiet(s Snapshot, now time.Time) {
	u := s.Status.Update
	v.Notes = nil
	switch {
	case s.update.checking:
		v.Title = words.T("Looking for a newer version…")
	case u.Off != "":
		v.Title = words.T("The program is not updated by itself.")
		v.Text = Sentence(words.Of(u.Off))
	case u.Checked.IsZero():
		v.Title = words.T("Nobody has looked for a newer version yet.")
	default:
		v.Tone, v.Title = Good, words.T("No newer version is known.")
		v.Text = words.T("Last looked: %s.", Moment(u.Checked, now))
		if s.update.looked {
			v.Title = words.T("This is the newest version.")
		}
	}
}

// problems says what went wrong last: what a person asked for, else what the program tried by itself.
func (v *UpdateView) problems(s Snapshot) {
	text, remedy := "", ""
	if p := s.update.problem; p != nil {
		text, remedy = p.Text, p.Hint
		v.CanDismiss = true
	} else if u := s.Status.Update; u.Problem != "" {
		text, remedy = Sentence(words.Of(u.Problem)), Sentence(words.Of(u.Remedy))
	}
	if text == "" || s.update.checking || s.update.installing {
		return
	}
	v.Text, v.Remedy = text, remedy
	switch {
	case v.Tone == Bad:
	case s.update.problem != nil:
		v.News, v.Tone = true, Bad
	default:
		v.Tone = Warning
	}
}

// progressOf is how far an update is: as the engine tells everybody, or else the step of what a person began here.
func progressOf(s Snapshot) (engine.UpdateState, engine.UpdateStep) {
	u := s.Status.Update
	switch u.State {
	case engine.UpdateDownloading, engine.UpdateWaiting, engine.UpdateRestarting, engine.UpdateOnTrial:
		return u.State, engine.UpdateStep{Done: u.Done, Total: u.Total}
	}
	if s.update.installing {
		if s.update.step.State == "" {
			return engine.UpdateDownloading, engine.UpdateStep{}
		}
		return s.update.step.State, s.update.step
	}
	if u.State == "" && u.Available != "" {
		return engine.UpdateAvailable, engine.UpdateStep{}
	}
	return u.State, engine.UpdateStep{}
}

// whenText says when a version that is available is installed.
func whenText(u engine.UpdateStatus, now time.Time) string {
	if u.Scheduled == nil {
		return words.T("It is installed when you say so.")
	}
	return words.T("It is installed by itself: %s. Running jobs finish first.", Coming(*u.Scheduled, now))
}

// Coming writes an instant that lies ahead as short as it can be told from now: today 03:00, tomorrow 03:00, 21 Nov 03:00.
func Coming(t, now time.Time) string {
	t = t.In(now.Location())
	same := func(a, b time.Time) bool { return a.Year() == b.Year() && a.YearDay() == b.YearDay() }
	switch {
	case same(t, now):
		return words.T("today %s", t.Format("15:04"))
	case same(t, now.AddDate(0, 0, 1)):
		return words.T("tomorrow %s", t.Format("15:04"))
	}
	return words.Day(t) + " " + t.Format("15:04")
}

// UpdatedOf gives the bar that says which version came, nil where there is nothing to say.
func UpdatedOf(s Snapshot, now time.Time) *UpdatedView {
	u := s.Status.Update.Updated
	if u == nil {
		return nil
	}
	v := &UpdatedView{Title: words.T("Updated to version %s.", u.To), Version: u.To, Notes: Notes(u.Notes)}
	if u.From != "" {
		v.Text = words.T("From version %s, %s. All settings were kept.", u.From, Moment(u.When, now))
	}
	return v
}

// CheckUpdate asks the feed for a newer version.
func (m *Model) CheckUpdate() {
	if !m.beginUpdate(func(u *updating) { u.checking = true }) {
		return
	}
	m.later(func(ctx context.Context) {
		known, err := m.ctl.CheckUpdate(ctx)
		m.change(func(s *Snapshot) {
			s.update.checking = false
			if err != nil {
				s.update.problem = ProblemOf(err)
				return
			}
			s.update.looked, s.Status.Update = true, known
		})
	})
}

// InstallUpdate downloads the newer version, waits for running jobs, and lets the program restart.
func (m *Model) InstallUpdate() {
	if !m.beginUpdate(func(u *updating) { u.installing = true }) {
		return
	}
	m.later(func(ctx context.Context) {
		ctx, giveUp := context.WithCancel(ctx)
		defer giveUp()
		m.change(func(s *Snapshot) { s.update.giveUp = giveUp })
		err := m.ctl.InstallUpdate(ctx, func(step engine.UpdateStep) { m.change(func(s *Snapshot) { s.update.step = step }) })
		left := ctx.Err() != nil
		m.change(func(s *Snapshot) {
			s.update.installing, s.update.giveUp, s.update.step = false, nil, engine.UpdateStep{}
			if err != nil && !left {
				s.update.problem = ProblemOf(err)
			}
		})
	})
}

// beginUpdate lets one thing about updates begin; false says that another is under way.
func (m *Model) beginUpdate(begin func(*updating)) (begun bool) {
	m.change(func(s *Snapshot) {
		if s.update.checking || s.update.installing {
			return
		}
		begun = true
		s.update = updating{}
		begin(&s.update)
	})
	return begun
}

// GiveUpUpdate leaves an installation that [Model.InstallUpdate] began; where it waits for jobs, new ones are taken again.
func (m *Model) GiveUpUpdate() {
	m.mu.Lock()
	giveUp := m.s.update.giveUp
	m.mu.Unlock()
	if giveUp != nil {
		giveUp()
	}
}

// DismissUpdate puts away which version came, or why an update did not work.
func (m *Model) DismissUpdate() {
	m.change(func(s *Snapshot) { s.update.problem = nil })
	m.later(func(ctx context.Context) {
		if err := m.ctl.DismissUpdate(ctx); err != nil {
			m.change(func(s *Snapshot) { s.update.problem = ProblemOf(err) })
		}
	})
}
