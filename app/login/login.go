// Package login lets the program start when a person signs in to the computer, by each desktop's own list of such
// programs: a file in autostart on Linux, the Run key of the person's registry on Windows, a launch agent on macOS.
package login

import (
	"os"
	"path/filepath"
)

// ID names the entry.
const ID = "io.github.dmgateway.DataManagementGateway"

// Entry is this program's in the desktop's list.
type Entry struct {
	// Program is started with Args.
	Program string
	Args    []string
}

// New is the entry of the program that runs, hidden, with a data directory where it is not the usual one.
func New(data string) (Entry, error) {
	program, err := os.Executable()
	if err != nil {
		return Entry{}, err
	}
	args := []string{"-hidden"}
	if data != "" {
		if data, err = filepath.Abs(data); err != nil {
			return Entry{}, err
		}
		args = append(args, "-data", data)
	}
	return Entry{program, args}, nil
}

// On reports whether the desktop starts the program.
func (e Entry) On() (bool, error) { return e.on() }

// Set puts the program into the desktop's list, or takes it out.
func (e Entry) Set(on bool) error {
	if on {
		return e.add()
	}
	return e.remove()
}
