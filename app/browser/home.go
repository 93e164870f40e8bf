package browser

import (
	"net/http"
	"strconv"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// historyRows is how many jobs the history shows at first, and how many come with each "more".
const historyRows = 100

type home struct {
	view.Home
	Charts []chart
	All    string // the link to the history
	Ask    ask    // before Stop, where jobs run
	Trying bool
	Asks   string
}

// ask is a question before something is done; "" asks nothing.
type ask struct{ Title, Text, Yes, No string }

func (s *Server) homePage(_ *http.Request, now view.Snapshot, _ bool) any {
	h := home{Home: view.HomeOf(now, s.o.Now()), Charts: chartsOf(s.o.Model.Charts()), Asks: words.T("How would you like to begin?")}
	h.All = words.T("All jobs (%s)", view.Count(int64(h.Ended)))
	if n := now.RunningJobs(); n > 0 {
		h.Ask = ask{
			words.T("Stop the gateway?"), words.N(int64(n), "%d job is running.", "%d jobs are running.") + " " +
				words.T("Stopping ends running jobs at their next checkpoint; they go on when the gateway is started again."),
			words.T("Stop"), words.T("Leave it running"),
		}
	}
	if h.Trying = h.Doing == view.Trying; h.Trying {
		h.Asks = words.T("This takes less than a minute.")
	}
	return h
}

// MoreWarnings says how many there are beside the gravest.
func (h home) MoreWarnings() string {
	n := int64(len(h.Warnings) - 1)
	return words.N(n, "Show %d more warning", "Show %d more warnings")
}

type register struct {
	NodeName, Failure string
	Problem           *view.Problem
	Success           string
	Steps             []view.Step
	Key               keyCheck
}

func (s *Server) registerPage(_ *http.Request, now view.Snapshot, opened bool) any {
	if opened && now.Doing == view.Nothing && now.Failed != view.Registering {
		s.o.Model.Dismiss()
		now = s.o.Model.Snapshot()
	}
	v := register{NodeName: now.Status.Node, Key: checkKey("")}
	if v.NodeName == "" {
		v.NodeName = view.SettingValue(now, engine.SettingNodeName)
	}
	if now.Doing == view.Registering || now.Failed == view.Registering {
		v.Steps = view.StepsOf(now)
	}
	if now.Failed == view.Registering {
		v.Failure, v.Problem = view.RegisterFailed(), now.Problem
	}
	v.Success = view.HomeOf(now, s.o.Now()).Success
	return v
}

// keyCheck is what is told of a key while it is typed.
type keyCheck struct {
	Pieces []view.KeyPiece
	Hint   string
	Whole  bool
}

func checkKey(key string) keyCheck {
	pieces, whole := view.CheckKey(key)
	c := keyCheck{Pieces: pieces, Whole: whole}
	if key == "" {
		return c
	}
	c.Hint = view.KeyHint(pieces)
	for _, p := range pieces {
		if p.Tone == view.Bad {
			c.Hint = p.Text
			break
		}
	}
	return c
}

type history struct {
	view.History
	Search   string
	Status   view.HistoryStatus
	Statuses []view.HistoryStatus
	Rows     []view.EndedJob
	More     string // how many rows to show next, "" where all are shown
}

func (s *Server) historyPage(r *http.Request, now view.Snapshot, _ bool) any {
	q := r.URL.Query()
	h := history{Search: q.Get("search"), Status: view.HistoryStatus(q.Get("status")), Statuses: view.HistoryStatuses()}
	if h.Status == "" {
		h.Status = view.AllEnded
	}
	h.History = view.HistoryOf(now, h.Status, h.Search)
	rows, err := strconv.Atoi(q.Get("rows"))
	if err != nil || rows < historyRows {
		rows = historyRows
	}
	for _, j := range h.Found[:min(rows, len(h.Found))] {
		row := view.HistoryRow(j, s.o.Now())
		row.Retryable = s.o.Model.CanRetry(j)
		h.Rows = append(h.Rows, row)
	}
	if len(h.Found) > rows {
		h.More = strconv.Itoa(min(rows, len(h.Found)) + historyRows)
	}
	return h
}

type job struct {
	view.JobDetail
	CanRetry bool
	Ask      ask
	Folder   bool // the log of skipped rows is a folder of this computer
}

func (s *Server) jobPage(r *http.Request, now view.Snapshot, _ bool) any {
	id := r.URL.Query().Get("id")
	d, ok := now.Detail(id, s.o.Now())
	if !ok {
		return nil
	}
	j, _ := now.Find(id)
	return job{d, d.Live == nil && s.o.Model.CanRetry(j), askCancel(d.Title), isFolder(d.LogFolder)}
}

func askCancel(title string) ask {
	return ask{
		words.T("Cancel this job?"), words.T("%s: what is already written stays, the rest is not copied. The factory is told that the run was cancelled.", title),
		words.T("Cancel the job"), words.T("Let it run"),
	}
}

// AskCancel is asked before a running job is cancelled.
func (home) AskCancel(j view.RunningJob) ask { return askCancel(j.Title) }

func (s *Server) quitPage(_ *http.Request, now view.Snapshot, _ bool) any {
	question := view.QuitQuestion(now)
	if question == "" {
		question = words.T("No job is running. No jobs are taken while the gateway does not run.")
	}
	return question
}
