package window

import (
	"maps"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// credentialSheet sets the credential of a linked service: which one, how to sign in, what to sign in with, whether that
// works, and that it was done.
type credentialSheet struct {
	w     *Window
	model *view.Credentials
	sheet *sheet

	problem, done, verdict *banner
	waiting, nothing       *text
	form                   *fyne.Container
	servicePlace           *fyne.Container
	sign                   *canvas.Image
	state                  *text
	kindIn                 *fyne.Container
	kindPlace              *fyne.Container
	fields, nodes          *fyne.Container
	stages                 *stepRows
	again, try, stop       *keyButton
	ok, closing, another   *keyButton

	targets  []view.CredentialTarget
	at, kind int
	values   map[string]string
	inputs   map[string]*input
	alsoFor  map[string]bool
	tried    bool // OK was pressed with something missing
	seen     int  // how much of a test was scrolled to
	bottom   bool // there is news of the test, at the bottom
	focus    fyne.Focusable
}

// SetCredentials brings up the dialog that sets credentials.
func (w *Window) SetCredentials() {
	if w.sheet == nil {
		w.setCredentials()
	}
}

func (w *Window) setCredentials() *credentialSheet {
	c := &credentialSheet{
		w: w, model: w.o.Model.Credentials(), problem: newBanner(view.Bad), done: newBanner(view.Good), verdict: newBanner(view.Good),
		waiting: newText(words.T("Asking the data factory for its linked services…"), wrapped, muted),
		nothing: newText("", wrapped, muted), servicePlace: container.NewStack(), sign: picture(toneIcon(view.Off), 16), state: newText("", wrapped, muted),
		kindPlace: container.NewStack(), fields: stack(gapMedium), nodes: stack(gapSmall), stages: newStepRows(),
		at: -1, values: map[string]string{}, inputs: map[string]*input{}, alsoFor: map[string]bool{},
	}
	c.again = w.button(words.T("Look again"), "reset", widget.MediumImportance, c.model.Load)
	c.try = w.button(words.T("Test connection"), "play", widget.MediumImportance, c.test)
	c.stop = w.button(words.T("Stop the test"), "stop", widget.MediumImportance, c.model.Test.Cancel)
	c.another = w.button(words.T("Set another"), "key", widget.MediumImportance, c.restart)
	c.closing = w.button(words.T("Cancel"), "", widget.MediumImportance, func() { c.sheet.hide() })
	c.ok = w.button(words.T("OK"), "", widget.HighImportance, c.send)
	c.kindIn = stack(gapSmall, newText(words.T("Authentication"), bold).Object, c.kindPlace)
	c.form = stack(gapMedium,
		stack(gapSmall, newText(words.T("Linked service"), bold).Object, c.servicePlace, container.New(line{gap: 6, grow: 1, top: true}, c.sign, c.state.Object)),
		c.kindIn, c.fields, c.nodes, c.verdict.panel, c.stages.object)
	c.sheet = w.newSheet(words.T("Set credentials"), 560, stack(gapMedium, c.problem.panel, c.done.panel, c.waiting.Object, c.nothing.Object, c.form),
		c.again, c.another, c.try, c.stop, c.closing, c.ok)
	c.sheet.closed = func() {
		c.model.Cancel()
		clear(c.values)
	}
	c.sheet.watch(c.model.Watch, c.apply)
	c.sheet.watch(c.model.Test.Watch, c.apply)
	c.model.Load()
	c.apply()
	c.sheet.show(c.closing)
	return c
}

func (c *credentialSheet) restart() {
	clear(c.values)
	clear(c.alsoFor)
	c.at, c.targets, c.tried, c.seen = -1, nil, false, 0
	c.model.Test.Clear()
	c.model.Load()
}

func (c *credentialSheet) apply() {
	m, t := c.model.Snapshot(), c.model.Test.Snapshot()
	if m.Loaded && c.targets == nil && len(m.Targets) > 0 {
		c.targets = m.Targets
		c.offer()
	}
	form := m.Loaded && len(m.Targets) > 0 && m.Done == ""
	show(c.form, form)
	show(c.waiting.Object, m.Loading)
	c.problem.setProblem(m.Problem)
	c.done.set(m.Done, m.Nodes)
	nothing := ""
	if m.Loaded && len(m.Targets) == 0 {
		nothing = words.T("No linked service of the data factory names this gateway yet. Make one there first, then look again.")
	}
	c.nothing.set(nothing)
	show(c.again, !m.Loading && (nothing != "" || !m.Loaded && m.Problem != nil))
	show(c.another, m.Done != "")
	c.tested(t)
	ready := form && !m.Saving && c.at >= 0
	show(c.try, form && !t.Busy)
	show(c.stop, form && t.Busy)
	show(c.ok, form)
	enable(c.try, ready && len(c.kinds()) > 0)
	enable(c.ok, ready && !t.Busy && len(c.kinds()) > 0)
	label := words.T("OK")
	if m.Saving {
		label = words.T("Sealing…")
	}
	if c.ok.Text != label {
		c.ok.SetText(label)
	}
	leave := words.T("Cancel")
	if m.Done != "" || nothing != "" {
		leave = words.T("Close")
	}
	if c.closing.Text != leave {
		c.closing.SetText(leave)
	}
	c.sheet.fit()
	if c.bottom {
		c.bottom = false
		c.sheet.scroll.ScrollToBottom()
	}
	if c.focus != nil && form {
		c.w.win.Canvas().Focus(c.focus)
		c.focus = nil
	}
}

func (c *credentialSheet) tested(t view.TestView) {
	if t.Tone != "" {
		c.verdict.setTone(t.Tone)
	}
	more := ""
	if t.Problem != nil {
		more = t.Problem.Text + " " + t.Problem.Hint
	}
	c.verdict.set(t.Verdict, more)
	if seen := len(t.Stages) + len(t.Verdict); seen != c.seen && t.Verdict != "" {
		c.seen, c.bottom = seen, true
	}
	c.stages.apply(t.Stages)
	show(c.stages.object, len(t.Stages) > 0)
}

// offer fills the choice of linked services.
func (c *credentialSheet) offer() {
	titles := make([]string, len(c.targets))
	for i, t := range c.targets {
		titles[i] = t.Title()
	}
	services := c.w.newSelect(titles, c.choose)
	services.PlaceHolder = words.T("Choose a linked service")
	c.servicePlace.Objects = []fyne.CanvasObject{services.framed()}
	c.servicePlace.Refresh()
	if len(c.targets) == 1 {
		services.SetSelectedIndex(0)
		return
	}
	c.choose(-1)
	c.focus = services
}

func (c *credentialSheet) kinds() []engine.CredentialKind {
	if c.at < 0 {
		return nil
	}
	return c.targets[c.at].Kinds
}

func (c *credentialSheet) choose(i int) {
	c.at, c.kind, c.tried = i, 0, false
	clear(c.values)
	clear(c.alsoFor)
	c.kindPlace.Objects, c.nodes.Objects = nil, nil
	show(c.kindIn, len(c.kinds()) > 0)
	c.state.set("")
	show(c.sign, i >= 0)
	if i >= 0 {
		t := c.targets[i]
		setPicture(c.sign, toneIcon(t.Tone))
		state := t.State
		if t.Place != "" {
			state += " · " + t.Place
		}
		c.state.set(state)
	}
	if kinds := c.kinds(); len(kinds) > 0 {
		titles := make([]string, len(kinds))
		for j, k := range kinds {
			titles[j] = view.KindTitle(k)
		}
		choice := c.w.newSelect(titles, func(j int) {
			c.kind, c.tried = j, false
			c.fill()
		})
		c.kindPlace.Objects = []fyne.CanvasObject{choice.framed()}
		choice.SetSelectedIndex(0)
		c.offerNodes(c.targets[i].Others)
	} else {
		c.fill()
	}
	c.kindPlace.Refresh()
}

func (c *credentialSheet) offerNodes(others []engine.CredentialNode) {
	if len(others) == 0 {
		return
	}
	c.nodes.Add(newText(words.T("Seal it for other nodes too"), bold).Object)
	c.nodes.Add(newText(words.T("Any node may be given a job. Compare the thumbprint with the one that the node itself shows."), wrapped, caption, muted).Object)
	for _, n := range others {
		c.nodes.Add(stack(0, c.w.newCheck(n.Name, func(on bool) { c.alsoFor[n.Thumbprint] = on }), newText(n.Thumbprint, mono, caption, muted, wrapped).Object))
	}
}

// fill makes the fields of the way to sign in that was chosen; what was typed into one of the same name stays.
func (c *credentialSheet) fill() {
	c.fields.RemoveAll()
	clear(c.inputs)
	defer func() {
		c.changed()
		c.sheet.fit()
	}()
	if len(c.kinds()) == 0 {
		return
	}
	kind := c.kinds()[c.kind]
	old := maps.Clone(c.values)
	clear(c.values)
	if len(kind.Fields) == 0 {
		c.fields.Add(newText(words.T("Nothing has to be entered for this."), muted).Object)
	}
	for _, f := range kind.Fields {
		value := old[f.Name]
		if value == "" {
			value = f.Value
		}
		c.values[f.Name] = value
		hint := view.FieldHint(f)
		if f.Optional {
			hint = words.T("Optional.") + " " + hint
		}
		c.inputs[f.Name] = newInput(view.FieldTitle(f), c.control(f, value), hint)
		c.fields.Add(c.inputs[f.Name].object)
	}
}

func (c *credentialSheet) control(f engine.CredentialField, value string) fyne.CanvasObject {
	if len(f.Choices) > 0 {
		choice := c.w.newSelect(f.Choices, func(i int) {
			c.values[f.Name] = f.Choices[i]
			c.changed()
		})
		if i := slices.Index(f.Choices, value); i >= 0 {
			choice.SetSelectedIndex(i)
		}
		return choice.framed()
	}
	e := c.w.newField()
	switch {
	case f.Lines:
		e.MultiLine = true
		e.SetMinRowsVisible(4)
	case f.Secret:
		e.Password = true
	}
	e.SetText(value)
	e.OnChanged = func(text string) {
		c.values[f.Name] = text
		c.changed()
	}
	if !f.Lines {
		e.OnSubmitted = func(string) { c.send() }
	}
	return e
}

// changed forgets what came of other values, and marks what is missing once OK was pressed.
func (c *credentialSheet) changed() {
	c.model.Changed()
	var missing []string
	if c.tried && len(c.kinds()) > 0 {
		missing = view.Missing(c.kinds()[c.kind], c.values)
	}
	for name, in := range c.inputs {
		text := ""
		if slices.Contains(missing, name) {
			text = words.T("Fill this in.")
		}
		in.problem.set(text)
	}
}

// typed is what was chosen and typed; ok is false, and the fields are marked, where something is missing.
func (c *credentialSheet) typed() (f view.CredentialForm, ok bool) {
	if c.at < 0 || len(c.kinds()) == 0 {
		return f, false
	}
	kind := c.kinds()[c.kind]
	if len(view.Missing(kind, c.values)) > 0 {
		c.tried = true
		c.changed()
		c.sheet.fit()
		return f, false
	}
	f = view.CredentialForm{LinkedService: c.targets[c.at].Name, Kind: kind.Name, Values: c.values}
	for _, n := range c.targets[c.at].Others {
		if c.alsoFor[n.Thumbprint] {
			f.AlsoFor = append(f.AlsoFor, n.Thumbprint)
		}
	}
	return f, true
}

func (c *credentialSheet) test() {
	if f, ok := c.typed(); ok {
		c.model.Try(f)
	}
}

func (c *credentialSheet) send() {
	if c.ok.Disabled() {
		return
	}
	if f, ok := c.typed(); ok {
		c.model.Set(f)
	}
}
