package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine"
)

// TestAWrongKeyIsToldPieceByPieceWhileItIsTyped registers by keyboard as a person does who first gets the key wrong.
func TestAWrongKeyIsToldPieceByPieceWhileItIsTyped(t *testing.T) {
	s, c := newSession(t), newCloud(t)
	data := filepath.Join(s.home, "data")
	s.start("-data", data)
	s.front()
	s.click(what{text: "I have a key"})
	key := what{kind: entry, after: "Gateway key"}
	send := what{kind: button, text: "Register"}
	s.wait(key, func(o object) bool { return o.Focus })

	factory, rest, _ := strings.Cut(c.key, "@") // ADF#factory ID, then gateway ID, key ID, location and secret
	s.write("ADF#nonsense@")
	s.read(`The factory ID "nonsense" is not a GUID…`)
	s.wait(send, func(o object) bool { return o.Off })

	s.keys("ctrl+a")
	s.write(factory + "@" + rest[:9])
	s.read("The gateway ID is cut short…")
	s.write(rest[9 : len(rest)-1])
	s.read("The secret is cut short…")
	s.wait(send, func(o object) bool { return o.Off })

	s.write(rest[len(rest)-1:])
	s.read("The key is complete.")
	s.wait(send, func(o object) bool { return !o.Off })
	if text := s.wait(key, nil).Text; text != "" {
		t.Errorf("the key can be read: %q", text)
	}

	// The node's name, by Tab, and Enter.
	name := what{kind: entry, after: "Node name"}
	s.tabTo(name)
	s.keys("ctrl+a")
	s.write("node-typed")
	s.wait(name, func(o object) bool { return o.Text == "node-typed" })
	s.keys("Return")
	s.read("Connected")
	s.read(gateway)

	status, err := s.dial(data).Status(t.Context())
	if err != nil || status.Node != "node-typed" || status.State != engine.Connected {
		t.Errorf("the engine is %+v, %v", status, err)
	}
	g, err := c.Gateway(t.Context(), gateway)
	if err != nil || len(g.Properties.TypeProperties.Nodes) != 1 {
		t.Errorf("the factory has %+v, %v", g, err)
	}
}
