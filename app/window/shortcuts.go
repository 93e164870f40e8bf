package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// shortcuts lets the keys of view.Shortcuts work, and Escape lead back.
func (w *Window) shortcuts() {
	for key, action := range w.keys() {
		w.win.Canvas().AddShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) { action() })
	}
	w.win.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) {
		if !w.key(e) && e.Name == fyne.KeyEscape && w.at == 2 {
			w.diagnostics.back()
		}
	})
}

func (w *Window) keys() map[fyne.KeyName]func() {
	return map[fyne.KeyName]func(){
		fyne.Key1: func() { w.Go(0) }, fyne.Key2: func() { w.Go(1) }, fyne.Key3: func() { w.Go(2) }, fyne.Key4: func() { w.Go(3) },
		fyne.KeyF: w.searchLog,
		fyne.KeyK: w.SetCredentials,
		fyne.KeyW: func() {
			if w.o.Close != nil {
				w.o.Close()
			}
		},
		fyne.KeyQ: func() {
			if w.o.Quit != nil {
				w.o.Quit()
			}
		},
	}
}

// searchLog goes to the log's search.
func (w *Window) searchLog() {
	if d := w.diagnostics; w.at != 2 || d.at != &d.log.tool {
		w.ShowTool("log")
	}
	w.win.Canvas().Focus(w.diagnostics.log.search)
}

// field is an entry in which the window's own shortcuts go on working.
type field struct {
	widget.Entry
	w *Window
}

func (w *Window) newField() *field {
	f := &field{w: w}
	f.ExtendBaseWidget(f)
	return f
}

// TypedShortcut gives the window what the entry does not know.
func (f *field) TypedShortcut(s fyne.Shortcut) {
	if custom, ok := s.(*desktop.CustomShortcut); ok && custom.Modifier == fyne.KeyModifierShortcutDefault {
		if action := f.w.keys()[custom.KeyName]; action != nil {
			action()
			return
		}
	}
	f.Entry.TypedShortcut(s)
}
