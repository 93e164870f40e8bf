// Command dialogs writes the pages of the installer for Windows as tables that msibuild takes, since wixl of Debian 12 knows
// no dialogs.
//
//	dialogs -licence LICENSE -out FOLDER
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	licence := flag.String("licence", "LICENSE", "the licence's text")
	out := flag.String("out", ".", "the folder for the tables")
	flag.Parse()
	if err := write(*licence, *out); err != nil {
		fmt.Fprintln(os.Stderr, "dialogs:", err)
		os.Exit(1)
	}
}

func write(licence, out string) error {
	text, err := os.ReadFile(licence)
	if err != nil {
		return err
	}
	for _, t := range tables(pages(richText(string(text)))) {
		if err := os.WriteFile(filepath.Join(out, t.name+".idt"), []byte(t.text()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// richText is plain text as RTF, the one form that an installer's scrollable text takes. Lines of a paragraph are joined.
func richText(plain string) string {
	var b strings.Builder
	b.WriteString(`{\rtf1\ansi\deff0{\fonttbl{\f0 Tahoma;}}\f0\fs16 `)
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(plain, "\r\n", "\n"), "\n\n") {
		for _, r := range strings.Join(strings.Fields(paragraph), " ") {
			switch {
			case r == '\\' || r == '{' || r == '}':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r > 126:
				fmt.Fprintf(&b, `\u%d?`, r)
			default:
				b.WriteRune(r)
			}
		}
		b.WriteString(`\par\par `)
	}
	return b.String() + "}"
}
