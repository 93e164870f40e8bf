package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
	"golang.org/x/image/math/fixed"
)

// fineness is how many units of the recorder make one of the drawing.
const fineness = 16

// stand is written in place of currentColor while a drawing is read.
var stand = color.NRGBA{1, 2, 3, 255}

// outline gives a drawing with filled shapes only: the window's painter and its recolouring do not scale or recolour
// strokes.
func outline(drawing []byte) ([]byte, error) {
	hex := fmt.Sprintf("#%02x%02x%02x", stand.R, stand.G, stand.B)
	icon, err := read(bytes.ReplaceAll(drawing, []byte("currentColor"), []byte(hex)), fineness)
	if err != nil {
		return nil, err
	}
	var rec recorder
	side := int(icon.ViewBox.W) * fineness
	icon.Draw(rasterx.NewDasher(side, side, &rec), 1)
	return fmt.Appendf(nil, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\">\n%s</svg>\n", icon.ViewBox.W, icon.ViewBox.H, rec.out.String()), nil
}

// read reads a drawing to be drawn at scale; the reader scales everything but the strokes' width.
func read(drawing []byte, scale float64) (*oksvg.SvgIcon, error) {
	icon, err := oksvg.ReadIconStream(bytes.NewReader(drawing), oksvg.StrictErrorMode)
	if err != nil {
		return nil, err
	}
	for i := range icon.SVGPaths {
		icon.SVGPaths[i].LineWidth *= scale
	}
	icon.SetTarget(0, 0, icon.ViewBox.W*scale, icon.ViewBox.H*scale)
	return icon, nil
}

// recorder is a scanner that writes down what it should draw, as SVG paths. The stroker hands over the edges of an
// outline in no order, so they are put together again by their ends.
type recorder struct {
	out   strings.Builder
	edges []edge
	last  fixed.Point26_6
	color color.NRGBA
}

type edge struct{ from, to fixed.Point26_6 }

var _ rasterx.Scanner = (*recorder)(nil)

// Start begins an edge.
func (r *recorder) Start(p fixed.Point26_6) { r.last = p }

// Line ends one and begins the next.
func (r *recorder) Line(p fixed.Point26_6) {
	if p != r.last {
		r.edges = append(r.edges, edge{r.last, p})
	}
	r.last = p
}

// Draw writes the outlines of one colour.
func (r *recorder) Draw() {
	var path strings.Builder
	for _, loop := range loops(r.edges) {
		for i, p := range thin(loop) {
			path.WriteByte("ML"[min(i, 1)])
			path.WriteString(number(p.X) + " " + number(p.Y))
		}
		path.WriteByte('Z')
	}
	r.edges = nil
	fill := fmt.Sprintf("#%02x%02x%02x", r.color.R, r.color.G, r.color.B)
	if r.color == stand {
		fill = "currentColor"
	}
	if path.Len() > 0 {
		fmt.Fprintf(&r.out, "<path fill=\"%s\" d=\"%s\"/>\n", fill, path.String())
	}
}

// loops chains edges to closed lines.
func loops(edges []edge) [][]fixed.Point26_6 {
	from := map[fixed.Point26_6][]int{}
	for i, e := range edges {
		from[e.from] = append(from[e.from], i)
	}
	used := make([]bool, len(edges))
	var out [][]fixed.Point26_6
	for i := range edges {
		var loop []fixed.Point26_6
		for next := i; next >= 0 && !used[next]; {
			used[next] = true
			loop = append(loop, edges[next].from)
			at := edges[next].to
			next = -1
			for _, j := range from[at] {
				if !used[j] {
					next = j
					break
				}
			}
		}
		if len(loop) > 2 {
			out = append(out, loop)
		}
	}
	return out
}

// thin leaves out points that are too near to the one before to be seen, except where the line turns a corner.
func thin(loop []fixed.Point26_6) []fixed.Point26_6 {
	distance := func(a, b fixed.Point26_6) float64 {
		d := a.Sub(b)
		return math.Hypot(float64(d.X), float64(d.Y)) / 64 / fineness
	}
	out := loop[:1:1]
	for i, p := range loop[1:] {
		next := loop[(i+2)%len(loop)]
		if distance(p, out[len(out)-1]) > 0.3 || distance(p, next) > 0.5 {
			out = append(out, p)
		}
	}
	return out
}

func number(v fixed.Int26_6) string {
	s := fmt.Sprintf("%.2f", float64(v)/64/fineness)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// SetColor sets the colour of the next Draw; drawings have plain colours only.
func (r *recorder) SetColor(c any) {
	if plain, ok := c.(color.Color); ok {
		r.color, _ = color.NRGBAModel.Convert(plain).(color.NRGBA)
	}
}

// Clear forgets shapes that were not drawn.
func (r *recorder) Clear() { r.edges = nil }

// GetPathExtent is only asked for gradients.
func (r *recorder) GetPathExtent() fixed.Rectangle26_6 { return fixed.Rectangle26_6{} }

// SetBounds, SetWinding and SetClip do not change the shapes.
func (r *recorder) SetBounds(_, _ int) {}

// SetWinding does not change the shapes.
func (r *recorder) SetWinding(bool) {}

// SetClip does not change the shapes.
func (r *recorder) SetClip(image.Rectangle) {}
