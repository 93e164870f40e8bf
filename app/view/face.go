package view

import (
	"dmgateway/engine"
)

// Tone is what a colour says. Every tone comes with a mark of its own shape and with words, so that nobody needs to
// tell colours apart.
type Tone string

// The tones.
const (
	Good    Tone = "good"
	Busy    Tone = "busy"
	Warning Tone = "warning"
	Bad     Tone = "bad"
	Off     Tone = "off"
)

// Mark names one of the state icons in assets.
type Mark string

// The marks.
const (
	MarkUnregistered Mark = "unregistered"
	MarkStopped      Mark = "stopped"
	MarkConnecting   Mark = "connecting"
	MarkConnected    Mark = "connected"
	MarkCopying      Mark = "copying"
	MarkLimited      Mark = "limited"
	MarkDisconnected Mark = "disconnected"
	MarkDraining     Mark = "draining"
	MarkUpdating     Mark = "updating"
)

// Marks are all of them, in the order of a gateway's life.
var Marks = []Mark{
	MarkUnregistered, MarkStopped, MarkConnecting, MarkConnected, MarkCopying, MarkLimited, MarkDisconnected, MarkDraining, MarkUpdating,
}

// Face is how a state looks: a mark, a tone, a title of one or two words, and why it is so and what to do.
type Face struct {
	Mark   Mark
	Tone   Tone
	Title  string
	Reason string
	Remedy string
}

// FaceOf gives the face of a status. Reason and remedy are the engine's own where it gives them.
func FaceOf(s engine.Status) Face {
	f := plainFace(s)
	if s.Reason != "" {
		f.Reason = Sentence(s.Reason)
	}
	if s.Remedy != "" {
		f.Remedy = Sentence(s.Remedy)
	}
	return f
}

func plainFace(s engine.Status) Face {
	switch s.State {
	case engine.NeedRegistration:
		f := Face{Mark: MarkUnregistered, Tone: Off, Title: "Not registered", Reason: "This gateway has no key yet.", Remedy: "Register it with a key from your data factory."}
		if s.Gateway != "" {
			f.Tone, f.Title, f.Reason = Bad, "Key no longer valid", "The key of this gateway was recreated at the factory."
			f.Remedy = "Register again with the new key."
		}
		return f
	case engine.Stopped:
		return Face{Mark: MarkStopped, Tone: Off, Title: "Stopped", Reason: "The gateway takes no jobs.", Remedy: "Start it to take jobs again."}
	case engine.Connecting:
		return Face{Mark: MarkConnecting, Tone: Busy, Title: "Connecting"}
	case engine.Connected:
		if s.Jobs.Running > 0 {
			return Face{Mark: MarkCopying, Tone: Good, Title: "Connected", Reason: copyingText(s.Jobs.Running)}
		}
		return Face{Mark: MarkConnected, Tone: Good, Title: "Connected", Reason: "Ready for jobs."}
	case engine.Limited:
		return Face{Mark: MarkLimited, Tone: Warning, Title: "Limited", Reason: "Connected, but something does not work."}
	case engine.Disconnected:
		return Face{Mark: MarkDisconnected, Tone: Bad, Title: "Disconnected", Reason: "The factory cannot be reached.", Remedy: "The gateway tries again by itself."}
	case engine.Draining:
		return Face{Mark: MarkDraining, Tone: Warning, Title: "Finishing", Reason: "No new jobs are taken; the running ones finish."}
	case engine.Updating:
		return Face{Mark: MarkUpdating, Tone: Busy, Title: "Updating", Reason: "A new version is being installed."}
	}
	return Face{Mark: MarkConnecting, Tone: Off, Title: "Starting"}
}

func copyingText(n int) string {
	if n == 1 {
		return "Copying: 1 job is running."
	}
	return "Copying: " + Count(int64(n)) + " jobs are running."
}

// CanStart reports whether Start would do something.
func CanStart(s engine.State) bool { return s == engine.Stopped || s == engine.Draining }

// CanStop reports whether Stop would do something.
func CanStop(s engine.State) bool {
	switch s {
	case engine.Connecting, engine.Connected, engine.Limited, engine.Disconnected, engine.Draining:
		return true
	}
	return false
}
