package window

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/assets"
)

// newHelpPage says what the program is, which version, which keys work in it, and under which licences it stands.
func newHelpPage(w *Window) fyne.CanvasObject {
	version := view.VersionFields(w.o.Version)
	copyVersion := button("Copy", "copy", widget.MediumImportance, func() {
		lines := make([]string, len(version))
		for i, f := range version {
			lines[i] = f.Name + ": " + f.Value
		}
		w.copyText(strings.Join(lines, "\n"))
	})
	keys := make([]view.Field, len(view.Shortcuts))
	for i, s := range view.Shortcuts {
		keys[i] = view.Field{Name: s.Keys, Value: s.Does}
	}
	licences := row(gap)
	if assets.Has("LICENSE") {
		licences.Add(button("Licence", "text", widget.MediumImportance, func() { w.showLines("Licence", assets.Text("LICENSE")) }))
	}
	if assets.Has("NOTICES.txt") {
		licences.Add(button("Third-party notices", "text", widget.MediumImportance, func() { w.showLines("Third-party notices", assets.Text("NOTICES.txt")) }))
	}
	return newScrolled(stack(gapMedium,
		newText("Help", heading).Object,
		card(container.New(line{gap: 16, grow: 1, top: true}, picture(Icon(), 56), stack(gap, newText(Title, subhead).Object, newText(view.About, wrapped).Object))),
		card(stack(gap, newText("This version", subhead).Object, container.New(line{gap: gapMedium, grow: 0, top: true}, fieldGrid(version), copyVersion))),
		card(stack(gap, newText("Keys", subhead).Object, fieldGrid(keys))),
		card(stack(gap, newText("Licences", subhead).Object,
			newText("This program is free software under the Apache License 2.0. It contains the work of others under their own licences.", wrapped).Object, licences))))
}

// showLines shows a long text line by line: only those that can be seen are drawn.
func (w *Window) showLines(title, words string) {
	lines := strings.Split(strings.TrimRight(words, "\n"), "\n")
	list := widget.NewList(func() int { return len(lines) }, func() fyne.CanvasObject {
		l := widget.NewLabel("")
		l.TextStyle.Monospace, l.SizeName = true, "helperText"
		return tight(l)
	}, func(i widget.ListItemID, o fyne.CanvasObject) {
		o.(*fyne.Container).Objects[0].(*widget.Label).SetText(strings.ReplaceAll(lines[i], "\t", "    "))
	})
	list.HideSeparators = true
	list.OnSelected = func(widget.ListItemID) { list.UnselectAll() }
	d := dialog.NewCustomWithoutButtons(title, list, w.win)
	d.SetButtons([]fyne.CanvasObject{
		button("Copy", "copy", widget.MediumImportance, func() { w.copyText(words) }),
		button("Close", "", widget.HighImportance, d.Hide),
	})
	w.showLarge(d, nil)
}
