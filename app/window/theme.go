package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Colours beyond those that Fyne has names for.
const (
	colorSurface fyne.ThemeColorName = "surface" // cards
	colorRail    fyne.ThemeColorName = "rail"    // behind the navigation
	colorTrack   fyne.ThemeColorName = "track"   // of a progress bar
	colorChosen  fyne.ThemeColorName = "chosen"  // the page that is shown
)

// sizeBrand is the size of the program's name above the navigation.
const sizeBrand fyne.ThemeSizeName = "brand"

// Distances.
const (
	gapSmall  = 4
	gap       = 8
	gapMedium = 12
	gapLarge  = 20
	radius    = 8 // of a card
)

// Theme is the program's look. Variant "light" or "dark" fixes one, anything else follows the system.
type Theme struct{ Variant string }

var _ fyne.Theme = Theme{}

type palette map[fyne.ThemeColorName]color.NRGBA

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xff}
}

func faint(hex uint32, alpha uint8) color.NRGBA {
	c := rgb(hex)
	c.A = alpha
	return c
}

// Every colour of text has a contrast of at least 4.5 to all that it can lie on, the edges of fields one of 3.
var light = palette{
	theme.ColorNameBackground: rgb(0xf4f5f8), colorSurface: rgb(0xffffff), colorRail: rgb(0xe9ebf1), colorTrack: rgb(0xe1e4ec),
	colorChosen:               rgb(0xffffff),
	theme.ColorNameForeground: rgb(0x1a2130), theme.ColorNameDisabled: rgb(0x5c667a), theme.ColorNamePlaceHolder: rgb(0x687287),
	theme.ColorNamePrimary: rgb(0x4353d9), theme.ColorNameForegroundOnPrimary: rgb(0xffffff), theme.ColorNameHyperlink: rgb(0x3544c4),
	theme.ColorNameSuccess: rgb(0x167a43), theme.ColorNameForegroundOnSuccess: rgb(0xffffff),
	theme.ColorNameWarning: rgb(0x8f5f00), theme.ColorNameForegroundOnWarning: rgb(0xffffff),
	theme.ColorNameError: rgb(0xc22f2f), theme.ColorNameForegroundOnError: rgb(0xffffff),
	theme.ColorNameButton: rgb(0xe4e7ef), theme.ColorNameDisabledButton: rgb(0xeceef3),
	theme.ColorNameInputBackground: rgb(0xffffff), theme.ColorNameInputBorder: rgb(0x828ca0),
	theme.ColorNameSeparator: rgb(0xdde1e9), theme.ColorNameHeaderBackground: rgb(0xffffff),
	theme.ColorNameMenuBackground: rgb(0xffffff), theme.ColorNameOverlayBackground: rgb(0xffffff),
	theme.ColorNameHover: faint(0x1a2130, 0x0f), theme.ColorNamePressed: faint(0x1a2130, 0x22),
	theme.ColorNameFocus: faint(0x4353d9, 0x40), theme.ColorNameSelection: faint(0x4353d9, 0x30),
	theme.ColorNameScrollBar: faint(0x1a2130, 0x55), theme.ColorNameScrollBarBackground: faint(0, 0), theme.ColorNameShadow: faint(0x1a2130, 0x30),
}

var dark = palette{
	theme.ColorNameBackground: rgb(0x14171f), colorSurface: rgb(0x1d222d), colorRail: rgb(0x0f1218), colorTrack: rgb(0x323a49),
	colorChosen:               rgb(0x232a38),
	theme.ColorNameForeground: rgb(0xe7eaf2), theme.ColorNameDisabled: rgb(0x9aa4b6), theme.ColorNamePlaceHolder: rgb(0x828da1),
	theme.ColorNamePrimary: rgb(0x8c99ff), theme.ColorNameForegroundOnPrimary: rgb(0x10142b), theme.ColorNameHyperlink: rgb(0x9fabff),
	theme.ColorNameSuccess: rgb(0x4cc38a), theme.ColorNameForegroundOnSuccess: rgb(0x06210f),
	theme.ColorNameWarning: rgb(0xe3b341), theme.ColorNameForegroundOnWarning: rgb(0x2a1b00),
	theme.ColorNameError: rgb(0xff7b72), theme.ColorNameForegroundOnError: rgb(0x2b0a08),
	theme.ColorNameButton: rgb(0x2d3444), theme.ColorNameDisabledButton: rgb(0x222834),
	theme.ColorNameInputBackground: rgb(0x161a23), theme.ColorNameInputBorder: rgb(0x69748a),
	theme.ColorNameSeparator: rgb(0x2e3543), theme.ColorNameHeaderBackground: rgb(0x1d222d),
	theme.ColorNameMenuBackground: rgb(0x232a37), theme.ColorNameOverlayBackground: rgb(0x1d222d),
	theme.ColorNameHover: faint(0xffffff, 0x12), theme.ColorNamePressed: faint(0xffffff, 0x28),
	theme.ColorNameFocus: faint(0x8c99ff, 0x4c), theme.ColorNameSelection: faint(0x8c99ff, 0x40),
	theme.ColorNameScrollBar: faint(0xffffff, 0x55), theme.ColorNameScrollBarBackground: faint(0, 0), theme.ColorNameShadow: faint(0, 0x80),
}

var sizes = map[fyne.ThemeSizeName]float32{
	theme.SizeNameText: 13, theme.SizeNameCaptionText: 11, theme.SizeNameHeadingText: 20, theme.SizeNameSubHeadingText: 15,
	theme.SizeNameInnerPadding: 7, theme.SizeNamePadding: 4, theme.SizeNameInlineIcon: 18, theme.SizeNameInputBorder: 1,
	theme.SizeNameInputRadius: 6, theme.SizeNameSelectionRadius: 5, theme.SizeNameScrollBar: 10, theme.SizeNameScrollBarSmall: 4,
	theme.SizeNameSeparatorThickness: 1, theme.SizeNameLineSpacing: 3, sizeBrand: 12,
}

// Color gives one of the palette's colours.
func (t Theme) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	p := dark
	if t.Variant == "light" || t.Variant != "dark" && variant == theme.VariantLight {
		p = light
	}
	if c, ok := p[name]; ok {
		return c
	}
	return theme.DefaultTheme().Color(name, variant)
}

// Size gives one of the program's sizes.
func (Theme) Size(name fyne.ThemeSizeName) float32 {
	if s, ok := sizes[name]; ok {
		return s
	}
	return theme.DefaultTheme().Size(name)
}

// Font is Fyne's own.
func (Theme) Font(style fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(style) }

// Icon is Fyne's own where a widget asks for one by name.
func (Theme) Icon(name fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(name) }

// themeColor is a colour of the theme that is in use.
func themeColor(name fyne.ThemeColorName) color.Color {
	settings := fyne.CurrentApp().Settings()
	return settings.Theme().Color(name, settings.ThemeVariant())
}
