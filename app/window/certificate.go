package window

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// prefExported remembers which certificate was exported from this window: it needs no more warning.
const prefExported = "certificate.exported"

// certificatePart shows the gateway's certificate on the Settings page, and leads to its dialogs.
type certificatePart struct {
	w                              *Window
	model                          *view.Certificates
	object                         *fyne.Container
	sign                           *canvas.Image
	validity, thumbprint           *text
	look, export, make, take, test *widget.Button
	backup, outcome, problem       *banner
	setAgain                       *banner
}

func newCertificatePart(w *Window) *certificatePart {
	p := &certificatePart{
		w: w, model: w.o.Model.Certificates(w.o.Now), sign: picture(toneIcon(view.Off), 18),
		validity: newText("", wrapped), thumbprint: newText("", wrapped, mono, copyable),
		outcome: newBanner(view.Good), problem: newBanner(view.Bad),
	}
	p.outcome.onClose, p.problem.onClose = p.model.Dismiss, p.model.Dismiss
	p.look = button(words.T("View…"), "search", widget.MediumImportance, p.view)
	p.export = button(words.T("Export…"), "open", widget.MediumImportance, p.exportSheet)
	p.make = button(words.T("New certificate…"), "plus", widget.MediumImportance, p.newCertificate)
	p.take = button(words.T("Import PFX…"), "key", widget.MediumImportance, p.importSheet)
	p.test = button(words.T("Check credentials"), "check", widget.MediumImportance, p.model.Check)
	p.backup = newBanner(view.Warning, button(words.T("Export…"), "open", widget.HighImportance, p.exportSheet))
	p.setAgain = newBanner(view.Warning, button(words.T("Set credentials…"), "key", widget.HighImportance, w.SetCredentials))
	copyPrint := button(words.T("Copy"), "copy", widget.MediumImportance, func() { w.copyText(p.thumbprint.Text) })
	state := card(stack(gap,
		spread(gap, 1, p.sign, p.validity.Object),
		stack(2, newText(words.T("Thumbprint"), muted, caption).Object, spread(gap, 0, p.thumbprint.Object, copyPrint)),
		container.New(inset{gapSmall, 0, 0, 0}, container.New(flow{gap, gap}, p.look, p.export, p.make, p.take, p.test))))
	p.object = stack(gapMedium, p.problem.panel, p.outcome.panel, p.setAgain.panel, state, p.backup.panel)
	return p
}

func (p *certificatePart) apply() {
	s := p.model.Snapshot()
	setPicture(p.sign, toneIcon(s.Tone))
	p.validity.set(s.Validity)
	p.thumbprint.set(s.Thumbprint)
	busy := s.Doing != ""
	for _, b := range []*widget.Button{p.look, p.export, p.make, p.take, p.test} {
		enable(b, s.Known && !busy)
	}
	if busy && p.w.sheet == nil {
		p.outcome.setTone(view.Busy)
		p.outcome.set(s.Doing+"…", "")
	} else {
		p.outcome.setTone(view.Good)
		p.outcome.set(s.Done, "")
	}
	if strings.HasSuffix(s.File, ".pfx") && s.Thumbprint != "" {
		p.w.app.Preferences().SetString(prefExported, s.Thumbprint)
	}
	p.problem.setProblem(s.Problem)
	show(p.setAgain.panel, false)
	switch {
	case s.Unknown != "":
		p.setAgain.set(words.T("Which credentials must be set again is not known."), s.Unknown)
	case len(s.SetAgain) > 0:
		p.setAgain.set(words.T("Set the credentials of these linked services again: %s", strings.Join(s.SetAgain, ", ")), closedText(s))
	}
	if s.Known && p.w.app.Preferences().String(prefExported) != s.Thumbprint {
		p.backup.set(words.T("Keep a backup of this certificate."),
			words.T("If this computer is lost, only the certificate with its key opens the credentials that were set. Export it into a file and keep that in a safe place."))
	} else {
		p.backup.set("", "")
	}
}

func closedText(s view.CertificateView) string {
	if len(s.Closed) == 0 {
		return words.T("Until then the former certificate opens them: do not remove it yet.")
	}
	return words.T("These do not open even now: %s", strings.Join(s.Closed, ", "))
}

// view shows everything about the certificate.
func (p *certificatePart) view() {
	w := p.w
	fields, former := container.NewStack(), stack(gap)
	formerTitle := newText(words.T("Former certificates"), bold)
	note := newText(words.T("They still open what was sealed for them. Remove one when every credential was set again."), wrapped, muted)
	copyPEM := w.button(words.T("Copy as PEM"), "copy", widget.MediumImportance, func() { w.copyText(p.model.Snapshot().PEM) })
	var sh *sheet
	closing := w.button(words.T("Close"), "", widget.HighImportance, func() { sh.hide() })
	sh = w.newSheet(words.T("Certificate"), 600, stack(gapMedium, fields, stack(gapSmall, formerTitle.Object, note.Object), former), copyPEM, closing)
	var last []view.Field
	apply := func() {
		s := p.model.Snapshot()
		if !slices.Equal(last, s.Fields) {
			last = s.Fields
			fields.Objects = []fyne.CanvasObject{fieldGrid(s.Fields)}
			fields.Refresh()
		}
		show(formerTitle.Object, len(s.Former) > 0)
		show(note.Object, len(s.Former) > 0)
		former.RemoveAll()
		for _, f := range s.Former {
			remove := w.button(words.T("Remove…"), "trash", widget.MediumImportance, func() {
				w.Ask(words.T("Remove this former certificate?"), words.T("What only it opens is lost: those credentials must be set again."),
					words.T("Remove"), words.T("Keep it"), true, func() { p.model.Forget(f.Thumbprint) })
			})
			former.Add(spread(gap, 0, stack(2, newText(f.Thumbprint, mono, wrapped).Object, newText(f.Until, muted, caption).Object), remove))
		}
		sh.fit()
	}
	apply()
	sh.watch(p.model.Watch, apply)
	sh.show(closing)
}

// run shows a sheet whose primary button starts something of the model; it closes when that has worked.
func (p *certificatePart) run(sh *sheet, primary *keyButton, problem *banner, ready func() bool) (sent func()) {
	waiting, label := false, primary.Text
	apply := func() {
		s := p.model.Snapshot()
		busy := s.Doing != ""
		if !waiting {
			enable(primary, ready() && !busy)
			return
		}
		enable(primary, false)
		if busy {
			primary.SetText(s.Doing + "…")
			return
		}
		waiting = false
		primary.SetText(label)
		if s.Problem == nil {
			sh.hide()
			return
		}
		problem.setProblem(s.Problem)
		enable(primary, ready())
		sh.fit()
	}
	sh.watch(p.model.Watch, apply)
	sh.closed = func() {
		if p.model.Snapshot().Problem != nil {
			p.model.Dismiss() // it was read here
		}
	}
	return func() {
		waiting = true
		problem.setProblem(nil)
		apply()
	}
}

func (p *certificatePart) newCertificate() {
	w, kinds := p.w, view.CertificateKinds()
	titles := make([]string, len(kinds))
	for i, k := range kinds {
		titles[i] = k.Title
	}
	kind := 0
	choice := w.newSelect(titles, func(i int) { kind = i })
	choice.SetSelectedIndex(0)
	problem := newBanner(view.Bad)
	var sh *sheet
	var sent func()
	cancel := w.button(words.T("Cancel"), "", widget.MediumImportance, func() { sh.hide() })
	primary := w.button(words.T("Make and use it"), "", widget.HighImportance, func() {
		p.model.New(kinds[kind].Name)
		sent()
	})
	sh = w.newSheet(words.T("New certificate"), 480, stack(gapMedium, problem.panel, changeNote(), newInput(words.T("Key"), choice.framed(), "").object), cancel, primary)
	sent = p.run(sh, primary, problem, func() bool { return true })
	sh.show(choice)
}

func changeNote() fyne.CanvasObject {
	return newText(words.T("Credentials that the gateway itself holds are sealed anew. For those inside linked services you are told which to set again; until then the present certificate goes on opening them."), wrapped, muted).Object
}

func (p *certificatePart) importSheet() {
	w := p.w
	form := newPFXForm(w)
	problem := newBanner(view.Bad)
	var sh *sheet
	var sent func()
	cancel := w.button(words.T("Cancel"), "", widget.MediumImportance, func() { sh.hide() })
	primary := w.button(words.T("Import and use it"), "", widget.HighImportance, func() {
		if form.ready() {
			p.model.Import(form.path(), form.password.Text)
			sent()
		}
	})
	form.submitted(func() { primary.Tapped(nil) })
	form.changed = func() { enable(primary, form.ready()) }
	sh = w.newSheet(words.T("Import a certificate"), 520, stack(gapMedium, problem.panel, changeNote(), form.object), cancel, primary)
	enable(primary, false)
	sent = p.run(sh, primary, problem, form.ready)
	sh.show(form.file.entry)
}

func (p *certificatePart) exportSheet() {
	w := p.w
	file, first, second := newFileField(w), w.password(), w.password()
	file.entry.SetText(view.CertificateFile(w.o.Now()))
	hint := newText("", wrapped, caption)
	problem := newBanner(view.Bad)
	var sh *sheet
	var sent func()
	ready := func() bool {
		_, _, good := view.CheckNewPassword(first.Text, second.Text)
		return good && strings.TrimSpace(file.entry.Text) != ""
	}
	cancel := w.button(words.T("Cancel"), "", widget.MediumImportance, func() { sh.hide() })
	primary := w.button(words.T("Export"), "", widget.HighImportance, func() {
		if ready() {
			p.model.Export(strings.TrimSpace(file.entry.Text), first.Text)
			sent()
		}
	})
	check := func(string) {
		tone, text, _ := view.CheckNewPassword(first.Text, second.Text)
		hint.set(text)
		hint.tone(toneImportance(tone))
		enable(primary, ready())
	}
	file.entry.OnChanged, first.OnChanged, second.OnChanged = check, check, check
	for _, f := range []*field{file.entry, first, second} {
		f.OnSubmitted = func(string) { primary.Tapped(nil) }
	}
	note := newText(words.T("The file has the certificate with its private key. Whoever has it and the password can read every credential of this gateway."), wrapped, muted)
	sh = w.newSheet(words.T("Export the certificate"), 520, stack(gapMedium, problem.panel, note.Object,
		newInput(words.T("File"), file.object, "").object,
		stack(gapSmall, newInput(words.T("New password for the file"), first, "").object, hint.Object),
		newInput(words.T("Password again"), second, "").object), cancel, primary)
	check("")
	sent = p.run(sh, primary, problem, ready)
	sh.show(first)
}

// toneImportance is the colour of a text with a tone.
func toneImportance(t view.Tone) widget.Importance {
	switch t {
	case view.Good:
		return widget.SuccessImportance
	case view.Bad:
		return widget.DangerImportance
	case view.Warning:
		return widget.WarningImportance
	}
	return widget.LowImportance
}

// pfxForm asks for a PFX file and its password.
type pfxForm struct {
	file     *fileField
	password *field
	object   *fyne.Container
	changed  func()
}

func newPFXForm(w *Window) *pfxForm {
	f := &pfxForm{file: &fileField{w: w, entry: w.newField()}, password: w.password(), changed: func() {}}
	f.file.entry.SetPlaceHolder("certificate.pfx")
	f.file.object = spread(gap, 0, f.file.entry, button(words.T("Browse…"), "folder", widget.MediumImportance, func() { w.chooseFile(f.file.entry.SetText, ".pfx", ".p12") }))
	f.file.entry.OnChanged = func(string) { f.changed() }
	f.object = stack(gapMedium, newInput(words.T("PFX file"), f.file.object, words.T("A PKCS #12 file with the certificate, its chain and its private key.")).object,
		newInput(words.T("Its password"), f.password, "").object)
	return f
}

func (f *pfxForm) path() string { return strings.TrimSpace(f.file.entry.Text) }
func (f *pfxForm) ready() bool  { return f.path() != "" }
func (f *pfxForm) submitted(send func()) {
	f.file.entry.OnSubmitted = func(string) { send() }
	f.password.OnSubmitted = func(string) { send() }
}

// chooseFile lets a person choose a file that is there.
func (w *Window) chooseFile(chosen func(path string), extensions ...string) {
	d := dialog.NewFileOpen(func(file fyne.URIReadCloser, err error) {
		if err == nil && file != nil {
			_ = file.Close() // only its name is wanted
			chosen(file.URI().Path())
		}
	}, w.win)
	d.SetFilter(storage.NewExtensionFileFilter(extensions))
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-40, 760), min(size.Height-40, 560)))
	d.Show()
}
