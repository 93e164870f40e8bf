package window

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// over is what a colour with alpha gives on another.
func over(top, below color.NRGBA) color.NRGBA {
	mix := func(a, b uint8) uint8 {
		return uint8(math.Round((float64(a)*float64(top.A) + float64(b)*(255-float64(top.A))) / 255))
	}
	return color.NRGBA{mix(top.R, below.R), mix(top.G, below.G), mix(top.B, below.B), 0xff}
}

// contrast is WCAG's ratio of two opaque colours, 1 to 21.
func contrast(a, b color.NRGBA) float64 {
	luminance := func(c color.NRGBA) float64 {
		part := func(v uint8) float64 {
			if f := float64(v) / 255; f > 0.04045 {
				return math.Pow((f+0.055)/1.055, 2.4)
			}
			return float64(v) / 255 / 12.92
		}
		return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// behind are the surfaces that text in the colours of labels can lie on.
var behind = []fyne.ThemeColorName{
	theme.ColorNameBackground, colorSurface, colorRail, colorChosen, theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground,
	theme.ColorNameInputBackground, theme.ColorNameHeaderBackground,
}

// TestEveryColourCanBeReadOnWhatItLiesOn has every colour of text on everything that it can lie on, also while the pointer is over it or it
// is selected: 4.5 for text, 3 for what is only a shape.
func TestEveryColourCanBeReadOnWhatItLiesOn(t *testing.T) {
	t.Parallel()
	type pair struct {
		front, back fyne.ThemeColorName
		least       float64
	}
	var pairs []pair
	for _, back := range behind {
		for _, front := range []fyne.ThemeColorName{
			theme.ColorNameForeground, theme.ColorNameDisabled, theme.ColorNamePrimary, theme.ColorNameHyperlink, theme.ColorNameSuccess,
			theme.ColorNameWarning, theme.ColorNameError,
		} {
			pairs = append(pairs, pair{front, back, 4.5})
		}
	}
	pairs = append(pairs,
		pair{theme.ColorNamePlaceHolder, theme.ColorNameInputBackground, 4.5},
		pair{theme.ColorNameForeground, theme.ColorNameButton, 4.5},
		pair{theme.ColorNameForeground, colorTrack, 4.5}, // the pairing code
		pair{theme.ColorNameDisabled, theme.ColorNameDisabledButton, 4.5},
		pair{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary, 4.5},
		pair{theme.ColorNameForegroundOnSuccess, theme.ColorNameSuccess, 4.5},
		pair{theme.ColorNameForegroundOnWarning, theme.ColorNameWarning, 4.5},
		pair{theme.ColorNameForegroundOnError, theme.ColorNameError, 4.5},
		// Shapes: the edge of a field, the part of a progress bar that is done, the ring around what has the focus.
		pair{theme.ColorNameInputBorder, theme.ColorNameInputBackground, 3},
		pair{theme.ColorNameInputBorder, colorSurface, 3},
		pair{theme.ColorNameInputBorder, theme.ColorNameBackground, 3},
		pair{theme.ColorNamePrimary, colorTrack, 3},
	)
	for name, p := range map[string]palette{"light": light, "dark": dark} {
		for _, c := range pairs {
			front, okFront := p[c.front]
			back, okBack := p[c.back]
			if !okFront || !okBack {
				t.Errorf("%s lacks %s or %s", name, c.front, c.back)
				continue
			}
			if got := contrast(front, back); got < c.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", name, c.front, c.back, got, c.least)
			}
		}
		for _, veil := range []fyne.ThemeColorName{theme.ColorNameHover, theme.ColorNameSelection, theme.ColorNameFocus} {
			for _, back := range append([]fyne.ThemeColorName{theme.ColorNameButton}, behind...) {
				if got := contrast(p[theme.ColorNameForeground], over(p[veil], p[back])); got < 4.5 {
					t.Errorf("%s: text on %s under %s has a contrast of %.2f", name, back, veil, got)
				}
			}
		}
	}
}

func TestContrastIsThatOfWCAG(t *testing.T) {
	t.Parallel()
	black, white := rgb(0), rgb(0xffffff)
	if got := contrast(black, white); math.Abs(got-21) > 0.01 {
		t.Errorf("black on white has %.2f", got)
	}
	if got := contrast(rgb(0x767676), white); math.Abs(got-4.54) > 0.01 {
		t.Errorf("#767676 on white has %.2f", got)
	}
	if got := over(faint(0, 0x80), white); got.R != 127 {
		t.Errorf("half black on white is %v", got)
	}
}
