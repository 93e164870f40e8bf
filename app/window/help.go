package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
	"dmgateway/assets"
)

// mostTopics is how many explanations are shown at once.
const mostTopics = 6

// newHelpPage says what the program is, which version, what its codes mean, which keys work in it, what leaves the
// machine, and under which licences it stands.
func newHelpPage(w *Window) fyne.CanvasObject {
	version := view.VersionFields(w.o.Version)
	copyVersion := button(words.T("Copy"), "copy", widget.MediumImportance, func() {
		lines := make([]string, len(version))
		for i, f := range version {
			lines[i] = f.Name + ": " + f.Value
		}
		w.copyText(strings.Join(lines, "\n"))
	})
	keys := make([]view.Field, 0, 10)
	for _, s := range append(view.Shortcuts(), view.UsualKeys()...) {
		keys = append(keys, view.Field{Name: s.Keys, Value: s.Does})
	}
	texts := container.New(flow{gap, gap})
	if assets.Has("LICENSE") {
		texts.Add(button(words.T("Licence"), "text", widget.MediumImportance, func() { w.showLines(words.T("Licence"), assets.Text("LICENSE")) }))
	}
	if assets.Has("NOTICES.txt") {
		texts.Add(button(words.T("Third-party notices"), "text", widget.MediumImportance, func() { w.showLines(words.T("Third-party notices"), assets.Text("NOTICES.txt")) }))
	}
	privacy := button(words.T("What leaves this computer"), "text", widget.MediumImportance, w.showPrivacy)
	var page *scrolled
	page = newScrolled(stack(gapMedium,
		newText(words.T("Help"), heading).Object,
		card(container.New(line{gap: 16, grow: 1, top: true}, picture(Icon(), 56), stack(gap, newText(Title, subhead).Object, newText(view.About(), wrapped).Object))),
		card(newTopicSearch(w, func() { page.relayout() })),
		card(stack(gap, spread(gap, 0, newText(words.T("This version"), subhead).Object, copyVersion), fieldGrid(version))),
		card(stack(gap, newText(words.T("Privacy"), subhead).Object,
			newText(words.T("The program has no telemetry. What it sends goes to the data factory that you registered with, and to the data stores of its jobs."), wrapped).Object, row(0, privacy))),
		card(stack(gap, newText(words.T("Keys"), subhead).Object, fieldGrid(keys))),
		card(stack(gap, newText(words.T("Licences"), subhead).Object,
			newText(words.T("This program is free software under the Apache License 2.0. It contains the work of others under their own licences."), wrapped).Object, texts))))
	return page
}

// newTopicSearch finds what a code or an event means.
func newTopicSearch(w *Window, changed func()) fyne.CanvasObject {
	search, found := w.newField(), stack(gapMedium)
	search.SetPlaceHolder(words.T("SignInFailed, 401, or words"))
	search.OnChanged = func(s string) {
		topics, more := view.HelpTopics(s, mostTopics)
		found.Objects = nil
		for _, t := range topics {
			topic := stack(2, newText(t.Name+" · "+words.Of(t.Title), bold, wrapped).Object, newText(words.Of(t.Text), wrapped, copyable).Object)
			if t.Do != "" {
				topic.Add(newText(words.Of(t.Do), wrapped, copyable, muted).Object)
			}
			found.Add(topic)
		}
		switch {
		case more > 0:
			found.Add(newText(words.N(int64(more), "%d more; type more words.", "%d more; type more words."), muted).Object)
		case len(topics) == 0 && strings.TrimSpace(s) != "":
			found.Add(newText(words.T("No code and no event matches."), muted).Object)
		}
		found.Refresh()
		changed()
	}
	return stack(gap, newText(words.T("What does an error code or event mean?"), subhead).Object, search, found)
}

// showPrivacy shows what leaves this computer, in the person's language where it is translated.
func (w *Window) showPrivacy() {
	whole := assets.Text("PRIVACY.txt")
	if own := "PRIVACY." + words.T("en") + ".txt"; assets.Has(own) { // each language translates its tag
		whole = assets.Text(own)
	}
	parts := strings.Split(strings.TrimSpace(whole), "\n\n")
	body := stack(gapMedium)
	for _, part := range parts[1:] {
		title, text, ok := strings.Cut(part, "\n")
		if !ok {
			body.Add(newText(title, wrapped, copyable).Object)
			continue
		}
		body.Add(stack(gapSmall, newText(title, bold, wrapped).Object, newText(text, wrapped, copyable).Object))
	}
	page := newScrolled(body)
	d := dialog.NewCustomWithoutButtons(parts[0], page, w.win)
	d.SetButtons([]fyne.CanvasObject{
		button(words.T("Copy"), "copy", widget.MediumImportance, func() { w.copyText(whole) }),
		button(words.T("Close"), "", widget.HighImportance, d.Hide),
	})
	w.showLarge(d, page)
}

// showLines shows a long text line by line: only those that can be seen are drawn.
func (w *Window) showLines(title, text string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	list := widget.NewList(func() int { return len(lines) }, func() fyne.CanvasObject {
		l := widget.NewLabel("")
		l.TextStyle.Monospace, l.SizeName = true, "helperText"
		return tight(l)
	}, func(i widget.ListItemID, o fyne.CanvasObject) {
		o.(*fyne.Container).Objects[0].(*widget.Label).SetText(view.Shorten(strings.ReplaceAll(strings.TrimRight(lines[i], "\r"), "\t", "    "), 400))
	})
	list.HideSeparators = true
	list.OnSelected = func(widget.ListItemID) { list.UnselectAll() }
	d := dialog.NewCustomWithoutButtons(title, list, w.win)
	d.SetButtons([]fyne.CanvasObject{
		button(words.T("Copy"), "copy", widget.MediumImportance, func() { w.copyText(text) }),
		button(words.T("Close"), "", widget.HighImportance, d.Hide),
	})
	w.showLarge(d, nil)
}
