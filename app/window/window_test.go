package window

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

const goodKey = "ADF#11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555@factory.example:8051#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// settle waits until the model has what ok asks for, and shows it.
func settle(t *testing.T, w *Window, ok func(view.Snapshot) bool) {
	t.Helper()
	until(t, func() bool { return ok(w.o.Model.Snapshot()) })
	w.Apply(w.o.Model.Snapshot())
}

func TestRegisteringFromTheWelcome(t *testing.T) {
	c := viewtest.New()
	w := open(t, c, "light")
	if !w.home.welcome.object.Visible() || w.home.overview.Visible() {
		t.Fatal("the first start does not ask its question")
	}
	test.Tap(w.home.welcome.choices.Objects[0].(*pressable))
	p := w.home.register
	if !p.object.Visible() || !p.register.Disabled() {
		t.Fatal("the Register page is not ready for a key")
	}
	if !p.key.Password {
		t.Error("the key can be read by whoever looks on")
	}
	p.reveal.SetChecked(true)
	if p.key.Password {
		t.Error("the key cannot be shown")
	}
	p.key.SetText(goodKey[:20])
	if !p.register.Disabled() || !strings.Contains(p.pieces.what.Text, "cut short") {
		t.Errorf("a part of a key can be sent; it says %q", p.pieces.what.Text)
	}
	p.key.SetText(goodKey)
	c.Do(func(c *viewtest.Controller) { c.Err = errors.New("the key was recreated") })
	test.Tap(p.register)
	settle(t, w, func(s view.Snapshot) bool { return s.Failed == view.Registering })
	if p.failure.title.Text != view.RegisterFailure || p.failure.more.Text != "The key was recreated." {
		t.Errorf("it says %q, %q", p.failure.title.Text, p.failure.more.Text)
	}
	c.Do(func(c *viewtest.Controller) { c.Err = nil })
	p.node.SetText("other")
	test.Tap(p.register)
	settle(t, w, func(s view.Snapshot) bool { return s.Success != "" })
	if got := c.Asked(); got[len(got)-1] != "register "+goodKey+" other" {
		t.Errorf("asked %q", got)
	}
	if p.object.Visible() {
		t.Error("the Register page stays after it worked")
	}
}

func TestTryItShowsItsStepsAndOpensTheResult(t *testing.T) {
	c := viewtest.New()
	c.Gate, c.Sample = make(chan struct{}), engine.Sample{Folder: "/data/sample", Run: "s1"}
	c.Steps = []engine.RegisterStep{{Text: "Starting the built-in factory"}, {Text: "Making a gateway and its key"}}
	w := open(t, c, "dark")
	opened := make(chan string, 1)
	w.o.Open = func(target string) error { opened <- target; return nil }
	test.Tap(w.home.welcome.choices.Objects[1].(*pressable))
	settle(t, w, func(s view.Snapshot) bool { return len(s.Steps) == 2 })
	close(c.Gate)
	idle := viewtest.Idle().Now
	c.Tell(engine.Event{Status: &idle})
	c.Tell(engine.Event{Job: &engine.Job{ID: "s1", Status: engine.Succeeded, Result: &engine.Result{RowsCopied: 100_000}}})
	settle(t, w, func(s view.Snapshot) bool { return s.Sample != nil && len(s.Jobs) == 1 && s.Doing == view.Nothing })
	if !w.home.sample.open.Visible() {
		t.Fatal("the result cannot be opened")
	}
	test.Tap(w.home.sample.open)
	select {
	case got := <-opened:
		if got != "/data/sample" {
			t.Errorf("it opens %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was opened")
	}
}

// answer taps the button of the dialog that is up.
func answer(t *testing.T, w *Window, label string) {
	t.Helper()
	top := w.win.Canvas().Overlays().Top()
	if top == nil {
		t.Fatal("nothing is asked")
	}
	for _, o := range test.LaidOutObjects(top) {
		switch b := o.(type) {
		case *widget.Button:
			if b.Text == label {
				test.Tap(b)
				return
			}
		case *keyButton:
			if b.Text == label && b.Visible() {
				test.Tap(b)
				return
			}
		}
	}
	t.Fatalf("there is no %q", label)
}

func TestWhatHasConsequencesIsAskedFirst(t *testing.T) {
	c := viewtest.Busy()
	w := open(t, c, "light")
	test.Tap(w.home.cards[0].cancel)
	answer(t, w, "Let it run")
	test.Tap(w.home.stop)
	answer(t, w, "Leave it running")
	test.Tap(w.settings.unregister)
	answer(t, w, "Keep it")
	if got := c.Asked(); len(got) != 0 {
		t.Fatalf("done although refused: %q", got)
	}
	test.Tap(w.home.cards[0].cancel)
	answer(t, w, "Cancel the job")
	until(t, func() bool { return slices.Contains(c.Asked(), "cancel r1") })
	w.Apply(w.o.Model.Snapshot())
	if !w.home.cards[0].cancel.Disabled() {
		t.Error("a job that is being cancelled can be cancelled again")
	}
}

func TestAFailedJobCanBeRunAgain(t *testing.T) {
	c := viewtest.Busy()
	w := open(t, c, "light")
	test.Tap(w.home.recent.rows[1])
	answer(t, w, "Run again")
	until(t, func() bool { return slices.Contains(c.Asked(), "retry f1") })
	test.Tap(w.home.recent.rows[0])
	for _, o := range test.LaidOutObjects(w.win.Canvas().Overlays().Top()) {
		if b, ok := o.(*keyButton); ok && b.Text == "Run again" && b.Visible() {
			t.Error("a job that succeeded can be run again")
		}
	}
}

func TestButtonsFollowTheState(t *testing.T) {
	for _, c := range []struct {
		scene       *viewtest.Controller
		start, stop bool
	}{{viewtest.Idle(), false, true}, {viewtest.Stopped(), true, false}, {viewtest.Broken(), false, true}} {
		w := open(t, c.scene, "light")
		if w.home.start.Visible() != c.start || w.home.stop.Visible() != c.stop || w.home.again.Visible() {
			t.Errorf("%s: start %v, stop %v", c.scene.Now.State, w.home.start.Visible(), w.home.stop.Visible())
		}
	}
	lost := viewtest.Idle()
	lost.Now.State = engine.NeedRegistration
	if w := open(t, lost, "light"); !w.home.again.Visible() || w.home.start.Visible() {
		t.Error("after the key was recreated one cannot register again")
	}
}

func TestASettingIsCheckedAsItIsTyped(t *testing.T) {
	c := viewtest.Idle()
	w := open(t, c, "light")
	w.Go(1)
	c.Do(func(c *viewtest.Controller) { c.SettingErr = errors.New("give a whole number from 1 to 64") })
	var limit *field
	for _, o := range test.LaidOutObjects(w.settings.rows[engine.SettingJobLimit].object) {
		if f, ok := o.(*field); ok {
			limit = f
		}
	}
	var check func()
	w.after = func(_ time.Duration, f func()) func() bool { check = f; return func() bool { return true } }
	limit.SetText("man")
	outdated := check
	limit.SetText("many")
	outdated()
	check()
	settle(t, w, func(s view.Snapshot) bool { return view.SettingsOf(s)[0].Error != "" })
	row := w.settings.rows[engine.SettingJobLimit]
	if row.problem.Text != "Give a whole number from 1 to 64." || limit.Text != "many" {
		t.Errorf("it says %q beside %q", row.problem.Text, limit.Text)
	}
	c.Do(func(c *viewtest.Controller) { c.SettingErr = nil })
	limit.SetText("8")
	check()
	settle(t, w, func(s view.Snapshot) bool { return view.SettingsOf(s)[0].Shown == "8" })
	if slices.Contains(c.Asked(), "set joblimit=man") {
		t.Error("what was typed over was sent too")
	}
	if row.problem.Object.Visible() || !row.reset.Visible() {
		t.Error("a good value is not shown as one")
	}
}

func TestKeysChangeThePage(t *testing.T) {
	w := open(t, viewtest.Idle(), "light")
	closed, quit := false, false
	w.o.Close, w.o.Quit = func() { closed = true }, func() { quit = true }
	keys := w.keys()
	if len(keys) != len(view.Shortcuts()) {
		t.Errorf("Help tells of %d keys, %d work", len(view.Shortcuts()), len(keys))
	}
	for i, key := range []fyne.KeyName{fyne.Key1, fyne.Key2, fyne.Key3, fyne.Key4} {
		keys[key]()
		if w.at != i || !w.pages[i].object.Visible() {
			t.Errorf("%s leads to page %d", key, w.at)
		}
	}
	keys[fyne.KeyW]()
	keys[fyne.KeyQ]()
	if !closed || !quit {
		t.Error("the window cannot be closed or the program not be quit by key")
	}
}

func TestTheThemeIsTheSettings(t *testing.T) {
	c := viewtest.Idle()
	w := open(t, c, "light")
	background := func() string {
		r, _, _, _ := w.app.Settings().Theme().Color("background", w.app.Settings().ThemeVariant()).RGBA()
		if r > 0x8000 {
			return "light"
		}
		return "dark"
	}
	if background() != "light" {
		t.Fatal("it is not light")
	}
	w.o.Model.SetSetting(engine.SettingTheme, "dark")
	settle(t, w, func(s view.Snapshot) bool { return view.SettingValue(s, engine.SettingTheme) == "dark" })
	if background() != "dark" {
		t.Error("it is not dark")
	}
}
