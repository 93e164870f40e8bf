package tray

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/png"
	"strings"
	"testing"
	"time"

	"dmgateway/app/tray/traytest"
	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/assets"
	"dmgateway/engine"
)

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
	d := traytest.Start(t)
	if HasTray() {
		t.Error("there is a place for icons before there is one")
	}
	d.Place(t)
	if !HasTray() || !Available() {
		t.Error("the place for icons is not found")
	}
	c := viewtest.Idle()
	c.Set = append(c.Set, engine.Setting{Name: engine.SettingLanguage, Kind: "choice", Value: "en"})
	model := view.New(c, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ran, followed := make(chan struct{}), make(chan struct{})
	go func() { defer close(ran); model.Run(ctx) }()
	opened, sent, quit := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	icon := New(model, Actions{
		Open: func() { opened <- struct{}{} }, SendLogs: func() { sent <- struct{}{} }, Quit: func() { quit <- struct{}{} },
	})
	icon.Start()
	go func() { defer close(followed); icon.Follow(ctx) }()
	defer func() { cancel(); <-ran; <-followed }()
	item := <-d.Items

	until(t, "the tooltip", func() bool { return d.Tooltip(t, item) == "sales-gateway\nConnected" })
	if title := d.Property(t, item, "Title").Value(); title != "Data Management Gateway" {
		t.Errorf("the title is %v", title)
	}
	pixels := func() []byte {
		maps, _ := d.Property(t, item, "IconPixmap").Value().([][]any)
		return maps[0][2].([]byte)
	}
	before := pixels()

	menu := d.Menu(t, item)
	if menu["Connected"].Enabled || menu["Start"].Enabled || !menu["Stop"].Enabled || !menu["Open"].Enabled {
		t.Errorf("while connected the menu is %v", menu)
	}
	if _, ok := menu["Register…"]; ok {
		t.Error("it offers to register although that is done")
	}
	d.Click(t, item, "Stop")
	until(t, "stop", func() bool { return len(c.Asked()) == 1 && c.Asked()[0] == "stop" })
	stopped := viewtest.Stopped().Now
	c.Tell(engine.Event{Status: &stopped})
	until(t, "the menu", func() bool {
		m := d.Menu(t, item)
		_, shown := m["Stopped"]
		return shown && m["Start"].Enabled && !m["Stop"].Enabled
	})
	if bytes.Equal(before, pixels()) {
		t.Error("the icon is the same when stopped")
	}
	d.Click(t, item, "Open")
	<-opened
	if call := d.Conn.Object(item, "/StatusNotifierItem").Call("org.kde.StatusNotifierItem.Activate", 0, int32(0), int32(0)); call.Err != nil {
		t.Error(call.Err)
	}
	<-opened
	d.Click(t, item, "Send logs…")
	<-sent
	model.SetSetting(engine.SettingLanguage, "de")
	until(t, "German", func() bool {
		m := d.Menu(t, item)
		return m["Starten"].Enabled && m["Protokolle senden…"].Enabled && len(m) == 6
	})
	model.SetSetting(engine.SettingLanguage, "en")
	until(t, "English", func() bool { return d.Menu(t, item)["Quit…"].Enabled })
	d.Click(t, item, "Quit…")
	<-quit

	var notify Notify
	for i, replaces := range []uint32{0, 7} {
		if err := notify.Show(engine.Notice{ID: "job-failed", Title: "A job failed", Text: "a < b & c", Error: true}); err != nil {
			t.Fatal(err)
		}
		got := <-d.Notified
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
