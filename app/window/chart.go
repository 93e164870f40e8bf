package window

import (
	"image"
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

const (
	chartHeight   = 56
	chartInterval = time.Second
)

// chartRow shows the charts beside each other.
type chartRow struct {
	w      *Window
	object *fyne.Container
	cards  []*chartCard
	seen   func() bool // whether they can be seen
	next   func() bool // stops the wait for the next look
}

func newChartRow(w *Window, seen func() bool) *chartRow {
	return &chartRow{w: w, seen: seen, object: container.New(sideBySide{gapMedium, 240})}
}

// watch begins to look once a second, which ends when the charts cannot be seen.
func (r *chartRow) watch() {
	if r.next == nil {
		r.look()
	}
}

func (r *chartRow) look() {
	if r.next = nil; !r.seen() {
		return
	}
	r.apply(r.w.o.Model.Charts())
	r.next = r.w.after(chartInterval, r.look)
}

func (r *chartRow) apply(charts []view.Chart) {
	for len(r.cards) < len(charts) {
		c := newChartCard()
		r.cards = append(r.cards, c)
		r.object.Add(c.object)
	}
	for i, c := range r.cards {
		show(c.object, i < len(charts))
		if i < len(charts) {
			c.apply(charts[i])
		}
	}
}

// chartCard is one chart with its title and the newest value in words.
type chartCard struct {
	object                 *panel
	title, now, peak, span *text
	legend                 *fyne.Container
	names                  []*text
	plot                   *canvas.Raster
	lines                  []view.ChartLine
}

// lineColors are those of a chart's lines. The second one is told apart by its words and by being thinner, too.
var lineColors = []fyne.ThemeColorName{theme.ColorNamePrimary, theme.ColorNameWarning}

func newChartCard() *chartCard {
	c := &chartCard{title: newText("", bold, cut), now: newText("", cut), peak: newText("", caption, muted), span: newText("", caption, muted, right), legend: stack(2)}
	c.plot = canvas.NewRaster(c.draw)
	c.plot.SetMinSize(fyne.NewSize(60, chartHeight))
	c.object = card(container.NewBorder(container.New(inset{0, 0, gap, 0}, stack(gapSmall, c.title.Object, c.now.Object, c.legend)),
		container.New(inset{gapSmall, 0, 0, 0}, spread(gap, 1, c.peak.Object, c.span.Object)), nil, nil, c.plot))
	return c
}

func (c *chartCard) apply(v view.Chart) {
	c.title.set(v.Title)
	c.now.set(v.Now)
	c.peak.set(peakText(v.Peak))
	c.span.set(words.T("last 5 minutes"))
	for len(c.names) < len(v.Lines) {
		i := len(c.names)
		name := newText("", cut)
		c.names = append(c.names, name)
		c.legend.Add(spread(gapSmall, 1, picture(tinted("dot", lineColors[i%len(lineColors)]), 18), name.Object))
	}
	named := false
	for i, o := range c.legend.Objects {
		on := i < len(v.Lines) && v.Lines[i].Name != ""
		show(o, on)
		named = named || on
		if on {
			c.names[i].set(v.Lines[i].Name + ": " + v.Lines[i].Now)
		}
	}
	show(c.legend, named)
	c.lines = v.Lines
	c.plot.Refresh()
}

func peakText(peak string) string {
	if peak == "" {
		return ""
	}
	return words.T("top: %s", peak)
}

// draw paints the lines over a fine ground line, at the canvas's own resolution.
func (c *chartCard) draw(width, height int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	if width < 2 || height < 4 {
		return img
	}
	ground := nrgba(themeColor(theme.ColorNameSeparator))
	for x := range width {
		img.SetNRGBA(x, height-1, ground)
		img.SetNRGBA(x, 0, faded(ground, 0.6))
	}
	for i, l := range c.lines {
		paint := nrgba(themeColor(lineColors[i%len(lineColors)]))
		plotLine(img, l.Values, paint, i == 0)
	}
	return img
}

// plotLine draws values, the newest at the right edge, with soft edges; filled shades what is below.
func plotLine(img *image.NRGBA, values []float32, paint color.NRGBA, filled bool) {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	thick := max(1, float32(height)/chartHeight*1.5)
	if !filled {
		thick = max(1, thick*0.7)
	}
	room := float32(height) - thick - 1
	before := float32(-1)
	for x := range width {
		v, ok := valueAt(values, x, width)
		if !ok {
			continue
		}
		y := thick/2 + (1-min(max(v, 0), 1))*room
		top, bottom := y, y
		if before >= 0 {
			top, bottom = min(y, before), max(y, before)
		}
		before = y
		top, bottom = top-thick/2, bottom+thick/2
		for row := max(0, int(top)); row < height-1; row++ {
			covered := min(float32(row+1), bottom) - max(float32(row), top)
			switch {
			case covered > 0:
				blend(img, x, row, paint, min(covered, 1))
			case !filled:
				row = height
			default:
				blend(img, x, row, paint, 0.13)
			}
		}
	}
}

// valueAt is the value at a column of a chart that has room for view.ChartLength, between two of them where it lies there.
func valueAt(values []float32, x, width int) (float32, bool) {
	at := float32(x)/float32(width-1)*(view.ChartLength-1) - float32(view.ChartLength-len(values))
	if at < 0 || len(values) == 0 {
		return 0, false
	}
	i := int(at)
	if i+1 >= len(values) {
		return values[len(values)-1], true
	}
	part := at - float32(i)
	return values[i]*(1-part) + values[i+1]*part, true
}

// blend paints a colour over a pixel, so far as it covers it.
func blend(img *image.NRGBA, x, y int, c color.NRGBA, cover float32) {
	o := img.PixOffset(x, y)
	p := img.Pix[o : o+4 : o+4]
	over := float32(c.A) / 255 * cover
	under := float32(p[3]) / 255 * (1 - over)
	sum := over + under
	if sum <= 0 {
		return
	}
	mix := func(a, b uint8) uint8 { return uint8((float32(a)*over+float32(b)*under)/sum + 0.5) }
	p[0], p[1], p[2], p[3] = mix(c.R, p[0]), mix(c.G, p[1]), mix(c.B, p[2]), uint8(sum*255+0.5)
}

func nrgba(c color.Color) color.NRGBA { return color.NRGBAModel.Convert(c).(color.NRGBA) }

func faded(c color.NRGBA, share float32) color.NRGBA {
	c.A = uint8(float32(c.A) * share)
	return c
}
