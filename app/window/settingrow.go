package window

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// typingPause is how long nobody types before what was typed is checked.
const typingPause = 500 * time.Millisecond

// settingRow is one setting: its name and help, a control of its kind, and what is wrong with the value.
type settingRow struct {
	w       *Window
	setting view.Setting
	object  fyne.CanvasObject
	line    *widget.Separator
	problem *text
	back    *text
	reset   *widget.Button
	store   func(value string) // nil: the engine's setting
	put     func(shown string) // shows a value in the control
	putting bool               // put is at work: its changes are not a person's
	focused func() bool
	typed   int         // how often something was typed
	pending func() bool // stops the check of what was typed last, nil where that is done
}

func newSettingRow(w *Window, v view.Setting) *settingRow {
	r := &settingRow{w: w, setting: v, line: widget.NewSeparator(), problem: newText("", wrapped, danger), back: newText("", wrapped, caption, muted), focused: func() bool { return false }}
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
	about := stack(3, newText(v.Title, bold, wrapped).Object, newText(v.Help, wrapped, muted).Object, r.back.Object)
	head := spread(gapMedium, 0, about, r.reset)
	if side != nil {
		head = spread(gapMedium, 0, about, r.reset, side)
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
	r.back.set(v.BackTo)
	show(r.reset, v.Changed)
	if v.Error == "" && r.pending == nil && !r.focused() {
		r.putting = true
		r.put(v.Shown)
		r.putting = false
	}
}

func (r *settingRow) send(value string) {
	r.stopTyping()
	if r.store != nil {
		r.store(value)
		return
	}
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
	add := button(words.T("Add a folder"), "plus", widget.MediumImportance, func() {
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
