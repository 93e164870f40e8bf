package window

import (
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// progressLine is what is being done, with a bar where it is known how far it is, and Cancel.
type progressLine struct {
	object *fyne.Container
	doing  *text
	bar    *bar
}

func newProgressLine(cancel func()) *progressLine {
	p := &progressLine{doing: newText("", cut), bar: newBar()}
	p.object = spread(gapMedium, 0, stack(gapSmall, p.doing.Object, p.bar), button(words.T("Cancel"), "", widget.MediumImportance, cancel))
	p.object.Hide()
	return p
}

func (p *progressLine) set(busy bool, doing string, share float64) {
	p.doing.set(doing)
	p.bar.set(max(0, share))
	show(p.object, busy)
}

// sendTool sends the logs, after it has shown what will be sent.
type sendTool struct {
	tool
	w       *Window
	model   *view.LogReport
	page    *scrolled
	title   *text
	parts   *fyne.Container
	shown   []view.PartView
	left    *text
	note    *field
	send    *widget.Button
	going   *progressLine
	problem *banner
	sent    *banner
	looking string
}

func newSendTool(p *diagnosticsPage) *sendTool {
	w := p.w
	t := &sendTool{w: w, model: w.o.Model.LogReport(), title: newText("", muted, wrapped), parts: stack(0), left: newText("", wrapped, muted, caption), note: w.newField(), problem: newBanner(view.Bad)}
	t.note.SetPlaceHolder(words.T("What is it about? (optional)"))
	t.note.OnSubmitted = func(string) { t.start() }
	t.send = button(words.T("Send logs"), "send", widget.HighImportance, t.start)
	t.going = newProgressLine(t.model.Cancel)
	t.sent = newBanner(view.Good, button(words.T("Copy report ID"), "copy", widget.MediumImportance, func() { w.copyText(t.model.Snapshot().ReportID) }))
	t.page = newScrolled(stack(gapMedium, p.header(words.T("Send logs")),
		newText(words.T("Sends the logs of the last seven days to the data factory, where the report ID finds them. Passwords, keys and signatures are masked before anything leaves this computer."), wrapped, muted).Object,
		t.sent.panel, t.problem.panel,
		card(stack(gap, t.note, spread(gapMedium, 1, t.send, t.going.object))),
		card(stack(gap, newText(words.T("What will be sent"), subhead).Object, t.title.Object, t.parts, t.left.Object))))
	t.tool = tool{
		name: "send", title: words.T("Send logs"), icon: "send", object: t.page, about: words.T("To the data factory, after you have seen what is sent. You get a report ID for whoever helps you."),
		opened: t.model.List, closed: t.model.Back, apply: t.show, watch: t.model.Watch,
	}
	return t
}

func (t *sendTool) start() { t.model.Send(t.note.Text) }

func (t *sendTool) show() {
	v := t.model.Snapshot()
	t.problem.setProblem(v.Problem)
	t.going.set(v.Sending, v.Doing, v.Share)
	show(t.send, !v.Sending)
	enable(t.note, !v.Sending)
	title := v.Title
	if v.Loading && title == "" {
		title = words.T("Looking what there is…")
	}
	t.title.set(title)
	if !slices.Equal(v.Parts, t.shown) {
		t.shown = v.Parts
		t.parts.Objects = nil
		for _, part := range v.Parts {
			t.parts.Objects = append(t.parts.Objects, partRow(part, func() { t.model.Look(part.Name) }))
		}
		t.parts.Refresh()
	}
	t.left.set("")
	if len(v.Left) > 0 {
		t.left.set(words.T("Cannot be read: %s", strings.Join(v.Left, "; ")))
	}
	switch {
	case v.ReportID != "":
		t.sent.setTone(view.Good)
		t.sent.set(words.T("Report ID: %s", v.ReportID), v.Sent)
	default:
		t.sent.setTone(view.Off)
		t.sent.set(v.Sent, "")
	}
	show(t.sent.actions, v.ReportID != "")
	if v.Looking == "" {
		t.looking = ""
	} else if !v.Fetching && t.looking != v.Looking {
		t.looking = v.Looking
		text := v.Text
		if text == "" {
			text = words.T("This file is empty.")
		}
		t.w.showLines(v.Looking, text)
		t.model.Back()
	}
	t.page.relayout()
}

// partRow is one file of a report; it opens to show what is in it.
func partRow(part view.PartView, look func()) fyne.CanvasObject {
	title := stack(1, newText(part.Name, cut).Object, newText(part.About, cut, caption, muted).Object)
	return newPressable(container.New(inset{5, gap, 5, gap}, spread(gap, 1, picture(tinted("text", "disabled"), 18), title, newText(part.Size, muted).Object, picture(icon("chevron"), 12))), "", "", 5, look)
}

// archiveTool writes the logs into a zip file.
type archiveTool struct {
	tool
	w       *Window
	model   *view.LogArchive
	page    *scrolled
	file    *fileField
	save    *widget.Button
	going   *progressLine
	problem *banner
	done    *banner
}

func newArchiveTool(p *diagnosticsPage) *archiveTool {
	w := p.w
	t := &archiveTool{w: w, model: w.o.Model.LogArchive(w.o.Data), file: newFileField(w), problem: newBanner(view.Bad)}
	t.file.entry.OnSubmitted = func(string) { t.start() }
	t.save = button(words.T("Archive logs"), "archive", widget.HighImportance, t.start)
	t.going = newProgressLine(t.model.Cancel)
	t.done = newBanner(view.Good, button(words.T("Open folder"), "folder", widget.MediumImportance, func() {
		if file := t.model.Snapshot().File; file != "" {
			w.open(filepath.Dir(file))
		}
	}))
	t.page = newScrolled(stack(gapMedium, p.header(words.T("Archive logs")),
		newText(words.T("Writes the logs of the last seven days into a zip file, with settings, state and the last jobs. Passwords, keys and signatures are masked. It works without a registration and without a network."), wrapped, muted).Object,
		t.done.panel, t.problem.panel,
		card(stack(gapMedium, labelled(words.T("File"), "", t.file.object), spread(gapMedium, 1, t.save, t.going.object)))))
	t.tool = tool{
		name: "archive", title: words.T("Archive logs"), icon: "archive", object: t.page, about: words.T("Into a zip file on this computer. Works without a registration, too."),
		opened: func() { t.file.entry.SetText(view.ArchiveFile(w.o.Now())) }, apply: t.show, watch: t.model.Watch,
	}
	return t
}

func (t *archiveTool) start() {
	if file := strings.TrimSpace(t.file.entry.Text); file != "" {
		t.model.Save(file)
	}
}

func (t *archiveTool) show() {
	v := t.model.Snapshot()
	t.problem.setProblem(v.Problem)
	t.going.set(v.Busy, v.Doing, v.Share)
	show(t.save, !v.Busy)
	enable(t.file.entry, !v.Busy)
	tone, more := view.Good, ""
	if v.File == "" {
		tone = view.Off
	}
	if len(v.Left) > 0 {
		more = words.T("Cannot be read: %s", strings.Join(v.Left, "; "))
	}
	t.done.setTone(tone)
	t.done.set(v.Done, more)
	show(t.done.actions, v.File != "")
	t.page.relayout()
}
