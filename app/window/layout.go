package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// column lays objects out below each other over the whole width. It gives each its width before it asks for the height,
// so that wrapped text is measured right the first time.
type column struct{ gap float32 }

func (c column) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	first := true
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		size.Width = max(size.Width, m.Width)
		size.Height += m.Height
		if !first {
			size.Height += c.gap
		}
		first = false
	}
	return size
}

func (c column) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	var y float32
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		o.Resize(fyne.NewSize(size.Width, o.Size().Height))
		h := o.MinSize().Height
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + c.gap
	}
}

func stack(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(column{gap}, objects...)
}

// line lays objects out beside each other, centred in height; the one with the index grow takes the room that is left,
// -1 for none.
type line struct {
	gap  float32
	grow int
	top  bool // at the top instead of centred
}

func (l line) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	first := true
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		size.Height = max(size.Height, m.Height)
		size.Width += m.Width
		if !first {
			size.Width += l.gap
		}
		first = false
	}
	return size
}

func (l line) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	spare := size.Width - l.MinSize(objects).Width
	var x float32
	for i, o := range objects {
		if !o.Visible() {
			continue
		}
		w := o.MinSize().Width
		if i == l.grow {
			w = max(0, w+spare)
		}
		o.Resize(fyne.NewSize(w, o.Size().Height))
		h := min(o.MinSize().Height, size.Height)
		y := (size.Height - h) / 2
		if l.top {
			y = 0
		}
		o.Move(fyne.NewPos(x, y))
		o.Resize(fyne.NewSize(w, h))
		x += w + l.gap
	}
}

func row(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(line{gap: gap, grow: -1}, objects...)
}

// spread is a row whose object with the index grow takes the room that is left.
func spread(gap float32, grow int, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(line{gap: gap, grow: grow}, objects...)
}

// inset keeps a distance around its one object.
type inset struct{ top, right, bottom, left float32 }

func (p inset) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[0].MinSize().AddWidthHeight(p.left+p.right, p.top+p.bottom)
}

func (p inset) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Move(fyne.NewPos(p.left, p.top))
	objects[0].Resize(size.SubtractWidthHeight(p.left+p.right, p.top+p.bottom))
}

func padded(around float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(inset{around, around, around, around}, o)
}

// unpadded takes away the distance that Fyne keeps around a label's text.
type unpadded struct{}

func (unpadded) MinSize(objects []fyne.CanvasObject) fyne.Size {
	p := 2 * theme.InnerPadding()
	return objects[0].MinSize().SubtractWidthHeight(p, p)
}

func (unpadded) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	p := theme.InnerPadding()
	objects[0].Move(fyne.NewPos(-p, -p))
	objects[0].Resize(size.AddWidthHeight(2*p, 2*p))
}

func tight(o fyne.CanvasObject) *fyne.Container { return container.New(unpadded{}, o) }

// atMost keeps its one object from becoming wider than easy to read.
type atMost struct{ width float32 }

func (a atMost) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[0].MinSize() }

func (a atMost) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(fyne.NewSize(min(size.Width, a.width), size.Height))
}

// fixedWidth gives its one object a width, whatever it asks for.
type fixedWidth struct{ width float32 }

func (f fixedWidth) MinSize(objects []fyne.CanvasObject) fyne.Size {
	if objects[0].Size().Width != f.width {
		objects[0].Resize(fyne.NewSize(f.width, objects[0].Size().Height))
	}
	return fyne.NewSize(f.width, objects[0].MinSize().Height)
}

func (f fixedWidth) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(size)
}

func wide(width float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(fixedWidth{width}, o)
}

// scrolled is a page that scrolls: its content gets the width before its height is asked for.
type scrolled struct {
	widget.BaseWidget
	content fyne.CanvasObject
	scroll  *container.Scroll
}

func newScrolled(content fyne.CanvasObject) *scrolled {
	s := &scrolled{content: container.New(inset{gapLarge, gapLarge, gapLarge, gapLarge}, container.New(atMost{960}, content))}
	s.scroll = container.NewVScroll(s.content)
	s.ExtendBaseWidget(s)
	return s
}

// Resize measures anew.
func (s *scrolled) Resize(size fyne.Size) {
	s.BaseWidget.Resize(size)
	s.relayout()
}

// relayout measures the content after it has changed.
func (s *scrolled) relayout() {
	size := s.Size()
	if size.Width <= 0 {
		return
	}
	s.content.Resize(fyne.NewSize(size.Width, s.content.Size().Height))
	arrange(s.content)
	if s.scroll.Size() == size && s.content.MinSize().Max(size) == s.content.Size() {
		return // nothing to scroll has come or gone
	}
	s.scroll.Resize(size.SubtractWidthHeight(0, 1)) // it measures its content when its own size changes
	s.scroll.Resize(size)
}

// arrange lays out what is in o anew. Refreshing o would do so too, and draw every text and picture again: while jobs run
// that happens ten times a second.
func arrange(o fyne.CanvasObject) {
	switch o := o.(type) {
	case *fyne.Container:
		if o.Layout != nil {
			o.Layout.Layout(o.Objects, o.Size())
		}
		for _, child := range o.Objects {
			if child.Visible() {
				arrange(child)
			}
		}
	case *panel:
		arrange(o.content)
	case *pressable:
		arrange(o.content)
	}
}

// MinSize is small: the rest scrolls.
func (s *scrolled) MinSize() fyne.Size { return fyne.NewSize(320, 120) }

// CreateRenderer shows the scrolling content.
func (s *scrolled) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(s.scroll) }
