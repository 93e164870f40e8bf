//go:build !linux

package tray

import (
	"github.com/gen2brain/beeep"

	"dmgateway/assets"
	"dmgateway/engine"
)

// Notify shows notifications by the operating system's own means.
type Notify struct{}

// Show shows one.
func (*Notify) Show(e engine.Notice) error {
	beeep.AppName = "Data Management Gateway"
	return beeep.Notify(e.Title, e.Text, assets.TrayPNG("app"))
}

// HasTray reports whether the desktop has a place for tray icons: on Windows and macOS always.
func HasTray() bool { return true }

// Available reports whether a tray icon can be offered at all.
func Available() bool { return true }
