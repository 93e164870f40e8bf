package tray

import (
	"sync"

	"github.com/godbus/dbus/v5"

	"dmgateway/engine"
)

// desktopEntry is the name of the program's desktop file, by which desktops find its icon and settings.
const desktopEntry = "dmgateway"

// Notify shows notifications by the desktop's own service. One with the ID of an earlier one takes its place, and each
// goes away by itself after the desktop's usual time.
type Notify struct {
	mu   sync.Mutex
	sent map[string]uint32
}

// Show shows one. Where the desktop shows none, nothing happens: the same is in the window and in the log.
func (n *Notify) Show(e engine.Notice) error {
	conn, err := dbus.SessionBus()
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	// Urgency is normal also for errors: many desktops keep a critical notification until somebody clicks it away.
	hints := map[string]dbus.Variant{
		"urgency": dbus.MakeVariant(byte(1)), "desktop-entry": dbus.MakeVariant(desktopEntry), "image-data": dbus.MakeVariant(appImage()),
	}
	call := conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").Call("org.freedesktop.Notifications.Notify", 0,
		"Data Management Gateway", n.sent[e.ID], "", e.Title, escape(e.Text), []string{}, hints, int32(-1))
	var id uint32
	if err := call.Store(&id); err != nil {
		return err
	}
	if n.sent == nil {
		n.sent = map[string]uint32{}
	}
	n.sent[e.ID] = id
	return nil
}

// HasTray reports whether the desktop has a place for tray icons.
func HasTray() bool {
	conn, err := dbus.SessionBus()
	if err != nil {
		return false
	}
	var owned bool
	err = conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.kde.StatusNotifierWatcher").Store(&owned)
	return err == nil && owned
}

// Available reports whether a tray icon can be offered at all: without a session bus it cannot.
func Available() bool {
	_, err := dbus.SessionBus()
	return err == nil
}
