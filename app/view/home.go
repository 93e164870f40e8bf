package view

import (
	"path/filepath"
	"time"

	"dmgateway/engine"
)

// shownJobs is how many ended jobs the table on Home has.
const shownJobs = 50

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
	Since              string
	CanStart, CanStop  bool
	CanRegister        bool
	Doing              Doing
	Steps              []Step
	Problem            *Problem
	Success            string
	Running            []RunningJob
	RunningTitle       string
	Recent             []EndedJob
	Sample             *SampleView
	Certificate        engine.CertificateStatus
	CertificateWarning string
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
	h := Home{Mode: Overview, Face: FaceOf(s.Status), Doing: s.Doing, Steps: StepsOf(s), Success: s.Success, Certificate: s.Status.Certificate}
	if s.Failed != Registering {
		h.Problem = s.Problem
	}
	if !s.Known {
		h.Mode, h.Face = Waiting, Face{Mark: MarkConnecting, Tone: Off, Title: "Starting"}
		return h
	}
	never := s.Status.State == engine.NeedRegistration && s.Status.Gateway == ""
	if never || s.Doing == Trying {
		h.Mode = Welcome
	}
	h.Gateway, h.Subtitle = names(s.Status)
	if !s.Status.Since.IsZero() && !never {
		h.Since = "since " + Moment(s.Status.Since, now)
	}
	idle := s.Doing == Nothing
	h.CanStart, h.CanStop = idle && CanStart(s.Status.State), idle && CanStop(s.Status.State)
	h.CanRegister = idle
	for _, j := range s.Jobs {
		switch {
		case !ended(j):
			h.Running = append(h.Running, runningJob(j, s.cancelling[j.ID]))
		case len(h.Recent) < shownJobs:
			h.Recent = append(h.Recent, endedJob(j, now))
		}
	}
	h.RunningTitle = "Running jobs"
	if n := s.Status.Jobs.Limit; n > 0 && len(h.Running) > 0 {
		h.RunningTitle = Count(int64(len(h.Running))) + " of at most " + Plural(int64(n), "job", "jobs") + " running"
	}
	h.Sample = sampleView(s)
	h.CertificateWarning = certificateWarning(s.Status.Certificate, now)
	return h
}

func names(s engine.Status) (gateway, subtitle string) {
	gateway = s.Gateway
	if gateway == "" {
		gateway = "Data Management Gateway"
	}
	if s.Node != "" && s.Node != s.Gateway {
		subtitle = "Node " + s.Node
	}
	factory := s.Factory
	if s.BuiltIn && factory != "" {
		factory += " (on this computer)"
	}
	switch {
	case factory == "":
	case subtitle == "":
		subtitle = "Factory " + factory
	default:
		subtitle += " of factory " + factory
	}
	return gateway, subtitle
}

// StepsOf gives the steps of what is being done, or of what failed.
func StepsOf(s Snapshot) []Step {
	steps := make([]Step, 0, len(s.Steps))
	for i, st := range s.Steps {
		last := i == len(s.Steps)-1
		failed := last && s.Failed != Nothing
		steps = append(steps, Step{Text: st.Text, Failed: failed, Done: !failed && (!last || s.Doing == Nothing)})
	}
	return steps
}

func sampleView(s Snapshot) *SampleView {
	if s.Sample == nil {
		return nil
	}
	v := &SampleView{Folder: filepath.Clean(s.Sample.Folder), Title: "The sample is waiting for the gateway.", Tone: Busy}
	j, ok := s.Find(s.Sample.Run)
	if !ok {
		return v
	}
	switch j.Status {
	case engine.Succeeded:
		v.Done, v.Tone, v.Title = true, Good, "The sample is copied."
		if j.Result != nil {
			v.Title = "The sample is copied: " + Plural(j.Result.RowsCopied, "row lies", "rows lie") + " in files on this computer."
		}
	case engine.Failed:
		v.Tone, v.Title = Bad, "The sample's copy failed."
	case engine.Cancelled:
		v.Tone, v.Title = Off, "The sample's copy was cancelled."
	default:
		v.Title = "The sample is being copied."
	}
	return v
}

func certificateWarning(c engine.CertificateStatus, now time.Time) string {
	if c.NotAfter.IsZero() {
		return ""
	}
	switch left := c.NotAfter.Sub(now); {
	case left <= 0:
		return "The gateway's certificate expired on " + c.NotAfter.In(now.Location()).Format("2 January 2006") + "."
	case left < 30*24*time.Hour:
		return "The gateway's certificate expires on " + c.NotAfter.In(now.Location()).Format("2 January 2006") + "."
	}
	return ""
}
