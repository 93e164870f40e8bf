package tray

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/assets"
	"dmgateway/engine"
)

// desktop is a session bus with a place for tray icons and notifications, and nothing else.
type desktop struct {
	conn     *dbus.Conn
	items    chan string
	notified chan []any
}

// RegisterStatusNotifierItem is the watcher's: an icon comes.
func (d *desktop) RegisterStatusNotifierItem(sender dbus.Sender, _ string) *dbus.Error {
	d.items <- string(sender)
	return nil
}

// Notify is the notification service's.
func (d *desktop) Notify(app string, replaces uint32, icon, title, body string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	d.notified <- []any{app, replaces, icon, title, body, actions, hints, expire}
	return 7, nil
}

func newDesktop(t *testing.T) *desktop {
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
	return &desktop{conn: conn, items: make(chan string, 4), notified: make(chan []any, 4)}
}

// place offers the place for tray icons.
func (d *desktop) place(t *testing.T) {
	t.Helper()
	for name, path := range map[string]dbus.ObjectPath{
		"org.kde.StatusNotifierWatcher": "/StatusNotifierWatcher", "org.freedesktop.Notifications": "/org/freedesktop/Notifications",
	} {
		if err := d.conn.Export(d, path, name); err != nil {
			t.Fatal(err)
		}
		if _, err := d.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *desktop) property(t *testing.T, item, name string) dbus.Variant {
	t.Helper()
	v, err := d.conn.Object(item, "/StatusNotifierItem").GetProperty("org.kde.StatusNotifierItem." + name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// entry is one line of the menu.
type entry struct {
	id      int32
	enabled bool
}

func (d *desktop) menu(t *testing.T, item string) map[string]entry {
	t.Helper()
	var revision uint32
	var layout struct {
		ID         int32
		Properties map[string]dbus.Variant
		Children   []dbus.Variant
	}
	call := d.conn.Object(item, "/StatusNotifierItem/menu").Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{})
	if err := call.Store(&revision, &layout); err != nil {
		t.Fatal(err)
	}
	entries := map[string]entry{}
	for _, child := range layout.Children {
		fields, _ := child.Value().([]any)
		properties, _ := fields[1].(map[string]dbus.Variant)
		label, _ := properties["label"].Value().(string)
		if visible, ok := properties["visible"]; label == "" || ok && visible.Value() == false {
			continue
		}
		enabled, ok := properties["enabled"]
		entries[label] = entry{fields[0].(int32), !ok || enabled.Value() == true}
	}
	return entries
}

func (d *desktop) click(t *testing.T, item, label string) {
	t.Helper()
	e, ok := d.menu(t, item)[label]
	if !ok || !e.enabled {
		t.Fatalf("%q cannot be clicked: %v", label, d.menu(t, item))
	}
	call := d.conn.Object(item, "/StatusNotifierItem/menu").Call("com.canonical.dbusmenu.Event", 0, e.id, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	if call.Err != nil {
		t.Fatal(call.Err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain: " + what)
		}
	}
}

// TestTray is one test, because a process has one tray and one session bus.
func TestTray(t *testing.T) {
	if withoutDetector(t) {
		return
	}
	d := newDesktop(t)
	if HasTray() {
		t.Error("there is a place for icons before there is one")
	}
	d.place(t)
	if !HasTray() || !Available() {
		t.Error("the place for icons is not found")
	}
	c := viewtest.Idle()
	model := view.New(c, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ran, followed := make(chan struct{}), make(chan struct{})
	go func() { defer close(ran); model.Run(ctx) }()
	opened, quit := make(chan struct{}, 1), make(chan struct{}, 1)
	icon := New(model, Actions{Open: func() { opened <- struct{}{} }, Quit: func() { quit <- struct{}{} }})
	icon.Start()
	go func() { defer close(followed); icon.Follow(ctx) }()
	defer func() { cancel(); <-ran; <-followed }()
	item := <-d.items

	tooltip := func() string {
		fields, _ := d.property(t, item, "ToolTip").Value().([]any)
		return fmt.Sprint(fields[2])
	}
	until(t, "the tooltip", func() bool { return tooltip() == "sales-gateway\nConnected" })
	if title := d.property(t, item, "Title").Value(); title != "Data Management Gateway" {
		t.Errorf("the title is %v", title)
	}
	pixels := func() []byte {
		maps, _ := d.property(t, item, "IconPixmap").Value().([][]any)
		return maps[0][2].([]byte)
	}
	before := pixels()

	menu := d.menu(t, item)
	if menu["Connected"].enabled || menu["Start"].enabled || !menu["Stop"].enabled || !menu["Open"].enabled {
		t.Errorf("while connected the menu is %v", menu)
	}
	if _, ok := menu["Register…"]; ok {
		t.Error("it offers to register although that is done")
	}
	d.click(t, item, "Stop")
	until(t, "stop", func() bool { return len(c.Asked()) == 1 && c.Asked()[0] == "stop" })
	stopped := viewtest.Stopped().Now
	c.Tell(engine.Event{Status: &stopped})
	until(t, "the menu", func() bool {
		m := d.menu(t, item)
		_, shown := m["Stopped"]
		return shown && m["Start"].enabled && !m["Stop"].enabled
	})
	if bytes.Equal(before, pixels()) {
		t.Error("the icon is the same when stopped")
	}
	d.click(t, item, "Open")
	<-opened
	if call := d.conn.Object(item, "/StatusNotifierItem").Call("org.kde.StatusNotifierItem.Activate", 0, int32(0), int32(0)); call.Err != nil {
		t.Error(call.Err)
	}
	<-opened
	d.click(t, item, "Quit…")
	<-quit

	var notify Notify
	for i, replaces := range []uint32{0, 7} {
		if err := notify.Show(engine.Notice{ID: "job-failed", Title: "A job failed", Text: "a < b & c", Error: true}); err != nil {
			t.Fatal(err)
		}
		got := <-d.notified
		if got[1] != replaces || got[3] != "A job failed" || got[4] != "a &lt; b &amp; c" || got[7] != int32(-1) {
			t.Errorf("notification %d: %v", i, got[:5])
		}
	}
}

func TestEveryMarkHasItsOwnPixelsAtSixteen(t *testing.T) {
	t.Parallel()
	seen := map[string]view.Mark{}
	for _, m := range view.Marks {
		img, _, err := image.Decode(bytes.NewReader(assets.TrayPNG(string(m))))
		if err != nil {
			t.Fatal(err)
		}
		var key strings.Builder
		for y := range 16 {
			for x := range 16 {
				r, g, b, a := img.At(img.Bounds().Dx()*(2*x+1)/32, img.Bounds().Dy()*(2*y+1)/32).RGBA()
				fmt.Fprint(&key, r>>12, g>>12, b>>12, a>>12, " ")
			}
		}
		if other, taken := seen[key.String()]; taken {
			t.Errorf("%s looks like %s", m, other)
		}
		seen[key.String()] = m
	}
}
