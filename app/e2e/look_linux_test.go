package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// box is a rectangle in pixels of the window.
type box struct{ X, Y, W, H float32 }

// object is something that the window shows; app/inspect_e2e.go says what its fields mean.
type object struct {
	Kind, Text, Hint  string
	Whole, Seen, Room box
	Off, On, Focus    bool
}

// What a person calls by one name goes by several in the window's code.
const (
	button = "Button keyButton"
	entry  = "field Entry"
	check  = "Check keyCheck"
	choice = "Select keySelect"
	label  = "Label Text"
)

// ask asks the program under test.
func (s *session) ask(path string, answer any) error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.inspect)
	}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://program"+path, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(answer)
}

// objects are what the window shows now.
func (s *session) objects() []object {
	s.t.Helper()
	var list []object
	if err := s.ask("/objects", &list); err != nil {
		s.t.Fatalf("ask the program what it shows (is it built with the tag e2e?): %v", err)
	}
	return list
}

// what describes an object for a person: a kind, words, or both. After is the text of a label before it, for what has no
// words of its own. A text that ends with "…" is a beginning.
type what struct{ kind, text, after string }

func (w what) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %q after %q", w.kind, w.text, w.after))
}

func says(text, wanted string) bool {
	if begin, ok := strings.CutSuffix(wanted, "…"); ok {
		return strings.HasPrefix(text, begin)
	}
	return text == wanted
}

// in finds it among objects.
func (w what) in(list []object) (object, bool) {
	found := w.after == ""
	for _, o := range list {
		switch {
		case !found:
			found = says(o.Text, w.after)
		case (w.text == "" || says(o.Text, w.text)) && (w.kind == "" || strings.Contains(" "+w.kind+" ", " "+o.Kind+" ")):
			return o, true
		}
	}
	return object{}, false
}

// wait waits until the window shows it and ok, which can be nil, says yes.
func (s *session) wait(w what, ok func(object) bool) object {
	s.t.Helper()
	var list []object
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		list = s.objects()
		if o, found := w.in(list); found && (ok == nil || ok(o)) {
			return o
		}
	}
	s.t.Fatalf("the window does not come to show %s; it shows\n%s", w, shown(list))
	return object{}
}

// read waits for a text, whole or, with "…" at its end, its beginning.
func (s *session) read(text string) { s.t.Helper(); s.wait(what{text: text}, nil) }

// gone waits until nothing says a text any more.
func (s *session) gone(text string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q to go", text), patience, func() bool { _, found := what{text: text}.in(s.objects()); return !found })
}

func shown(list []object) string {
	var b strings.Builder
	for _, o := range list {
		fmt.Fprintf(&b, "  %-12s %4.0f,%-4.0f %4.0fx%-4.0f off %-5v on %-5v focus %-5v %s %s\n", o.Kind, o.Seen.X, o.Seen.Y, o.Seen.W, o.Seen.H, o.Off, o.On, o.Focus, o.Text, o.Hint)
	}
	return b.String()
}

// reach waits until it can be clicked: there, enabled, in sight, and where it was a moment ago. It turns the wheel over what
// scrolls where that brings it into sight.
func (s *session) reach(w what) object {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		o := s.wait(w, func(o object) bool { return !o.Off })
		inSight := o.Seen.W > 0 && o.Seen.H >= min(o.Whole.H, o.Room.H)*0.9
		again, found := w.in(s.objects())
		switch {
		case !found || again != o: // it moves
		case inSight || o.Room.H <= 0 && o.Seen.W > 0:
			return o
		case o.Room.H > 0:
			wheel := "5"
			if o.Whole.Y < o.Room.Y {
				wheel = "4"
			}
			s.point(o.Room)
			s.x("click", wheel)
		}
	}
	s.t.Fatalf("%s cannot be reached; the window shows\n%s", w, shown(s.objects()))
	return object{}
}

// click clicks the middle of an object.
func (s *session) click(w what) {
	s.t.Helper()
	s.point(s.reach(w).Seen)
	s.x("click", "1")
}

// point moves the pointer into the middle of a rectangle of the window.
func (s *session) point(b box) {
	s.t.Helper()
	s.x("mousemove", "--window", s.window(), fmt.Sprint(int(b.X+b.W/2)), fmt.Sprint(int(b.Y+b.H/2)))
}

// keys presses keys by their X names, one after another.
func (s *session) keys(names ...string) {
	s.t.Helper()
	s.x(append([]string{"key", "--clearmodifiers"}, names...)...)
}

// write types text at the keyboard.
func (s *session) write(text string) { s.t.Helper(); s.x("type", "--delay", "3", "--", text) }

// x lets xdotool do something.
func (s *session) x(args ...string) {
	s.t.Helper()
	if out, err := s.tool("xdotool", args...); err != nil {
		s.t.Fatalf("xdotool %v: %v %s", args, err, out)
	}
}

// tabTo presses Tab until an object has the keyboard.
func (s *session) tabTo(w what) {
	s.t.Helper()
	for range 80 {
		before := s.objects()
		if o, found := w.in(before); found && o.Focus {
			return
		}
		s.keys("Tab")
		s.until("the focus to move", patience, func() bool { return focus(s.objects()) != focus(before) })
	}
	s.t.Fatalf("Tab does not lead to %s; the window shows\n%s", w, shown(s.objects()))
}

// focus is the number of the object that has the keyboard, -1 for none.
func focus(list []object) int {
	for i, o := range list {
		if o.Focus {
			return i
		}
	}
	return -1
}

// front waits until the window can be seen and has the keyboard.
func (s *session) front() {
	s.t.Helper()
	s.until("the window in front", patience, func() bool {
		at := s.window()
		active, err := s.tool("xdotool", "getactivewindow")
		return at != "" && err == nil && active == at
	})
}
