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
		v := WarningView{
			Key: warningKey(w), Tone: Warning, Title: said(w.Title, warningTitles()), Text: Sentence(said(w.Text, warningTexts())),
			Remedy: Sentence(said(w.Remedy, warningRemedies())), Closable: !w.Grave, Where: warningPlace(w.ID),
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
	case "component", "crash":
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

func warningTitles() []saying {
	return []saying{
		{"The disk is nearly full", words.T("The disk is nearly full")},
		{"The clock is off", words.T("The clock is off")},
		{"The gateway's certificate ends soon", words.T("The gateway's certificate ends soon")},
		{"The gateway's certificate has ended", words.T("The gateway's certificate has ended")},
		{"The data directory cannot be used", words.T("The data directory cannot be used")},
		{"A folder of jobs cannot be used", words.T("A folder of jobs cannot be used")},
		{"This machine may go to sleep", words.T("This machine may go to sleep")},
		{"A component was restarted", words.T("A component was restarted")},
		{"The program crashed the last time it ran", words.T("The program crashed the last time it ran")},
	}
}

func warningTexts() []saying {
	return []saying{
		{"The disk of %s has %s left of %s.", words.T("The disk of %s has %s left of %s.")},
		{
			"This machine's clock is %s ahead of the data factory's. Sign-in fails when they differ by more than a few minutes.",
			words.T("This machine's clock is %s ahead of the data factory's. Sign-in fails when they differ by more than a few minutes."),
		},
		{
			"This machine's clock is %s behind the data factory's. Sign-in fails when they differ by more than a few minutes.",
			words.T("This machine's clock is %s behind the data factory's. Sign-in fails when they differ by more than a few minutes."),
		},
		{
			"The gateway's certificate was valid until %s. It still opens credentials; other programs may refuse to seal any with it.",
			words.T("The gateway's certificate was valid until %s. It still opens credentials; other programs may refuse to seal any with it."),
		},
		{"The gateway's certificate ends today.", words.T("The gateway's certificate ends today.")},
		{"The gateway's certificate ends tomorrow.", words.T("The gateway's certificate ends tomorrow.")},
		{"The gateway's certificate ends in %s days, on %s.", words.T("The gateway's certificate ends in %s days, on %s.")},
		{"The gateway can no longer write into its data directory %s: %s.", words.T("The gateway can no longer write into its data directory %s: %s.")},
		{"Jobs may use %s, but the gateway cannot: %s.", words.T("Jobs may use %s, but the gateway cannot: %s.")},
		{"This machine goes to sleep by itself (%s). Jobs are not served meanwhile.", words.T("This machine goes to sleep by itself (%s). Jobs are not served meanwhile.")},
		{"This machine sleeps after %s without input. Jobs are not served meanwhile.", words.T("This machine sleeps after %s without input. Jobs are not served meanwhile.")},
		{"What it said is in %s.", words.T("What it said is in %s.")},
		{"The component %s stopped working (%s) and was restarted at %s.", words.T("The component %s stopped working (%s) and was restarted at %s.")},
		{
			"The component %s stopped working %s times in the last hour (%s) and was restarted each time.",
			words.T("The component %s stopped working %s times in the last hour (%s) and was restarted each time."),
		},
	}
}

func warningRemedies() []saying {
	return []saying{
		{"Make room on the disk, or choose folders on another one.", words.T("Make room on the disk, or choose folders on another one.")},
		{
			"Make room on the disk: without any the gateway can write down no job, so it takes none.",
			words.T("Make room on the disk: without any the gateway can write down no job, so it takes none."),
		},
		{
			"Turn sleep and hibernation off for this machine while it is plugged in, or run the gateway on a machine that stays awake.",
			words.T("Turn sleep and hibernation off for this machine while it is plugged in, or run the gateway on a machine that stays awake."),
		},
		{
			"Give the user that runs the gateway the right to read and write there, or take the folder out of the setting \"folders\".",
			words.T("Give the user that runs the gateway the right to read and write there, or take the folder out of the setting \"folders\"."),
		},
		{
			"Give the user that runs the gateway the right to read and write there again.",
			words.T("Give the user that runs the gateway the right to read and write there again."),
		},
		{
			"Make or import a new certificate on the Settings page (`dmgcmd certificate new`), then set the credentials again that it names.",
			words.T("Make or import a new certificate on the Settings page (`dmgcmd certificate new`), then set the credentials again that it names."),
		},
		{
			"Set this machine's clock, and turn on its synchronisation with a time server.",
			words.T("Set this machine's clock, and turn on its synchronisation with a time server."),
		},
		{"Send the logs, so that the cause can be found.", words.T("Send the logs, so that the cause can be found.")},
		{
			"Send the logs, which hold that file. The gateway goes on with its jobs by itself.",
			words.T("Send the logs, which hold that file. The gateway goes on with its jobs by itself."),
		},
	}
}
