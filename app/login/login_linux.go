package login

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// file is the entry's by the desktop's specification of autostart.
func file() (string, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(config, "autostart", ID+".desktop"), nil
}

func (e Entry) on() (bool, error) {
	name, err := file()
	if err != nil {
		return false, err
	}
	content, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case key == "Hidden" && value == "true", key == "X-GNOME-Autostart-enabled" && value == "false":
			return false, nil // as desktops switch off what they do not own
		}
	}
	return true, nil
}

func (e Entry) content() []byte {
	command := quote(e.Program)
	for _, a := range e.Args {
		command += " " + quote(a)
	}
	return []byte("[Desktop Entry]\nType=Application\nName=Data Management Gateway\nExec=" + command +
		"\nIcon=" + ID + "\nTerminal=false\nX-GNOME-Autostart-enabled=true\n")
}

// quote writes an argument as the Exec key wants it: in quotes, with what has a meaning in them escaped, a percent sign
// doubled, and every backslash doubled once more, because the value of the key is a string too.
func quote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\><~|&;$*?#()`%") {
		return s
	}
	s = strings.NewReplacer(`\`, `\\\\`, `"`, `\\"`, "`", "\\\\`", `$`, `\\$`, "%", "%%").Replace(s)
	return `"` + s + `"`
}
