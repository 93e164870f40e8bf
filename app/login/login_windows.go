package login

import (
	"errors"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const (
	runKey = `Software\Microsoft\Windows\CurrentVersion\Run`
	// approvedKey is where the Task Manager keeps what a person has switched off there.
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
	valueName   = "Data Management Gateway"
)

func (e Entry) on() (bool, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if err != nil {
		return false, missing(err)
	}
	defer key.Close()
	if _, _, err := key.GetStringValue(valueName); err != nil {
		return false, missing(err)
	}
	return !switchedOff(), nil
}

// switchedOff reports whether the person switched it off in the Task Manager: the first byte is odd then.
func switchedOff() bool {
	key, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer key.Close()
	state, _, err := key.GetBinaryValue(valueName)
	return err == nil && len(state) > 0 && state[0]&1 == 1
}

func (e Entry) add() error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer key.Close()
	words := []string{windows.EscapeArg(e.Program)}
	for _, a := range e.Args {
		words = append(words, windows.EscapeArg(a))
	}
	if err := key.SetStringValue(valueName, strings.Join(words, " ")); err != nil {
		return err
	}
	return removeValue(approvedKey)
}

func (e Entry) remove() error { return removeValue(runKey) }

func removeValue(path string) error {
	key, err := registry.OpenKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err != nil {
		return missing(err)
	}
	defer key.Close()
	return missing(key.DeleteValue(valueName))
}

func missing(err error) error {
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	return err
}
