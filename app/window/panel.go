package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// panel is a rectangle in colours of the theme with content on it: a card, the rail.
type panel struct {
	widget.BaseWidget
	fill, stroke fyne.ThemeColorName
	radius       float32
	content      fyne.CanvasObject
	back         *canvas.Rectangle
}

func newPanel(fill, stroke fyne.ThemeColorName, radius float32, content fyne.CanvasObject) *panel {
	p := &panel{fill: fill, stroke: stroke, radius: radius, content: content, back: canvas.NewRectangle(color.Transparent)}
	p.ExtendBaseWidget(p)
	return p
}

// card is a surface with a fine line around it.
func card(content fyne.CanvasObject) *panel {
	return newPanel(colorSurface, theme.ColorNameSeparator, radius, padded(gapMedium+2, content))
}

// CreateRenderer draws it.
func (p *panel) CreateRenderer() fyne.WidgetRenderer {
	r := &panelRenderer{p: p}
	r.paint()
	return r
}

type panelRenderer struct{ p *panel }

func (r *panelRenderer) paint() {
	b := r.p.back
	b.FillColor, b.CornerRadius = themeColor(r.p.fill), r.p.radius
	if r.p.stroke != "" {
		b.StrokeColor, b.StrokeWidth = themeColor(r.p.stroke), 1
	}
}

func (r *panelRenderer) Layout(size fyne.Size) {
	r.p.back.Resize(size)
	r.p.content.Resize(size)
}
func (r *panelRenderer) MinSize() fyne.Size { return r.p.content.MinSize() }
func (r *panelRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.p.back, r.p.content}
}
func (r *panelRenderer) Destroy() {}
func (r *panelRenderer) Refresh() {
	r.paint()
	r.p.back.Refresh()
	r.p.content.Refresh()
}

// pressable is content that can be clicked, or reached by Tab and pressed with the space bar or Enter.
type pressable struct {
	widget.BaseWidget
	content      fyne.CanvasObject
	fill, stroke fyne.ThemeColorName // "" for none
	radius       float32
	tapped       func()

	back, veil       *canvas.Rectangle
	hovered, focused bool
}

var (
	_ fyne.Tappable      = (*pressable)(nil)
	_ fyne.Focusable     = (*pressable)(nil)
	_ desktop.Hoverable  = (*pressable)(nil)
	_ desktop.Cursorable = (*pressable)(nil)
)

func newPressable(content fyne.CanvasObject, fill, stroke fyne.ThemeColorName, radius float32, tapped func()) *pressable {
	p := &pressable{
		content: content, fill: fill, stroke: stroke, radius: radius, tapped: tapped,
		back: canvas.NewRectangle(color.Transparent), veil: canvas.NewRectangle(color.Transparent),
	}
	p.ExtendBaseWidget(p)
	return p
}

// Tapped presses it.
func (p *pressable) Tapped(*fyne.PointEvent) { p.tapped() }

// MouseIn, MouseMoved and MouseOut show that it can be pressed.
func (p *pressable) MouseIn(*desktop.MouseEvent) { p.hover(true) }

// MouseMoved changes nothing.
func (p *pressable) MouseMoved(*desktop.MouseEvent) {}

// MouseOut ends what MouseIn began.
func (p *pressable) MouseOut() { p.hover(false) }

// Cursor is a hand.
func (p *pressable) Cursor() desktop.Cursor { return desktop.PointerCursor }

// FocusGained shows the focus.
func (p *pressable) FocusGained() { p.focused = true; p.paint() }

// FocusLost ends it.
func (p *pressable) FocusLost() { p.focused = false; p.paint() }

// TypedRune presses with the space bar.
func (p *pressable) TypedRune(r rune) {
	if r == ' ' {
		p.tapped()
	}
}

// TypedKey presses with Enter.
func (p *pressable) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		p.tapped()
	}
}

func (p *pressable) hover(on bool) { p.hovered = on; p.paint() }

func (p *pressable) paint() {
	paint := func(r *canvas.Rectangle, fill, stroke color.Color, width float32) {
		r.FillColor, r.StrokeColor, r.StrokeWidth, r.CornerRadius = fill, stroke, width, p.radius
		r.Refresh()
	}
	pick := func(name fyne.ThemeColorName) color.Color {
		if name == "" {
			return color.Transparent
		}
		return themeColor(name)
	}
	width := float32(0)
	if p.stroke != "" {
		width = 1
	}
	paint(p.back, pick(p.fill), pick(p.stroke), width)
	veil, ring := color.Color(color.Transparent), color.Color(color.Transparent)
	if p.hovered {
		veil = themeColor(theme.ColorNameHover)
	}
	width = 0
	if p.focused {
		ring, width = themeColor(theme.ColorNamePrimary), 2
	}
	paint(p.veil, veil, ring, width)
}

// CreateRenderer draws it.
func (p *pressable) CreateRenderer() fyne.WidgetRenderer {
	p.paint()
	return &pressableRenderer{p}
}

type pressableRenderer struct{ p *pressable }

func (r *pressableRenderer) Layout(size fyne.Size) {
	r.p.back.Resize(size)
	r.p.veil.Resize(size)
	r.p.content.Resize(size)
}
func (r *pressableRenderer) MinSize() fyne.Size { return r.p.content.MinSize() }
func (r *pressableRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.p.back, r.p.veil, r.p.content}
}
func (r *pressableRenderer) Destroy() {}
func (r *pressableRenderer) Refresh() {
	r.p.paint()
	r.p.content.Refresh()
}

// bar is a thin progress bar, 0 to 1.
type bar struct {
	widget.BaseWidget
	share       float32
	track, done *canvas.Rectangle
}

func newBar() *bar {
	b := &bar{track: canvas.NewRectangle(color.Transparent), done: canvas.NewRectangle(color.Transparent)}
	b.ExtendBaseWidget(b)
	return b
}

func (b *bar) set(share float64) {
	if float32(share) != b.share {
		b.share = float32(share)
		b.Refresh()
	}
}

// CreateRenderer draws it.
func (b *bar) CreateRenderer() fyne.WidgetRenderer {
	r := &barRenderer{b}
	r.paint()
	return r
}

type barRenderer struct{ b *bar }

func (r *barRenderer) paint() {
	r.b.track.FillColor, r.b.done.FillColor = themeColor(colorTrack), themeColor(theme.ColorNamePrimary)
	r.b.track.CornerRadius, r.b.done.CornerRadius = 3, 3
}

func (r *barRenderer) Layout(size fyne.Size) {
	y := (size.Height - 6) / 2
	r.b.track.Move(fyne.NewPos(0, y))
	r.b.track.Resize(fyne.NewSize(size.Width, 6))
	r.b.done.Move(fyne.NewPos(0, y))
	w := size.Width * min(max(r.b.share, 0), 1)
	if w > 0 {
		w = max(w, 6)
	}
	r.b.done.Resize(fyne.NewSize(w, 6))
}
func (r *barRenderer) MinSize() fyne.Size           { return fyne.NewSize(60, 8) }
func (r *barRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.b.track, r.b.done} }
func (r *barRenderer) Destroy()                     {}
func (r *barRenderer) Refresh() {
	r.paint()
	r.Layout(r.b.Size())
	r.b.track.Refresh()
	r.b.done.Refresh()
}
