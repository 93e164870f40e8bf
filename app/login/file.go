//go:build linux || darwin

package login

import (
	"errors"
	"os"
	"path/filepath"
)

func (e Entry) add() error {
	name, err := file()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, e.content(), 0o600)
}

func (e Entry) remove() error {
	name, err := file()
	if err != nil {
		return err
	}
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
