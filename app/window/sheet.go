package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// sheetEdge is the distance at the sides of a sheet, beside that of every pop-up.
const sheetEdge = 10

// sheet is a dialog of the program: a title, content that scrolls where there is no room, and buttons. It fits itself to
// what it shows and to the window; Escape closes it.
type sheet struct {
	w       *Window
	width   float32
	content fyne.CanvasObject
	scroll  *container.Scroll
	frame   *fyne.Container
	pop     *widget.PopUp
	closed  func() // called once, nil for nothing
	under   *sheet // the one that it covers
	stops   []func()
	applies []func() // what watch was given
}

// newSheet makes a dialog of a width; the last of the buttons is the one that a person most likely wants.
func (w *Window) newSheet(title string, width float32, content fyne.CanvasObject, buttons ...fyne.CanvasObject) *sheet {
	s := &sheet{w: w, width: width, content: content}
	s.scroll = container.NewVScroll(container.New(inset{2, gapMedium, gapSmall, 2}, content))
	bottom := container.New(trailing{gap}, buttons...)
	s.frame = container.New(inset{gap, sheetEdge, gap, sheetEdge},
		container.New(framework{gapMedium}, newText(title, subhead, wrapped).Object, s.scroll, bottom))
	s.pop = widget.NewModalPopUp(s.frame, w.win.Canvas())
	return s
}

// watch calls apply with every change of a model while the sheet is up.
func (s *sheet) watch(watch func() (<-chan struct{}, func()), apply func()) {
	s.applies = append(s.applies, apply)
	s.stops = append(s.stops, s.w.watching(watch, apply))
}

// apply shows what the models have now.
func (s *sheet) apply() {
	for _, apply := range s.applies {
		apply()
	}
}

// watching is the function of that name, unless a test shows changes itself.
func (w *Window) watching(watch func() (<-chan struct{}, func()), apply func()) (stop func()) {
	if w.quiet {
		return func() {}
	}
	return watching(watch, apply)
}

// show brings it up with the focus on an object, nil for none.
func (s *sheet) show(focus fyne.Focusable) {
	s.under, s.w.sheet = s.w.sheet, s
	s.pop.Show()
	s.fit()
	if focus != nil {
		s.w.win.Canvas().Focus(focus)
	}
}

// fit gives it the size that its content asks for, as far as the window has it.
func (s *sheet) fit() {
	around := 2 * theme.InnerPadding() // which a pop-up keeps around its content
	room := s.w.win.Canvas().Size().SubtractWidthHeight(24, 24)
	width := min(s.width, room.Width)
	inner := width - around
	s.frame.Resize(fyne.NewSize(inner, s.frame.Size().Height))
	height := s.frame.MinSize().Height - s.scroll.MinSize().Height + s.natural(inner-2*sheetEdge) + around
	s.pop.Resize(fyne.NewSize(width, min(height, room.Height)))
	s.scroll.Refresh()
}

// natural is the height that the content has at a width.
func (s *sheet) natural(width float32) float32 {
	s.scroll.Content.Resize(fyne.NewSize(width, s.scroll.Content.Size().Height))
	s.scroll.Content.Resize(fyne.NewSize(width, s.scroll.Content.MinSize().Height))
	return s.scroll.Content.MinSize().Height
}

// hide takes it away.
func (s *sheet) hide() {
	if s.w.sheet != s {
		return
	}
	s.w.sheet = s.under
	for _, stop := range s.stops {
		stop()
	}
	s.pop.Hide()
	if s.closed != nil {
		s.closed()
	}
}

// framework puts a title above and buttons below what takes the height that is left.
type framework struct{ gap float32 }

func (f framework) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		m := o.MinSize()
		size.Width = max(size.Width, m.Width)
		size.Height += m.Height + f.gap
	}
	return size.SubtractWidthHeight(0, f.gap)
}

func (f framework) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	var heights [3]float32
	for _, i := range []int{0, 2} {
		objects[i].Resize(fyne.NewSize(size.Width, objects[i].Size().Height))
		heights[i] = objects[i].MinSize().Height
	}
	heights[1] = max(0, size.Height-heights[0]-heights[2]-2*f.gap)
	var y float32
	for i, o := range objects {
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, heights[i]))
		y += heights[i] + f.gap
	}
}

// trailing is a row at the right, in more lines where one is too narrow.
type trailing struct{ gap float32 }

func (t trailing) lines(objects []fyne.CanvasObject, width float32) [][]fyne.CanvasObject {
	var lines [][]fyne.CanvasObject
	var x float32
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		w := o.MinSize().Width
		if len(lines) == 0 || x+w > width && x > 0 {
			lines, x = append(lines, nil), 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], o)
		x += w + t.gap
	}
	return lines
}

func (t trailing) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			size.Width = max(size.Width, o.MinSize().Width)
			size.Height = max(size.Height, o.Position().Y+o.MinSize().Height)
		}
	}
	return size
}

func (t trailing) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	var y float32
	for _, line := range t.lines(objects, size.Width) {
		x, height := size.Width+t.gap, float32(0)
		for _, o := range line {
			x -= o.MinSize().Width + t.gap
			height = max(height, o.MinSize().Height)
		}
		for _, o := range line {
			m := o.MinSize()
			o.Move(fyne.NewPos(x, y))
			o.Resize(fyne.NewSize(m.Width, height))
			x += m.Width + t.gap
		}
		y += height + t.gap
	}
}

// key does what keys do in the sheet that is up; it reports whether it was one of those.
func (w *Window) key(e *fyne.KeyEvent) bool {
	if w.sheet == nil || e.Name != fyne.KeyEscape {
		return false
	}
	w.sheet.hide()
	return true
}

// TypedKey closes the sheet with Escape, and is an entry's otherwise.
func (f *field) TypedKey(e *fyne.KeyEvent) {
	if !f.w.key(e) {
		f.Entry.TypedKey(e)
	}
}

// keyButton is a button of a sheet: Enter presses it as the space bar does, Escape closes the sheet.
type keyButton struct {
	widget.Button
	w *Window
}

func (w *Window) button(label, iconName string, importance widget.Importance, tapped func()) *keyButton {
	b := &keyButton{w: w}
	b.Text, b.Importance, b.OnTapped = label, importance, tapped
	if iconName != "" {
		b.Icon = icon(iconName)
	}
	b.ExtendBaseWidget(b)
	return b
}

// TypedKey presses or closes.
func (b *keyButton) TypedKey(e *fyne.KeyEvent) {
	switch {
	case b.w.key(e):
	case e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter:
		if !b.Disabled() {
			b.Tapped(nil)
		}
	default:
		b.Button.TypedKey(e)
	}
}

// keySelect is a select of a sheet.
type keySelect struct {
	widget.Select
	w *Window
}

// newSelect offers titles and tells the index of the one that was chosen.
func (w *Window) newSelect(titles []string, chosen func(i int)) *keySelect {
	s := &keySelect{w: w}
	s.Options = titles
	s.PlaceHolder = "…"
	s.OnChanged = func(string) {
		if i := s.SelectedIndex(); i >= 0 {
			chosen(i)
		}
	}
	s.ExtendBaseWidget(s)
	return s
}

// TypedKey closes the sheet with Escape, and is a select's otherwise.
func (s *keySelect) TypedKey(e *fyne.KeyEvent) {
	if !s.w.key(e) {
		s.Select.TypedKey(e)
	}
}

// framed gives it the line that an entry has.
func (s *keySelect) framed() fyne.CanvasObject {
	return newPanel(theme.ColorNameInputBackground, theme.ColorNameInputBorder, 6, s)
}

// keyCheck is a check box of a sheet.
type keyCheck struct {
	widget.Check
	w *Window
}

func (w *Window) newCheck(label string, changed func(bool)) *keyCheck {
	c := &keyCheck{w: w}
	c.Text, c.OnChanged = label, changed
	c.ExtendBaseWidget(c)
	return c
}

// TypedKey closes the sheet with Escape.
func (c *keyCheck) TypedKey(e *fyne.KeyEvent) {
	if !c.w.key(e) {
		c.Check.TypedKey(e)
	}
}

// input is one line of a form: a name, a control, a hint, and what is wrong.
type input struct {
	object  *fyne.Container
	hint    *text
	problem *text
}

func newInput(name string, control fyne.CanvasObject, hint string) *input {
	i := &input{hint: newText("", wrapped, caption, muted), problem: newText("", wrapped, danger)}
	i.hint.set(hint)
	i.problem.Object.Hide()
	i.object = stack(gapSmall, newText(name, bold, wrapped).Object, control, i.hint.Object, i.problem.Object)
	return i
}

// password is a field whose content is masked, with an eye to show it.
func (w *Window) password() *field {
	f := w.newField()
	f.Password = true
	return f
}
