package view

import (
	"dmgateway/app/words"
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
	// MarkAvailable is for the tray, where a newer version is available and nothing more pressing is to be shown.
	MarkAvailable Mark = "available"
)

// Marks are all of them, in the order of a gateway's life.
var Marks = []Mark{
	MarkUnregistered, MarkStopped, MarkConnecting, MarkConnected, MarkCopying, MarkLimited, MarkDisconnected, MarkDraining, MarkUpdating,
	MarkAvailable,
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
		f.Reason = Sentence(words.Of(s.Reason))
	}
	if s.Remedy != "" {
		f.Remedy = Sentence(words.Of(s.Remedy))
	}
	return f
}

func plainFace(s engine.Status) Face {
	switch s.State {
	case engine.NeedRegistration:
		f := Face{Mark: MarkUnregistered, Tone: Off, Title: words.T("Not registered"), Reason: words.T("This gateway has no key yet."), Remedy: words.T("Register it with a key from your data factory.")}
		if s.Gateway != "" {
			f.Tone, f.Title, f.Reason = Bad, words.T("Key no longer valid"), words.T("The key of this gateway was recreated at the factory.")
			f.Remedy = words.T("Register again with the new key.")
		}
		return f
	case engine.Stopped:
		return Face{Mark: MarkStopped, Tone: Off, Title: words.T("Stopped"), Reason: words.T("The gateway takes no jobs."), Remedy: words.T("Start it to take jobs again.")}
	case engine.Connecting:
		return Face{Mark: MarkConnecting, Tone: Busy, Title: words.T("Connecting")}
	case engine.Connected:
		if s.Jobs.Running > 0 {
			return Face{Mark: MarkCopying, Tone: Good, Title: words.T("Connected"), Reason: copyingText(s.Jobs.Running)}
		}
		return Face{Mark: MarkConnected, Tone: Good, Title: words.T("Connected"), Reason: words.T("Ready for jobs.")}
	case engine.Limited:
		return Face{Mark: MarkLimited, Tone: Warning, Title: words.T("Limited"), Reason: words.T("Connected, but something does not work.")}
	case engine.Disconnected:
		return Face{Mark: MarkDisconnected, Tone: Bad, Title: words.T("Disconnected"), Reason: words.T("The factory cannot be reached."), Remedy: words.T("The gateway tries again by itself.")}
	case engine.Draining:
		return Face{Mark: MarkDraining, Tone: Warning, Title: words.T("Finishing"), Reason: words.T("No new jobs are taken; the running ones finish.")}
	case engine.Updating:
		return Face{Mark: MarkUpdating, Tone: Busy, Title: words.T("Updating"), Reason: words.T("A new version is being installed.")}
	}
	return Face{Mark: MarkConnecting, Tone: Off, Title: words.T("Starting")}
}

func copyingText(n int) string {
	return counted(int64(n), words.T("Copying: 1 job is running."), words.T("Copying: %s jobs are running."))
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
