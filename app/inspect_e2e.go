//go:build e2e

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"reflect"
	"runtime"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
)

// A program built with the tag e2e answers two questions on the Unix socket that DMG_INSPECT names: /objects is what its
// window shows and where, /runtime what it holds; /debug/pprof/ has Go's profiles. It takes no orders: tests work with mouse
// and keyboard. A program built without the tag has none of this.
func init() {
	socket := os.Getenv("DMG_INSPECT")
	if socket == "" {
		return
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return // a second start, which ends at once: the socket is the first one's
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/objects", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(shownObjects()) })
	mux.HandleFunc("/runtime", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_ = json.NewEncoder(w).Encode(map[string]uint64{"goroutines": uint64(runtime.NumGoroutine()), "heap": m.HeapAlloc, "objects": m.HeapObjects})
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	go func() { _ = http.Serve(l, mux) }() //nolint:gosec // G114: its one client is a test
}

// box is a rectangle in pixels of the window.
type box struct{ X, Y, W, H float32 }

// object is something that the window shows: a text, or a widget that can be clicked or typed into.
type object struct {
	Kind string // the widget's type without its package: Label, Button, Check, field…
	Text string // what it says; of an entry what is in it, unless that is masked
	Hint string `json:",omitempty"` // what an empty entry says
	// Whole is where it is, Seen the part that is not scrolled away, Room the scroller that it is in, if any.
	Whole, Seen, Room box
	Off, On, Focus    bool `json:",omitempty"` // disabled, ticked, has the keyboard
}

// shownObjects are those of the window, or of the dialog or menu that lies over it, in the order in which it has them.
func shownObjects() (list []object) {
	fyne.DoAndWait(func() {
		for _, w := range fyne.CurrentApp().Driver().AllWindows() {
			c := w.Canvas()
			root := c.Overlays().Top()
			if root == nil {
				root = c.Content()
			}
			in := inspection{scale: c.Scale(), focused: c.Focused()}
			in.walk(root, fyne.Position{}, box{W: c.Size().Width, H: c.Size().Height}, box{}, false)
			list = append(list, in.list...)
		}
	})
	return list
}

type inspection struct {
	scale   float32
	focused fyne.Focusable
	list    []object
}

// walk lists o and what is in it; said tells that the text of what it is in is listed already.
func (in *inspection) walk(o fyne.CanvasObject, at fyne.Position, seen, room box, said bool) {
	if o == nil || !o.Visible() {
		return
	}
	if _, text := o.(*canvas.Text); text && said {
		return
	}
	at = at.Add(o.Position())
	whole := box{at.X, at.Y, o.Size().Width, o.Size().Height}
	if _, scrolls := o.(fyne.Scrollable); scrolls {
		seen, room = seen.and(whole), seen.and(whole)
	}
	said = in.add(o, whole, seen, room) || said
	for _, child := range children(o) {
		in.walk(child, at, seen, room, said)
	}
}

func children(o fyne.CanvasObject) []fyne.CanvasObject {
	switch o := o.(type) {
	case *fyne.Container:
		return o.Objects
	case fyne.Widget:
		return test.WidgetRenderer(o).Objects()
	}
	return nil
}

// add lists an object if it says something or can be used; it reports whether it says something.
func (in *inspection) add(o fyne.CanvasObject, whole, seen, room box) bool {
	v := reflect.Indirect(reflect.ValueOf(o))
	s := object{Kind: v.Type().Name(), Whole: whole.times(in.scale), Seen: seen.and(whole).times(in.scale), Room: room.times(in.scale)}
	says := false
	if v.Kind() == reflect.Struct {
		for name, field := range map[string]*string{"Text": &s.Text, "Selected": &s.Text, "PlaceHolder": &s.Hint} {
			if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.String {
				*field, says = f.String(), true
			}
		}
		if f := v.FieldByName("Password"); f.IsValid() && f.Kind() == reflect.Bool && f.Bool() {
			s.Text = ""
		}
		if f := v.FieldByName("Checked"); f.IsValid() && f.Kind() == reflect.Bool {
			s.On = f.Bool()
		}
	}
	if d, ok := o.(fyne.Disableable); ok {
		s.Off = d.Disabled()
	}
	_, tappable := o.(fyne.Tappable)
	focusable, ok := o.(fyne.Focusable)
	s.Focus = ok && focusable == in.focused
	if says || tappable || ok {
		in.list = append(in.list, s)
	}
	return says
}

func (b box) and(c box) box {
	x, y := max(b.X, c.X), max(b.Y, c.Y)
	return box{x, y, max(0, min(b.X+b.W, c.X+c.W)-x), max(0, min(b.Y+b.H, c.Y+c.H)-y)}
}

func (b box) times(f float32) box { return box{b.X * f, b.Y * f, b.W * f, b.H * f} }
