package tray

import (
	"bytes"
	"image/png"
	"strings"

	"dmgateway/assets"
)

// rawImage is a picture as the notification service wants it: RGBA, not premultiplied.
type rawImage struct {
	Width, Height, Stride int32
	Alpha                 bool
	Bits, Channels        int32
	Data                  []byte
}

// appImage is the program's icon.
func appImage() rawImage {
	img, err := png.Decode(bytes.NewReader(assets.TrayPNG("app")))
	if err != nil {
		panic(err) // the file is embedded and tested
	}
	b := img.Bounds()
	raw := rawImage{Width: int32(b.Dx()), Height: int32(b.Dy()), Stride: int32(4 * b.Dx()), Alpha: true, Bits: 8, Channels: 4}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, a := img.At(x, y).RGBA()
			plain := func(v uint32) byte {
				if a == 0 {
					return 0
				}
				return byte(v * 255 / a)
			}
			raw.Data = append(raw.Data, plain(r), plain(g), plain(bl), byte(a>>8))
		}
	}
	return raw
}

// escape keeps a text from being taken as markup, which some desktops read in notifications.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
