package view

import (
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// HistoryStatus is which ended jobs a history shows.
type HistoryStatus string

// The filters by status.
const (
	AllEnded      HistoryStatus = "all"
	OnlySucceeded HistoryStatus = "succeeded"
	OnlyFailed    HistoryStatus = "failed"
	OnlyCancelled HistoryStatus = "cancelled"
)

// HistoryStatuses are all filters, in the order in which a person chooses.
func HistoryStatuses() []HistoryStatus {
	return []HistoryStatus{AllEnded, OnlySucceeded, OnlyFailed, OnlyCancelled}
}

// Name of a filter in the person's language.
func (h HistoryStatus) Name() string {
	switch h {
	case OnlySucceeded:
		return words.T("Succeeded")
	case OnlyFailed:
		return words.T("Failed")
	case OnlyCancelled:
		return words.T("Cancelled")
	}
	return words.T("All statuses")
}

func (h HistoryStatus) has(status string) bool {
	switch h {
	case OnlySucceeded:
		return status == engine.Succeeded
	case OnlyFailed:
		return status == engine.Failed
	case OnlyCancelled:
		return status == engine.Cancelled
	}
	return true
}

// History is what the history of jobs shows: those that match of all that there are.
type History struct {
	Found []engine.Job // newest first; [HistoryRow] puts one into words
	Title string       // "3 of 1,000 jobs"
	// Nothing says why there is none to see, "" where there is one.
	Nothing string
}

// HistoryOf gives the ended jobs of a status in which each word of search occurs, without regard to case: in pipeline,
// activity, source, sink, run, or an error's text or code.
func HistoryOf(s Snapshot, status HistoryStatus, search string) History {
	var h History
	wanted := strings.Fields(strings.ToLower(search))
	all := 0
	for _, j := range s.Jobs {
		if !ended(j) {
			continue
		}
		all++
		if status.has(j.Status) && occur(j, wanted) {
			h.Found = append(h.Found, j)
		}
	}
	switch n := len(h.Found); {
	case all == 0:
		h.Nothing = words.T("No job has ended yet. Copies that the data factory queues appear here.")
	case n == 0:
		h.Nothing = words.T("No job matches. Search for something else, or choose all statuses.")
		h.Title = words.T("%s of %s", Count(0), jobsText(int64(all)))
	case n < all:
		h.Title = words.T("%s of %s", Count(int64(n)), jobsText(int64(all)))
	case all >= keptJobs:
		h.Title = words.T("The last %s jobs", Count(int64(all)))
	default:
		h.Title = jobsText(int64(all))
	}
	return h
}

// HistoryRow puts one job into words.
func HistoryRow(j engine.Job, now time.Time) EndedJob { return endedJob(j, now) }

func occur(j engine.Job, wanted []string) bool {
	for _, word := range wanted {
		if !occurs(j, word) {
			return false
		}
	}
	return true
}

func occurs(j engine.Job, word string) bool {
	for _, text := range []string{j.Pipeline, j.Activity, j.Source, j.Sink, j.ID} {
		if strings.Contains(strings.ToLower(text), word) {
			return true
		}
	}
	if j.Result != nil {
		for _, e := range j.Result.Errors {
			if strings.Contains(strings.ToLower(e.Message), word) || strings.Contains(strings.ToLower(e.Code), word) {
				return true
			}
		}
	}
	return false
}
