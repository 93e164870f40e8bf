package view

import (
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// About says in one paragraph what the program is.
func About() string {
	return words.T("Data Management Gateway moves data between the data stores of your network and those in the cloud, without opening your firewall. " +
		"A data factory queues copy jobs; this gateway fetches them over outgoing connections only, opens the credentials with its own certificate, and copies " +
		"the data directly between the stores.")
}

// Shortcut is a key combination that works in the window.
type Shortcut struct{ Keys, Does string }

// Shortcuts are all that the window itself knows.
func Shortcuts() []Shortcut {
	return []Shortcut{
		{words.T("Ctrl+%s", "1"), words.T("Home")},
		{words.T("Ctrl+%s", "2"), words.T("Settings")},
		{words.T("Ctrl+%s", "3"), words.T("Diagnostics")},
		{words.T("Ctrl+%s", "4"), words.T("Help")},
		{words.T("Ctrl+%s", "F"), words.T("Search the log")},
		{words.T("Ctrl+%s", "K"), words.T("Set credentials")},
		{words.T("Ctrl+%s", "W"), words.T("Hide the window")},
		{words.T("Ctrl+%s", "Q"), words.T("Quit")},
	}
}

// UsualKeys are those that work as in other programs.
func UsualKeys() []Shortcut {
	return []Shortcut{
		{words.T("Tab"), words.T("To the next field or button; with Shift to the one before")},
		{words.T("Space, Enter"), words.T("Press what has the focus; Enter in a field does what its dialog is for")},
		{words.T("Escape"), words.T("Back, or close a dialog")},
	}
}

// VersionFields describe the program itself.
func VersionFields(v engine.VersionInfo) []Field {
	fields := []Field{{words.T("Version"), v.Version}}
	if v.Commit != "" {
		fields = append(fields, Field{words.T("Commit"), v.Commit})
	}
	if v.Built != "" {
		fields = append(fields, Field{words.T("Built"), v.Built})
	}
	return append(fields, Field{"Go", v.Go}, Field{words.T("System"), v.System})
}

// ConnectionFields describe the connection, for Diagnostics; what is not known is left out.
func ConnectionFields(s Snapshot, now time.Time) []Field {
	st := s.Status
	var fields []Field
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, Field{name, value})
		}
	}
	f := FaceOf(st)
	add(words.T("State"), f.Title)
	add(words.T("Reason"), f.Reason)
	add(words.T("What to do"), f.Remedy)
	add(words.T("Last contact"), fullMoment(st.LastContact, now))
	add(words.T("Gateway"), st.Gateway)
	add(words.T("Node"), st.Node)
	add(words.T("Factory"), st.Factory)
	add(words.T("Factory's address"), st.FactoryURL)
	return fields
}
