package window

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// proxyPart is the way out on the Settings page: what is set, what is typed, and what a test of it tells.
type proxyPart struct {
	w                              *Window
	model                          *view.Proxy
	object                         *fyne.Container
	mode                           *keySelect
	address, user, pass, direct    *field
	addressIn, userIn, passIn      *input
	directIn                       *input
	way, saved                     *text
	save, try, undo                *widget.Button
	problem, result                *banner
	fields                         *fyne.Container
	shown                          []view.Field
	stored                         view.ProxyForm
	known, putting, newPass, dirty bool
}

func newProxyPart(w *Window) *proxyPart {
	p := &proxyPart{
		w: w, model: w.o.Model.Proxy(), address: w.newField(), user: w.newField(), pass: w.password(), direct: w.newField(),
		way: newText("", wrapped, muted), saved: newText("", wrapped), problem: newBanner(view.Bad), result: newBanner(view.Good), fields: container.NewStack(),
	}
	titles := make([]string, len(view.ProxyModes))
	for i, m := range view.ProxyModes {
		titles[i] = view.ProxyModeTitle(m)
	}
	p.mode = w.newSelect(titles, func(int) { p.typed() })
	p.address.SetPlaceHolder("http://proxy.example:3128")
	p.direct.SetPlaceHolder("localhost;*.example;10.0.0.0/8")
	p.pass.OnChanged = func(string) {
		if !p.putting {
			p.newPass = true
		}
		p.typed()
	}
	for _, f := range []*field{p.address, p.user, p.direct} {
		f.OnChanged = func(string) { p.typed() }
	}
	for _, f := range []*field{p.address, p.user, p.pass, p.direct} {
		f.OnSubmitted = func(string) { p.send() }
	}
	p.addressIn = newInput(words.T("Address"), p.address, words.T("http://, https:// or socks5://, host and port."))
	p.userIn = newInput(words.T("User"), p.user, words.T("Empty where the proxy asks for none. For NTLM: DOMAIN\\user."))
	p.passIn = newInput(words.T("Password"), p.pass, words.T("Kept encrypted on this computer and never shown again."))
	p.directIn = newInput(words.T("Reached directly"), p.direct, words.T("Hosts that need no proxy, separated by semicolons: names, *.domain, IP addresses, networks, <local>."))
	p.save = button(words.T("Save"), "", widget.HighImportance, p.send)
	p.try = button(words.T("Test"), "play", widget.MediumImportance, func() { p.model.Try(p.form()) })
	p.undo = button(words.T("Undo"), "reset", widget.MediumImportance, func() { p.put(p.stored) })
	p.result.onClose, p.problem.onClose = p.model.Clear, p.model.Clear
	p.object = stack(gapMedium, card(stack(gapMedium,
		stack(gapSmall, newText(words.T("Way out"), bold).Object, p.mode.framed(), p.way.Object),
		p.addressIn.object, p.userIn.object, p.passIn.object, p.directIn.object,
		p.problem.panel, container.New(flow{gap, gap}, p.save, p.try, p.undo), p.saved.Object, p.result.panel, p.fields)))
	p.put(view.ProxyForm{Mode: "system"})
	return p
}

func (p *proxyPart) form() view.ProxyForm {
	mode := "system"
	if i := p.mode.SelectedIndex(); i >= 0 {
		mode = view.ProxyModes[i]
	}
	return view.ProxyForm{Mode: mode, URL: p.address.Text, User: p.user.Text, Bypass: p.direct.Text, Password: p.pass.Text, NewPassword: p.newPass}
}

// put shows what is stored.
func (p *proxyPart) put(f view.ProxyForm) {
	p.putting = true
	p.mode.SetSelectedIndex(max(0, slices.Index(view.ProxyModes, f.Mode)))
	p.address.SetText(f.URL)
	p.user.SetText(f.User)
	p.pass.SetText("")
	p.direct.SetText(f.Bypass)
	p.putting, p.newPass, p.dirty = false, false, false
	p.check()
}

// typed is called with every change.
func (p *proxyPart) typed() {
	if p.putting {
		return
	}
	p.dirty = !p.form().Same(p.stored)
	p.model.Clear()
	p.check()
}

func (p *proxyPart) send() {
	if p.dirty && len(p.form().Wrong()) == 0 {
		p.model.Save(p.form())
	}
}

// check says what is wrong with what is typed; an empty address is so only once somebody has typed.
func (p *proxyPart) check() {
	f, m := p.form(), p.model.Snapshot()
	wrong := f.Wrong()
	text := wrong["url"]
	if f.URL == "" {
		text = ""
	}
	p.addressIn.problem.set(text)
	p.userIn.problem.set(wrong["user"])
	show(p.addressIn.object, f.Mode == "custom")
	show(p.userIn.object, f.Mode != "none")
	show(p.passIn.object, f.Mode != "none")
	show(p.directIn.object, f.Mode != "none")
	busy := m.Saving || m.Testing
	enable(p.save, p.dirty && len(wrong) == 0 && !busy)
	enable(p.try, len(wrong) == 0 && !busy)
	show(p.undo, p.dirty)
	p.w.settingsRelayout()
}

func (p *proxyPart) apply() {
	m := p.model.Snapshot()
	placeholder := ""
	if m.HasPassword {
		placeholder = words.T("stored")
	}
	if p.pass.PlaceHolder != placeholder {
		p.pass.SetPlaceHolder(placeholder)
	}
	if m.Known && (!p.known || m.Stored != p.stored || m.Saved != "" && p.dirty) {
		replace := !p.dirty || m.Saved != ""
		p.known, p.stored = true, m.Stored
		if replace {
			p.put(m.Stored)
		}
	}
	p.way.set(m.Way)
	p.saved.set(m.Saved)
	p.problem.setProblem(m.Problem)
	var fields []view.Field
	switch {
	case m.Testing:
		p.result.setTone(view.Busy)
		p.result.set(words.T("Trying the way to the data factory…"), "")
	case m.Test != nil:
		fields = m.Test.Fields
		p.result.setTone(m.Test.Tone)
		p.result.set(m.Test.Title, m.Test.Remedy)
	default:
		p.result.set("", "")
	}
	if !slices.Equal(fields, p.shown) {
		p.shown = fields
		p.fields.Objects = nil
		if len(fields) > 0 {
			p.fields.Objects = []fyne.CanvasObject{fieldGrid(fields)}
		}
		p.fields.Refresh()
	}
	show(p.fields, len(fields) > 0)
	p.check()
}
