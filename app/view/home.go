package view

import (
	"path/filepath"
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// shownJobs is how many ended jobs the table on Home has; the others are in the history.
const shownJobs = 8

// Mode is what Home is for at the moment.
type Mode string

// The modes.
const (
	Waiting  Mode = "waiting"  // the engine has said nothing yet
	Welcome  Mode = "welcome"  // never registered: one question; or the sample is being set up
	Overview Mode = "overview" // state and jobs
)

// Home is what the Home page shows.
type Home struct {
	Mode Mode
	Face Face
	// Gateway and Subtitle name this gateway: "sales-gateway", "node srv-01 of factory contoso".
	Gateway, Subtitle string
	// Since tells when the state began.
	Since             string
	CanStart, CanStop bool
	CanRegister       bool
	Doing             Doing
	Steps             []Step
	Problem           *Problem
	Success           string
	// Warnings are what a person should see to, the gravest first.
	Warnings     []WarningView
	Running      []RunningJob
	RunningTitle string
	// Recent are the newest of the Ended jobs.
	Recent []EndedJob
	Ended  int
	Sample *SampleView
	// Update is what is said of newer versions, Updated which one came, nil where that was seen.
	Update      UpdateView
	Updated     *UpdatedView
	Checking    bool   // the feed is being asked
	Version     string // "Version 1.2.0"
	Certificate engine.CertificateStatus
	// Foot tells version and last contact.
	Foot string
}

// Step is one step of registering, as a list shows it.
type Step struct {
	Text string
	// Done steps are behind; of the others at most one is Failed, else the last one is being done.
	Done, Failed bool
}

// SampleView is how the sample of Try it here does.
type SampleView struct {
	Folder string
	Title  string
	Tone   Tone
	// Done says that the files are there.
	Done bool
}

// HomeOf gives what Home shows.
func HomeOf(s Snapshot, now time.Time) Home {
	h := Home{Mode: Overview, Face: FaceOf(s.Status), Doing: s.Doing, Steps: StepsOf(s), Success: words.Of(s.Success), Certificate: s.Status.Certificate}
	if s.Failed != Registering {
		h.Problem = s.Problem
	}
	if !s.Known {
		h.Mode, h.Face = Waiting, Face{Mark: MarkConnecting, Tone: Off, Title: words.T("Starting")}
		return h
	}
	never := s.Status.State == engine.NeedRegistration && s.Status.Gateway == ""
	if never || s.Doing == Trying {
		h.Mode = Welcome
	}
	h.Gateway, h.Subtitle = names(s.Status)
	if !s.Status.Since.IsZero() && !never {
		h.Since = words.T("since %s", Moment(s.Status.Since, now))
	}
	idle := s.Doing == Nothing
	h.CanStart, h.CanStop = idle && CanStart(s.Status.State), idle && CanStop(s.Status.State)
	h.CanRegister = idle
	for _, j := range s.Jobs {
		switch {
		case !ended(j):
			h.Running = append(h.Running, runningJob(j, s.cancelling[j.ID]))
		default:
			h.Ended++
			if len(h.Recent) < shownJobs {
				h.Recent = append(h.Recent, endedJob(j, now))
			}
		}
	}
	h.RunningTitle = words.T("Running jobs")
	if n := s.Status.Jobs.Limit; n > 0 && len(h.Running) > 0 {
		h.RunningTitle = words.T("%s of at most %s running", Count(int64(len(h.Running))), jobsText(int64(n)))
	}
	h.Sample = sampleView(s)
	if !never {
		h.Warnings = warningsOf(s)
	}
	h.Foot = foot(s.Status, now)
	h.Update, h.Updated, h.Checking = UpdateOf(s, now), UpdatedOf(s, now), s.update.checking
	if s.Status.Version != "" {
		h.Version = words.T("Version %s", s.Status.Version)
	}
	if h.Update.News { // the section that names the version is not shown
		h.Foot = strings.Trim(h.Version+" · "+h.Foot, " ·")
	}
	return h
}

// foot says when the factory was last heard.
func foot(s engine.Status, now time.Time) string {
	if s.LastContact.IsZero() {
		return ""
	}
	return words.T("Last contact with the factory: %s", Moment(s.LastContact, now))
}

func names(s engine.Status) (gateway, subtitle string) {
	gateway = s.Gateway
	if gateway == "" {
		gateway = "Data Management Gateway"
	}
	if s.Node != "" && s.Node != s.Gateway {
		subtitle = words.T("Node %s", s.Node)
	}
	factory := s.Factory
	if s.BuiltIn && factory != "" {
		factory = words.T("%s (on this computer)", factory)
	}
	switch {
	case factory == "":
	case subtitle == "":
		subtitle = words.T("Factory %s", factory)
	default:
		subtitle = words.T("Node %s of factory %s", s.Node, factory)
	}
	return gateway, subtitle
}

// StepsOf gives the steps of what is being done, or of what failed.
func StepsOf(s Snapshot) []Step {
	steps := make([]Step, 0, len(s.Steps))
	for i, st := range s.Steps {
		last := i == len(s.Steps)-1
		failed := last && s.Failed != Nothing
		steps = append(steps, Step{Text: words.Of(st.Text), Failed: failed, Done: !failed && (!last || s.Doing == Nothing)})
	}
	return steps
}

func sampleView(s Snapshot) *SampleView {
	if s.Sample == nil {
		return nil
	}
	v := &SampleView{Folder: filepath.Clean(s.Sample.Folder), Title: words.T("The sample is waiting for the gateway."), Tone: Busy}
	j, ok := s.Find(s.Sample.Run)
	if !ok {
		return v
	}
	switch j.Status {
	case engine.Succeeded:
		v.Done, v.Tone, v.Title = true, Good, words.T("The sample is copied.")
		if j.Result != nil {
			v.Title = counted(j.Result.RowsCopied, words.T("The sample is copied: 1 row lies in files on this computer."),
				words.T("The sample is copied: %s rows lie in files on this computer."))
		}
	case engine.Failed:
		v.Tone, v.Title = Bad, words.T("The sample's copy failed.")
	case engine.Cancelled:
		v.Tone, v.Title = Off, words.T("The sample's copy was cancelled.")
	default:
		v.Title = words.T("The sample is being copied.")
	}
	return v
}
