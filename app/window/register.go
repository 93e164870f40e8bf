package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/engine"
)

// registerPanel takes a gateway key and a name, and registers.
type registerPanel struct {
	w              *Window
	object         *scrolled
	key, node      *field
	reveal         *widget.Check
	pieces         *pieceList
	register, back *widget.Button
	steps          *stepList
	progress       *panel
	failure        *banner
	archive        *view.LogArchive
	save           *widget.Button
	archived       *banner
	stop           func() // following the archive
}

func newRegisterPanel(w *Window, back func()) *registerPanel {
	p := &registerPanel{w: w, key: w.newField(), node: w.newField(), pieces: newPieceList(), steps: newStepList(), archived: newBanner(view.Good)}
	p.archive = w.o.Model.LogArchive(w.o.Data)
	p.save = button(words.T("Archive gateway logs"), "archive", widget.MediumImportance, p.askArchive)
	p.failure = newBanner(view.Bad, p.save)
	p.archived.onClose = func() { p.archived.set("", "") }
	p.key.Password = true
	p.key.ActionItem = layout.NewSpacer() // in place of Fyne's eye: the box beside the key says in words what it does
	p.key.SetPlaceHolder("ADF#…")
	p.key.OnChanged = func(string) { p.check() }
	p.key.OnSubmitted = func(string) { p.send() }
	p.node.OnSubmitted = func(string) { p.send() }
	p.reveal = widget.NewCheck(words.T("Show gateway key"), func(on bool) {
		p.key.Password = !on
		p.key.Refresh()
	})
	p.register = button(words.T("Register"), "", widget.HighImportance, p.send)
	p.back = button(words.T("Back"), "", widget.MediumImportance, back)
	p.progress = card(p.steps.object)
	form := card(stack(gap,
		newText(words.T("Gateway key"), bold).Object,
		newText(words.T("The data factory shows it on the page of its gateway. Paste it whole."), wrapped, muted).Object,
		p.key, p.pieces.object, row(0, p.reveal),
		container.New(inset{gap, 0, 0, 0}, newText(words.T("Node name"), bold).Object),
		newText(words.T("The name of this computer among the gateway's nodes."), wrapped, muted).Object,
		p.node,
		container.New(inset{gap, 0, 0, 0}, row(gap, p.register, p.back))))
	p.object = newScrolled(stack(gapMedium,
		stack(2, newText(words.T("Register this gateway"), heading).Object, newText(words.T("Connect it to a data factory."), muted).Object),
		p.failure.panel, p.archived.panel, form, p.progress))
	return p
}

// begin empties the form.
func (p *registerPanel) begin(s view.Snapshot) {
	p.key.SetText("")
	p.reveal.SetChecked(false)
	name := s.Status.Node
	if name == "" {
		name = view.SettingValue(s, engine.SettingNodeName)
	}
	p.node.SetText(name)
	p.check()
}

func (p *registerPanel) check() {
	pieces, _ := view.CheckKey(p.key.Text)
	p.pieces.apply(pieces, p.key.Text == "")
	p.allow()
	p.object.relayout()
}

func (p *registerPanel) allow() {
	_, whole := view.CheckKey(p.key.Text)
	enable(p.register, whole && p.w.last.Doing == view.Nothing)
}

func (p *registerPanel) send() {
	if _, whole := view.CheckKey(p.key.Text); whole && p.w.last.Doing == view.Nothing {
		p.w.o.Model.Register(p.key.Text, p.node.Text)
	}
}

func (p *registerPanel) apply(s view.Snapshot) {
	busy := s.Doing != view.Nothing
	enable(p.key, !busy)
	enable(p.node, !busy)
	enable(p.back, !busy)
	p.allow()
	steps := view.StepsOf(s)
	if s.Doing != view.Registering && s.Failed != view.Registering {
		steps = nil
	}
	p.steps.apply(steps)
	show(p.progress, len(steps) > 0)
	if s.Failed == view.Registering && s.Problem != nil {
		reason := s.Problem.Text
		if s.Problem.Hint != "" {
			reason += " " + s.Problem.Hint
		}
		p.failure.set(view.RegisterFailed(), reason)
	} else {
		p.failure.set("", "")
	}
	p.object.relayout()
}

// askArchive asks for a file and writes the logs into it; that works without a registration.
func (p *registerPanel) askArchive() {
	p.w.askFile(words.T("Archive gateway logs"), view.ArchiveFile(p.w.o.Now()), func(file string) {
		if p.stop == nil {
			p.stop = watching(p.archive.Watch, p.applyArchive)
		}
		p.archive.Save(file)
	})
}

// applyArchive shows how archiving does.
func (p *registerPanel) applyArchive() {
	a := p.archive.Snapshot()
	enable(p.save, !a.Busy)
	switch {
	case a.Problem != nil:
		p.archived.setTone(view.Bad)
		p.archived.setProblem(a.Problem)
	case a.Busy:
		p.archived.setTone(view.Busy)
		p.archived.set(a.Doing, "")
	default:
		p.archived.setTone(view.Good)
		p.archived.set(a.Done, "")
	}
	p.object.relayout()
}

// end gives up following.
func (p *registerPanel) end() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// pieceList shows how far each part of a key is, and in words what is wrong with the first that is.
type pieceList struct {
	object *fyne.Container
	chips  *fyne.Container
	signs  []*canvas.Image
	names  []*text
	what   *text
}

func newPieceList() *pieceList {
	l := &pieceList{chips: container.New(flow{gapMedium, gapSmall}), what: newText("", wrapped, caption)}
	l.object = stack(gapSmall, l.chips, l.what.Object)
	return l
}

func (l *pieceList) apply(pieces []view.KeyPiece, empty bool) {
	for len(l.names) < len(pieces) {
		sign, name := picture(toneIcon(view.Off), 14), newText("", caption, muted)
		l.signs, l.names = append(l.signs, sign), append(l.names, name)
		l.chips.Add(row(gapSmall, sign, name.Object))
	}
	what := ""
	for i, o := range l.chips.Objects {
		show(o, i < len(pieces))
		if i >= len(pieces) {
			continue
		}
		piece := pieces[i]
		sign := tinted("dot", toneColor(view.Off))
		if piece.Tone == view.Good || piece.Tone == view.Bad {
			sign = toneIcon(piece.Tone)
		}
		setPicture(l.signs[i], sign)
		l.names[i].set(piece.Name)
		if piece.Tone == view.Bad && what == "" {
			what = piece.Text
		}
	}
	if what == "" && !empty {
		what = view.KeyHint(pieces)
	}
	l.what.set(what)
}

// flow lays objects out beside each other and goes on in the next line where there is no more room.
type flow struct{ gapX, gapY float32 }

func (f flow) place(objects []fyne.CanvasObject, width float32, put func(fyne.CanvasObject, fyne.Position)) float32 {
	var x, y, height float32
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		if x > 0 && x+m.Width > width {
			x, y, height = 0, y+height+f.gapY, 0
		}
		put(o, fyne.NewPos(x, y))
		x += m.Width + f.gapX
		height = max(height, m.Height)
	}
	return y + height
}

func (f flow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			size.Width = max(size.Width, o.MinSize().Width)
			size.Height = max(size.Height, o.Position().Y+o.MinSize().Height)
		}
	}
	return size
}

func (f flow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	f.place(objects, size.Width, func(o fyne.CanvasObject, at fyne.Position) {
		o.Move(at)
		o.Resize(o.MinSize())
	})
}
