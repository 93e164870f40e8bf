package window

import (
	"cmp"
	"reflect"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// networkTool shows a check of the network as a tree, and the list for whoever administers the firewall.
type networkTool struct {
	tool
	w            *Window
	model        *view.NetworkCheck
	page         *scrolled
	run, cancel  *widget.Button
	copy, save   *widget.Button
	verdict      *banner
	saved        *banner
	checks       *fyne.Container
	branches     []*branch
	needs        *fyne.Container
	needsTitle   *fyne.Container
	begun        bool
	needsCopied  func()
	needsPresent bool
}

func newNetworkTool(p *diagnosticsPage) *networkTool {
	w := p.w
	t := &networkTool{w: w, model: w.o.Model.NetworkCheck(), verdict: newBanner(view.Busy), checks: stack(gap), needs: stack(gap)}
	t.run = button(words.T("Check again"), "reset", widget.MediumImportance, t.model.Run)
	t.cancel = button(words.T("Cancel"), "", widget.MediumImportance, t.model.Cancel)
	t.copy = button(words.T("Copy"), "copy", widget.MediumImportance, func() { w.copyText(t.model.Text()) })
	t.save = button(words.T("Save report…"), "text", widget.MediumImportance, func() {
		w.askFile(words.T("Save report"), view.NetworkFile(w.o.Now()), t.model.Save)
	})
	t.saved = newBanner(view.Good)
	t.saved.onClose = func() { t.saved.set("", "") }
	t.needsCopied = func() { w.copyText(t.model.Snapshot().NeedsText()) }
	t.needsTitle = spread(gap, 0, newText(words.T("For the firewall's administrator"), subhead, wrapped).Object,
		button(words.T("Copy"), "copy", widget.MediumImportance, func() { t.needsCopied() }))
	needs := card(stack(gap, t.needsTitle, newText(words.T("Outgoing connections only; nothing has to be opened from outside."), wrapped, muted).Object, t.needs))
	needs.Hide()
	t.page = newScrolled(stack(gapMedium, p.header(words.T("Check network"), t.cancel, t.run, t.copy, t.save), t.verdict.panel, t.saved.panel, t.checks, needs))
	t.tool = tool{
		name: "network", title: words.T("Check network"), icon: "network", object: t.page,
		about: words.T("Every host and port that is needed: name, connection, proxy, encryption, sign-in, clock."),
		opened: func() {
			if !t.begun {
				t.begun = true
				t.model.Run()
			}
		},
		apply: func() { t.show(needs) }, watch: t.model.Watch,
	}
	return t
}

func (t *networkTool) show(needs *panel) {
	v := t.model.Snapshot()
	show(t.cancel, v.Busy)
	show(t.run, !v.Busy)
	ended := len(v.Needs) > 0
	show(t.copy, ended)
	show(t.save, ended)
	t.verdict.setTone(cmp.Or(v.Tone, view.Off))
	more := ""
	if v.Problem != nil {
		more = v.Problem.Text + " " + v.Problem.Hint
	}
	t.verdict.set(v.Verdict, more)
	switch {
	case v.SaveProblem != nil:
		t.saved.setTone(view.Bad)
		t.saved.setProblem(v.SaveProblem)
	case v.Saved != "":
		t.saved.setTone(view.Good)
		t.saved.set(words.T("The report is in %s.", v.Saved), "")
	default:
		t.saved.set("", "")
	}
	for i, c := range v.Checks {
		if i == len(t.branches) {
			b := newBranch(t.page.relayout)
			t.branches = append(t.branches, b)
			t.checks.Add(b.panel)
		}
		t.branches[i].apply(c)
	}
	for i, b := range t.branches {
		show(b.panel, i < len(v.Checks))
	}
	if ended != t.needsPresent {
		t.needsPresent = ended
		t.needs.Objects = nil
		for _, n := range v.Needs {
			t.needs.Add(stack(2, spread(gap, 0, newText(n.Address, mono, copyable, wrapped).Object, newText(n.Need, muted).Object),
				newText(n.Protocol+" · "+n.For, wrapped, muted, caption).Object))
		}
	}
	show(needs, ended)
	t.page.relayout()
}

// branch is one check: a line that opens to show its steps. What is not right is open from the beginning.
type branch struct {
	*panel
	head             *pressable
	sign, chevron    *canvas.Image
	name, where, sum *text
	steps            *stepRows
	inner            *fyne.Container
	shown            view.CheckView
	chosen           bool // a person opened or closed it
	changed          func()
}

func newBranch(changed func()) *branch {
	b := &branch{
		sign: picture(toneIcon(view.Busy), 20), chevron: picture(icon("chevron"), 14), name: newText("", bold), where: newText("", muted, cut), sum: newText("", muted, cut),
		steps: newStepRows(), changed: changed,
	}
	title := stack(2, spread(gap, 1, b.name.Object, b.where.Object), b.sum.Object)
	b.head = newPressable(container.New(inset{gap, gapMedium, gap, gapMedium}, spread(gapMedium, 1, b.sign, title, b.chevron)), "", "", radius, func() {
		b.chosen = true
		b.open(!b.inner.Visible())
		changed()
	})
	b.inner = container.New(inset{gapSmall, gapMedium, gapMedium, 44}, b.steps.object)
	b.inner.Hide()
	b.panel = newPanel(colorSurface, theme.ColorNameSeparator, radius, stack(0, b.head, b.inner))
	return b
}

func (b *branch) apply(c view.CheckView) {
	if reflect.DeepEqual(c, b.shown) {
		return
	}
	if c.Name != b.shown.Name {
		b.chosen = false
	}
	b.shown = c
	setPicture(b.sign, toneIcon(c.Tone))
	b.name.set(c.Name)
	b.where.set(c.Address)
	b.sum.set(c.Summary)
	b.steps.apply(c.Steps)
	if !b.chosen {
		b.open(c.Tone == view.Bad || c.Tone == view.Warning)
	}
}

func (b *branch) open(on bool) {
	show(b.inner, on)
	show(b.sum.Object, !on && b.sum.Text != "")
	name := "chevron"
	if on {
		name = "chevron-down"
	}
	setPicture(b.chevron, icon(name))
}
