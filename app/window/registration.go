package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// registrationPart shows the factory that this gateway works for.
type registrationPart struct {
	w                 *Window
	object            *fyne.Container
	where, address    *text
	unregister, again *widget.Button
	problem           *banner
	state             *panel
	none              *text
}

func newRegistrationPart(w *Window) *registrationPart {
	p := &registrationPart{w: w, where: newText("", wrapped), address: newText("", wrapped, muted, copyable), problem: newBanner(view.Bad), none: newText("", wrapped)}
	p.problem.onClose = w.o.Model.Dismiss
	p.again = button(words.T("Register again"), "key", widget.MediumImportance, func() {
		w.Go(0)
		w.home.showRegister(true)
	})
	p.unregister = button(words.T("Unregister"), "", widget.MediumImportance, func() {
		w.Ask(words.T("Unregister this gateway?"),
			words.T("This computer forgets the key and takes no more jobs from the factory. Running jobs stop. To come back you need a key again."),
			words.T("Unregister"), words.T("Keep it"), true, w.o.Model.Unregister)
	})
	p.state = card(stack(gapSmall, p.none.Object, p.where.Object, p.address.Object, container.New(inset{gap, 0, 0, 0}, container.New(flow{gap, gap}, p.again, p.unregister))))
	p.object = stack(gapMedium, p.problem.panel, p.state)
	return p
}

func (p *registrationPart) apply(s view.Snapshot) {
	registered := s.Status.Gateway != ""
	show(p.unregister, registered)
	show(p.again, registered)
	if !registered {
		p.none.set(words.T("This gateway is not registered. Home leads there."))
		p.where.set("")
		p.address.set("")
	} else {
		p.none.set("")
		p.where.set(registeredAs(s))
		p.address.set(s.Status.FactoryURL)
	}
	enable(p.unregister, s.Doing == view.Nothing)
	enable(p.again, s.Doing == view.Nothing)
	if s.Failed == view.Unregistering {
		p.problem.setProblem(s.Problem)
	} else {
		p.problem.setProblem(nil)
	}
}

func registeredAs(s view.Snapshot) string {
	gateway, node, factory := s.Status.Gateway, s.Status.Node, s.Status.Factory
	switch {
	case node != "" && factory != "":
		return words.T("Gateway %s, node %s, of factory %s.", gateway, node, factory)
	case factory != "":
		return words.T("Gateway %s of factory %s.", gateway, factory)
	}
	return words.T("Gateway %s.", gateway)
}
