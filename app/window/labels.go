package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// text is a label without Fyne's distance around it: put Object into the layout, change it through the label.
type text struct {
	*widget.Label
	Object *fyne.Container
}

type look func(*widget.Label)

func newText(s string, looks ...look) *text {
	l := widget.NewLabel(s)
	for _, f := range looks {
		f(l)
	}
	return &text{Label: l, Object: tight(l)}
}

// set changes the words, and hides the label while there are none.
func (t *text) set(s string) {
	if s != t.Text {
		t.SetText(s)
	}
	if (s == "") == t.Object.Visible() {
		if s == "" {
			t.Object.Hide()
		} else {
			t.Object.Show()
		}
	}
}

// tone changes the colour.
func (t *text) tone(i widget.Importance) {
	if t.Importance != i {
		t.Importance = i
		t.Refresh()
	}
}

func bold(l *widget.Label)      { l.TextStyle.Bold = true }
func mono(l *widget.Label)      { l.TextStyle.Monospace = true }
func heading(l *widget.Label)   { l.SizeName, l.TextStyle.Bold = theme.SizeNameHeadingText, true }
func brandName(l *widget.Label) { l.SizeName, l.TextStyle.Bold = sizeBrand, true }
func subhead(l *widget.Label)   { l.SizeName, l.TextStyle.Bold = theme.SizeNameSubHeadingText, true }
func caption(l *widget.Label)   { l.SizeName = theme.SizeNameCaptionText }
func muted(l *widget.Label)     { l.Importance = widget.LowImportance }
func wrapped(l *widget.Label)   { l.Wrapping = fyne.TextWrapWord }
func cut(l *widget.Label)       { l.Truncation = fyne.TextTruncateEllipsis }
func right(l *widget.Label)     { l.Alignment = fyne.TextAlignTrailing }
func centred(l *widget.Label)   { l.Alignment = fyne.TextAlignCenter }
func copyable(l *widget.Label)  { l.Selectable = true }
func danger(l *widget.Label)    { l.Importance = widget.DangerImportance }

// button is one with an icon of the program, in the colour that its importance asks for.
func button(label, iconName string, importance widget.Importance, tapped func()) *widget.Button {
	b := widget.NewButton(label, tapped)
	b.Importance = importance // before the icon, which draws it
	if iconName != "" {
		b.SetIcon(icon(iconName))
	}
	return b
}

// enable enables or disables, where it is not so already.
func enable(b fyne.Disableable, on bool) {
	switch {
	case on && b.Disabled():
		b.Enable()
	case !on && !b.Disabled():
		b.Disable()
	}
}

// show shows or hides, where it is not so already.
func show(o fyne.CanvasObject, on bool) {
	switch {
	case on && !o.Visible():
		o.Show()
	case !on && o.Visible():
		o.Hide()
	}
}

// framed gives a select the line around it that an entry has.
func framed(s *widget.Select) fyne.CanvasObject {
	return newPanel(theme.ColorNameInputBackground, theme.ColorNameInputBorder, 6, s)
}
