package e2e

import (
	"path/filepath"
	"testing"

	"dmgateway/engine"
)

// setting is a setting's value, as the engine has it.
func (s *session) setting(client *engine.Client, name string) string {
	s.t.Helper()
	list, err := client.Settings(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, v := range list {
		if v.Name == name {
			return v.Value
		}
	}
	s.t.Fatalf("there is no setting %s", name)
	return ""
}

func (s *session) becomes(client *engine.Client, name, value string) {
	s.t.Helper()
	s.until(name+" to be "+value, patience, func() bool { return s.setting(client, name) == value })
}

// TestSettingsAreChangedByKeyboardAlone changes a box, a number and a choice, and never touches the mouse.
func TestSettingsAreChangedByKeyboardAlone(t *testing.T) {
	s := newSession(t)
	data := filepath.Join(s.home, "data")
	s.start("-data", data)
	s.front()
	s.read("Try it here")
	client := s.dial(data)

	s.keys("ctrl+2")
	s.wait(what{text: "Language"}, nil)
	s.tabTo(what{kind: check, after: "Notify of failed jobs"})
	s.keys("space")
	s.becomes(client, engine.SettingNotifyJobs, "false")
	s.wait(what{kind: check, after: "Notify of failed jobs"}, func(o object) bool { return !o.On })

	s.tabTo(what{kind: choice, after: "Theme"})
	s.keys("space")
	s.read("Light") // the menu is open
	s.keys("Down", "Down", "Return")
	s.becomes(client, engine.SettingTheme, "light")

	// The search finds a setting of another group; what is wrong with a value is told at once, and the value is not taken.
	before := s.setting(client, engine.SettingJobLimit)
	s.tabTo(what{kind: entry})
	s.write("jobs at once")
	limit := what{kind: entry, after: "Jobs at once"}
	s.wait(limit, nil)
	s.tabTo(limit)
	s.keys("ctrl+a")
	s.write("many")
	s.wait(what{kind: label, text: "…", after: "Jobs at once"}, func(o object) bool { return o.Text != "" })
	if got := s.setting(client, engine.SettingJobLimit); got != before {
		t.Errorf("a limit of %q was taken", got)
	}
	s.keys("ctrl+a")
	s.write("3")
	s.becomes(client, engine.SettingJobLimit, "3")
}

// TestTheLanguageIsSwitchedWhileTheWindowIsOpen reads the window in German and goes back, by mouse.
func TestTheLanguageIsSwitchedWhileTheWindowIsOpen(t *testing.T) {
	s := newSession(t)
	data := filepath.Join(s.home, "data")
	s.start("-data", data)
	icon := s.icon()
	s.front()
	client := s.dial(data)
	s.click(what{text: "Settings"})
	s.click(what{kind: choice, after: "Language"})
	s.click(what{text: "Deutsch"})
	s.becomes(client, engine.SettingLanguage, "de")
	s.read("Einstellungen")
	s.gone("Settings")
	s.until("the tray's menu in German", patience, func() bool { _, ok := s.Menu(t, icon)["Beenden…"]; return ok })
	s.click(what{text: "Diagnose"})
	s.read("Protokolle senden")
	s.keys("ctrl+2")
	s.click(what{kind: choice, after: "Sprache"})
	s.click(what{text: "English"})
	s.read("Settings")
	s.gone("Einstellungen")
}
