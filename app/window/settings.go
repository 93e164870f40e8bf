package window

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
)

// typingPause is how long nobody types before what was typed is checked.
const typingPause = 500 * time.Millisecond

// settingsPage shows the registration, the certificate, and whatever settings the engine has.
type settingsPage struct {
	w      *Window
	object *scrolled
	list   *fyne.Container
	rows   map[string]*settingRow
	names  []string

	registration         *panel
	where, address       *text
	unregister, again    *widget.Button
	certificate          *panel
	thumbprint, validity *text
	problem              *banner
}

func newSettingsPage(w *Window) *settingsPage {
	p := &settingsPage{
		w: w, list: stack(0), rows: map[string]*settingRow{}, where: newText("", wrapped), address: newText("", wrapped, muted, copyable),
		thumbprint: newText("", wrapped, mono, copyable), validity: newText("", wrapped, muted), problem: newBanner(view.Bad),
	}
	p.problem.onClose = w.o.Model.Dismiss
	p.again = button("Register again", "key", widget.MediumImportance, func() {
		w.Go(0)
		w.home.showRegister(true)
	})
	p.unregister = button("Unregister", "", widget.MediumImportance, func() {
		w.Ask("Unregister this gateway?", "This computer forgets the key and takes no more jobs from the factory. Running jobs stop. To come back you need a key again.",
			"Unregister", "Keep it", true, w.o.Model.Unregister)
	})
	p.registration = card(stack(gapSmall, newText("Registration", subhead).Object, p.where.Object, p.address.Object,
		container.New(inset{gap, 0, 0, 0}, row(gap, p.again, p.unregister))))
	copyPrint := button("Copy", "copy", widget.MediumImportance, func() { w.copyText(p.thumbprint.Text) })
	p.certificate = card(stack(gapSmall, newText("Certificate", subhead).Object,
		newText("Credentials are encrypted for this certificate, so that only this gateway can open them.", wrapped, muted).Object,
		container.New(inset{gapSmall, 0, 0, 0}, spread(gap, 0, stack(gapSmall, p.thumbprint.Object, p.validity.Object), copyPrint))))
	settings := newPanel(colorSurface, "separator", radius, container.New(inset{gapSmall, 14, gapSmall, 14}, p.list))
	p.object = newScrolled(stack(gapMedium, newText("Settings", heading).Object, p.problem.panel, settings, p.registration, p.certificate))
	return p
}

func (p *settingsPage) apply(s view.Snapshot) {
	settings := view.SettingsOf(s)
	names := make([]string, len(settings))
	for i, v := range settings {
		names[i] = v.Name
	}
	if !slices.Equal(names, p.names) {
		p.names, p.rows = names, map[string]*settingRow{}
		p.list.RemoveAll()
		for i, v := range settings {
			if i > 0 {
				p.list.Add(widget.NewSeparator())
			}
			p.rows[v.Name] = newSettingRow(p.w, v)
			p.list.Add(p.rows[v.Name].object)
		}
	}
	for _, v := range settings {
		p.rows[v.Name].apply(v)
	}
	p.applyRegistration(s)
	cert := s.Status.Certificate
	show(p.certificate, cert.Thumbprint != "")
	p.thumbprint.set(cert.Thumbprint)
	if !cert.NotAfter.IsZero() {
		p.validity.set("Valid until " + cert.NotAfter.In(p.w.o.Now().Location()).Format("2 January 2006") + ".")
	}
	p.object.relayout()
}

func (p *settingsPage) applyRegistration(s view.Snapshot) {
	show(p.registration, s.Status.Gateway != "")
	where := "Gateway " + s.Status.Gateway
	if s.Status.Node != "" {
		where += ", node " + s.Status.Node
	}
	if s.Status.Factory != "" {
		where += ", of factory " + s.Status.Factory
	}
	p.where.set(where + ".")
	p.address.set(s.Status.FactoryURL)
	enable(p.unregister, s.Doing == view.Nothing)
	enable(p.again, s.Doing == view.Nothing)
	if s.Failed == view.Unregistering {
		p.problem.setProblem(s.Problem)
	} else {
		p.problem.setProblem(nil)
	}
}

// settingRow is one setting: its name and help, a control of its kind, and what is wrong with the value.
type settingRow struct {
	w       *Window
	setting view.Setting
	object  fyne.CanvasObject
	problem *text
	reset   *widget.Button
	put     func(shown string) // shows a value in the control
	putting bool               // put is at work: its changes are not a person's
	focused func() bool
	typed   int         // how often something was typed
	pending func() bool // stops the check of what was typed last, nil where that is done
}

func newSettingRow(w *Window, v view.Setting) *settingRow {
	r := &settingRow{w: w, setting: v, problem: newText("", wrapped, danger), focused: func() bool { return false }}
	r.reset = button("", "reset", widget.LowImportance, func() { r.send("") })
	var side, below fyne.CanvasObject
	switch v.Kind {
	case "bool":
		side = r.check()
	case "choice":
		side = wide(150, r.choice(v.Choices))
	case "number":
		side = wide(90, r.entry())
	case "folders":
		below = r.folders()
	default:
		below = r.entry()
	}
	words := stack(3, newText(v.Title, bold).Object, newText(v.Help, wrapped, muted).Object)
	head := spread(gapMedium, 0, words, r.reset)
	if side != nil {
		head = spread(gapMedium, 0, words, r.reset, side)
	}
	rows := []fyne.CanvasObject{head}
	if below != nil {
		rows = append(rows, below)
	}
	r.object = container.New(inset{gapMedium, 0, gapMedium, 0}, stack(6, append(rows, r.problem.Object)...))
	return r
}

func (r *settingRow) apply(v view.Setting) {
	r.setting = v
	r.problem.set(v.Error)
	show(r.reset, v.Changed)
	if v.Error == "" && r.pending == nil && !r.focused() {
		r.putting = true
		r.put(v.Shown)
		r.putting = false
	}
}

func (r *settingRow) send(value string) {
	r.stopTyping()
	r.w.o.Model.SetSetting(r.setting.Name, value)
}

func (r *settingRow) stopTyping() {
	if r.pending != nil {
		r.pending()
		r.pending = nil
	}
}

func (r *settingRow) check() fyne.CanvasObject {
	c := widget.NewCheck("", func(on bool) {
		if !r.putting {
			r.send(map[bool]string{true: "true", false: "false"}[on])
		}
	})
	r.put = func(shown string) { c.SetChecked(shown == "true") }
	return c
}

func (r *settingRow) choice(choices []string) fyne.CanvasObject {
	titles := make([]string, len(choices))
	for i, c := range choices {
		titles[i] = view.ChoiceTitle(c)
	}
	s := widget.NewSelect(titles, nil)
	s.OnChanged = func(title string) {
		if i := slices.Index(titles, title); i >= 0 && !r.putting {
			r.send(choices[i])
		}
	}
	r.put = func(shown string) {
		if i := slices.Index(choices, shown); i >= 0 {
			s.SetSelectedIndex(i)
		}
	}
	return framed(s)
}

// entry sends what was typed when nobody types any more; the engine's answer comes with the next snapshot.
func (r *settingRow) entry() fyne.CanvasObject {
	e := r.w.newField()
	e.OnChanged = func(value string) {
		if r.putting {
			return
		}
		r.stopTyping()
		r.typed++
		turn := r.typed
		r.pending = r.w.after(typingPause, func() {
			if r.pending != nil && r.typed == turn {
				r.send(value)
			}
		})
	}
	e.OnSubmitted = r.send
	r.focused = func() bool { return r.w.win.Canvas().Focused() == e }
	r.put = func(shown string) {
		if e.Text != shown {
			e.SetText(shown)
		}
		e.SetPlaceHolder(r.setting.Default)
	}
	return e
}

// folders lists folders with a button to take each away and one to add another.
func (r *settingRow) folders() fyne.CanvasObject {
	list := stack(2)
	add := button("Add a folder", "plus", widget.MediumImportance, func() {
		dialog.ShowFolderOpen(func(folder fyne.ListableURI, err error) {
			if err == nil && folder != nil {
				r.send(view.JoinFolders(append(view.Folders(r.setting.Shown), folder.Path())))
			}
		}, r.w.win)
	})
	last := ""
	r.put = func(shown string) {
		if shown == last && len(list.Objects) > 0 {
			return
		}
		last = shown
		list.RemoveAll()
		for i, folder := range view.Folders(shown) {
			remove := button("", "trash", widget.LowImportance, func() {
				r.send(view.JoinFolders(slices.Delete(view.Folders(r.setting.Shown), i, i+1)))
			})
			list.Add(spread(gap, 1, picture(icon("folder"), 18), newText(folder, cut).Object, remove))
		}
	}
	return stack(gapSmall, list, row(0, add))
}
