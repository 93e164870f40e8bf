//go:build linux

// Package traytest is a desktop for tests: a session bus with a place for tray icons and for notifications, and nothing
// to look at.
package traytest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Desktop is a session bus with a place for tray icons and notifications, and nothing else.
type Desktop struct {
	Conn     *dbus.Conn
	Items    chan string
	Notified chan []any
}

// RegisterStatusNotifierItem is the watcher's: an icon comes.
func (d *Desktop) RegisterStatusNotifierItem(sender dbus.Sender, _ string) *dbus.Error {
	d.Items <- string(sender)
	return nil
}

// Notify is the notification service's.
func (d *Desktop) Notify(app string, replaces uint32, icon, title, body string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	d.Notified <- []any{app, replaces, icon, title, body, actions, hints, expire}
	return 7, nil
}

// Start starts a session bus of the test's own, and points the environment at it. Where there is no dbus-daemon the test is
// skipped, and fails in CI.
func Start(t *testing.T) *Desktop {
	t.Helper()
	path, err := exec.LookPath("dbus-daemon")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("dbus-daemon is missing")
		}
		t.Skip("dbus-daemon is missing")
	}
	cmd := exec.CommandContext(t.Context(), path, "--session", "--nofork", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
	conn, err := dbus.Connect(strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Desktop{Conn: conn, Items: make(chan string, 4), Notified: make(chan []any, 4)}
}

// Place offers the place for tray icons.
func (d *Desktop) Place(t *testing.T) {
	t.Helper()
	for name, path := range map[string]dbus.ObjectPath{
		"org.kde.StatusNotifierWatcher": "/StatusNotifierWatcher", "org.freedesktop.Notifications": "/org/freedesktop/Notifications",
	} {
		if err := d.Conn.Export(d, path, name); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
}

// Property is one of an icon's.
func (d *Desktop) Property(t *testing.T, item, name string) dbus.Variant {
	t.Helper()
	v, err := d.Conn.Object(item, "/StatusNotifierItem").GetProperty("org.kde.StatusNotifierItem." + name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Entry is one line of the menu.
type Entry struct {
	id      int32
	Enabled bool
}

// Menu is an icon's menu by label, as far as it is visible.
func (d *Desktop) Menu(t *testing.T, item string) map[string]Entry {
	t.Helper()
	var revision uint32
	var layout struct {
		ID         int32
		Properties map[string]dbus.Variant
		Children   []dbus.Variant
	}
	call := d.Conn.Object(item, "/StatusNotifierItem/menu").Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{})
	if err := call.Store(&revision, &layout); err != nil {
		t.Fatal(err)
	}
	entries := map[string]Entry{}
	for _, child := range layout.Children {
		fields, _ := child.Value().([]any)
		properties, _ := fields[1].(map[string]dbus.Variant)
		label, _ := properties["label"].Value().(string)
		if visible, ok := properties["visible"]; label == "" || ok && visible.Value() == false {
			continue
		}
		enabled, ok := properties["enabled"]
		entries[label] = Entry{fields[0].(int32), !ok || enabled.Value() == true}
	}
	return entries
}

// Click clicks a line of an icon's menu. As a desktop does, it waits for no answer: a click may end the program before it
// could give one.
func (d *Desktop) Click(t *testing.T, item, label string) {
	t.Helper()
	e, ok := d.Menu(t, item)[label]
	if !ok || !e.Enabled {
		t.Fatalf("%q cannot be clicked: %v", label, d.Menu(t, item))
	}
	call := d.Conn.Object(item, "/StatusNotifierItem/menu").Call("com.canonical.dbusmenu.Event", dbus.FlagNoReplyExpected, e.id, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	if call.Err != nil {
		t.Fatal(call.Err)
	}
}

// Tooltip is what an icon's tooltip says.
func (d *Desktop) Tooltip(t *testing.T, item string) string {
	t.Helper()
	fields, _ := d.Property(t, item, "ToolTip").Value().([]any)
	return fmt.Sprint(fields[2])
}
