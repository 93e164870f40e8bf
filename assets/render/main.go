// Command render makes what the program embeds of the drawings in icons and marks: SVG with filled shapes only, PNG and
// ICO of the marks for trays, PNG and ICO of the program's icon for desktops and installers. It runs in the folder
// assets, by go generate.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/srwiley/rasterx"
)

// traySize is the size in pixels of the one PNG that a tray on Linux gets; panels scale it down, to 16 at least.
const traySize = 48

// icoSizes are those that Windows shows in the tray at 100 to 300 %.
var icoSizes = []int{16, 20, 24, 32, 48}

// appSizes are those that desktops look for.
var appSizes = []int{16, 24, 32, 48, 64, 128, 256, 512}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	for _, folder := range []string{"icons", "marks"} {
		drawings, err := filepath.Glob(filepath.Join(folder, "*.svg"))
		if err != nil {
			return err
		}
		for _, path := range drawings {
			files, err := renderFile(path, folder == "marks")
			if err != nil {
				return fmt.Errorf("render %s: %w", path, err)
			}
			for file, data := range files {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(file, data, 0o644); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// renderFile gives all that is made of one drawing, by path.
func renderFile(path string, bitmaps bool) (map[string][]byte, error) {
	drawing, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if files[filepath.Join("made", path)], err = outline(drawing); err != nil || !bitmaps {
		return files, err
	}
	base := filepath.Join("made", "tray", strings.TrimSuffix(filepath.Base(path), ".svg"))
	sizes := map[string]int{base + ".png": traySize}
	if filepath.Base(path) == "app.svg" {
		for _, size := range appSizes {
			sizes[fmt.Sprintf("%s-%d.png", filepath.Join("made", "app", "app"), size)] = size
		}
	}
	for file, size := range sizes {
		img, err := render(drawing, size)
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := png.Encode(&out, img); err != nil {
			return nil, err
		}
		files[file] = out.Bytes()
	}
	files[base+".ico"], err = renderICO(drawing, icoSizes)
	return files, err
}

// render draws at four times the size and takes the mean: thin strokes keep their weight in small sizes.
func render(drawing []byte, size int) (*image.NRGBA, error) {
	const over = 4
	big := size * over
	icon, err := read(drawing, 1)
	if err != nil {
		return nil, err
	}
	if icon, err = read(drawing, float64(big)/icon.ViewBox.W); err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, big, big))
	icon.Draw(rasterx.NewDasher(big, big, rasterx.NewScannerGV(big, big, img, img.Bounds())), 1)

	out := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			var r, g, b, a uint32
			for dy := range over {
				for dx := range over {
					p := img.RGBAAt(x*over+dx, y*over+dy)
					r, g, b, a = r+uint32(p.R), g+uint32(p.G), b+uint32(p.B), a+uint32(p.A)
				}
			}
			const n = over * over
			out.Set(x, y, color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), uint8(a / n)})
		}
	}
	return out, nil
}

// renderICO makes an icon file with one uncompressed 32-bit bitmap a size, which every Windows reads.
func renderICO(drawing []byte, sizes []int) ([]byte, error) {
	var head, body bytes.Buffer
	le := binary.LittleEndian
	write := func(b *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(b, le, v) // a bytes.Buffer takes everything
		}
	}
	write(&head, uint16(0), uint16(1), uint16(len(sizes)))
	for _, size := range sizes {
		img, err := render(drawing, size)
		if err != nil {
			return nil, err
		}
		start := body.Len()
		// A BITMAPINFOHEADER with twice the height: the colours, then a mask that the alpha channel makes needless.
		write(&body, uint32(40), int32(size), int32(2*size), uint16(1), uint16(32), uint32(0), uint32(0), int32(0), int32(0), uint32(0), uint32(0))
		for y := size - 1; y >= 0; y-- {
			for x := range size {
				p := img.NRGBAAt(x, y)
				body.Write([]byte{p.B, p.G, p.R, p.A})
			}
		}
		body.Write(make([]byte, size*((size+31)/32*4)))
		write(&head, uint8(size), uint8(size), uint8(0), uint8(0), uint16(1), uint16(32), uint32(body.Len()-start), uint32(6+16*len(sizes)+start))
	}
	return append(head.Bytes(), body.Bytes()...), nil
}
