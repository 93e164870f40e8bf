package view

import (
	"strings"
	"unicode"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// WarningView is one thing that a person should see to, as the bar on Home shows it.
type WarningView struct {
	// Key tells it from others and stays the same while only its numbers change.
	Key                 string
	Tone                Tone
	Title, Text, Remedy string
	// Closable ones can be put away until the program ends; those that are grave cannot.
	Closable bool
	// Where is the page on which it can be seen to, "" for none.
	Where Place
}

// Place is a page of the window.
type Place string

// The places that a warning can lead to.
const (
	AtSettings    Place = "settings"
	AtDiagnostics Place = "diagnostics"
)

// warningsOf gives what the engine warns of and nobody has put away, the gravest first.
func warningsOf(s Snapshot) []WarningView {
	var list []WarningView
	for _, w := range s.Status.Warnings {
		if w.ID == updateNotice && s.Status.Update.State == engine.UpdateFailed {
			continue // the section about updates says it, with what can be done
		}
		v := WarningView{
			Key: warningKey(w), Tone: Warning, Title: words.Of(w.Title), Text: Sentence(words.Of(w.Text)),
			Remedy: Sentence(words.Of(w.Remedy)), Closable: !w.Grave, Where: warningPlace(w.ID),
		}
		if w.Grave {
			v.Tone = Bad
		}
		if v.Closable && s.closed[v.Key] {
			continue
		}
		list = append(list, v)
	}
	return list
}

func warningPlace(id string) Place {
	switch id {
	case "certificate", "folder":
		return AtSettings
	case "component", "crash", "programs", "feed":
		return AtDiagnostics
	}
	return ""
}

// warningKey leaves the numbers out: how much of a disk is free changes every minute.
func warningKey(w engine.Warning) string {
	return w.ID + " " + strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, w.Text)
}

// CloseWarning puts a warning away until the program ends.
func (m *Model) CloseWarning(key string) {
	m.change(func(s *Snapshot) {
		if s.closed == nil {
			s.closed = map[string]bool{}
		}
		s.closed[key] = true
	})
}
