package window

import (
	"image/color"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
)

const (
	logRowHeight = 20
	logRowInset  = 6
	logBarWidth  = 12
	stampLayout  = "01-02 15:04:05"
)

// logRows shows the lines of a log that can be seen, whatever their number: it scrolls by lines, not by points, of which
// a float32 cannot count enough.
type logRows struct {
	widget.BaseWidget
	where   *time.Location
	ask     func(first, n int) // for the lines to be shown
	chosen  func(line view.LogLine)
	stuck   func(on bool) // whether it follows the end
	m       view.LogMoment
	top     float64 // number of the first line shown
	follow  bool
	cursor  int // number of the chosen line
	has     bool
	focused bool
	held    bool // the bar is held
	char    float32
}

var (
	_ fyne.Focusable     = (*logRows)(nil)
	_ fyne.Scrollable    = (*logRows)(nil)
	_ fyne.Tappable      = (*logRows)(nil)
	_ fyne.Draggable     = (*logRows)(nil)
	_ desktop.Mouseable  = (*logRows)(nil)
	_ desktop.Cursorable = (*logRows)(nil)
)

func newLogRows(where *time.Location, ask func(first, n int), chosen func(view.LogLine)) *logRows {
	l := &logRows{where: where, ask: ask, chosen: chosen, follow: true, stuck: func(bool) {}}
	l.ExtendBaseWidget(l)
	return l
}

// apply shows another moment of the log.
func (l *logRows) apply(m view.LogMoment) {
	if m.Generation != l.m.Generation {
		l.follow, l.has = true, false
		l.stuck(true)
	}
	l.m = m
	l.place(l.top)
}

// rows is how many lines fit.
func (l *logRows) rows() int { return max(1, int(l.Size().Height/logRowHeight)) }

// place scrolls to a line, within what there is.
func (l *logRows) place(top float64) {
	n := l.rows()
	end := float64(max(l.m.Low, l.m.High-n))
	if l.follow {
		top = end
	}
	l.top = min(max(top, float64(l.m.Low)), end)
	l.ask(int(l.top), n+1)
	l.Refresh()
}

// scroll moves by lines; at the end it follows what comes.
func (l *logRows) scroll(lines float64) { l.jump(l.top + lines) }

func (l *logRows) jump(top float64) {
	l.stick(top >= float64(l.m.High-l.rows()))
	l.place(top)
}

func (l *logRows) stick(on bool) {
	if on != l.follow {
		l.follow = on
		l.stuck(on)
	}
}

// choose moves the cursor and keeps it in sight.
func (l *logRows) choose(n int) {
	if l.m.High == l.m.Low {
		return
	}
	l.cursor, l.has = min(max(n, l.m.Low), l.m.High-1), true
	switch at := float64(l.cursor); {
	case at < l.top:
		l.jump(at)
	case at >= l.top+float64(l.rows()):
		l.jump(at - float64(l.rows()) + 1)
	default:
		l.stick(l.follow && l.cursor == l.m.High-1)
		l.place(l.top)
	}
}

func (l *logRows) line(n int) (view.LogLine, bool) {
	if i := n - l.m.First; i >= 0 && i < len(l.m.Lines) && n >= l.m.Low && n < l.m.High {
		return l.m.Lines[i], true
	}
	return view.LogLine{}, false
}

func (l *logRows) open() {
	if line, ok := l.line(l.cursor); ok && l.has {
		l.chosen(line)
	}
}

// Scrolled moves three lines for each step of a wheel.
func (l *logRows) Scrolled(e *fyne.ScrollEvent) { l.scroll(-float64(e.Scrolled.DY) / logRowHeight) }

// Tapped chooses a line and opens it.
func (l *logRows) Tapped(e *fyne.PointEvent) {
	if e.Position.X > l.Size().Width-logBarWidth {
		return
	}
	if c := fyne.CurrentApp().Driver().CanvasForObject(l); c != nil {
		c.Focus(l)
	}
	n := int(l.top) + int(e.Position.Y/logRowHeight)
	if n < l.m.High {
		l.choose(n)
		l.open()
	}
}

// MouseDown takes hold of the bar, or moves it there.
func (l *logRows) MouseDown(e *desktop.MouseEvent) {
	l.held = e.Position.X > l.Size().Width-logBarWidth
	if l.held {
		l.drag(e.Position.Y)
	}
}

// MouseUp lets go.
func (l *logRows) MouseUp(*desktop.MouseEvent) { l.held = false }

// Dragged moves the bar where it is held.
func (l *logRows) Dragged(e *fyne.DragEvent) {
	if l.held {
		l.drag(e.Position.Y)
	}
}

// DragEnd lets go.
func (l *logRows) DragEnd() { l.held = false }

func (l *logRows) drag(y float32) {
	_, length := l.bar()
	room := l.Size().Height - length
	if room > 0 {
		l.jump(float64(l.m.Low) + float64(min(max((y-length/2)/room, 0), 1))*float64(l.m.High-l.m.Low-l.rows()))
	}
}

// bar is where the scroll bar is, and how long; 0 where everything can be seen.
func (l *logRows) bar() (at, length float32) {
	total, n, height := l.m.High-l.m.Low, l.rows(), l.Size().Height
	if total <= n {
		return 0, 0
	}
	length = max(24, height*float32(n)/float32(total))
	return (height - length) * float32((l.top-float64(l.m.Low))/float64(total-n)), length
}

// Cursor is the usual one.
func (l *logRows) Cursor() desktop.Cursor { return desktop.DefaultCursor }

// FocusGained shows the focus.
func (l *logRows) FocusGained() {
	l.focused = true
	if !l.has {
		l.cursor = min(int(l.top)+l.rows(), l.m.High) - 1
		l.has = l.m.High > l.m.Low
	}
	l.Refresh()
}

// FocusLost ends it.
func (l *logRows) FocusLost() { l.focused = false; l.Refresh() }

// TypedRune does nothing.
func (l *logRows) TypedRune(rune) {}

// TypedKey moves the cursor or opens its line.
func (l *logRows) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp:
		l.choose(l.cursor - 1)
	case fyne.KeyDown:
		l.choose(l.cursor + 1)
	case fyne.KeyPageUp:
		l.choose(l.cursor - l.rows())
	case fyne.KeyPageDown:
		l.choose(l.cursor + l.rows())
	case fyne.KeyHome:
		l.choose(l.m.Low)
	case fyne.KeyEnd:
		l.stick(true)
		l.choose(l.m.High - 1)
	case fyne.KeyReturn, fyne.KeyEnter:
		l.open()
	}
}

// CreateRenderer draws the lines.
func (l *logRows) CreateRenderer() fyne.WidgetRenderer {
	r := &logRenderer{l: l, thumb: canvas.NewRectangle(color.Transparent), ring: canvas.NewRectangle(color.Transparent), mark: canvas.NewRectangle(color.Transparent)}
	r.rows = container.NewWithoutLayout()
	r.clip = container.NewClip(r.rows)
	return r
}

type logRenderer struct {
	l                 *logRows
	rows              *fyne.Container
	clip              *container.Clip
	lines             []*logLineRow
	thumb, ring, mark *canvas.Rectangle
}

// logLineRow is one line: a sign of its level, its time, its text.
type logLineRow struct {
	sign        *canvas.Rectangle
	stamp, text *canvas.Text
}

func newLogLine() *logLineRow {
	text := func() *canvas.Text {
		t := canvas.NewText("", color.Transparent)
		t.TextStyle.Monospace, t.TextSize = true, theme.Size(theme.SizeNameCaptionText)
		return t
	}
	return &logLineRow{sign: canvas.NewRectangle(color.Transparent), stamp: text(), text: text()}
}

func (r *logRenderer) Layout(size fyne.Size) {
	r.clip.Resize(fyne.NewSize(size.Width-logBarWidth, size.Height))
	r.rows.Resize(r.clip.Size())
	r.ring.Resize(size)
	r.l.place(r.l.top)
}

func (r *logRenderer) MinSize() fyne.Size { return fyne.NewSize(200, 6*logRowHeight) }

func (r *logRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.mark, r.clip, r.thumb, r.ring}
}

func (r *logRenderer) Destroy() {}

func (r *logRenderer) Refresh() {
	l := r.l
	if l.char == 0 {
		l.char = fyne.MeasureText(strings.Repeat("0", 100), theme.Size(theme.SizeNameCaptionText), fyne.TextStyle{Monospace: true}).Width / 100
	}
	n := l.rows() + 1
	for len(r.lines) < n {
		row := newLogLine()
		r.lines = append(r.lines, row)
		r.rows.Objects = append(r.rows.Objects, row.sign, row.stamp, row.text)
	}
	shift := float32(l.top-float64(int(l.top))) * logRowHeight
	if l.top < 0 && shift != 0 {
		shift += logRowHeight
	}
	first := int(floor(l.top))
	left := logRowInset + 8 + l.char*float32(len(stampLayout)+2)
	fit := max(4, int((l.Size().Width-logBarWidth-left)/max(l.char, 1)))
	r.mark.FillColor = color.Transparent
	for i, row := range r.lines {
		line, ok := l.line(first + i)
		if i >= n || !ok {
			row.sign.FillColor = color.Transparent
			row.stamp.Text, row.text.Text = "", ""
			continue
		}
		y := float32(i)*logRowHeight - shift
		row.fill(line, l.where, fit)
		row.sign.Move(fyne.NewPos(logRowInset-2, y+3))
		row.sign.Resize(fyne.NewSize(3, logRowHeight-6))
		row.stamp.Move(fyne.NewPos(logRowInset+6, y+2))
		row.text.Move(fyne.NewPos(left, y+2))
		if l.has && first+i == l.cursor {
			r.mark.FillColor = themeColor(theme.ColorNameSelection)
			r.mark.Move(fyne.NewPos(0, max(0, y)))
			r.mark.Resize(fyne.NewSize(l.Size().Width-logBarWidth, min(logRowHeight, l.Size().Height-max(0, y))))
		}
	}
	at, length := l.bar()
	r.thumb.FillColor, r.thumb.CornerRadius = themeColor(theme.ColorNameScrollBar), 4
	if length == 0 {
		r.thumb.FillColor = color.Transparent
	}
	r.thumb.Move(fyne.NewPos(l.Size().Width-logBarWidth+3, at))
	r.thumb.Resize(fyne.NewSize(7, length))
	r.ring.CornerRadius, r.ring.StrokeWidth, r.ring.StrokeColor = radius, 0, color.Transparent
	if l.focused {
		r.ring.StrokeWidth, r.ring.StrokeColor = 2, themeColor(theme.ColorNamePrimary)
	}
	canvas.Refresh(l)
}

func floor(f float64) float64 {
	if i := float64(int(f)); i <= f {
		return i
	}
	return float64(int(f)) - 1
}

// fill shows a line in the colour of its level, cut where it leaves the window.
func (row *logLineRow) fill(line view.LogLine, where *time.Location, fit int) {
	name := theme.ColorNameForeground
	sign := color.Color(color.Transparent)
	switch tone := view.LogTone(line.Level); {
	case tone != view.Off:
		name = toneColor(tone)
		sign = themeColor(name)
	case strings.HasPrefix(line.Level, "DEBUG"):
		name = theme.ColorNameDisabled
	}
	row.sign.FillColor = sign
	row.stamp.Text, row.stamp.Color = "", themeColor(theme.ColorNameDisabled)
	if !line.Time.IsZero() {
		row.stamp.Text = line.Time.In(where).Format(stampLayout)
	}
	text := line.Text
	if len(text) > 4*fit {
		text = strings.ToValidUTF8(text[:4*fit], "") // what is cut here could not be seen
	}
	row.text.Text, row.text.Color = view.Shorten(text, fit), themeColor(name)
}
