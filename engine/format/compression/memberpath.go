package compression

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"dmgateway/engine/fault"
)

// maxName is the longest path of a file in an archive, in bytes; blob stores take 1,024 characters.
const maxName = 4096

// memberPath is the path of a file in an archive, safe to be put below a folder of any store. Backslashes divide elements
// as slashes do, because they would on Windows.
func memberPath(name string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fault.New(fault.BadData, "the archive holds a file whose name %s: %.200q", why, name).
			Try("Do not unpack an archive that you do not trust. Pack it again with plain relative names.")
	}
	if !utf8.ValidString(name) {
		// What is not UTF-8 is code page 437, says the zip format.
		name, _ = charmap.CodePage437.NewDecoder().String(name) // knows every byte
	}
	p := strings.ReplaceAll(name, `\`, "/")
	switch {
	case strings.HasPrefix(p, "/"):
		return bad("is a whole path")
	case len(p) >= 2 && p[1] == ':' && (p[0]|0x20 >= 'a' && p[0]|0x20 <= 'z'):
		return bad("has a drive")
	case len(p) > maxName:
		return bad("is too long")
	case strings.ContainsFunc(p, unicode.IsControl):
		return bad("has control characters")
	}
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		switch part {
		case "", ".":
		case "..":
			return bad("leads out of its folder")
		default:
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return bad("is empty")
	}
	return strings.Join(parts, "/"), nil
}
