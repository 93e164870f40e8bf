package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// NetworkCheck tries what the gateway needs of the network, and shows it as a tree while it comes in. Make one with
// [Model.NetworkCheck]; its methods return at once.
type NetworkCheck struct {
	watched
	task   task
	s      NetworkView
	report *engine.NetworkReport
}

// NetworkView is a moment of a [NetworkCheck].
type NetworkView struct {
	Busy    bool
	Tone    Tone
	Verdict string // in a sentence
	Checks  []CheckView
	Needs   []NeedView // once it has ended
	Problem *Problem
	// Saved is the file that has the report, SaveProblem why there is none.
	Saved       string
	SaveProblem *Problem
}

// CheckView is one thing that was tried.
type CheckView struct {
	Name, Address string
	Tone          Tone
	Steps         []StepView
	Summary       string // how many steps, or what failed
}

// StepView is one step of a check.
type StepView struct {
	Name, Detail, Remedy, Took string
	Tone                       Tone
}

// NeedView is one line for the firewall's administrator.
type NeedView struct{ Address, Protocol, For, Need string }

// NetworkCheck makes a check that has not run yet.
func (m *Model) NetworkCheck() *NetworkCheck { return &NetworkCheck{task: task{m: m}} }

// Snapshot is the present moment.
func (n *NetworkCheck) Snapshot() NetworkView {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.s
	s.Checks = slices.Clone(s.Checks)
	return s
}

// Run checks everything, anew where it was checked before.
func (n *NetworkCheck) Run() {
	n.task.start(func() {
		n.change(func() {
			n.report = nil
			n.s = NetworkView{Busy: true, Tone: Busy, Verdict: words.T("Checking the network. This takes at most 15 seconds.")}
		})
	}, func(ctx context.Context) {
		report, err := n.task.m.ctl.CheckNetwork(ctx, func(c engine.NetworkCheck) {
			n.change(func() { n.s.Checks = append(n.s.Checks, checkView(c)) })
		})
		stopped := ctx.Err() != nil
		n.task.done()
		n.change(func() { n.ended(report, err, stopped) })
	})
}

func (n *NetworkCheck) ended(report engine.NetworkReport, err error, stopped bool) {
	n.s.Busy = false
	switch {
	case stopped:
		n.s.Tone, n.s.Verdict = Off, words.T("The check was cancelled.")
		return
	case err != nil:
		n.s.Tone, n.s.Verdict, n.s.Problem = Bad, words.T("The network could not be checked."), ProblemOf(err)
		return
	}
	n.report = &report
	n.s.Checks = n.s.Checks[:0:0]
	for _, c := range report.Checks {
		n.s.Checks = append(n.s.Checks, checkView(c))
	}
	n.s.Tone, n.s.Verdict = verdict(report)
	for _, need := range report.Needed {
		v := NeedView{Address: fmt.Sprintf("%s:%d", need.Host, need.Port), Protocol: words.Of(need.Protocol), For: words.Of(need.For), Need: words.T("needed")}
		if !need.Required {
			v.Need = words.T("one of these")
		}
		n.s.Needs = append(n.s.Needs, v)
	}
}

// Cancel ends a check that runs.
func (n *NetworkCheck) Cancel() { n.task.cancel() }

// Text is the report for the clipboard; "" before there is one. It is in English, for whoever is asked for help.
func (n *NetworkCheck) Text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.report == nil {
		return ""
	}
	var b strings.Builder
	_ = n.report.WriteText(&b) // a Builder takes everything
	return b.String()
}

// HTML writes the report as dmgcmd network check --html does; there has to be one.
func (n *NetworkCheck) HTML(w io.Writer) error {
	n.mu.Lock()
	report := n.report
	n.mu.Unlock()
	if report == nil {
		return nil
	}
	return report.WriteHTML(w)
}

// Save writes the report as HTML into a file that does not exist yet.
func (n *NetworkCheck) Save(file string) {
	n.task.m.later(func(context.Context) {
		err := writeNew(file, n.HTML)
		n.change(func() {
			n.s.Saved, n.s.SaveProblem = "", nil
			if err != nil {
				n.s.SaveProblem = &Problem{Text: words.T("The report was not saved."), Hint: Sentence(err.Error())}
				return
			}
			n.s.Saved = file
		})
	})
}

// writeNew fills a new file; one that cannot be filled is removed.
func writeNew(file string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

// NeedsText is the firewall's list for the clipboard, in columns.
func (v NetworkView) NeedsText() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, n := range v.Needs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", n.Address, n.Protocol, n.Need, n.For)
	}
	_ = w.Flush() // a Builder takes everything
	return b.String()
}

func checkView(c engine.NetworkCheck) CheckView {
	v := CheckView{Name: words.Of(c.Name), Address: c.Address, Tone: stepTone(c.State())}
	var done int64
	for _, s := range c.Steps {
		step := StepView{Name: stepName(s.Name), Detail: Sentence(words.Of(s.Detail)), Remedy: Sentence(words.Of(s.Remedy)), Tone: stepTone(s.State)}
		if step.Tone != Off {
			done++
			if s.Took > 0 {
				step.Took = tookText(s.Took)
			}
		}
		if v.Summary == "" && (step.Tone == Bad || step.Tone == Warning) {
			v.Summary = step.Detail
		}
		v.Steps = append(v.Steps, step)
	}
	switch {
	case v.Summary != "":
	case done > 0:
		v.Summary = words.N(done, "%d step works", "%d steps work")
	case len(v.Steps) > 0:
		v.Summary = v.Steps[0].Detail
	}
	return v
}

func verdict(r engine.NetworkReport) (Tone, string) {
	count := map[Tone]int64{}
	for _, c := range r.Checks {
		count[stepTone(c.State())]++
	}
	switch {
	case count[Bad] > 0:
		return Bad, words.N(count[Bad], "%d check failed. What to do stands below it.", "%d checks failed. What to do stands below each.")
	case count[Warning] > 0:
		return Warning, words.T("Nothing failed, but look at what is marked.")
	case count[Good] == 0:
		return Off, words.T("There was nothing to check.")
	}
	return Good, words.T("Everything that was tried works.")
}

func stepTone(state string) Tone {
	switch state {
	case "ok":
		return Good
	case "warning":
		return Warning
	case "failed":
		return Bad
	}
	return Off
}

// stepName is the name of a step of a check or of a test of a connection, for people.
func stepName(name string) string {
	switch name {
	case "name":
		return words.T("Name")
	case "tcp":
		return words.T("Connection")
	case "proxy":
		return words.T("Proxy")
	case "tls":
		return words.T("Encryption (TLS)")
	case "websocket":
		return words.T("WebSocket")
	case "sign-in":
		return words.T("Sign-in")
	case "clock":
		return words.T("Clock")
	case "round trip":
		return words.T("Round trip")
	case "database":
		return words.T("Database")
	case "folder":
		return words.T("Folder")
	case "file":
		return words.T("File")
	case "container":
		return words.T("Container")
	}
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// tookText says how long a step took, to the millisecond where it was short.
func tookText(d time.Duration) string {
	if d < time.Second {
		return words.T("%d ms", max(d.Milliseconds(), 1))
	}
	return Duration(d)
}
