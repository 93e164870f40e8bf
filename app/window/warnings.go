package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// warningBar shows what a person should see to: the gravest, and the others when asked for.
type warningBar struct {
	w       *Window
	object  *fyne.Container
	banners []*warningBanner
	open    bool
	list    []view.WarningView
	changed func() // the bar has another height
}

// warningBanner is one of them.
type warningBanner struct {
	*banner
	lead, others *widget.Button
	key          string
	where        view.Place
}

func newWarningBar(w *Window, changed func()) *warningBar {
	return &warningBar{w: w, object: stack(gap), changed: changed}
}

func (b *warningBar) newBanner() *warningBanner {
	n := &warningBanner{}
	n.lead = button("", "", widget.MediumImportance, func() { b.w.goTo(n.where) })
	n.others = button("", "", widget.MediumImportance, b.toggle)
	n.banner = newBanner(view.Warning, n.lead, n.others)
	n.title.TextStyle.Bold = true
	return n
}

func (b *warningBar) toggle() {
	b.open = !b.open
	b.apply(b.list)
	b.changed()
}

func (b *warningBar) apply(list []view.WarningView) {
	b.list = list
	if len(list) < 2 {
		b.open = false
	}
	for len(b.banners) < len(list) {
		n := b.newBanner()
		b.banners = append(b.banners, n)
		b.object.Add(n.panel)
	}
	for i, n := range b.banners {
		if i >= len(list) || i > 0 && !b.open {
			n.set("", "")
			continue
		}
		n.apply(list[i], b.w.o.Model.CloseWarning)
		show(n.others, i == 0 && len(list) > 1)
		n.others.SetText(b.othersText(len(list) - 1))
		show(n.actions, n.lead.Visible() || n.others.Visible())
	}
	show(b.object, len(list) > 0)
}

func (b *warningBar) othersText(n int) string {
	if b.open {
		return words.T("Show only the gravest")
	}
	return words.N(int64(n), "Show %d more warning", "Show %d more warnings")
}

func (n *warningBanner) apply(v view.WarningView, closed func(key string)) {
	n.key, n.where = v.Key, v.Where
	n.setTone(v.Tone)
	n.onClose = nil
	if v.Closable {
		n.onClose = func() { closed(n.key) }
	}
	show(n.lead, v.Where != "")
	switch v.Where {
	case view.AtSettings:
		n.lead.SetText(words.T("Open Settings"))
	case view.AtDiagnostics:
		n.lead.SetText(words.T("Open Diagnostics"))
	}
	n.set(v.Title, strings.TrimSpace(v.Text+" "+v.Remedy))
}

// goTo shows the page on which a warning can be seen to.
func (w *Window) goTo(where view.Place) {
	switch where {
	case view.AtSettings:
		w.Go(1)
	case view.AtDiagnostics:
		w.Go(2)
	}
}
