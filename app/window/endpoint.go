package window

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// sizeCode is the size of a pairing code, to be read across a desk.
const sizeCode = 40

// endpointPart shows the page at which credentials are set, on the Settings page.
type endpointPart struct {
	w                   *Window
	model               *view.Endpoint
	object              *fyne.Container
	sign                *canvas.Image
	title, reason       *text
	fields              *fyne.Container
	shown               []view.Field
	set, pair, openPage *widget.Button
	own, back           *widget.Button
	outcome             *banner
	url                 string
}

func newEndpointPart(w *Window) *endpointPart {
	p := &endpointPart{
		w: w, model: w.o.Model.Endpoint(), sign: picture(toneIcon(view.Off), 18), title: newText("", bold, wrapped), reason: newText("", wrapped, muted),
		fields: container.NewStack(), outcome: newBanner(view.Good),
	}
	p.outcome.onClose = p.model.Dismiss
	p.set = button(words.T("Set credentials…"), "key", widget.HighImportance, w.SetCredentials)
	p.pair = button(words.T("Show pairing code"), "eye", widget.MediumImportance, p.pairing)
	p.openPage = button(words.T("Open the page"), "open", widget.MediumImportance, func() { w.open(p.url) })
	p.own = button(words.T("Use own certificate…"), "key", widget.MediumImportance, p.importSheet)
	p.back = button(words.T("Back to the gateway's own"), "reset", widget.MediumImportance, p.model.UseOwn)
	here := card(stack(gap, newText(words.T("In this window"), bold).Object,
		newText(words.T("Choose a linked service of the data factory, type user and password, test the connection."), wrapped, muted).Object, row(0, p.set)))
	page := card(stack(gap, spread(gap, 1, p.sign, p.title.Object), p.reason.Object,
		newText(words.T("Who opens it in a browser needs a pairing code, once."), wrapped, muted).Object,
		container.New(flow{gap, gap}, p.pair, p.openPage), container.New(inset{gapSmall, 0, 0, 0}, p.fields),
		container.New(flow{gap, gap}, p.own, p.back)))
	p.object = stack(gapMedium, p.outcome.panel, here, page)
	return p
}

func (p *endpointPart) apply(s view.Snapshot) {
	e := view.EndpointOf(s, p.w.o.Now())
	setPicture(p.sign, toneIcon(e.Tone))
	p.title.set(e.Title)
	reason := e.Reason
	if e.Remedy != "" {
		reason += " " + e.Remedy
	}
	p.reason.set(reason)
	p.url = e.URL
	if !slices.Equal(p.shown, e.Fields) {
		p.shown = e.Fields
		p.fields.Objects = []fyne.CanvasObject{fieldGrid(e.Fields)}
		p.fields.Refresh()
	}
	m := p.model.Snapshot()
	enable(p.pair, e.On && !m.Busy)
	enable(p.openPage, e.On)
	enable(p.own, !m.Busy)
	show(p.back, e.Thumbprint != "" && !e.Own)
	switch {
	case p.w.sheet != nil:
	case m.Problem != nil:
		p.outcome.setTone(view.Bad)
		p.outcome.setProblem(m.Problem)
	default:
		p.outcome.setTone(view.Good)
		p.outcome.set(m.Done, "")
	}
}

// pairing shows a new pairing code in letters that can be read across a desk, for as long as it is good.
func (p *endpointPart) pairing() {
	w := p.w
	code := canvas.NewText("", themeColor(theme.ColorNameForeground))
	code.TextSize, code.TextStyle, code.Alignment = sizeCode, fyne.TextStyle{Monospace: true, Bold: true}, fyne.TextAlignCenter
	left, address := newText("", centred, wrapped), newText("", wrapped, mono, copyable, centred)
	waiting, problem := newText(words.T("Making a code…"), centred, muted), newBanner(view.Bad)
	box := newPanel(colorTrack, "", radius, padded(gapMedium, code))
	var sh *sheet
	fresh := w.button(words.T("New code"), "reset", widget.MediumImportance, p.model.Pair)
	copying := w.button(words.T("Copy"), "copy", widget.MediumImportance, func() {
		if c := p.model.Snapshot().Code; c != nil {
			w.copyText(c.Code)
		}
	})
	opening := w.button(words.T("Open the page"), "open", widget.MediumImportance, func() {
		if c := p.model.Snapshot().Code; c != nil {
			w.open(c.URL)
		}
	})
	closing := w.button(words.T("Close"), "", widget.HighImportance, func() { sh.hide() })
	sh = w.newSheet(words.T("Pairing code"), 500, stack(gapMedium, problem.panel, waiting.Object, box, left.Object,
		stack(2, newText(words.T("Type it at this address:"), centred, muted).Object, address.Object)), fresh, copying, opening, closing)
	var tick func()
	var stop func() bool
	apply := func() {
		m := p.model.Snapshot()
		problem.setProblem(m.Problem)
		show(waiting.Object, m.Busy)
		show(box, m.Code != nil)
		enable(fresh, !m.Busy)
		text := ""
		over := true
		if m.Code != nil {
			code.Text = m.Code.Code
			address.set(m.Code.URL)
			text, over = view.CodeLeft(*m.Code, w.o.Now())
			if over {
				code.Color = themeColor(theme.ColorNameDisabled)
			} else {
				code.Color = themeColor(theme.ColorNameForeground)
			}
			code.Refresh()
		}
		left.set(text)
		enable(copying, !over)
		enable(opening, !over)
		sh.fit()
	}
	tick = func() {
		if w.sheet == sh {
			apply()
			stop = w.after(time.Second, tick)
		}
	}
	sh.closed = func() {
		if stop != nil {
			stop()
		}
		p.model.Dismiss()
	}
	sh.watch(p.model.Watch, apply)
	p.model.Pair()
	sh.show(closing)
	tick()
}

func (p *endpointPart) importSheet() {
	w, form, problem := p.w, newPFXForm(p.w), newBanner(view.Bad)
	var sh *sheet
	waiting := false
	cancel := w.button(words.T("Cancel"), "", widget.MediumImportance, func() { sh.hide() })
	primary := w.button(words.T("Use it"), "", widget.HighImportance, func() {
		if form.ready() {
			waiting = true
			p.model.Import(form.path(), form.password.Text)
		}
	})
	form.submitted(func() { primary.Tapped(nil) })
	form.changed = func() { enable(primary, form.ready()) }
	note := newText(words.T("Browsers trust the page without a warning where the certificate is for this computer's name and from an authority that they know."), wrapped, muted)
	sh = w.newSheet(words.T("Certificate of the page"), 520, stack(gapMedium, problem.panel, note.Object, form.object), cancel, primary)
	sh.watch(p.model.Watch, func() {
		m := p.model.Snapshot()
		enable(primary, form.ready() && !m.Busy)
		if m.Busy || !waiting {
			return
		}
		waiting = false
		if m.Problem == nil {
			sh.hide()
			return
		}
		problem.setProblem(m.Problem)
		sh.fit()
	})
	sh.closed = func() {
		if p.model.Snapshot().Problem != nil {
			p.model.Dismiss()
		}
	}
	enable(primary, false)
	sh.show(form.file.entry)
}
