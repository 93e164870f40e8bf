package view

import (
	"time"

	"dmgateway/engine"
)

// About says in one paragraph what the program is.
const About = "Data Management Gateway moves data between the data stores of your network and those in the cloud, without opening your firewall. " +
	"A data factory queues copy jobs; this gateway fetches them over outgoing connections only, opens the credentials with its own certificate, and copies " +
	"the data directly between the stores."

// Shortcut is a key combination that works in the window.
type Shortcut struct{ Keys, Does string }

// Shortcuts are all of them.
var Shortcuts = []Shortcut{
	{"Ctrl+1", "Home"},
	{"Ctrl+2", "Settings"},
	{"Ctrl+3", "Diagnostics"},
	{"Ctrl+4", "Help"},
	{"Ctrl+W", "Hide the window"},
	{"Ctrl+Q", "Quit"},
}

// VersionFields describe the program itself.
func VersionFields(v engine.VersionInfo) []Field {
	fields := []Field{{"Version", v.Version}}
	if v.Commit != "" {
		fields = append(fields, Field{"Commit", v.Commit})
	}
	if v.Built != "" {
		fields = append(fields, Field{"Built", v.Built})
	}
	return append(fields, Field{"Go", v.Go}, Field{"System", v.System})
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
	add("State", f.Title)
	add("Reason", f.Reason)
	add("What to do", f.Remedy)
	add("Last contact", fullMoment(st.LastContact, now))
	add("Gateway", st.Gateway)
	add("Node", st.Node)
	add("Factory", st.Factory)
	add("Factory's address", st.FactoryURL)
	return fields
}
