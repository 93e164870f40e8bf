package protocol

import (
	"bytes"
	"crypto/ed25519"
	"testing"
)

// FuzzOpen feeds what could come over the queue: nothing but what was signed opens, and nothing ends the program.
func FuzzOpen(f *testing.F) {
	const token = "0123456789abcdef0123456789abcdef"
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := SignJSON(Job{ActivityRun: "r", Attempt: 1, Bundle: []byte("{}")}, private)
	if err != nil {
		f.Fatal(err)
	}
	event, err := SignEvent(Event{Kind: EventHeartbeat, Node: "n"}, token)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(event)
	f.Add([]byte("eyJhbGciOiJub25lIn0.e30."))
	f.Add([]byte("{\"payload\":\"e30\",\"signatures\":[]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var job Job
		if err := OpenJSON(body, public, &job); err == nil && !bytes.Equal(bytes.TrimSpace(body), signed) && job.ActivityRun != "r" {
			t.Errorf("a job that nobody signed opens: %q", body)
		}
		if e, err := OpenEvent(body, func(node string) string {
			if node == "n" {
				return token
			}
			return ""
		}); err == nil && e.Node != "n" {
			t.Errorf("an event that nobody signed opens: %q", body)
		}
	})
}
