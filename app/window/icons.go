package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"

	"dmgateway/app/view"
	"dmgateway/assets"
)

// icon is a line drawing in the text's colour.
func icon(name string) fyne.Resource { return tinted(name, theme.ColorNameForeground) }

// tinted is a line drawing in a colour of the theme.
func tinted(name string, color fyne.ThemeColorName) fyne.Resource {
	return theme.NewColoredResource(fyne.NewStaticResource("dmg-"+name+".svg", assets.Icon(name)), color)
}

// markResource is the drawing of a state, in its own colours.
func markResource(name string) fyne.Resource {
	return fyne.NewStaticResource("mark-"+name+".svg", assets.Mark(name))
}

// Icon is the program's own icon.
func Icon() fyne.Resource { return markResource("app") }

// toneColor is the colour of a tone.
func toneColor(t view.Tone) fyne.ThemeColorName {
	switch t {
	case view.Good:
		return theme.ColorNameSuccess
	case view.Busy:
		return theme.ColorNamePrimary
	case view.Warning:
		return theme.ColorNameWarning
	case view.Bad:
		return theme.ColorNameError
	}
	return theme.ColorNameDisabled
}

// toneIcon is the shape of a tone, for jobs and steps.
func toneIcon(t view.Tone) fyne.Resource {
	name := map[view.Tone]string{view.Good: "succeeded", view.Busy: "running", view.Warning: "warning", view.Bad: "failed", view.Off: "cancelled"}[t]
	return tinted(name, toneColor(t))
}

// picture is an icon or mark of a fixed size.
func picture(res fyne.Resource, size float32) *canvas.Image {
	img := canvas.NewImageFromResource(res)
	img.FillMode = canvas.ImageFillContain
	img.SetMinSize(fyne.NewSquareSize(size))
	return img
}

// setPicture changes a picture, where it is another.
func setPicture(img *canvas.Image, res fyne.Resource) {
	if img.Resource != nil && img.Resource.Name() == res.Name() {
		return
	}
	img.Resource = res
	img.Refresh()
}
