// Package assets holds what the program shows and is not code: icons, the page for the browser, the licences.
//
// The drawings lie in icons and marks. What is embedded is what render makes of them, in made: run go generate after
// changing a drawing.
package assets

import (
	"embed"
	"io/fs"
)

//go:generate go run ./render

// The last pattern is LICENSE, PRIVACY.txt in each language and, where it was generated, NOTICES.txt.
//
//go:embed made page translations endpoint help [LNP]*
var files embed.FS

// Icon is a line drawing by its name without ".svg", 24 units square, in currentColor. It panics for a name that does
// not exist: names are constants of the program.
func Icon(name string) []byte { return must("made/icons/" + name + ".svg") }

// Mark is the drawing of a gateway's state, or "app", the program's own icon.
func Mark(name string) []byte { return must("made/marks/" + name + ".svg") }

// TrayPNG is a mark for trays that take PNG, TrayICO the same in several sizes for Windows.
func TrayPNG(mark string) []byte { return must("made/tray/" + mark + ".png") }

// TrayICO is a mark in the sizes that Windows asks for.
func TrayICO(mark string) []byte { return must("made/tray/" + mark + ".ico") }

// Page is the folder of the page in the browser.
func Page() fs.FS {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // only for a name that is no valid path
	}
	return page
}

// Endpoint is the folder of the page at which credentials are set.
func Endpoint() fs.ReadFileFS {
	page, err := fs.Sub(files, "endpoint")
	if err != nil {
		panic(err) // only for a name that is no valid path
	}
	return page.(fs.ReadFileFS)
}

// Translation is the JSON object of a language's texts by the English ones.
func Translation(tag string) ([]byte, error) { return files.ReadFile("translations/" + tag + ".json") }

// Help is the page that explains every error code and event.
func Help() []byte { return must("help/index.html") }

// Has reports whether there is a text: LICENSE, the program's own, NOTICES.txt, those of the libraries in it, PRIVACY.txt,
// what leaves the machine, with a language before its extension where there is a translation.
func Has(name string) bool {
	f, err := files.Open(name)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Text is one of those texts, "" where it does not exist.
func Text(name string) string {
	data, err := files.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(data)
}

func must(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic("assets: " + err.Error())
	}
	return data
}
