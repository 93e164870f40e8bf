package window

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// Widths of the Settings page.
const (
	groupsWidth = 158 // of the list of groups
	groupsFrom  = 600 // below this the groups are a choice above the page
)

// settingsPage shows one group of settings at a time, or all that match what a person searches for.
type settingsPage struct {
	w       *Window
	object  fyne.CanvasObject
	scroll  *scrolled
	search  *field
	found   *text
	choice  *keySelect
	side    *fyne.Container
	groups  []*settingGroup
	at      view.Group
	rows    map[string]*settingRow
	names   []string
	loaded  bool
	stops   []func()
	putting bool

	registration      *registrationPart
	unregister        *widget.Button
	certificate       *certificatePart
	endpoint          *endpointPart
	proxy             *proxyPart
	login             *view.Login
	loginRow          *settingRow
	shownCertificates string
}

// settingGroup is one group: its heading, a part of its own where it has one, and its settings.
type settingGroup struct {
	group  view.Group
	object *fyne.Container
	nav    *pressable
	label  *text
	part   fyne.CanvasObject
	panel  *panel
	list   *fyne.Container
	rows   []*settingRow
}

func newSettingsPage(w *Window) *settingsPage {
	p := &settingsPage{w: w, at: view.GroupGeneral, rows: map[string]*settingRow{}, found: newText("", muted, wrapped), search: w.newField(), side: stack(2)}
	w.settings = p // its parts ask it to lay itself out
	p.certificate, p.endpoint, p.proxy, p.registration = newCertificatePart(w), newEndpointPart(w), newProxyPart(w), newRegistrationPart(w)
	p.unregister = p.registration.unregister
	parts := map[view.Group]fyne.CanvasObject{
		view.GroupCertificate: p.certificate.object, view.GroupCredentials: p.endpoint.object, view.GroupNetwork: p.proxy.object,
		view.GroupRegistration: p.registration.object,
	}
	body, titles := stack(gapLarge, p.found.Object), make([]string, len(view.Groups))
	p.found.Object.Hide()
	for i, g := range view.Groups {
		titles[i] = g.Title()
		sg := newSettingGroup(g, parts[g], func() { p.choose(g) })
		p.groups = append(p.groups, sg)
		p.side.Add(sg.nav)
		body.Add(sg.object)
	}
	p.choice = w.newSelect(titles, func(i int) {
		if !p.putting {
			p.choose(p.offered()[i])
		}
	})
	p.search.SetPlaceHolder(words.T("Search the settings"))
	p.search.OnChanged = func(string) { p.filter() }
	p.scroll = newScrolled(body)
	p.scroll.content = container.New(inset{gapSmall, gapLarge, gapLarge, gapLarge}, container.New(atMost{960}, body))
	p.scroll.scroll.Content = p.scroll.content
	top := container.New(inset{gapLarge, gapLarge, gap, gapLarge}, spread(gapMedium, 0, newText(words.T("Settings"), heading).Object, wide(200, p.search)))
	p.object = container.New(sided{}, top, container.New(inset{0, gapLarge, gap, gapLarge}, p.choice.framed()),
		container.New(inset{0, 0, gapLarge, gapMedium}, wide(groupsWidth, p.side)), p.scroll)
	if w.o.Login != nil {
		p.login = w.o.Model.Login(w.o.Login)
	}
	p.filter()
	return p
}

func newSettingGroup(g view.Group, part fyne.CanvasObject, chosen func()) *settingGroup {
	sg := &settingGroup{group: g, part: part, list: stack(0), label: newText(g.Title(), wrapped)}
	sg.nav = newPressable(container.New(inset{6, 8, 6, 10}, sg.label.Object), "", "", 6, chosen)
	sg.panel = newPanel(colorSurface, "separator", radius, container.New(inset{gapSmall, 14, gapSmall, 14}, sg.list))
	sg.panel.Hide()
	objects := []fyne.CanvasObject{stack(2, newText(g.Title(), subhead, wrapped).Object, newText(g.About(), wrapped, muted).Object)}
	if part != nil {
		objects = append(objects, part)
	}
	sg.object = stack(gapMedium, append(objects, sg.panel)...)
	return sg
}

// end gives up what the page follows.
func (p *settingsPage) end() {
	for _, stop := range p.stops {
		stop()
	}
	p.stops = nil
}

// refresh shows the page's own models, while it can be seen.
func (p *settingsPage) refresh() {
	if p.w.shown && p.w.at == 1 {
		p.apply(p.w.last)
	}
}

// choose shows a group.
func (p *settingsPage) choose(g view.Group) {
	p.at = g
	p.search.SetText("")
	p.filter()
	p.scroll.scroll.ScrollToTop()
}

// offered are the groups that have something to show.
func (p *settingsPage) offered() []view.Group {
	var list []view.Group
	for _, g := range p.groups {
		if g.part != nil || len(g.rows) > 0 {
			list = append(list, g.group)
		}
	}
	return list
}

// filter shows the chosen group, or what matches the search.
func (p *settingsPage) filter() {
	search := strings.TrimSpace(p.search.Text)
	offered := p.offered()
	found := 0
	for _, g := range p.groups {
		has := slices.Contains(offered, g.group)
		whole := search == "" && g.group == p.at || search != "" && view.Matches(search, g.group.Title())
		part := whole || search != "" && view.Matches(search, g.group.Title(), g.group.About(), keywords(g.group))
		n := g.filter(search, whole)
		if g.part != nil {
			show(g.part, part)
		}
		show(g.object, has && (n > 0 || part && g.part != nil))
		if has && search != "" && g.object.Visible() {
			found++
		}
		show(g.nav, has)
		g.choose(search == "" && g.group == p.at)
	}
	p.found.set("")
	if search != "" && found == 0 {
		p.found.set(words.T("No setting has “%s” in its name or description.", search))
	}
	titles := make([]string, len(offered))
	for i, g := range offered {
		titles[i] = g.Title()
	}
	p.putting = true
	if !slices.Equal(p.choice.Options, titles) {
		p.choice.SetOptions(titles)
	}
	if i := slices.Index(offered, p.at); i >= 0 && search == "" {
		p.choice.SetSelectedIndex(i)
	}
	p.putting = false
	p.w.settingsRelayout()
}

// keywords are further names under which people look for a group.
func keywords(g view.Group) string {
	switch g {
	case view.GroupNetwork:
		return words.T("proxy user password exceptions test network NTLM")
	case view.GroupCredentials:
		return words.T("endpoint pairing code HTTPS port TLS credential password")
	case view.GroupCertificate:
		return words.T("thumbprint PFX export import backup key password")
	case view.GroupRegistration:
		return words.T("factory gateway key unregister node")
	}
	return ""
}

func (g *settingGroup) filter(search string, whole bool) int {
	n := 0
	for _, r := range g.rows {
		on := whole || search != "" && r.setting.Matches(search)
		show(r.line, on && n > 0)
		show(r.object, on)
		if on {
			n++
		}
	}
	show(g.panel, n > 0)
	return n
}

func (g *settingGroup) choose(on bool) {
	g.nav.fill = ""
	if on {
		g.nav.fill = colorChosen
	}
	if g.label.TextStyle.Bold != on {
		g.label.TextStyle.Bold = on
		g.label.Refresh()
	}
	g.nav.paint()
}

// add puts a setting into its group.
func (p *settingsPage) add(g view.Group, r *settingRow) {
	for _, sg := range p.groups {
		if sg.group == g {
			sg.rows = append(sg.rows, r)
			sg.list.Add(r.line)
			sg.list.Add(r.object)
		}
	}
}

func (p *settingsPage) apply(s view.Snapshot) {
	settings := view.SettingsOf(s)
	names := make([]string, len(settings))
	for i, v := range settings {
		names[i] = v.Name
	}
	if !slices.Equal(names, p.names) {
		p.names = names
		p.rebuild(settings)
	}
	for _, v := range settings {
		p.rows[v.Name].apply(v)
	}
	if !p.loaded {
		p.loaded = true
		p.load()
	}
	if at := s.Status.Certificate.Thumbprint; !p.certificateKnown(at) {
		p.shownCertificates = at
		p.certificate.model.Load()
	}
	if p.loginRow != nil {
		p.loginRow.apply(p.login.Snapshot().Setting())
	}
	p.registration.apply(s)
	p.certificate.apply()
	p.endpoint.apply(s)
	p.proxy.apply()
	p.w.settingsRelayout()
}

// load asks for what the page shows beside the snapshot, and follows it from then on.
func (p *settingsPage) load() {
	w := p.w
	p.stops = append(p.stops, w.watching(p.certificate.model.Watch, p.refresh), w.watching(p.endpoint.model.Watch, p.refresh), w.watching(p.proxy.model.Watch, p.refresh))
	p.proxy.model.Load()
	if p.login != nil {
		p.stops = append(p.stops, w.watching(p.login.Watch, p.refresh))
		p.login.Load()
	}
}

// certificateKnown reports whether the certificate with a thumbprint is the one that was asked about.
func (p *settingsPage) certificateKnown(thumbprint string) bool {
	return thumbprint == p.shownCertificates || thumbprint == ""
}

func (p *settingsPage) rebuild(settings []view.Setting) {
	p.rows, p.loginRow = map[string]*settingRow{}, nil
	for _, g := range p.groups {
		g.rows = nil
		g.list.RemoveAll()
	}
	if p.login != nil {
		p.loginRow = newSettingRow(p.w, p.login.Snapshot().Setting())
		p.loginRow.store = func(value string) { p.login.Set(value == "true") }
		p.add(view.GroupGeneral, p.loginRow)
	}
	for _, v := range settings {
		p.rows[v.Name] = newSettingRow(p.w, v)
		p.add(view.GroupOf(v.Name), p.rows[v.Name])
	}
	p.filter()
}

// settingsRelayout lays the Settings page out anew after something in it has changed.
func (w *Window) settingsRelayout() {
	if w.settings != nil && w.settings.scroll != nil {
		w.settings.scroll.relayout()
	}
}

// sided lays out the head of the Settings page, the groups at the side or as a choice above, and the page.
type sided struct{}

func (sided) MinSize(objects []fyne.CanvasObject) fyne.Size {
	head, rest := objects[0].MinSize(), objects[3].MinSize()
	return fyne.NewSize(max(head.Width, rest.Width), head.Height+rest.Height)
}

func (sided) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	head, choice, side, page := objects[0], objects[1], objects[2], objects[3]
	y := head.MinSize().Height
	head.Move(fyne.NewPos(0, 0))
	head.Resize(fyne.NewSize(size.Width, y))
	var x float32
	if beside := size.Width >= groupsFrom; beside {
		show(choice, false)
		show(side, true)
		x = side.MinSize().Width
		side.Move(fyne.NewPos(0, y))
		side.Resize(fyne.NewSize(x, side.MinSize().Height))
	} else {
		show(side, false)
		show(choice, true)
		h := choice.MinSize().Height
		choice.Move(fyne.NewPos(0, y))
		choice.Resize(fyne.NewSize(size.Width, h))
		y += h
	}
	page.Move(fyne.NewPos(x, y))
	page.Resize(fyne.NewSize(size.Width-x, max(0, size.Height-y)))
}
