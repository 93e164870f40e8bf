package window

import (
	"cmp"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// testTool tests a connection with what a person types. Nothing of it outlives the page.
type testTool struct {
	tool
	w           *Window
	model       *view.ConnectionTest
	types       []engine.ConnectionType
	page        *scrolled
	kind        *widget.Select // of store
	form        *fyne.Container
	auth        *widget.Select
	credential  *fyne.Container
	place       map[string]func() string
	values      map[string]func() string
	json        *widget.Entry
	run, cancel *widget.Button
	copy        *widget.Button
	outcome     *panel
	verdict     *banner
	stages      *stepRows
}

func newTestTool(p *diagnosticsPage) *testTool {
	w := p.w
	t := &testTool{
		w: w, model: w.o.Model.ConnectionTest(w.o.Data), types: engine.ConnectionTypes(), form: stack(gap), credential: stack(gap),
		verdict: newBanner(view.Busy), stages: newStepRows(),
	}
	names := make([]string, 0, len(t.types)+1)
	for _, ty := range t.types {
		names = append(names, words.Of(ty.Title))
	}
	names = append(names, words.T("JSON of a linked service"))
	t.kind = widget.NewSelect(names, func(string) { t.choose() })
	t.run = button(words.T("Test connection"), "plug", widget.HighImportance, t.test)
	t.cancel = button(words.T("Cancel"), "", widget.MediumImportance, t.model.Cancel)
	t.copy = button(words.T("Copy"), "copy", widget.MediumImportance, func() { w.copyText(t.model.Snapshot().StagesText()) })
	t.outcome = card(t.stages.object)
	t.page = newScrolled(stack(gapMedium, p.header(words.T("Test connection")),
		newText(words.T("Connects from this computer as a job would. What you type is used for the test alone and kept nowhere."), wrapped, muted).Object,
		card(stack(gapMedium, labelled(words.T("Data store"), "", framed(t.kind)), t.form, row(gap, t.run, t.cancel, t.copy))),
		t.verdict.panel, t.outcome))
	t.tool = tool{
		name: "connection", title: words.T("Test connection"), icon: "plug", object: t.page, about: words.T("To a data store, step by step, with the fields of its type or the JSON of a linked service."),
		opened: t.reset, closed: t.reset, apply: t.show, watch: t.model.Watch,
	}
	t.reset()
	return t
}

// reset forgets everything that was typed.
func (t *testTool) reset() {
	t.model.Cancel()
	t.model.Clear()
	t.kind.Selected = t.kind.Options[0]
	t.kind.Refresh()
	t.choose()
}

// labelled puts a name above a field and what is expected below.
func labelled(name, hint string, o fyne.CanvasObject) *fyne.Container {
	c := stack(gapSmall, newText(name, muted).Object, o)
	if hint != "" {
		c.Add(newText(hint, wrapped, caption, muted).Object)
	}
	return c
}

// choose shows the fields of the chosen type of store.
func (t *testTool) choose() {
	t.model.Clear()
	t.place, t.values, t.json, t.auth = map[string]func() string{}, map[string]func() string{}, nil, nil
	t.form.Objects, t.credential.Objects = nil, nil
	i := t.kind.SelectedIndex()
	if i == len(t.types) {
		t.json = widget.NewMultiLineEntry()
		t.json.Wrapping = fyne.TextWrapBreak
		t.json.SetMinRowsVisible(8)
		t.json.SetPlaceHolder(`{"name": "…", "properties": {"type": "SqlServer", "typeProperties": {…}}}`)
		t.json.OnChanged = func(string) { t.model.Clear() }
		t.form.Add(labelled(words.T("JSON"), words.T("With its credential open, or sealed for this gateway."), t.json))
	} else if i >= 0 {
		ty := t.types[i]
		grid := container.New(tiles{least: 220, gap: gapMedium})
		for _, f := range ty.Fields {
			o, value := t.input(f)
			t.place[f.Name] = value
			grid.Add(o)
		}
		t.form.Add(grid)
		titles := make([]string, 0, len(ty.Kinds))
		for _, k := range ty.Kinds {
			titles = append(titles, view.KindTitle(k))
		}
		t.auth = widget.NewSelect(titles, func(string) { t.signIn(ty) })
		t.auth.Selected = titles[0]
		t.form.Add(labelled(words.T("Sign-in"), "", framed(t.auth)))
		t.form.Add(t.credential)
		t.signIn(ty)
	}
	t.page.relayout()
}

// signIn shows the fields of the chosen way to sign in.
func (t *testTool) signIn(ty engine.ConnectionType) {
	t.model.Clear()
	t.values, t.credential.Objects = map[string]func() string{}, nil
	grid := container.New(tiles{least: 220, gap: gapMedium})
	for _, f := range ty.Kinds[max(0, t.auth.SelectedIndex())].Fields {
		o, value := t.input(f)
		t.values[f.Name] = value
		grid.Add(o)
	}
	t.credential.Add(grid)
	show(t.credential, len(grid.Objects) > 0)
	t.page.relayout()
}

// input is the widget for one field, and what is in it.
func (t *testTool) input(f engine.CredentialField) (fyne.CanvasObject, func() string) {
	title := view.FieldTitle(f)
	if f.Optional && len(f.Choices) == 0 {
		title = words.T("%s (optional)", title)
	}
	if len(f.Choices) > 0 {
		s := widget.NewSelect(f.Choices, func(string) { t.model.Clear() })
		s.Selected = f.Value
		return labelled(title, view.FieldHint(f), framed(s)), func() string { return s.Selected }
	}
	e := t.w.newField()
	e.SetText(f.Value)
	e.Password = f.Secret && !f.Lines
	if f.Lines {
		e.MultiLine = true
		e.Wrapping = fyne.TextWrapBreak
		e.SetMinRowsVisible(4)
	}
	e.OnChanged = func(string) { t.model.Clear() }
	if !f.Lines {
		e.OnSubmitted = func(string) { t.test() }
	}
	return labelled(title, view.FieldHint(f), e), func() string {
		if f.Secret {
			return e.Text
		}
		return strings.TrimSpace(e.Text)
	}
}

func read(fields map[string]func() string) map[string]string {
	values := map[string]string{}
	for name, value := range fields {
		if v := value(); v != "" {
			values[name] = v
		}
	}
	return values
}

func (t *testTool) test() {
	if t.json != nil {
		t.model.JSON(t.json.Text)
		return
	}
	ty := t.types[t.kind.SelectedIndex()]
	t.model.Fields(ty.Name, ty.Kinds[max(0, t.auth.SelectedIndex())].Name, read(t.place), read(t.values))
}

func (t *testTool) show() {
	v := t.model.Snapshot()
	enable(t.run, !v.Busy)
	show(t.cancel, v.Busy)
	show(t.copy, !v.Busy && v.Verdict != "")
	t.verdict.setTone(cmp.Or(v.Tone, view.Off))
	switch {
	case v.Problem != nil:
		t.verdict.set(v.Verdict, strings.TrimSpace(v.Problem.Text+" "+v.Problem.Hint))
	default:
		t.verdict.set(v.Verdict, "")
	}
	if !slices.Equal(t.stages.shown, v.Stages) {
		t.stages.apply(v.Stages)
	}
	show(t.outcome, len(v.Stages) > 0)
	t.page.relayout()
}
